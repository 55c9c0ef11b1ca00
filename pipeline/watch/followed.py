"""One recipe that is followed: what of its inputs is ready is converted once, what went wrong told once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ...schemas.language.patterns import parse_glob
from ...schemas.recipe import Conversion, Recipe
from ..errors import DicombakeError, PlanError, UsageError
from ..loaders.registry import FORMATS
from ..plan.aliases import masked_error
from ..plan.build import plan as make_plan
from ..plan.model import Plan, Unit
from ..recipe.load import load_recipe
from ..recipe.loaded import LoadedRecipe
from ..run.forecast import forecast
from ..run.ownership import InputFiles, existing_of_ours
from ..run.preflight import RunOptions
from ..run.run import run_plan
from ..run.seen_files import SeenFiles
from ..run.unit.results import Outcome
from ..store.database import Remembered
from ..store.lock import Lock
from ..store.state import State
from .events import SAID
from .settling import Looks, Settling, looks_of

Tell = Callable[[dict[str, Any]], None]
SETTLE, SETTLE_GROUP = 2.0, 30.0
"""Seconds that a file rests before it is converted; and that nothing is added to a group."""
LATE = "came after its group was converted"
STALE = "the recipe or the program changed since; it is left as it is, and 'dicombake run' remakes it"


class Settings(Struct, frozen=True):
    """How recipes are followed."""

    settle: float | None = None
    """Seconds; None: `SETTLE`, and `SETTLE_GROUP` for groups."""
    data: Path | None = None
    out: Path | None = None
    variables: dict[str, str] = field(default_factory=dict)
    jobs: int | None = 1


def is_grouped(conversion: Conversion) -> bool:
    """Tell whether several files make one output."""
    return conversion.combine is not None or FORMATS[conversion.source.format].series


def refuse_endless(loaded: LoadedRecipe, settings: Settings) -> None:
    """Refuse groups of which nobody says when they are whole. Raises: UsageError."""
    for name, conversion in loaded.recipe.conversions.items():
        if is_grouped(conversion) and conversion.inputs.min_files is None and settings.settle is None:
            raise UsageError(
                "makes one output of several files, and nothing says when all are there",
                subject=f"conversions.{name}",
                hint="give 'min_files' in its inputs, or --settle SECONDS",
            )


class Followed:
    """A recipe and what is known of its inputs. Raises: RecipeError, UsageError, at first."""

    def __init__(self, path: Path, settings: Settings, settling: Settling, tell: Tell) -> None:
        self.path, self.settings, self.settling, self.tell = path, settings, settling, tell
        self.loaded = self._load()
        self.done: dict[str, tuple[Looks | None, ...]] = {}
        """Units that need no second look, with the looks of their inputs."""
        self.told: set[str] = set()
        self.told_deliveries: dict[str, None] = {}
        self.files = self._own_looks()
        self.plan: Plan | None = None
        """The last one."""
        self.again = math.inf
        """Seconds until what was refused in the last step is tried again."""

    def _load(self) -> LoadedRecipe:
        loaded = load_recipe(self.path, self.settings.variables)
        refuse_endless(loaded, self.settings)
        return loaded

    def _own_looks(self) -> dict[Path, Looks | None]:
        files = {Path(place.file) for place in self.loaded.places.values() if place.file}
        return {file: looks_of(file) for file in sorted({self.path, *files})}

    @property
    def data(self) -> Path:
        return self.settings.data or self.path.parent

    def folders(self) -> Iterator[Path]:
        """Give the folders that inputs come into, as far as globs name them."""
        for conversion in self.loaded.recipe.conversions.values():
            for glob in conversion.inputs.files if not conversion.inputs.from_ else ():
                folder = self.data
                for component in parse_glob(glob).components[:-1]:
                    if component.literal is None:
                        break
                    folder /= component.literal
                while not folder.is_dir() and folder != self.data:
                    folder = folder.parent
                yield folder

    def refresh(self) -> None:
        """Take up a recipe that changed; a wrong one is told, and the last right one kept."""
        if {file: looks_of(file) for file in self.files} == self.files:
            return
        try:
            self.loaded = self._load()
            self.done.clear()
            self.tell(
                {"event": "recipe", "recipe": str(self.path), "message": "the changed recipe is taken up"}
            )
        except DicombakeError as error:
            what = f"{error}; the last right one is kept"
            self.tell({"event": "error", "recipe": str(self.path), "message": what})
            self.files = {file: looks_of(file) for file in self.files}
            return
        self.files = self._own_looks()

    def step(self) -> tuple[Outcome | None, float]:
        """Convert what is ready; the outcome, and the seconds until something else may be."""
        self.again = math.inf
        plan = self._plan()
        if plan is None:
            return None, math.inf
        self.settling.look(
            [plan.data / item.path for unit in plan.units for item in unit.files if item.base == "data"]
        )
        ready, wait = [], math.inf
        for unit in plan.units:
            left = self._left(plan, unit)
            if left > 0:
                wait = min(wait, left)
            elif self.done.get(unit.id) != self._looks(plan, unit):
                ready.append(unit)
        self.done = {unit.id: self.done[unit.id] for unit in plan.units if unit.id in self.done}
        ready = list(self._whole(plan, ready))
        chosen = list(self._undone(plan, ready))
        if not chosen:
            return None, wait
        try:
            outcome = run_plan(
                replace(plan, units=tuple(chosen)),
                RunOptions(jobs=self.settings.jobs, keep=True, partial=True),
            )
        except DicombakeError as error:
            self._once(f"{self.path}: {error}", {"event": "error", "message": str(error)})
            self.again = SETTLE
            return None, wait
        if not outcome.interrupted:
            for unit in chosen:
                self.done[unit.id] = self._looks(plan, unit)
        return outcome, wait

    def _plan(self) -> Plan | None:
        """Plan what there is to do; a conversion that cannot be planned is told once and costs no other."""
        loaded = relaxed(self.loaded)
        try:
            self.plan = make_plan(loaded, data=self.settings.data, out=self.settings.out)
            return self.plan
        except PlanError:
            plans = list(self._apart(loaded))
        if not plans:
            return None
        units = {unit.id: unit for plan in plans for unit in plan.units}
        self.plan = replace(
            plans[0],
            units=tuple(units.values()),
            stats={path: stat for plan in plans for path, stat in plan.stats.items()},
            links=frozenset().union(*(plan.links for plan in plans)),
            lowered=replace(
                plans[0].lowered,
                conversions={k: v for plan in plans for k, v in plan.lowered.conversions.items()},
                variants={
                    machine: {k: v for plan in plans for k, v in plan.lowered.variants[machine].items()}
                    for machine in plans[0].lowered.variants
                },
            ),
        )
        return self.plan

    def _apart(self, loaded: LoadedRecipe) -> Iterator[Plan]:
        for name in loaded.recipe.conversions:
            try:
                yield make_plan(loaded, data=self.settings.data, out=self.settings.out, only=[name])
            except PlanError as error:
                message = str(masked_error(error))
                event = {"event": "error", "conversion": name, "message": message, SAID: str(error)}
                self._once(f"{name}: {error}", event)

    def _left(self, plan: Plan, unit: Unit) -> float:
        """Seconds until a unit's files have rested as long as they should."""
        grouped = is_grouped(plan.conversion(unit))
        usual = SETTLE_GROUP if grouped else SETTLE
        seconds = usual if self.settings.settle is None else self.settings.settle
        own = [plan.data / item.path for item in unit.files if item.base == "data"]
        return max((self.settling.left(path, seconds) for path in own), default=0.0)

    def _looks(self, plan: Plan, unit: Unit) -> tuple[Looks | None, ...]:
        return tuple(self.settling.looks(plan.data / item.path) for item in unit.files if item.base == "data")

    def _whole(self, plan: Plan, units: Iterable[Unit]) -> Iterator[Unit]:
        """Leave out groups with fewer files than `min_files`, and what needs a unit that is not ready."""
        waiting: set[str] = set()
        ready = list(units)
        names = {unit.id for unit in ready} | set(self.done)
        for unit in ready:
            inputs = self.loaded.recipe.conversions[unit.conversion].inputs
            few = inputs.min_files is not None and is_grouped(plan.conversion(unit))
            if (few and len(unit.inputs) < (inputs.min_files or 0)) or not waiting.isdisjoint(unit.needs):
                waiting.add(unit.id)
            elif all(need in names for need in unit.needs):
                yield unit
            else:
                waiting.add(unit.id)

    def _undone(self, plan: Plan, ready: list[Unit]) -> Iterator[Unit]:
        """Give the units that have no output yet; of others, what is stale or came late is told once."""
        state = State(self.path)
        memory = state.recall()
        lock = state.lock(memory)
        seen, inputs = SeenFiles(plan, memory.seen), InputFiles(plan)
        for item in forecast(replace(plan, units=tuple(ready)), lock, seen_files=seen):
            unit = item.unit
            if item.why == "current":
                self.done[unit.id] = self._looks(plan, unit)
            elif item.why == "changed":
                self.done[unit.id] = self._looks(plan, unit)
                late = [
                    each.path for each in unit.inputs if each.base == "data" and each.path not in lock.inputs
                ]
                if late and is_grouped(plan.conversion(unit)):
                    for path in late:
                        what = f"{LATE}; 'dicombake run' remakes {unit.outputs[0].path}"
                        self._once(
                            f"late {path}", {"event": "failed", "unit": unit.id, "message": f"{path}: {what}"}
                        )
                else:
                    paths = [output.path for output in unit.outputs]
                    self._once(
                        f"stale {unit.id}",
                        {"event": "stale", "unit": unit.id, "outputs": paths, "message": STALE},
                    )
            elif self._is_free(unit, lock, memory, inputs):
                yield unit

    def _is_free(self, unit: Unit, lock: Lock, memory: Remembered, inputs: InputFiles) -> bool:
        """Tell whether no foreign file is in a unit's way; it costs no other one, and is told once."""
        try:
            existing_of_ours(inputs.plan, (unit,), lock.outputs, memory, overwrite=False, inputs=inputs)
        except PlanError as error:
            self._once(
                f"{unit.id}: {error}",
                {"event": "failed", "unit": unit.id, "message": str(masked_error(error))},
            )
            self.again = SETTLE_GROUP
            return False
        return True

    def _once(self, key: str, event: dict[str, Any]) -> None:
        if len(self.told) > 10_000:
            self.told.clear()
        if key not in self.told:
            self.told.add(key)
            self.tell({"recipe": str(self.path), **event})


def relaxed(loaded: LoadedRecipe) -> LoadedRecipe:
    """Return a recipe for which no match and groups that are not whole are fine; no output depends on it."""

    def recipe(given: Recipe) -> Recipe:
        conversions = {
            name: conversion.model_copy(
                update={
                    "on_empty": "ok",
                    "inputs": conversion.inputs.model_copy(update={"min_files": None, "on_empty": "ok"}),
                }
            )
            for name, conversion in given.conversions.items()
        }
        return given.model_copy(update={"conversions": conversions})

    variants = {name: replace(each, recipe=recipe(each.recipe)) for name, each in loaded.variants.items()}
    return replace(loaded, recipe=recipe(loaded.recipe), variants=variants)
