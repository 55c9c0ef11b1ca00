"""Say what failed: the file by a path that exists, once, and why."""

from __future__ import annotations

from pathlib import Path

from ..plan.model import InputFile, Plan, Unit
from .unit.results import Failure


def failure_line(plan: Plan, unit: Unit, failure: Failure) -> str:
    """Return ``CONVERSION: FILE: REASON``; the conversion where there are several."""
    where, why = told(plan, unit, failure)
    several = len(plan.loaded.recipe.conversions) > 1 and where != unit.id
    return f"{f'{unit.conversion}: ' if several else ''}{where}: {why}"


def told(plan: Plan, unit: Unit, failure: Failure) -> tuple[str, str]:
    """Return what failed, and why.

    That is the input that the failure is about, as one can open it from where the program was started; or a
    group, where the failure is about none of its files.
    """
    about = next((item for item in unit.files if failure.subject in _names(plan, item)), None)
    alone = unit.inputs[0] if len(unit.inputs) == 1 else None
    item = about or alone
    subject = f"{failure.subject}: " if failure.subject and about is None else ""
    why = f"{subject}{failure.message}{f'; {failure.hint}' if failure.hint else ''}"
    return (unit.id if item is None else _path(plan, item)), why


def _path(plan: Plan, item: InputFile) -> str:
    if item.base in plan.remote:
        return f"{plan.remote[item.base].start}{item.path}"
    return str(_folder(plan, item).joinpath(*item.path.split("/")))


def _names(plan: Plan, item: InputFile) -> set[str]:
    """Return what a message calls an input."""
    path = _folder(plan, item).joinpath(*item.path.split("/"))
    return {item.path, item.shown, str(path), str(path.absolute()), _path(plan, item)}


def _folder(plan: Plan, item: InputFile) -> Path:
    return plan.data if item.base == "data" else plan.out
