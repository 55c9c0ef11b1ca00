"""Interlaced PNG (Adam7, PNG specification 8.2): seven pictures, each of some rows and columns of the whole.

Each is decoded as a picture of its own: of an interlaced stream libpng complains on standard error.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np

from ...imaging.image import Pixels

_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row and column, steps between rows and columns."""

Decode = Callable[[bytes, bytes], Pixels]
"""Makes pixels of an IHDR and of the data of an IDAT that is not interlaced."""


def decode_passes(header: bytes, data: bytes, bits: int, decode: Decode) -> Pixels:
    """Decode each pass of an interlaced picture and put its pixels in their places.

    `header` is the IHDR, `data` that of all IDAT chunks, `bits` those of a pixel.

    Raises:
        ValueError: data that are damaged, or fewer or more than the picture has.
    """
    columns, rows = struct.unpack(">II", header[:8])
    try:
        # one byte more than there may be, so that a stream that goes on shows
        filtered = zlib.decompressobj().decompress(data, _size(rows, columns, bits) + 1)
    except zlib.error:
        raise ValueError("its compressed pixels are damaged") from None
    if len(filtered) != _size(rows, columns, bits):
        raise ValueError("its pixels are fewer or more than it claims")
    whole: Pixels | None = None
    at = 0
    for first, left, down, across in _PASSES:
        height, width = len(range(first, rows, down)), len(range(left, columns, across))
        size = _size_of_pass(height, width, bits)
        if not size:
            continue
        part = zlib.compress(filtered[at : at + size], 0)
        at += size
        pixels = decode(struct.pack(">II", width, height) + header[8:12] + b"\0", part)
        if whole is None:
            whole = np.empty((rows, columns, *pixels.shape[2:]), pixels.dtype)
        whole[first::down, left::across] = pixels
    assert whole is not None
    return whole


def _size(rows: int, columns: int, bits: int) -> int:
    """Return the bytes of all passes before their compression."""
    return sum(
        _size_of_pass(len(range(first, rows, down)), len(range(left, columns, across)), bits)
        for first, left, down, across in _PASSES
    )


def _size_of_pass(height: int, width: int, bits: int) -> int:
    """Return the bytes of a pass: each row behind the byte that names its filter."""
    return height * (1 + (width * bits + 7) // 8) if width else 0
