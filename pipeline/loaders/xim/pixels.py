"""Undo the pixel coding of XIM files with whole-array arithmetic; no file is read.

docs/formats/xim.md: ``p[i] = d[i] + p[i-1] + p[i-width] - p[i-width-1]`` over the flat index. With
``r[i] = p[i] - p[i-width]`` that is ``r[i] = r[i-1] + d[i]``: one running sum along the flat array, then
one down the columns. int32 arithmetic wraps around, as the format's does.

Why it is not a loop of ten lines: in Python that takes seconds for one image of 1190 x 1190, and a linac
writes hundreds in a morning. numpy cannot branch on the size of each difference, so the bytes are read as
every size at once and the right ones are picked by position; and where nearly all differences take one byte,
as in smooth images, the bytes between the few longer ones are copied as they are. Blocks are as large as a
processor's cache takes. That both ways give what the loop gives is tested with random images and tables.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from imagecodecs import delta_decode

Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]

_FEW = 4096
"""Up to so many table bytes that are not zero, the bytes between them are copied run by run."""

_BLOCK = 1 << 13
"""Bytes of the table taken at once (four differences each), so that what is made of them stays in cache."""
_ROOM = 16 * _BLOCK
"""Most bytes of differences in a block."""

_CODES = np.array([[byte >> shift & 3 for shift in (0, 2, 4, 6)] for byte in range(256)], dtype=np.uint8)
_SIZES = np.array([1, 2, 4, 0], dtype=np.int64)
_NOTHING = 3
"""The code before the first one of a block: it takes no byte."""


def _steps() -> Indices:
    """Return the step from one difference to the next where `_mixed` finds them.

    The table has the shape (code before x table byte, 4).
    """
    half = np.where((_SIZES == 2) | (_SIZES == 4), _ROOM, 0)
    codes = np.broadcast_to(_CODES, (4, 256, 4))
    before = np.empty_like(codes)
    before[..., 0] = np.arange(4)[:, None]
    before[..., 1:] = codes[..., :3]
    return (_SIZES[before] + half[codes] - half[before]).reshape(4 * 256, 4)


_STEPS = _steps()


class CodingError(ValueError):
    """A contradiction between the table and the coded bytes; the message names it."""


def decode(seeds: Int32, table: Bytes, data: Bytes, rows: int, columns: int) -> Int32:
    """Return a compressed image of at least two rows, (rows, columns), int32.

    Args:
        seeds: the first `columns` + 1 pixels.
        table: a two-bit code for each further pixel, four per byte, the lowest bits first:
            0, 1 and 2 say that its difference takes 1, 2 and 4 bytes.
        data: the differences, little endian, and nothing else.

    Raises:
        CodingError: a code 3, or more or fewer bytes than the table asks for.
    """
    image = np.empty((rows, columns), np.int32)
    flat = image.reshape(-1)
    flat[: columns + 1] = seeds
    rises = flat[columns:]
    np.subtract(seeds[columns:], seeds[:1], out=rises[:1])  # of arrays, which wrap around without a warning
    _differences(table, data, rises[1:])
    _sum_up(rises.view(np.uint32))
    add = np.add
    for above, row in pairwise(image):
        add(row, above, row)
    return image


def _sum_up(values: npt.NDArray[Any]) -> None:
    """Replace values by their running sum, as numpy's `cumsum` does, which takes six times as long."""
    delta_decode(values, out=values)


def _differences(table: Bytes, data: Bytes, out: Int32) -> None:
    """Fill `out` with the signed differences."""
    table = _without_tail(table, out.size)
    if np.count_nonzero(table) > _FEW:
        _mixed(table, data, out)
    else:
        _in_runs(table, data, out)


def _check(codes: Bytes, need: int, data: Bytes) -> None:
    """Check the codes.

    Raises: CodingError, for a code 3 among some codes, or for another number of bytes than are needed.
    """
    if (codes == 3).any():
        raise CodingError("the look-up table holds a code 3, which has no size")
    if need != data.size:
        raise CodingError(f"the look-up table asks for {need} bytes of differences, there are {data.size}")


def _without_tail(table: Bytes, count: int) -> Bytes:
    """Return the table of `count` codes, with zeros where its last byte has room for more."""
    spare = -count % 4
    if spare and table[-1] >> (8 - 2 * spare):
        table = table.copy()
        table[-1] &= 0xFF >> 2 * spare
    return table


def _in_runs(table: Bytes, data: Bytes, out: Int32) -> None:
    """Fill `out` with differences of one byte with a few longer ones between, copied run by run."""
    some = np.flatnonzero(table)
    codes = _CODES[table[some]]
    which, position = np.nonzero(codes)
    longs = some[which] * 4 + position
    sizes = _SIZES[codes[which, position]]
    _check(codes, out.size + int((sizes - 1).sum()), data)
    starts = longs + np.cumsum(sizes - 1) - (sizes - 1)
    short = data.view(np.int8)
    at, byte = 0, 0
    for long, start, size in zip(longs.tolist(), starts.tolist(), sizes.tolist(), strict=True):
        out[at:long] = short[byte:start]
        at, byte = long + 1, start + size
    out[at:] = short[byte:]
    for size, kind in ((2, "<i2"), (4, "<i4")):
        out[longs[sizes == size]] = _gather(data, starts[sizes == size], kind)


def _gather(data: Bytes, starts: Indices, kind: str) -> npt.NDArray[Any]:
    """Return the little-endian integers at `starts`."""
    size = np.dtype(kind).itemsize
    values: npt.NDArray[Any] = data[starts[:, None] + np.arange(size)].view(kind).reshape(-1)
    return values


def _mixed(table: Bytes, data: Bytes, out: Int32) -> None:
    """Fill `out` with differences of one and two bytes in any mixture, and of four bytes now and then.

    Every byte of a block is made a short difference, and every two neighbours a long one `_ROOM` further on;
    a running sum of steps then says where each difference is. Differences of four bytes are set afterwards.
    """
    some = np.flatnonzero(table & 0b10101010 != 0)
    codes = _CODES[table[some]]
    which, position = np.nonzero(codes == 2)
    fours = some[which] * 4 + position
    totals = _totals(table, some[which])
    _check(codes, int(totals.sum()) - (4 * table.size - out.size), data)
    both, low = np.empty(2 * _ROOM, np.int16), np.empty(_ROOM, np.int16)
    buffers = np.empty((_BLOCK, 4), np.int64), np.empty(4 * _BLOCK, np.int16)
    keys = table.astype(np.uint16)
    keys[1:] |= (table[:-1] >> 6).astype(np.uint16) << 8
    keys[::_BLOCK] = table[::_BLOCK].astype(np.uint16) | _NOTHING << 8
    places = []
    edges = np.searchsorted(fours, np.arange(0, 4 * (table.size + _BLOCK), 4 * _BLOCK))
    begin = 0
    for number, total in enumerate(totals.tolist()):
        first = number * _BLOCK
        part = out[4 * first : 4 * (first + _BLOCK)]
        coded = data[begin : begin + total]
        total = coded.size  # less where the table has codes to spare
        both[:total] = coded.view(np.int8)
        low[:total], high = coded, both[_ROOM : _ROOM + total - 1]
        np.left_shift(low[1:total], 8, high)
        np.bitwise_or(low[: total - 1], high, high)
        block = keys[first : first + _BLOCK]
        steps, values = buffers[0][: block.size], buffers[1][: part.size]
        # "clip" only spares numpy a copy: every step is within bounds
        at = _STEPS.take(block, axis=0, out=steps, mode="clip").reshape(-1)[: part.size]
        _sum_up(at)
        part[...] = both.take(at, out=values, mode="clip")
        own = fours[edges[number] : edges[number + 1]]
        places.append(at[own - 4 * first] + (begin - _ROOM))
        begin += total
    out[fours] = _gather(data, np.concatenate(places), "<i4")


def _totals(table: Bytes, fours: Indices) -> Indices:
    """Return the bytes of differences of each block of a table; `fours`: its byte for each code 2 in it."""
    ones = table & 0b01010101
    ones = (ones & 0b00110011) + (ones >> 2 & 0b00110011)
    ones = (ones & 0b00001111) + (ones >> 4)
    starts = np.arange(0, table.size, _BLOCK)
    sizes = np.minimum(table.size - starts, _BLOCK)
    extra = np.bincount(fours // _BLOCK, minlength=starts.size)
    totals: Indices = 4 * sizes + np.add.reduceat(ones, starts, dtype=np.int64) + 3 * extra
    return totals
