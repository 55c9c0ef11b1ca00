"""3D numpy arrays, ``.npy`` or ``.npz``, as slices in patient coordinates (PS3.3 C.7.6.2).

A ``.npy`` is mapped, not read: each slice is taken out of the file as it is needed. Slice k lies at
origin + k x spacing x normal, where the normal is the cross product of the row's and the column's
direction cosines: head first with the default orientation, z rising with k.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...schemas.recipe import Limits
from ...schemas.sources import VolumeSource
from ..errors import SourceError
from ..image import Geometry, Image, Origin, PatientPlane, Pixels, SourceFile, Stored
from .base import Loader, Probe, check_claim
from .flat import plain_values
from .npy import Member, find, mapped, read

_UNITS = {"hu": "HU", "none": None}
_TOLERANCE = 1e-4
"""How far direction cosines may be from unit length and from a right angle."""
_DECIMALS = 10
_BLOCK = 32 * 2**20
"""Bytes of interleaved slices that are read together."""


def load(path: Path, source: VolumeSource, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """Slices in order, (rows, columns) each; `pages` picks some, from 0. Raises: SourceError."""
    member = _find(path, source, limits)
    planes = _Planes(source, path)
    values = mapped(member) if member.mappable else read(member)
    slices = np.moveaxis(values, source.slice_axis, 0)
    wanted = range(slices.shape[0]) if pages is None else pages
    for index, pixels in _taken(slices, [index for index in wanted if 0 <= index < slices.shape[0]], path):
        yield _in_units(
            Image(pixels, planes.geometry(index), sources=(_file(member, source, index),)), source
        )


def _taken(slices: Pixels, wanted: Sequence[int], path: Path) -> Iterator[tuple[int, Pixels]]:
    """Slices of (slices, rows, columns), each with its index; in blocks where they lie interleaved."""
    if not wanted:
        return
    interleaved = slices.strides[0] == slices.itemsize < slices.strides[2]
    most = max(1, _BLOCK // (slices[0].size * slices.itemsize)) if interleaved else 1
    for first in range(0, len(wanted), most):
        indices = wanted[first : first + most]
        try:
            block = _block(slices, indices)
        except OSError as error:
            raise SourceError(f"cannot be read: {error}", subject=str(path)) from error
        for index, pixels in zip(indices, block, strict=True):
            yield index, plain_values(pixels, path)


def _block(slices: Pixels, indices: Sequence[int]) -> Pixels:
    """Some slices at equal distances as (slices, rows, columns), contiguous.

    Row by row: interleaved slices share each line of memory, which is then read once for all of them.
    """
    count, rows, columns = len(indices), *slices.shape[1:]
    block = np.empty((count, rows, columns), slices.dtype)
    part = slices[indices[0] : indices[-1] + 1 : indices[1] - indices[0] if count > 1 else 1]
    if count == 1:
        block[...] = part
    else:
        for row in range(rows):
            block[:, row] = part[:, row]
    return block


def _file(member: Member, source: VolumeSource, index: int) -> SourceFile:
    properties = {"key": member.name.removesuffix(".npy")} if member.name else {}
    pages = member.header.shape[source.slice_axis]
    return SourceFile(member.path, "volume", properties, page=index + 1, pages=pages)


def _in_units(image: Image, source: VolumeSource) -> Image:
    image = image.replace(units=_UNITS[source.units])
    return image if source.intercept is None else _rescaled(image, source.intercept)


def _rescaled(image: Image, intercept: float) -> Image:
    """Stored values and the modality values they stand for; exact, in an integer dtype."""
    stored = image.pixels
    whole = int(intercept)
    highest = np.iinfo(stored.dtype).max + max(whole, 0)
    fitting = next(
        (
            name
            for name in ("int16", "int32", "int64")
            if np.iinfo(name).min <= whole and highest <= np.iinfo(name).max
        ),
        None,
    )
    assert fitting is not None  # _find refuses what does not fit
    values = stored.astype(fitting) + np.dtype(fitting).type(whole)
    bits = stored.dtype.itemsize * 8
    return image.replace(pixels=values, stored=Stored(stored, 1.0, intercept, image.units or "US", bits))


class _Planes:
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
        origin = Origin("conversion", "source")
        return Geometry().having(origin, spacing=(rows, columns), patient=plane)


def probe(path: Path, source: VolumeSource, limits: Limits) -> Probe:
    """Shape of a slice, dtype and number of slices by the header. Raises: SourceError."""
    member = _find(path, source, limits)
    shape = member.header.shape
    rows_columns = tuple(length for axis, length in enumerate(shape) if axis != source.slice_axis)
    return Probe(
        "volume",
        rows_columns,
        member.header.dtype.name,
        shape[source.slice_axis],
        _Planes(source, path).geometry(0),
    )


def _find(path: Path, source: VolumeSource, limits: Limits) -> Member:
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
    dtype, intercept = member.header.dtype, source.intercept or 0.0
    if dtype.kind != "u":
        raise SourceError(
            f"'intercept' is for unsigned arrays, this one is {dtype.name}",
            subject=str(path),
            hint="leave 'intercept' out, or use the operation rescale",
        )
    if source.units != "hu":
        raise SourceError(
            "'intercept' says where 0 HU lies, but 'units' is not hu", subject=str(path), hint="add units: hu"
        )
    if intercept != int(intercept):
        raise SourceError(f"'intercept' is {intercept}; only a whole number is exact", subject=str(path))
    if dtype.itemsize > 4 or abs(intercept) >= 2**31:
        raise SourceError(
            f"the sum of {dtype.name} values and the intercept {intercept:.10g} fits no dtype",
            subject=str(path),
        )


LOADER = Loader(load, probe, "3D numpy array, .npy or .npz, as slices")
