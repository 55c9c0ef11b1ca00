"""What stands for the inputs of de-identified conversions where no path of theirs may stand.

Paths may name a patient: only text on the terminal shows them. The id of a unit is made of its input's path,
so that it is replaced, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import DicombakeError, PlanError
from .model import InputFile, Plan, Unit

Searchable = tuple[tuple[str, str], ...]
"""Names, the longest first, each with its alias."""
_MOST = 2000
"""Names up to which each text is searched for all of them; of more, for those of its unit."""


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
    """Return names in the order in which they are looked for: the longest first."""
    return tuple(sorted(names.items(), key=lambda each: -len(each[0])))


def replaced(text: str, names: Searchable) -> str:
    """Return a text with aliases in place of names that stand for themselves and in no longer word."""
    for name, alias in names:
        if name in text:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", alias, text)
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


class Aliases:
    """What stands for the inputs that a plan de-identifies."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ids = {unit.id: _id(unit) for unit in plan.units if any(item.alias for item in unit.files)}
        self._of_unit = {unit.id: self._names(unit) for unit in plan.units if unit.id in self.ids}
        together: dict[str, str] = {}
        for names in self._of_unit.values():
            for name, alias in names.items():
                together.setdefault(name, alias)
        self._all = searchable(together)
        self._few = len(together) <= _MOST

    def id(self, unit: str) -> str:
        """Return the id of a unit, without the names of sealed inputs."""
        return self.ids.get(unit, unit)

    def text(self, text: str, unit: str = "") -> str:
        """Return a text with the alias of each sealed input in it; `unit`: the unit that it is about."""
        if unit in self._of_unit and not self._few:
            return replaced(text, searchable(self._of_unit[unit]))
        return replaced(text, self._all)

    def document(self, document: Any) -> Any:
        """Return a document of JSON with the alias of each sealed input in place of its path."""
        return self._masked(document, "") if self.ids else document

    def _masked(self, value: Any, unit: str) -> Any:
        if isinstance(value, str):
            return self.text(value, unit)
        if isinstance(value, dict):
            named = value.get("id") or value.get("unit")
            unit = named if isinstance(named, str) and named in self.ids else unit
            return {key: self._masked(each, unit) for key, each in value.items()}
        return [self._masked(each, unit) for each in value] if isinstance(value, list) else value

    def _names(self, unit: Unit) -> dict[str, str]:
        said = "\n".join(self.plan.conversion(unit).inputs.files)
        names = {} if self.ids[unit.id] == unit.id else {unit.id: self.ids[unit.id]}
        return names | names_of(unit.files, said, self.plan.data)


def masked(plan: Plan, document: Any) -> Any:
    """Return a document of JSON with the alias of each sealed input in place of its path."""
    return Aliases(plan).document(document)


def _id(unit: Unit) -> str:
    """Return the id of a unit without the names of files and folders."""
    first = next(item.alias for item in unit.files if item.alias)
    pages = re.search(r"\[[\d-]+\]$", unit.id)
    return f"{unit.conversion}/{first}{pages[0] if pages else ''}"
