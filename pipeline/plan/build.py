"""Make a plan from a recipe and a listing of files: a directed acyclic graph of frozen units of work.

Opens no pixels and writes nothing. Headers are read only where the plan depends on them: for the slices of a
volume, and for paths with ``{page}``, ``{frame}``, ``{slice}`` or ``{source.X}``.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from os.path import realpath, relpath
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...schemas.language.suggest import did_you_mean
from ...schemas.recipe import Recipe
from ..errors import Note, PlanError, UsageError
from ..exporters.registry import TARGETS
from ..extras import require_each
from ..loaders.options import Limits, SourceOptions
from ..loaders.registry import FORMATS
from ..packed import packed
from ..places.listing import FEW
from ..places.place import Place
from ..places.place_of import place_of, remote_of
from ..places.url import Where
from ..recipe.loaded import LoadedRecipe
from ..recipe.lock_path import lock_path
from .clashes import Named, check
from .crosswalks import refuse_misplaced
from .deidentified import check_instances, private_names, sealed_everywhere
from .environment import variables_of
from .gather import Planning, Probing, refuse
from .lower import lower
from .model import Base, InputFile, Output, Plan, Step, StepKind, Unit
from .units import units_of

if TYPE_CHECKING:
    from ..imaging.probe import Probe

__all__ = [
    "Base", "InputFile", "Output", "Plan", "Probing", "Step", "StepKind", "Unit",
    "own_files", "plan",
]  # fmt: skip

MAX_REFUSALS = 50
"""How many reasons one PlanError lists."""


def plan(
    loaded: LoadedRecipe,
    *,
    data: Where | None = None,
    out: Where | None = None,
    only: Collection[str] = (),
    probe: Probing | None = None,
) -> Plan:
    """Return everything that running the recipe would do.

    Args:
       loaded: the recipe. data: the folder or URL that globs are relative to; default: the recipe's folder.
       out: that which outputs are relative to; default: the same. only: names of conversions; those that they
       chain from are planned with them. probe: reads the headers of a file; default: the loaders' own.

    Raises:
       PlanError: with every reason why the recipe cannot be carried out on these files.
       UsageError: a name in `only` that the recipe does not have; an extra that is not installed.
    """
    recipe = loaded.recipe
    places: dict[Base, Place] = {
        "data": place_of(data or loaded.path.parent, trusted=loaded.trusted),
        "out": place_of(out or loaded.path.parent, trusted=loaded.trusted),
    }
    places["data"].check_data()
    places["out"].check_out()
    names = _ordered(recipe, _selected(recipe, only))
    require_each(_extras(recipe, names))
    data, out = places["data"].folder, places["out"].folder
    refuse_misplaced(loaded, names, data, out)
    with collector_paused():
        lowered = lower(loaded, names)
        never = _never(loaded, data)
        planning = Planning(loaded, lowered, data, out, places["data"], probe or _probe, never)
        planning.listing = planning.place.listing(kept=len(names) > FEW)
        remote = remote_of(places)
        if "out" in remote and (less := remote["out"].conditions):
            planning.notes.append(Note("store-without-conditions", less))
        return replace(_planned(planning, names), remote=remote)


def _extras(recipe: Recipe, names: Iterable[str]) -> Iterator[tuple[str | None, str]]:
    """Yield the extras that conversions need, each with the format or target that does."""
    for name in names:
        conversion = recipe.conversions[name]
        source = conversion.source.format
        yield FORMATS[source].extra, f"conversions.{name}.source: {source}"
        if conversion.deidentify is not None and conversion.deidentify.crosswalk is not None:
            yield "deidentify", f"conversions.{name}.deidentify.crosswalk"
        for export in conversion.exports:
            yield TARGETS[export.to].extra, f"conversions.{name}.exports: {export.to}"


def _planned(planning: Planning, names: list[str]) -> Plan:
    sealing = any(each.deidentify is not None for each in planning.lowered.conversions.values())
    # units that hold keys stay as they are
    held: Callable[[Iterable[Unit]], Sequence[Unit]] = tuple if sealing else partial(packed, Unit)
    named = Named([], set(), set())
    for name in names:
        if planning.loaded.trusted:
            _check_environment(planning, name)
        planning.produced[name] = held(named.noting(units_of(name, planning)))
    made = [planning.produced[name] for name in names]
    units = made[0] if len(made) == 1 else held(chain.from_iterable(made))
    if sealing:
        units = sealed_everywhere(units)
        check_instances(units, planning)
    check(units, named, planning, own_files(planning.loaded))
    if planning.refusals:
        error = PlanError(*_shortened(list(planning.refusals)))
        error.aliases = private_names(planning)
        raise error
    links = _links(planning.out, named.folders)
    notes = tuple(planning.notes)
    return Plan(
        planning.loaded,
        planning.lowered,
        planning.data,
        planning.out,
        units,
        notes,
        links,
        planning.stats,
    )


def _links(out: Path, named: Iterable[str]) -> frozenset[str]:
    """Return the folders of outputs that are symbolic links now; a run follows these and no others."""
    folders: set[str] = set()
    for folder in named:
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(folder for folder in folders if out.joinpath(*folder.split("/")).is_symlink())


@contextmanager
def collector_paused() -> Iterator[None]:
    """Turn Python's cyclic garbage collector off while a plan is made.

    Planning makes many objects and no cycles, and looking for cycles took 40 % of the time of 100,000 files.
    Freezing and unfreezing moves the objects to the oldest generation at once; else the collector would look
    through them twice more.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def own_files(loaded: LoadedRecipe) -> tuple[Path, ...]:
    """Return the recipe, its lock and the files that it extends; none of them is an input or an output."""
    extended = sorted({place.file for place in loaded.places.values() if place.file})
    return (loaded.path, lock_path(loaded.path), *(Path(file) for file in extended))


def _never(loaded: LoadedRecipe, data: Path) -> frozenset[str]:
    """Return the recipe's own files and its tables that lie under `data`, as paths relative to it."""
    root = realpath(data)
    found = set()
    tables = (each.metadata.csv for each in loaded.recipe.conversions.values() if each.metadata is not None)
    for file in (*own_files(loaded), *(data / table for table in tables)):
        try:
            found.add(Path(relpath(realpath(file), root)).as_posix())
        except ValueError:  # another drive
            continue
    return frozenset(found)


def _probe(path: Path, source: SourceOptions, limits: Limits) -> Probe:
    from ..loaders.registry import probe

    return probe(path, source, limits)


def _selected(recipe: Recipe, only: Collection[str]) -> set[str]:
    """Return the named conversions and all that they chain from; every conversion where none is named."""
    for name in only:
        if name not in recipe.conversions:
            hint = did_you_mean(name, recipe.conversions, otherwise=f"it has {', '.join(recipe.conversions)}")
            raise UsageError(f"the recipe has no conversion '{name}'", hint=hint)
    selected: set[str] = set()
    pending = list(only or recipe.conversions)
    while pending:
        name = pending.pop()
        if name not in selected and name in recipe.conversions:
            selected.add(name)
            pending += recipe.conversions[name].inputs.from_
    return selected


def _ordered(recipe: Recipe, selected: set[str]) -> list[str]:
    """Return the conversions, each after those that it chains from, else in the recipe's order."""
    position = {name: number for number, name in enumerate(recipe.conversions)}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in recipe.conversions:
        if name in selected:
            for other in recipe.conversions[name].inputs.from_:
                if other not in recipe.conversions:
                    raise PlanError(f"there is no conversion '{other}' to chain from", subject=name)
            sorter.add(name, *recipe.conversions[name].inputs.from_)
    try:
        sorter.prepare()
    except CycleError as error:
        raise PlanError(f"conversions chain in a circle: {' <- '.join(error.args[1])}") from error
    names: list[str] = []
    while sorter.is_active():
        ready = sorter.get_ready()
        names += sorted(ready, key=position.__getitem__)
        sorter.done(*ready)
    return names


def _check_environment(planning: Planning, name: str) -> None:
    """Refuse a conversion that names variables of the environment which are not set.

    Paths and machines are left out: the plan fills them in itself and refuses each at its own place.
    """
    from os import environ

    missing = variables_of(planning.loaded.recipe.conversions[name]) - environ.keys()
    for variable in sorted(missing):
        refuse(
            planning,
            ("conversions", name),
            f"the environment has no variable '{variable}' ({{env.{variable}}})",
        )


def _shortened(refusals: list[str]) -> list[str]:
    more = len(refusals) - MAX_REFUSALS
    return [*refusals[:MAX_REFUSALS], *([f"and {more} more"] if more > 0 else [])]
