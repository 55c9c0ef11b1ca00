"""The values of a volume, slice by slice: mapped where they lie plain, unpacked in one pass where not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from ...errors import SourceError
from ...imaging.image import Pixels
from ..arrays.slices import filled, taken
from ..files import opened, stat_of
from ..flat import plain_values
from ..kept_map import kept
from .grid import Axes
from .header import Header
from .packed import fill, skip, spooled, unpacked

IN_MEMORY = 2**28
"""Bytes of values that are unpacked in memory where slices are not in order."""


def in_order(header: Header, axes: Axes) -> bool:
    """Tell whether each slice lies in one piece, and the slices one after the other."""
    return _order(header, axes) == tuple(range(len(header.sizes)))


def slices(header: Header, axes: Axes, frame: int, wanted: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
    """Yield slices of (rows, columns) by their stored indices, each with its own. Raises: SourceError.

    Args:
        header: of the file.
        axes: which stored axis is what.
        frame: the volume, from 0.
        wanted: stored indices, all rising or all falling.
    """
    plain = header.packing == "raw"
    if in_order(header, axes) and (plain or _rising(wanted)):
        yield from (_read if plain else _streamed)(header, axes, frame, wanted)
        return
    volume = _ordered(_mapped(header) if plain else _whole(header), header, axes)[frame]
    try:
        yield from taken(volume, wanted, header.path)
    finally:
        del volume


def _rising(wanted: Sequence[int]) -> bool:
    return all(one < other for one, other in pairwise(wanted))


def _order(header: Header, axes: Axes) -> tuple[int, ...]:
    """Return the axes of the array, slowest first, as (volumes, slices, rows, columns)."""
    stored = [header.axes[each] for each in (axes.slice, axes.row, axes.column)]
    chosen = stored if header.frames is None else [header.frames, *stored]
    others = [axis for axis in range(len(header.sizes)) if axis not in chosen]
    return tuple(len(header.sizes) - 1 - axis for axis in (*others, *chosen))


def _ordered(values: Pixels, header: Header, axes: Axes) -> Pixels:
    """Return (volumes, slices, rows, columns) of an array as it is stored."""
    rows, columns = (header.shape[each] for each in (axes.row, axes.column))
    turned = values.transpose(_order(header, axes))
    return turned.reshape(header.volumes, header.shape[axes.slice], rows, columns)


def _slice(header: Header, axes: Axes) -> Pixels:
    return np.empty((header.shape[axes.row], header.shape[axes.column]), header.dtype)


def _read(header: Header, axes: Axes, frame: int, wanted: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
    first = frame * header.shape[axes.slice]
    with opened(header.data) as file:
        for index in wanted:
            pixels = _slice(header, axes)
            if not filled(file, pixels, header.offset + (first + index) * pixels.nbytes):
                raise SourceError("ended before its last slice was read", subject=str(header.data))
            yield index, plain_values(pixels, header.path)


def _streamed(header: Header, axes: Axes, frame: int, wanted: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
    first, size = frame * header.shape[axes.slice], _slice(header, axes).nbytes
    done = 0
    with unpacked(header.data, header.packing, header.start) as stream:
        skip(stream, header.offset, header.data)
        for index in wanted:
            skip(stream, (first + index - done) * size, header.data)
            pixels = _slice(header, axes)
            fill(stream, pixels, header.data)
            done = first + index + 1
            if done * size == header.size:
                stream.read(1)  # reading on to the end lets gzip compare the checksum
            yield index, plain_values(pixels, header.path)


def _whole(header: Header) -> Pixels:
    """Return every value, unpacked in memory or, where they are many, in a file. Raises: SourceError."""

    def unpack() -> Pixels:
        with unpacked(header.data, header.packing, header.start) as stream:
            skip(stream, header.offset, header.data)
            if header.size > IN_MEMORY:
                values = np.ndarray(
                    header.sizes[::-1], header.dtype, spooled(stream, header.size, header.data)
                )
            else:
                values = np.empty(header.sizes[::-1], header.dtype)
                fill(stream, values, header.data)
            stream.read(1)
        return values

    return kept((header.path, stat_of(header.path), stat_of(header.data)), unpack)


def _mapped(header: Header) -> Pixels:
    """Return every value where it lies, not in memory until it is used. Raises: SourceError."""

    def mapping() -> Pixels:
        values = np.memmap(header.data, header.dtype, "r", header.offset, header.sizes[::-1])
        return values.view(np.ndarray)

    try:
        return kept((header.path, stat_of(header.path), stat_of(header.data)), mapping)
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot be mapped into memory: {error}", subject=str(header.data)) from error
