"""Files beside the inputs that say more of them: a sidecar in each folder, one table for all."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from .base import Flag, Many, Model, Text

FILE_NAMES = ("stem", "name", "path", "parent")
"""What `match` may name besides captures."""

_UNFIT = re.compile(r'[/\\:*?"<>|{}\x00-\x1f]')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def _file_name(value: str) -> str:
    if _UNFIT.search(value) or value.strip(". ") == "":
        raise PydanticCustomError("file_name", "must be the name of a file, without folders and wildcards")
    return value


def _relative(value: str) -> str:
    parts = value.split("/")
    if value.startswith("/") or ".." in parts or any(_UNFIT.search(part) for part in parts):
        raise PydanticCustomError(
            "file_name", "must be the path of a file in the data folder, with '/' and without '..'"
        )
    return value


def _match(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise PydanticCustomError("name", "must be stem, name, path, parent or a capture of the inputs")
    return value


class Sidecar(Model):
    """A file in the folder of each input that says more of it; short for it: its name.

    Machine Performance Check's ``Check.xml``: serial number, date and time zone.
    """

    file: Annotated[Text, AfterValidator(_file_name)]
    required: Flag = True
    """Whether an input without it is an error; else a note."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value


class Metadata(Model):
    """A CSV table with a row for each input; short for it: its path.

    Columns that are keys of geometry or DICOM keywords are used as such; ``{csv.column}`` gives any.
    """

    csv: Annotated[Text, AfterValidator(_relative)]
    """Relative to the data folder; UTF-8, with commas or semicolons, the first line naming the columns."""
    match: Annotated[str, AfterValidator(_match)] = "stem"
    """What of a file finds its row: stem, name, path, parent, or a capture of the inputs."""
    column: Text | None = None
    """The column that holds it; default: the one of the name that `match` has."""
    ignore: Many[Text] = ()
    """Columns that are for people."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"csv": value} if isinstance(value, str) else value
