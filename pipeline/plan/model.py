"""The data of a plan: files, units of work, steps. Plain and frozen, made by `plan`.

A `Unit` is what one worker does in one go: it loads one image (or one group, or one range of slices) and
makes all outputs of it. The single steps and their needs derive from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from ..errors import Note
from ..places.place import LocalPlace, Place
from ..recipe.loaded import LoadedRecipe
from .lowered import LoweredRecipe

if TYPE_CHECKING:
    from ...schemas.recipe import Conversion
    from ..deidentify.keys import Key
    from ..places.objects import ObjectPlace
else:
    Key = Any
    """Units that hold a key are never packed, and nothing asks for its fields."""

StepKind = Literal["load", "combine", "process", "export"]
Base = Literal["data", "out"]
BASES: tuple[Base, ...] = ("data", "out")


class Companions(Struct, frozen=True, gc=False, omit_defaults=True):
    """Companion files of an input, which add metadata to it; their paths are relative as the input's own."""

    sidecar: str = ""
    table: str = ""
    """The table that `metadata` names."""
    line: int = 0
    """The line of its row in the table, from 1; 0 without a table."""
    row: tuple[tuple[str, str], ...] = ()
    """Column names and cells of its row."""
    problem: str = ""
    """The reason why the input cannot be used: no sidecar, no row."""


NO_COMPANIONS = Companions()


class InputFile(Struct, frozen=True, gc=False, omit_defaults=True):
    """A file that goes in: its path (with /) relative to the data folder or, chained, the output folder."""

    path: str
    base: Base = "data"
    captures: tuple[tuple[str, str], ...] = ()
    companions: Companions = NO_COMPANIONS
    seal: Key | None = None
    """The key of the conversion that de-identifies it; its path and hash are then written nowhere."""
    alias: str = ""
    """What it is called in that case."""

    @property
    def shown(self) -> str:
        """What it is called in lock, results and programs' output."""
        return self.alias or self.path


Named = tuple[tuple[str, tuple[InputFile, ...]], ...]
"""Files by a text in the recipe that names them."""


def companions_of(item: InputFile) -> tuple[str, ...]:
    """List the companion files of an input."""
    return tuple(path for path in (item.companions.sidecar, item.companions.table) if path)


class Output(Struct, frozen=True, gc=False, omit_defaults=True):
    """A file that comes out: its path (with /) relative to the output folder.

    `export` is the position in the conversion's exports. `page` is the page, frame or slice it holds,
    from 1 in the file; None where it holds all that the unit loads (mostly one).
    """

    path: str
    export: int
    page: int | None = None


class Unit(Struct, frozen=True, gc=False, omit_defaults=True):
    """One image's worth of work. `needs` are ids of units whose outputs are inputs here."""

    id: str
    """``film/g10_a.tif``: the conversion, and the file without the folders that its globs name in full;
    ``starshot/TB1``: the conversion and the group; ``phantom/phantom.npy[1-48]``: a range of slices, from 1.
    """
    conversion: str
    index: int
    """Position of its file or group in its conversion, from 1; ranges of one file share it."""
    inputs: tuple[InputFile, ...]
    outputs: tuple[Output, ...]
    group: str = ""
    """The value of ``{group}``: the values of the group's keys, joined by ``_``."""
    pages: tuple[int, int] | None = None
    """First and one past the last page or slice to load, from 0; None: all."""
    needs: tuple[str, ...] = ()
    problem: str = ""
    """The reason why the unit cannot be done: a file whose header cannot be read. Then it has no outputs."""
    parts: tuple[InputFile, ...] = ()
    """Files with the values of a header that is an input."""
    named: Named = ()
    """Files that operations and targets name, by the text in the recipe."""
    volume: int | None = None
    """For a file of several volumes: the one that is loaded, from 1."""
    machine: str = ""
    """The machine that the conversion's template gives. Empty where there is no template, or where the file
    that names it is yet to be made.
    """

    @property
    def files(self) -> tuple[InputFile, ...]:
        """All files that are read: the inputs and what belongs to them, each once."""
        if not self.parts and not self.named:
            for item in self.inputs:
                if item.companions is not NO_COMPANIONS:
                    break
            else:
                return self.inputs
        others = (*self.parts, *(file for _, files in self.named for file in files))
        paths = (path for item in self.inputs for path in companions_of(item))
        found = (*self.inputs, *(InputFile(path) for path in paths), *others)
        seal = self.inputs[0].seal if self.inputs else None
        if seal is not None:
            found = tuple(
                item
                if item.seal is not None or item.base == "out"
                else replace(item, seal=seal, alias=seal.alias(item.path))
                for item in found
            )
        return tuple({(item.base, item.path): item for item in reversed(found)}.values())[::-1]


class Step(Struct, frozen=True):
    """One node of the DAG."""

    id: str
    """``film/g10_a.tif:export``; with a number from 1 where a unit has several of the kind: ``:export-2``."""
    kind: StepKind
    unit: str
    does: str
    """``xim``, ``mean``, ``crop, invert``, ``rt-image``."""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


class Plan(Struct, frozen=True):
    """Everything that a run does, in an order in which it can be done."""

    loaded: LoadedRecipe
    lowered: LoweredRecipe
    """The part of the recipe that workers carry out."""
    data: Path
    out: Path
    units: Sequence[Unit]
    """All of them in order. Many are packed (`pipeline.packed`): each is made anew where it is asked for."""
    notes: tuple[Note, ...] = ()
    links: frozenset[str] = frozenset()
    """Folders of outputs (with /, relative to `out`) that were symbolic links when the plan was made."""
    stats: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The stat() fingerprint of the files of the data folder whose contents the plan depends on."""
    remote: Mapping[Base, ObjectPlace] = field(default_factory=dict)
    """The object stores, where inputs or outputs lie in one; `data` and `out` are then folders in which this
    process lays what it reads.
    """

    def place(self, base: Base) -> Place:
        """Return where the inputs lie, or the outputs."""
        return self.remote.get(base) or LocalPlace(self.data if base == "data" else self.out)

    @property
    def chained(self) -> bool:
        """Whether units need others. It is asked of each unit."""
        return any(unit.needs for unit in self.units)

    def __repr__(self) -> str:
        outputs = sum(len(unit.outputs) for unit in self.units)
        return f"<Plan {self.loaded.recipe.name}: units: {len(self.units)}, outputs: {outputs}>"

    def _repr_html_(self) -> str:
        from ..notebook import shown

        return shown(self)

    def conversion(self, unit: Unit) -> Conversion:
        """Return the conversion that a unit belongs to."""
        return self.loaded.recipe.conversions[unit.conversion]

    def steps(self) -> Iterator[Step]:
        """Yield every step of every unit, each after those that it needs."""
        makers: dict[str, str] = {}
        chained = self.chained
        for unit in self.units:
            for step in _steps(unit, self.conversion(unit), makers):
                if chained and step.kind == "export":
                    makers |= dict.fromkeys(step.outputs, step.id)
                yield step

    def order(self) -> Iterator[Sequence[Unit]]:
        """Yield the units in groups; each group needs only units of earlier ones, in the plan's order."""
        if not self.chained:
            if self.units:
                yield self.units
            return
        place = {unit.id: position for position, unit in enumerate(self.units)}
        sorter = TopologicalSorter({unit.id: unit.needs for unit in self.units})
        sorter.prepare()
        while sorter.is_active():
            ready = sorter.get_ready()
            yield tuple(self.units[position] for position in sorted(place[each] for each in ready))
            sorter.done(*ready)


def _names(file: InputFile) -> tuple[str, ...]:
    """Return what an input and its companion files are called."""
    seal = file.seal
    return (file.shown, *(seal.alias(path) if seal else path for path in companions_of(file)))


def _steps(unit: Unit, conversion: Conversion, makers: Mapping[str, str]) -> Iterator[Step]:
    before: tuple[str, ...] = ()
    for number, file in enumerate(unit.inputs, 1):
        step = f"{unit.id}:load{f'-{number}' if len(unit.inputs) > 1 else ''}"
        needs = (makers[file.path],) if file.base == "out" and file.path in makers else ()
        yield Step(step, "load", unit.id, conversion.source.format, _names(file), (), needs)
        before += (step,)
    if unit.problem:
        return
    if conversion.combine:
        step = f"{unit.id}:combine"
        yield Step(step, "combine", unit.id, conversion.combine.method, needs=before)
        before = (step,)
    if conversion.process:
        step, does = f"{unit.id}:process", ", ".join(operation.op for operation in conversion.process)
        yield Step(step, "process", unit.id, does, needs=before)
        before = (step,)
    for position, export in enumerate(conversion.exports):
        paths = tuple(output.path for output in unit.outputs if output.export == position)
        step = f"{unit.id}:export{f'-{position + 1}' if len(conversion.exports) > 1 else ''}"
        yield Step(step, "export", unit.id, export.to, (), paths, before)
