"""What stands for the inputs of de-identified conversions where no path of theirs may stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import DicombakeError, PlanError
from .model import InputFile

Searchable = tuple[tuple[str, re.Pattern[str], str], ...]
"""Names with the pattern that finds each, and its alias."""


def names_of(items: Iterable[InputFile], said: str, data: Path) -> dict[str, str]:
    """Return what may give sealed inputs away, each with its alias.

    These are their paths, whole and from any of their folders on, their names, and their folders that the
    recipe's globs (`said`) do not name themselves. `data`: the folder that paths are relative to.
    """
    names: dict[str, str] = {}
    for item in items:
        if item.alias:
            names |= dict.fromkeys(_paths(item, data), item.alias)
            names |= dict(_folders(item, said))
    return names


def _paths(item: InputFile, data: Path) -> Iterator[str]:
    parts = item.path.split("/")
    yield str(data.joinpath(*parts))
    for start in range(len(parts)):
        yield "/".join(parts[start:])


def _folders(item: InputFile, said: str) -> Iterator[tuple[str, str]]:
    for folder in PurePosixPath(item.path).parents:
        if folder.name and folder.name not in said:
            alias = item.seal.alias(folder.as_posix()) if item.seal else item.alias
            yield folder.as_posix(), alias
            yield folder.name, alias


def searchable(names: Mapping[str, str]) -> Searchable:
    """Return names, the longest first, each as it stands for itself and is no part of a longer word."""
    return tuple(
        (name, re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])"), alias)
        for name, alias in sorted(names.items(), key=lambda each: -len(each[0]))
    )


def replaced(text: str, names: Searchable) -> str:
    """Return a text with aliases in place of names."""
    for name, pattern, alias in names:
        if name in text:
            text = pattern.sub(alias, text)
    return text


def replaced_in(document: Any, names: Searchable) -> Any:
    """Return a document of JSON with aliases in place of names in all of its texts."""
    if isinstance(document, str):
        return replaced(document, names)
    if isinstance(document, dict):
        return {key: replaced_in(each, names) for key, each in document.items()}
    return [replaced_in(each, names) for each in document] if isinstance(document, list) else document


def masked_error(error: DicombakeError) -> DicombakeError:
    """Return an error without the names of inputs that a plan which was refused would de-identify."""
    if not isinstance(error, PlanError) or not error.aliases:
        return error
    names = searchable(error.aliases)
    reasons = (replaced(reason, names) for reason in error.reasons)
    return PlanError(*reasons, subject=replaced(error.subject, names), hint=replaced(error.hint, names))
