"""Call inputs of de-identified conversions by their aliases in what is printed: paths may name a patient.

The id of a unit is made of its input's path, so that it is replaced, too.
"""

from __future__ import annotations

import re
from typing import Any

from ..plan.aliases import names_of, replaced, searchable
from ..plan.model import Plan, Unit

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
        self._all = searchable(together)
        self._few = len(together) <= _MOST

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
