"""The interface of every loader."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from ..errors import SourceError
from ..imaging.image import Image, SourceFile
from ..imaging.probe import Probe

if TYPE_CHECKING:
    from .options import Limits, SourceOptions


class Certainty(IntEnum):
    """How surely the first kilobyte of a file is of a format; the surest format reads it."""

    NO = 0
    PLAUSIBLE = 1
    """No signature, but it makes sense as this format: DICOM without preamble."""
    SIGNED = 2
    """It starts with the format's signature."""
    SURE = 3
    """A signature behind bytes that another format may use: DICOM's preamble (PS3.10 7.1)."""


Load = Callable[[Path, Any, "Limits", range | None], Iterator[Image]]
LoadEach = Callable[[Sequence[Path], Any, "Limits", range | None], Iterator[tuple[Path, Image]]]
Probing = Callable[[Path, Any, "Limits"], Probe]
Sniff = Callable[[bytes, Path], Certainty]


class Surveyed(Protocol):
    """The files that are the slices of a volume, in order, and what each header says."""

    @property
    def paths(self) -> tuple[Path, ...]: ...

    @property
    def probes(self) -> tuple[Probe, ...]: ...


class SeriesLoader(Struct, frozen=True):
    """Several files, one slice each, as one volume."""

    survey: Callable[[Sequence[Path], Any, Limits], Surveyed]
    """Finds which of some files are its slices, from headers only. Raises: SourceError."""
    load: LoadEach
    """Yields the slices in order, each with its file. Raises: SourceError."""


class Unsaid(Struct, frozen=True):
    """An option that a recipe must give and a file cannot."""

    option: str
    value: str
    """Its YAML in a draft, with `FILL_IN` where only the user knows."""
    question: str
    """The question that the user answers by filling it in; empty where the value needs no answer."""


class Drafted(Struct, frozen=True):
    """What a draft of a recipe says of a file that was recognised by its content."""

    format: str
    probe: Probe | None
    """None: no header can be read before the user has chosen."""
    unsaid: tuple[Unsaid, ...] = ()


class Loader(Struct, frozen=True):
    """The functions of a format's module.

    A field that stays None agrees with the format's row in the registry.
    """

    load: Load
    probe: Probing
    sniff: Sniff | None = None
    defaults: SourceOptions | None = None
    """The options of a recipe that states none; set for formats that are recognised by content."""
    drafted: Callable[[Path, Limits], Drafted | None] | None = None
    """How a draft reads a file; None: with the `defaults`. Raises: SourceError.

    For a raw format it recognises such a file by its own header, and returns None for one without it.
    """
    each: LoadEach | None = None
    """Yields the images of several files, each with its file, faster than one by one. Raises: SourceError."""
    series: SeriesLoader | None = None
    any_kind: Loader | None = None
    """How `auto` reads a file that `sniff` has told, where only its elements say which format it is of."""
    parts: Callable[[Path], tuple[Path, ...]] | None = None
    """Returns the files beside one that hold its values, of which it opens none. Raises: SourceError."""
    properties_behind: Callable[[SourceFile, str], tuple[str, ...]] | None = None
    """Returns which properties of a file an attribute, given by its keyword, was made of."""


def check_claim(
    path: Path, limits: Limits, *, rows: int, columns: int, samples: int = 1, pages: int = 1
) -> None:
    """Refuse sizes that a header claims and `limits` does not allow. Raises: SourceError."""
    if rows < 1 or columns < 1 or samples < 1 or pages < 1:
        raise SourceError(f"claims {rows} rows and {columns} columns, which is no image", subject=str(path))
    if rows * columns * samples > limits.image_pixels:
        raise SourceError(
            f"claims {rows} x {columns} x {samples} values, more than the limit of {limits.image_pixels}",
            subject=str(path),
            hint="raise limits.image_pixels in the recipe if that is right",
        )
    if pages > limits.frames:
        raise SourceError(
            f"claims {pages} pages or frames, more than the limit of {limits.frames}",
            subject=str(path),
            hint="raise limits.frames in the recipe if that is right",
        )
