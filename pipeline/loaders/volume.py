"""3D numpy arrays, ``.npy`` or ``.npz``, as slices in patient coordinates (PS3.3 C.7.6.2).

Slice k lies at origin + k x spacing x normal, where the normal is the cross product of the row's and the
column's direction cosines: head first with the default orientation, z rising with k.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SourceError
from ..image import Geometry, Image, Origin, PatientPlane
from .base import Loader, Probe, check_claim
from .npy import Member, find

if TYPE_CHECKING:
    from ...schemas.recipe import Limits
    from ...schemas.sources import VolumeSource

_TOLERANCE = 1e-4
"""How far direction cosines may be from unit length and from a right angle."""
_DECIMALS = 10


def load(path: Path, source: VolumeSource, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """Slices in order, (rows, columns) each; `pages` picks some, from 0. Raises: SourceError."""
    from .volume_slices import slices_of

    yield from slices_of(find_volume(path, source, limits), Planes(source, path), pages)


_ORIGINS = dict.fromkeys(("spacing", "patient"), Origin("conversion", "source"))


class Planes:
    """The plane of each slice."""

    def __init__(self, source: VolumeSource, path: Path) -> None:
        self.source = source
        row, column = source.orientation[:3], source.orientation[3:]
        if abs(math.hypot(*row) - 1) > _TOLERANCE or abs(math.hypot(*column) - 1) > _TOLERANCE:
            raise SourceError(
                "cannot be placed: 'orientation' is two direction cosines, each of length 1",
                subject=str(path),
            )
        if abs(sum(r * c for r, c in zip(row, column, strict=True))) > _TOLERANCE:
            raise SourceError(
                "cannot be placed: the direction cosines of 'orientation' are not at a right angle",
                subject=str(path),
            )
        self.normal = (
            row[1] * column[2] - row[2] * column[1],
            row[2] * column[0] - row[0] * column[2],
            row[0] * column[1] - row[1] * column[0],
        )

    def geometry(self, index: int) -> Geometry:
        """Of the slice with this index, from 0."""
        rows, columns, slices = self.source.spacing
        x, y, z = (
            round(start + index * slices * part, _DECIMALS)
            for start, part in zip(self.source.origin, self.normal, strict=True)
        )
        plane = PatientPlane((x, y, z), self.source.orientation, thickness=slices, spacing=slices)
        return Geometry(spacing=(rows, columns), patient=plane, origins=_ORIGINS)


def probe(path: Path, source: VolumeSource, limits: Limits) -> Probe:
    """Shape of a slice, dtype and number of slices by the header. Raises: SourceError."""
    member = find_volume(path, source, limits)
    shape = member.header.shape
    rows_columns = tuple(length for axis, length in enumerate(shape) if axis != source.slice_axis)
    return Probe(
        "volume",
        rows_columns,
        member.header.dtype_name,
        shape[source.slice_axis],
        Planes(source, path).geometry(0),
    )


def find_volume(path: Path, source: VolumeSource, limits: Limits) -> Member:
    """The 3D array that is meant, checked. Raises: SourceError."""
    member = find(path, source.key, limits)
    shape: tuple[Any, ...] = member.header.shape
    if len(shape) != 3:
        hint = "read it as source array" if len(shape) == 2 else ""
        raise SourceError(f"holds an array of shape {shape}, not a 3D one", subject=str(path), hint=hint)
    rows, columns = (length for axis, length in enumerate(shape) if axis != source.slice_axis)
    check_claim(path, limits, rows=rows, columns=columns, pages=shape[source.slice_axis])
    if source.intercept is not None:
        _check_intercept(path, member, source)
    return member


def _check_intercept(path: Path, member: Member, source: VolumeSource) -> None:
    header, intercept = member.header, source.intercept or 0.0
    if header.kind != "u":
        raise SourceError(
            f"'intercept' is for unsigned arrays, this one is {header.dtype_name}",
            subject=str(path),
            hint="leave 'intercept' out, or use the operation rescale",
        )
    if source.units != "hu":
        raise SourceError(
            "'intercept' says where 0 HU lies, but 'units' is not hu", subject=str(path), hint="add units: hu"
        )
    if intercept != int(intercept):
        raise SourceError(f"'intercept' is {intercept}; only a whole number is exact", subject=str(path))
    if header.itemsize > 4 or abs(intercept) >= 2**31:
        raise SourceError(
            f"the sum of {header.dtype_name} values and the intercept {intercept:.10g} fits no dtype",
            subject=str(path),
        )


LOADER = Loader(load, probe, "3D numpy array, .npy or .npz, as slices")
