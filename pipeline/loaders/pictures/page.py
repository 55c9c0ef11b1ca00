"""A page of a picture file: described by its headers, decoded on demand.

All readers of pictures make these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from msgspec import Struct, field

from ...errors import Note, SourceError
from ...imaging.image import Codestream, Geometry, Lossy, Origin, Pixels
from ..files import opened

if TYPE_CHECKING:
    from ..options import Limits

PILLOW_FAILURES = (
    OSError, ValueError, TypeError, SyntaxError, RuntimeError, EOFError, LookupError, MemoryError,
)  # fmt: skip
"""What Pillow raises on bytes that are no sound picture."""

BROKEN = "its bytes are not what its header says"
"""The reason for a damaged picture, where the library gives none."""
_PLAUSIBLE = (10.0, 100_000.0)
"""Pixels per inch of real scans and exposures; 1 is written by programs that know no resolution."""
_INCH = 25.4
_DECIMALS = 10
_SWAPPING = frozenset({5, 6, 7, 8})


class Page(Struct, frozen=True):
    """One picture of a file. `shape` and `geometry` are those of the upright picture."""

    shape: tuple[int, ...]
    """(rows, columns), or (rows, columns, samples)."""
    dtype: str
    photometric: Literal["MONOCHROME1", "MONOCHROME2", "RGB"]
    decode: Callable[[], Pixels]
    """Returns the pixels of `shape`, upright. Raises: SourceError."""
    alpha: bool = False
    """Whether the last sample is opacity."""
    geometry: Geometry = field(default_factory=Geometry)
    properties: Mapping[str, Any] = field(default_factory=dict)
    unnamed: int = 0
    """Number of samples after the colours whose meaning the file does not give."""
    lossy: Lossy | None = None
    codestream: Codestream | None = None
    notes: tuple[Note, ...] = ()


class Pages(Struct, frozen=True):
    """The pages of an open file; `page` gives one by its index, from 0. Raises: SourceError."""

    count: int
    page: Callable[[int], Page]


def read_all(path: Path, limits: Limits) -> bytes:
    """Return the bytes of a picture file; refuse more than any allowed picture needs, before they are read.

    Raises: SourceError.
    """
    most = 8 * limits.image_pixels + limits.header_bytes
    with opened(path) as file:
        size = file.seek(0, 2)
        if size > most:
            raise SourceError(
                f"has {size} bytes, more than the limit of {most} for a picture",
                subject=str(path),
                hint="raise limits.image_pixels in the recipe if that is right",
            )
        file.seek(0)
        return file.read()


def resolution(
    across: float | None, down: float | None, millimetres: float | None, names: str
) -> tuple[Geometry, tuple[Note, ...]]:
    """Return the spacing from pixels per unit, as the file's field `names` says; ignore nonsense with a note.

    Args:
        across: columns per unit.
        down: rows per unit.
        millimetres: length of the unit; None where the file gives none.
    """
    if across is None or down is None:
        return Geometry(), ()
    if millimetres is None:
        return Geometry(), (_ignored(f"{names} has no unit"),)
    per_inch = tuple(value * _INCH / millimetres for value in (across, down))
    if not all(_PLAUSIBLE[0] <= value <= _PLAUSIBLE[1] for value in per_inch):
        said = " x ".join(f"{value:.4g}" for value in per_inch)
        return Geometry(), (_ignored(f"{names} says {said} pixels per inch, which no scan has"),)
    spacing = (round(millimetres / down, _DECIMALS), round(millimetres / across, _DECIMALS))
    return Geometry().having(Origin("file", names), spacing=spacing), ()


def _ignored(why: str) -> Note:
    return Note("resolution-ignored", f"{why}; the file's resolution is ignored")


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """Return the upright picture of a stored one, by the Orientation tag of TIFF and EXIF (1 to 8)."""
    match orientation:
        case 2:
            return pixels[:, ::-1]
        case 3:
            return pixels[::-1, ::-1]
        case 4:
            return pixels[::-1]
        case 5:
            return np.swapaxes(pixels, 0, 1)
        case 6:
            return np.rot90(pixels, -1)
        case 7:
            return np.swapaxes(pixels[::-1, ::-1], 0, 1)
        case 8:
            return np.rot90(pixels, 1)
        case _:
            return pixels


def turned_shape(shape: tuple[int, ...], orientation: int) -> tuple[int, ...]:
    return (shape[1], shape[0], *shape[2:]) if orientation in _SWAPPING else shape


def turned_geometry(geometry: Geometry, orientation: int) -> Geometry:
    """Return the geometry of the upright picture: a quarter turn swaps the spacings."""
    if geometry.spacing is None or orientation not in _SWAPPING:
        return geometry
    return geometry.having(geometry.origins["spacing"], spacing=geometry.spacing[::-1])


def known_orientation(value: object) -> tuple[int, tuple[Note, ...]]:
    """Return the orientation to apply, and a note where the file's value is invalid."""
    number = whole(value)
    if value is None or (number is not None and 1 <= number <= 8):
        return number or 1, ()
    return 1, (Note("orientation-unknown", f"Orientation {value!r} is none of 1 to 8 and is ignored"),)


def whole(value: object) -> int | None:
    """Return the whole number of a tag of any integer type; tifffile gives one of type BYTE as bytes."""
    if isinstance(value, bytes | tuple) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, int) else None


def ratio(page_bytes: int, file_bytes: int) -> float:
    """Return uncompressed / compressed size."""
    return round(page_bytes / max(file_bytes, 1), 4)
