"""Recipe and a listing of files -> Plan: a DAG of frozen steps. Opens no pixels, writes nothing.

A `Unit` is what one worker does in one go: the loads of one image (or of one group, one range of slices)
and everything that hangs on them. The single steps and their needs derive from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .errors import Note
from .recipe_file import LoadedRecipe

StepKind = Literal["load", "combine", "process", "export"]
Base = Literal["data", "out"]


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that goes in: its path (with /) relative to the data folder or, chained, the output folder."""

    path: str
    base: Base = "data"
    captures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """A file that comes out: its path (with /) relative to the output folder.

    `export` is the position in the conversion's exports. `page` is the page, frame or slice it holds,
    from 1; None where it holds all that the unit loads (mostly one).
    """

    path: str
    export: int
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """One image's worth of work. `needs` are ids of units whose outputs are inputs here."""

    id: str
    conversion: str
    index: int
    """Position in its conversion, from 1."""
    inputs: tuple[InputFile, ...]
    outputs: tuple[Output, ...]
    group: str = ""
    pages: tuple[int, int] | None = None
    """First and one past the last page or slice to load, from 0; None: all."""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One node of the DAG."""

    id: str
    kind: StepKind
    unit: str
    does: str
    """``xim``, ``mean``, ``crop, invert``, ``rt-image``."""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything that a run does, in an order in which it can be done."""

    loaded: LoadedRecipe
    data: Path
    out: Path
    units: tuple[Unit, ...]
    notes: tuple[Note, ...] = ()

    def steps(self) -> Iterator[Step]:
        """Every step of every unit."""
        raise NotImplementedError
