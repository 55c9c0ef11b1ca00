"""Why a unit would run or not, as far as that is known without opening its files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..lock import Lock
from ..plan import Plan, Unit
from .fingerprint import Options, fingerprint, key_of
from .schedule import Made, Task

Why = Literal["forced", "new", "missing", "changed", "check", "problem"]
"""``new``: the lock does not know it. ``missing``: an output is gone. ``changed``: recipe, inputs' names or
program differ from the lock's. ``check``: it runs only if a file was altered since. ``problem``: it cannot
run."""

SENTENCES: dict[Why, str] = {
    "forced": "runs: --force",
    "new": "runs: not made before",
    "missing": "runs: an output is missing",
    "changed": "runs: the recipe, its inputs or the program changed",
    "check": "up to date, unless a file was altered",
    "problem": "cannot run",
}


@dataclass(frozen=True, slots=True)
class Forecast:
    """One unit, why it would run, and the task that does it."""

    unit: Unit
    why: Why
    task: Task


def forecast(plan: Plan, lock: Lock, *, force: bool = False) -> Iterator[Forecast]:
    """Every unit of the plan, in its order."""
    options = Options(plan.loaded)
    for unit in plan.units:
        described = options.of(unit)
        why, made = _why(unit, plan, lock, described, force=force)
        yield Forecast(unit, why, Task(unit, described, made))


def _why(unit: Unit, plan: Plan, lock: Lock, options: str, *, force: bool) -> tuple[Why, Made | None]:
    if unit.problem:
        return "problem", None
    if force:
        return "forced", None
    known = lock.units.get(unit.outputs[0].path) if unit.outputs else None
    paths = [output.path for output in unit.outputs]
    if known is None or any(path not in lock.outputs for path in paths):
        return "new", None
    if fingerprint(options, locked_inputs(unit, lock)) != known:
        return "changed", None
    if not all(os.path.lexists(plan.out.joinpath(*path.split("/"))) for path in paths):
        return "missing", None
    return "check", Made(known, tuple((path, lock.outputs[path]) for path in paths))


def locked_inputs(unit: Unit, lock: Lock) -> dict[str, str]:
    """The sha256 that the lock has for each input of a unit; empty for one that it does not know."""
    return {
        key_of(item): (lock.inputs if item.base == "data" else lock.outputs).get(item.path, "")
        for item in unit.inputs
    }
