"""Encode a PNG file from levels and texts (PNG 3rd edition, W3C 2025).

Pillow writes no 16-bit colour and imagecodecs no text, and both leave the choice of the compressor to the
machine. This writes every kind that is needed, and its bytes depend on imagecodecs' libdeflate alone.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import imagecodecs
import numpy as np

from ...imaging.image import Pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST = 2**31 - 1

_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
_FILTER_UP = 2
_LEVEL = 6
_CHUNK = 2**30


def encode_png(
    pixels: Pixels, *, per_metre: tuple[int, int] | None = None, texts: Iterable[tuple[str, str]] = ()
) -> tuple[bytes, ...]:
    """Return the file's bytes in order.

    Args:
        pixels: uint8 or uint16; (rows, columns) for grey, (rows, columns, 3 or 4) for RGB or RGBA.
        per_metre: pixels per metre along a row and along a column.
        texts: keyword and text; Latin-1 goes into tEXt, anything else into iTXt.
    """
    rows, columns = pixels.shape[:2]
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    header = struct.pack(
        ">IIBBBBB", columns, rows, 8 * pixels.dtype.itemsize, _COLOUR_TYPES[samples], 0, 0, 0
    )
    pieces = [SIGNATURE, *_chunk(b"IHDR", header)]
    if per_metre is not None:
        pieces += _chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1))
    for keyword, text in texts:
        pieces += _text_chunk(keyword, text)
    packed = bytes(imagecodecs.deflate_encode(_filtered(pixels), level=_LEVEL, raw=False))
    for start in range(0, len(packed), _CHUNK):
        pieces += _chunk(b"IDAT", packed[start : start + _CHUNK])
    return (*pieces, *_chunk(b"IEND", b""))


def _chunk(kind: bytes, data: bytes) -> Iterator[bytes]:
    yield struct.pack(">I", len(data)) + kind
    yield data
    yield struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _text_chunk(keyword: str, text: str) -> Iterator[bytes]:
    start = keyword.encode("latin-1") + b"\0"
    try:
        return _chunk(b"tEXt", start + text.encode("latin-1"))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", start + b"\0\0\0\0" + text.encode("utf-8"))


def _filtered(pixels: Pixels) -> Any:
    """Return the rows filtered, high byte first: each as its difference from the row above.

    The filter Up costs next to nothing and packs portal images, CT and film within 4 % of the best filter.
    """
    rows = pixels.shape[0]
    raw = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder(">")).view(np.uint8).reshape(rows, -1)
    lines = np.empty((rows, raw.shape[1] + 1), np.uint8)
    lines[:, 0] = _FILTER_UP
    lines[0, 1:] = raw[0]
    np.subtract(raw[1:], raw[:-1], out=lines[1:, 1:])
    return lines
