"""Load 3D numpy arrays, ``.npy`` or ``.npz``, as slices in patient coordinates (PS3.3 C.7.6.2).

Slice k lies at origin + k x spacing x normal, where the normal is the cross product of the row's and the
column's direction cosines: head first with the default orientation, z rising with k.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import SourceError
from ...imaging.image import Image
from ...imaging.probe import Probe
from ..base import Loader, check_claim
from .npy import Member, find
from .planes import Planes

if TYPE_CHECKING:
    from ..options import Limits, VolumeOptions


def load(path: Path, source: VolumeOptions, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """Yield slices in order, (rows, columns) each; `pages` picks some, from 0. Raises: SourceError."""
    from .slices import slices_of

    yield from slices_of(find_volume(path, source, limits), Planes(source, path), pages)


def probe(path: Path, source: VolumeOptions, limits: Limits) -> Probe:
    """Return shape of a slice, dtype and number of slices from the header. Raises: SourceError."""
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


def find_volume(path: Path, source: VolumeOptions, limits: Limits) -> Member:
    """Return the 3D array that is meant, checked. Raises: SourceError."""
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


def _check_intercept(path: Path, member: Member, source: VolumeOptions) -> None:
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


LOADER = Loader(load, probe)
