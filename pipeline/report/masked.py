"""Names of de-identified inputs taken out of what programs read: paths may name a patient."""

from __future__ import annotations

from typing import Any

from ..plan.model import Plan


def masked(plan: Plan, document: Any) -> Any:
    """Return a document of JSON with the alias of each sealed input in place of its path."""
    names: dict[str, str] = {}
    for unit in plan.units:
        for item in unit.files:
            if item.alias:
                whole = plan.data.joinpath(*item.path.split("/"))
                names |= {str(whole): item.alias, item.path: item.alias}
                names.setdefault(whole.name, item.alias)
    return _masked(document, sorted(names.items(), key=lambda each: -len(each[0]))) if names else document


def _masked(value: Any, names: list[tuple[str, str]]) -> Any:
    if isinstance(value, str):
        for name, alias in names:
            if name in value:
                value = value.replace(name, alias)
        return value
    if isinstance(value, dict):
        return {key: _masked(each, names) for key, each in value.items()}
    return [_masked(each, names) for each in value] if isinstance(value, list) else value
