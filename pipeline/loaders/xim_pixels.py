"""The pixel coding of XIM files, undone with whole-array arithmetic; nothing here reads a file.

FORMATS.md, XIM 2: ``p[i] = d[i] + p[i-1] + p[i-width] - p[i-width-1]`` over the flat index. With
``r[i] = p[i] - p[i-width]`` that is ``r[i] = r[i-1] + d[i]``: one running sum along the flat array, then
one down the columns. int32 arithmetic wraps around, as the format's does.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]

_FEW = 4096
"""With no more table bytes that are not zero than this, the bytes between them are copied run by run."""

_BLOCK = 1 << 13
"""Bytes of the table taken at once (four differences each), so that what is made of them stays in cache."""
_ROOM = 16 * _BLOCK
"""Most bytes of differences in a block."""

_CODES = np.array([[byte >> shift & 3 for shift in (0, 2, 4, 6)] for byte in range(256)], dtype=np.uint8)
_SIZES = np.array([1, 2, 4, 0], dtype=np.int64)
_TOTAL = _SIZES[_CODES].sum(axis=1)
"""Bytes that the four differences of a table byte take."""
_HAS_FOUR = (_CODES == 2).any(axis=1)
_HAS_THREE = (_CODES == 3).any(axis=1)
_NOTHING = 3
"""Stands for the code before the first of a block: it takes no byte."""


def _steps() -> Indices:
    """From one difference to the next where `_mixed` looks them up, (code before x table byte, 4)."""
    half = np.where((_SIZES == 2) | (_SIZES == 4), _ROOM, 0)
    codes = np.broadcast_to(_CODES, (4, 256, 4))
    before = np.empty_like(codes)
    before[..., 0] = np.arange(4)[:, None]
    before[..., 1:] = codes[..., :3]
    return (_SIZES[before] + half[codes] - half[before]).reshape(4 * 256, 4)


_STEPS = _steps()


class CodingError(ValueError):
    """The table and the coded bytes contradict each other; the message says how."""


def decode(seeds: Int32, table: Bytes, data: Bytes, rows: int, columns: int) -> Int32:
    """A compressed image of at least two rows, (rows, columns), int32.

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
    np.subtract(seeds[columns:], seeds[:1], out=rises[:1])  # of arrays, which wrap in silence
    _differences(table, data, rises[1:])
    np.cumsum(rises, out=rises)
    for above, row in pairwise(image):
        np.add(row, above, out=row)
    return image


def _differences(table: Bytes, data: Bytes, out: Int32) -> None:
    """Fill `out` with the signed differences."""
    table = _without_tail(table, out.size)
    some = np.flatnonzero(table != 0)
    counts = np.bincount(table[some], minlength=256)
    counts[0] = table.size - some.size
    if counts[_HAS_THREE].any():
        raise CodingError("the look-up table holds a code 3, which has no size")
    need = int(counts @ _TOTAL) - (4 * table.size - out.size)
    if need != data.size:
        raise CodingError(f"the look-up table asks for {need} bytes of differences, there are {data.size}")
    if some.size > _FEW:
        _mixed(table, data, out)
    else:
        _in_runs(table, some, data, out)


def _without_tail(table: Bytes, count: int) -> Bytes:
    """The table of `count` codes, with zeros where its last byte has room for more."""
    spare = -count % 4
    if spare and table[-1] >> (8 - 2 * spare):
        table = table.copy()
        table[-1] &= 0xFF >> 2 * spare
    return table


def _in_runs(table: Bytes, some: Indices, data: Bytes, out: Int32) -> None:
    """Differences of one byte with a few longer ones (in `some` table bytes): copied run by run."""
    codes = _CODES[table[some]]
    which, position = np.nonzero(codes)
    longs = some[which] * 4 + position
    sizes = _SIZES[codes[which, position]]
    starts = longs + np.cumsum(sizes - 1) - (sizes - 1)
    short = data.view(np.int8)
    at, byte = 0, 0
    for long, start, size in zip(longs.tolist(), starts.tolist(), sizes.tolist(), strict=True):
        out[at:long] = short[byte:start]
        at, byte = long + 1, start + size
    out[at:] = short[byte:]
    out[longs] = _gather(data, starts, sizes)


def _gather(data: Bytes, starts: Indices, sizes: Indices) -> Int32:
    """Little-endian signed integers of 1, 2 or 4 bytes at `starts`."""
    padded = np.concatenate([data, np.zeros(3, np.uint8)])
    words = padded[starts[:, None] + np.arange(4)].view("<i4").reshape(-1).astype(np.int32)
    shift = (32 - 8 * sizes).astype(np.int32)
    values: Int32 = (words << shift) >> shift
    return values


def _mixed(table: Bytes, data: Bytes, out: Int32) -> None:
    """Differences of one and two bytes in any mixture, and of four bytes now and then.

    Every byte of a block is made a short difference, and every two neighbours a long one `_ROOM` further
    on; a running sum of steps then says where each difference stands. Four bytes are put right afterwards.
    """
    both = np.empty(2 * _ROOM, np.int16)
    buffers = np.empty((_BLOCK, 4), np.int64), np.empty(4 * _BLOCK, np.int16)
    keys = table.astype(np.uint16)
    keys[1:] |= (table[:-1] >> 6).astype(np.uint16) << 8
    keys[::_BLOCK] = table[::_BLOCK].astype(np.uint16) | _NOTHING << 8
    begin = 0
    for first in range(0, table.size, _BLOCK):
        block = table[first : first + _BLOCK]
        part = out[4 * first : 4 * (first + _BLOCK)]
        here = data[begin : begin + int(_TOTAL.take(block).sum())]
        both[: here.size] = here.view(np.int8)
        for start in (0, 1):
            long = here[start : start + (here.size - start) // 2 * 2].view("<i2")
            both[_ROOM + start : _ROOM + start + 2 * long.size : 2] = long
        steps, values = buffers[0][: block.size], buffers[1][: part.size]
        # "clip" only spares numpy a copy: every step is within bounds
        at = _STEPS.take(keys[first : first + _BLOCK], axis=0, out=steps, mode="clip").reshape(-1)[
            : part.size
        ]
        np.cumsum(at, out=at)
        part[...] = both.take(at, out=values, mode="clip")
        _longest(block, here, at, part)
        begin += here.size


def _longest(block: Bytes, here: Bytes, at: Indices, part: Int32) -> None:
    """Put right the differences of four bytes of a block, of which the first two are in place."""
    some = np.flatnonzero(_HAS_FOUR.take(block))
    if some.size:
        which, position = np.nonzero(_CODES[block[some]] == 2)
        four = some[which] * 4 + position
        part[four] = _gather(here, at[four] - _ROOM, np.full(four.size, 4))
