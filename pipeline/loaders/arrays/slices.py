"""Read the slices of a 3D array one by one, or in blocks.

Slices of a ``.npy`` that are contiguous in the file are read; others are copied from a memory map of the
file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import SourceError
from ...imaging.image import Image, Pixels, SourceFile, Stored
from ..files import opened
from ..flat import plain_values
from .npy import Member
from .npy_values import mapped, read
from .planes import Planes

_UNITS = {"hu": "HU", "none": None}
_BLOCK = 32 * 2**20
"""Bytes of interleaved slices that are read together."""


def slices_of(member: Member, planes: Planes, pages: range | None) -> Iterator[Image]:
    """Yield slices in order, (rows, columns) each; `pages` picks some, from 0. Raises: SourceError."""
    source = planes.source
    count = member.header.shape[source.slice_axis]
    wanted = [index for index in (range(count) if pages is None else pages) if 0 <= index < count]
    if member.mappable and source.slice_axis == 0 and not member.header.fortran:
        found = _read(member, wanted)
    else:
        values = mapped(member) if member.mappable else read(member)
        found = taken(np.moveaxis(values, source.slice_axis, 0), wanted, member.path)
    units = _UNITS[source.units]
    for index, pixels in found:
        image = Image(pixels, planes.geometry(index), units=units, sources=(_file(member, index, count),))
        yield image if source.intercept is None else _rescaled(image, source.intercept)


def _read(member: Member, wanted: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
    """Yield slices of an array of (slices, rows, columns) in C order, each with its index."""
    shape, dtype = member.header.shape[1:], np.dtype(member.header.descr)
    with opened(member.path) as file:
        for index in wanted:
            pixels = np.empty(shape, dtype)
            if not filled(file, pixels, member.header.offset + index * pixels.nbytes):
                raise SourceError("ended before its last slice was read", subject=str(member.path))
            yield index, plain_values(pixels, member.path)


def filled(file: BufferedReader, pixels: Pixels, offset: int) -> bool:
    """Read `pixels` from byte `offset` of the file, and tell whether the file had enough bytes.

    Read without a buffer: in one of 128 KiB (Python 3.14) the next slices would be kept, whatever happened to
    the file since.
    """
    raw: Any = file.raw
    raw.seek(offset)
    left = memoryview(pixels.reshape(-1).view(np.uint8).data)
    while left:
        count = raw.readinto(left)
        if not count:
            return False
        left = left[count:]
    return True


def taken(slices: Pixels, wanted: Sequence[int], path: Path) -> Iterator[tuple[int, Pixels]]:
    """Yield slices of (slices, rows, columns), each with its index; in blocks where they lie interleaved.

    Args: wanted: their indices, at equal distances. Raises: SourceError.
    """
    if not wanted:
        return
    interleaved = slices.strides[0] < slices.strides[2]
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
    """Return some slices at equal distances as (slices, rows, columns), contiguous.

    They are copied row by row: interleaved slices share each cache line, which is then read once for all of
    them.
    """
    count, rows, columns = len(indices), *slices.shape[1:]
    block = np.empty((count, rows, columns), slices.dtype)
    step = indices[1] - indices[0] if count > 1 else 1
    stop = indices[-1] + (1 if step > 0 else -1)
    part = slices[indices[0] : stop if stop >= 0 else None : step]
    if count == 1:
        block[...] = part
    else:
        for row in range(rows):
            block[:, row] = part[:, row]
    return block


def _file(member: Member, index: int, pages: int) -> SourceFile:
    properties = {"key": member.name.removesuffix(".npy")} if member.name else {}
    return SourceFile(member.path, "volume", properties, page=index + 1, pages=pages)


def _rescaled(image: Image, intercept: float) -> Image:
    """Return stored values and the modality values they stand for; exact, in an integer dtype."""
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
    assert fitting is not None  # find_volume refuses an intercept that does not fit
    values = stored.astype(fitting) + np.dtype(fitting).type(whole)
    bits = stored.dtype.itemsize * 8
    return image.replace(pixels=values, stored=Stored(stored, 1.0, intercept, image.units or "US", bits))
