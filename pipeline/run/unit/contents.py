"""Where inputs lie, how they are named in results, and what they hold: each is hashed once."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ...loaders.files import look_of
from ...plan.model import InputFile
from ...store.reading import file_sha256


def key_of(item: InputFile) -> str:
    """How an input is named in results: ``data:film/a.tif``."""
    return f"{item.base}:{item.path}"


def input_path(item: InputFile, data: Path, out: Path) -> Path:
    """Where an input lies."""
    return (data if item.base == "data" else out).joinpath(*item.path.split("/"))


class Content(NamedTuple):
    """What an input held when it looked like this."""

    path: Path
    look: tuple[int, ...]
    sha256: str


_MOST_CONTENTS = 64
_contents: dict[tuple[Path, tuple[int, ...]], str] = {}


def content_sha256(path: Path) -> str:
    """sha256 (hex) of an input; hashed once for all the ranges of slices that are taken from a file.

    Raises: OSError.
    """
    return content(path).sha256


def content(path: Path) -> Content:
    """The same, for `remember_content` elsewhere. Raises: OSError."""
    look = look_of(path)
    known = _contents.get((path, look))
    if known is None:
        known = file_sha256(path)
        remember_content(Content(path, look, known))
    return Content(path, look, known)


def remember_content(known: Content) -> None:
    """What another process found; it holds as long as the file looks like that."""
    if len(_contents) >= _MOST_CONTENTS:
        _contents.clear()
    _contents[known.path, known.look] = known.sha256
