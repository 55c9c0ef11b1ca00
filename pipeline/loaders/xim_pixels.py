"""The pixel coding of XIM files, undone with whole-array arithmetic; nothing here reads a file.

FORMATS.md, XIM 2: ``p[i] = d[i] + p[i-1] + p[i-width] - p[i-width-1]`` over the flat index. With
``r[i] = p[i] - p[i-width]`` that is ``r[i] = r[i-1] + d[i]``: one running sum along the flat array, then
one down the columns. int32 arithmetic wraps around, as the format's does.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]

_FEW = 4096
"""With no more differences above one byte than this, the bytes between them are copied run by run."""

_BLOCK = 1 << 14
"""Bytes of the table taken at once (four differences each), so that what is made of them stays in cache."""

_CODES = np.array([[byte >> shift & 3 for shift in (0, 2, 4, 6)] for byte in range(256)], dtype=np.uint8)
_SIZES = np.array([1, 2, 4, 0], dtype=np.int64)
_TOTAL = _SIZES[_CODES].sum(axis=1)
"""Bytes that the four differences of a table byte take."""
_BEFORE = np.cumsum(_SIZES[_CODES], axis=1) - _SIZES[_CODES]
"""Bytes that the differences before each of the four take."""
_LONGER = (_CODES != 0).sum(axis=1)
_HAS_THREE = (_CODES == 3).any(axis=1)


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
    for row in range(1, rows):
        np.add(image[row], image[row - 1], out=image[row])
    return image


def _differences(table: Bytes, data: Bytes, out: Int32) -> None:
    """Fill `out` with the signed differences."""
    table = _without_tail(table, out.size)
    need = int(_TOTAL.take(table).sum()) - (4 * table.size - out.size)
    if _HAS_THREE.take(table).any():
        raise CodingError("the look-up table holds a code 3, which has no size")
    if need != data.size:
        raise CodingError(f"the look-up table asks for {need} bytes of differences, there are {data.size}")
    if int(_LONGER.take(table).sum()) > _FEW:
        _mixed(table, data, out)
    else:
        _in_runs(table, data, out)


def _without_tail(table: Bytes, count: int) -> Bytes:
    """The table of `count` codes, with zeros where its last byte has room for more."""
    spare = -count % 4
    if spare and table[-1] >> (8 - 2 * spare):
        table = table.copy()
        table[-1] &= 0xFF >> 2 * spare
    return table


def _in_runs(table: Bytes, data: Bytes, out: Int32) -> None:
    """Differences of one byte with a few longer ones: copied run by run between those."""
    some = np.flatnonzero(table)
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
    """Differences of one and two bytes in any mixture, and of four bytes now and then."""
    begin = 0
    for first in range(0, table.size, _BLOCK):
        block = table[first : first + _BLOCK]
        part = out[4 * first : 4 * (first + _BLOCK)]
        totals = _TOTAL.take(block)
        ends = np.cumsum(totals)
        starts = _BEFORE.take(block, axis=0)
        starts += (ends - totals)[:, None]
        at = starts.reshape(-1)[: part.size]
        codes = _CODES.take(block, axis=0).reshape(-1)[: part.size]
        here = data[begin : begin + int(ends[-1])]
        pairs = np.zeros(here.size, np.uint16)
        pairs[:-1] = here[1:]
        pairs <<= 8
        pairs |= here
        shift = (codes == 0).astype(np.int16) << 3
        part[...] = (pairs.take(at).view(np.int16) << shift) >> shift
        four = np.flatnonzero(codes == 2)
        if four.size:
            part[four] = _gather(here, at[four], np.full(four.size, 4))
        begin += here.size
