"""Names of de-identified inputs taken out of what programs read: paths may name a patient.

What is replaced: a sealed input's path, whole and from any of its folders on, its name, its folders that the
recipe does not name itself, and the id of its unit, which is made of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from ..plan.model import InputFile, Plan, Unit

_Names = tuple[tuple[str, re.Pattern[str], str], ...]
_MOST = 2000
"""Names up to which each text is searched for all of them; of more, for those of its unit."""


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
        self._all = _searchable(together)
        self._few = len(together) <= _MOST

    def text(self, text: str, unit: str = "") -> str:
        """Return a text with the alias of each sealed input in it; `unit`: the unit that it is about."""
        if unit in self._of_unit and not self._few:
            return _replaced(text, _searchable(self._of_unit[unit]))
        return _replaced(text, self._all)

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
        names: dict[str, str] = {}
        if self.ids[unit.id] != unit.id:
            names[unit.id] = self.ids[unit.id]
        said = "\n".join(self.plan.conversion(unit).inputs.files)
        for item in unit.files:
            if item.alias:
                names |= dict.fromkeys(_paths(item, self.plan), item.alias)
                names |= dict(_folders(item, said))
        return names


def masked(plan: Plan, document: Any) -> Any:
    """Return a document of JSON with the alias of each sealed input in place of its path."""
    return Aliases(plan).document(document)


def _id(unit: Unit) -> str:
    """Return the id of a unit without the names of files and folders."""
    first = next(item.alias for item in unit.files if item.alias)
    pages = re.search(r"\[[\d-]+\]$", unit.id)
    return f"{unit.conversion}/{first}{pages[0] if pages else ''}"


def _paths(item: InputFile, plan: Plan) -> Iterator[str]:
    parts = item.path.split("/")
    yield str(plan.data.joinpath(*parts))
    for start in range(len(parts)):
        yield "/".join(parts[start:])


def _folders(item: InputFile, said: str) -> Iterator[tuple[str, str]]:
    """Yield the folders of an input that the recipe's globs do not name, each with what stands for it."""
    for folder in PurePosixPath(item.path).parents:
        if folder.name and folder.name not in said and item.seal is not None:
            alias = item.seal.alias(folder.as_posix())
            yield folder.as_posix(), alias
            yield folder.name, alias


def _searchable(names: dict[str, str]) -> _Names:
    """Return names, the longest first, each as it stands for itself and is no part of a longer word."""
    return tuple(
        (name, re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])"), alias)
        for name, alias in sorted(names.items(), key=lambda each: -len(each[0]))
    )


def _replaced(text: str, names: _Names) -> str:
    for name, pattern, alias in names:
        if name in text:
            text = pattern.sub(alias, text)
    return text
