"""Say why a unit would run or not, as far as that is known without opening its files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from ..plan.model import Plan, Unit
from ..store.files import Written
from ..store.lock import UNFINISHED, Lock
from .fingerprint import Options, fingerprint
from .reasons import Reasons
from .seen_files import SeenFiles
from .unit.contents import key_of
from .unit.results import UnitResult
from .workers.schedule import Made, Task

Why = Literal["forced", "new", "unfinished", "missing", "changed", "check", "current", "problem"]
"""``new``: the lock does not know it. ``unfinished``: only some of its outputs were made. ``missing``: an
output is gone. ``changed``: recipe, inputs' names or program differ from the lock's. ``check``: it runs only
if the content of a file changed since. ``current``: every file has the stat() that it had with the content
that the lock names. ``problem``: it cannot run.
"""

SENTENCES: dict[Why, str] = {
    "forced": "runs: --force",
    "new": "runs: not made before",
    "unfinished": "runs: only some of its outputs were made",
    "missing": "runs: an output is missing",
    "changed": "runs: the recipe, its inputs or the program changed",
    "check": "up to date, unless a file was altered",
    "current": "up to date",
    "problem": "cannot run",
}


class Forecast(Struct, frozen=True):
    """One unit, why it would run, and the task that does it."""

    unit: Unit
    why: Why
    task: Task
    current: UnitResult | None = None
    """The result of a unit that is `current`."""


def forecast(
    plan: Plan, lock: Lock, *, force: bool = False, seen_files: SeenFiles | None = None
) -> Iterator[Forecast]:
    """Yield every unit of the plan, in its order; without `seen_files` none is found `current`."""
    forecaster = Forecaster(plan, lock, seen_files, force=force)
    for unit in plan.units:
        yield forecaster.tell(unit)


class Forecaster:
    """Says why units would run; of units that need others, these are asked of first."""

    def __init__(
        self,
        plan: Plan,
        lock: Lock,
        seen_files: SeenFiles | None,
        *,
        force: bool,
        options: Options | None = None,
    ) -> None:
        self.lock, self.seen_files, self.force = lock, seen_files, force
        self.settled: set[str] = set()
        """Units that are `current`."""
        self.options = options or Options(plan.loaded)
        self.reasons = Reasons(lock, self.options)
        self.out = plan.place("out")
        self.chained = plan.chained

    def tell(self, unit: Unit) -> Forecast:
        if unit.problem:
            return Forecast(unit, "problem", Task(unit))
        if self.force:
            return Forecast(unit, "forced", Task(unit, why=FORCED))
        known = self.lock.units.get(unit.outputs[0].path) if unit.outputs else None
        if known == UNFINISHED:
            return Forecast(unit, "unfinished", Task(unit, why=PARTLY))
        outputs = tuple((output.path, self.lock.outputs.get(output.path, "")) for output in unit.outputs)
        if known is None or not all(sha256 for _, sha256 in outputs):
            return Forecast(unit, "new", Task(unit, why=NEW))
        inputs = locked_inputs(unit, self.lock)
        if fingerprint(self.options.of(unit), inputs) != known:
            return Forecast(unit, "changed", Task(unit, why=self.reasons.of(unit, inputs)))
        current = self._current(unit, inputs, outputs)
        if current is not None:
            if self.chained:
                self.settled.add(unit.id)
            return Forecast(unit, "current", Task(unit), current)
        for output in unit.outputs:
            if not self.out.exists(output.path):
                return Forecast(unit, "missing", Task(unit, why=f"{output.path} is missing"))
        return Forecast(unit, "check", Task(unit, made=Made(tuple(inputs.items()), outputs)))

    def _current(
        self, unit: Unit, inputs: dict[str, str], outputs: tuple[tuple[str, str], ...]
    ) -> UnitResult | None:
        """Return the result of a unit of which every file has the fingerprint of the content in the lock.

        `inputs`, `outputs`: what the lock has for each.
        """
        seen_files = self.seen_files
        if seen_files is None or not self.settled.issuperset(unit.needs):
            return None
        written = []
        for path, known in outputs:
            found = seen_files.content("out", path)
            if found is None or found[1] != known:
                return None
            written.append(Written(path, *found))
        for item in unit.files:
            if item.base == "data":
                found = seen_files.content("data", item.path)
                if found is None or found[1] != inputs[key_of(item)]:
                    return None
        return UnitResult(unit.id, "current", tuple(written), tuple(inputs.items()))


NEW = "not made before"
FORCED = "--force"
PARTLY = "only some of its outputs were made"


def locked_inputs(unit: Unit, lock: Lock) -> dict[str, str]:
    """Return the sha256 that the lock has for each input of a unit; empty for one that it does not know."""
    data, out = lock.inputs, lock.outputs
    return {key_of(item): (data if item.base == "data" else out).get(item.shown, "") for item in unit.files}
