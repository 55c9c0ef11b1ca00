"""What a volume's header says, the same for every format; checked against `limits` and the file's size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from ...errors import Note, SourceError
from ...imaging.exact import DTYPES
from ..base import check_claim
from ..flat import size_of
from .grid import Grid

if TYPE_CHECKING:
    import numpy as np

    from ..options import Limits

_DEFLATED = 1033
"""The most bytes that one byte of a deflated stream gives (zlib.net/zlib_tech.html), rounded up."""
_FURTHEST = 1e9
"""mm from the origin, and from one voxel to the next."""

Packing = Literal["raw", "gzip", "bzip2", "zlib"]


class Header(Struct, frozen=True, kw_only=True):
    """A volume, or several of one shape, and where its values lie."""

    path: Path
    format: str
    data: Path
    """The file that holds the values; `path` itself, or one beside it."""
    offset: int
    """Bytes before the values, in what unpacking gives."""
    start: int = 0
    """Bytes of the file before what is packed."""
    packing: Packing
    dtype: np.dtype[Any]
    """With its byte order."""
    sizes: tuple[int, ...]
    """Of every stored axis, the fastest first."""
    axes: tuple[int, int, int]
    """Which of the stored axes are i, j and k."""
    frames: int | None = None
    """The stored axis that counts the volumes; None: there is one."""
    grid: Grid | None = None
    """Where the voxels lie in the patient; None where the header does not say it."""
    spacing: tuple[float, float, float] | None = None
    """mm along i, j and k, where nothing else of the place is known."""
    slope: float = 1.0
    intercept: float = 0.0
    """Value = stored value x slope + intercept."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along i, j and k."""
        i, j, k = (self.sizes[axis] for axis in self.axes)
        return i, j, k

    @property
    def volumes(self) -> int:
        return 1 if self.frames is None else self.sizes[self.frames]

    @property
    def size(self) -> int:
        """Bytes of all values."""
        return math.prod(self.sizes) * self.dtype.itemsize


def in_file(header: Header, limits: Limits) -> Header:
    """Return the header of a file with its values, checked, with a note on what lies behind these.

    A negative offset puts values that are not packed at the file's end. Raises: SourceError.
    """
    available = size_of(header.data)
    if header.packing != "raw":
        _refuse_too_little(header, available)
        return checked(header, limits, None)
    if header.offset < 0:
        header = replace(header, offset=max(available - header.size, 0))
    header = checked(header, limits, available)
    return replace(header, notes=header.notes + left_over(header, available))


def checked(header: Header, limits: Limits, available: int | None) -> Header:
    """Return the header, once its claims are believable.

    Args:
        header: as the format's module read it.
        limits: bounds on what a file may claim.
        available: bytes of the file with the values; None where they are packed.

    Raises: SourceError.
    """
    subject = str(header.path)
    if header.dtype.newbyteorder("=") not in DTYPES:
        raise SourceError(f"holds {header.dtype} values, which cannot be converted", subject=subject)
    if any(size < 1 for size in header.sizes):
        shown = " x ".join(map(str, header.sizes))
        raise SourceError(f"claims a grid of {shown}, which is no image", subject=subject)
    for slices in header.shape:  # whichever axis counts them
        check_claim(header.path, limits, rows=1, columns=1, pages=slices * header.volumes)
    _refuse_nowhere(header)
    columns, rows, _ = header.shape
    check_claim(header.path, limits, rows=rows, columns=columns)
    if available is None:
        most = 8 * limits.image_pixels
        if header.size > most:
            raise SourceError(
                f"claims {header.size} bytes of packed values, more than the limit of {most}",
                subject=subject,
                hint="raise limits.image_pixels in the recipe, or unpack it: plain values are read in slices",
            )
        return header
    if header.offset + header.size > available:
        held = f"{header.size} bytes of values from byte {header.offset} on"
        raise SourceError(
            f"its header claims {held}, but {header.data.name} has {available} bytes",
            subject=subject,
            hint="the file is truncated, or its header is wrong",
        )
    return header


def _refuse_too_little(header: Header, available: int) -> None:
    """Refuse values that so few packed bytes cannot give (bzip2 has no such bound). Raises: SourceError."""
    claimed = header.offset + header.size
    if header.packing != "bzip2" and claimed > _DEFLATED * available:
        raise SourceError(
            f"its header claims {claimed} bytes, more than the {available} packed bytes of "
            f"{header.data.name} can hold",
            subject=str(header.path),
            hint="the file is truncated, or its header is wrong",
        )


def _refuse_nowhere(header: Header) -> None:
    """Refuse a grid that lies, or goes, where nobody is. Raises: SourceError."""
    grid = header.grid
    numbers = () if grid is None else (*grid.origin, *(part for step in grid.steps for part in step))
    if not all(abs(number) <= _FURTHEST for number in numbers):  # NaN is refused, too
        raise SourceError(
            f"lies further than {_FURTHEST:g} mm away, or is no place", subject=str(header.path)
        )


def left_over(header: Header, available: int) -> tuple[Note, ...]:
    """Return a note where the file goes on behind its values."""
    rest = available - header.offset - header.size
    if rest <= 0:
        return ()
    text = f"{header.data.name} has {rest} bytes more than its header speaks of; they are left out"
    return (Note("bytes-left-over", text, contradiction=True),)


def beside(path: Path, name: str) -> Path:
    """Return the file with the values that a header names.

    Raises: SourceError for one that lies elsewhere.
    """
    if not name or name in (".", "..") or any(mark in name for mark in "/\\:") or not name.isprintable():
        raise SourceError(
            f"names '{name[:80]}' as the file of its values, and only one in the same folder is read",
            subject=str(path),
            hint="put the file beside its header, and its bare name into the header",
        )
    return path.with_name(name)
