"""Load PNG: every bit depth with its own values, 16-bit colour included, by imagecodecs (libpng).

Values are the file's samples: a 4-bit grey picture runs from 0 to 15, a 1-bit one is bool. A palette gives
its colours. Transparency by key or palette becomes alpha. The checksum of every chunk is verified before
decoding. Of an animated PNG only the still picture can be read, and only with ``page: 1``.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from ...errors import SourceError
from ...imaging.image import Pixels
from ..base import check_claim
from ..said import said_by
from ..signatures import PNG
from .exif import read_exif
from .page import (
    BROKEN,
    PILLOW_FAILURES,
    Page,
    Pages,
    known_orientation,
    read_all,
    resolution,
    turned,
    turned_geometry,
    turned_shape,
)
from .png_interlaced import decode_passes

if TYPE_CHECKING:
    from ..options import Limits

_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_DEPTHS = {
    _GREY: (1, 2, 4, 8, 16),
    _RGB: (8, 16),
    _PALETTE: (1, 2, 4, 8),
    _GREY_ALPHA: (8, 16),
    _RGBA: (8, 16),
}
_PART = 2**16
"""Bytes that are inflated at a time."""
_SAMPLES = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}
_METRE = 1000.0


class _Header(Struct, frozen=True):
    columns: int
    rows: int
    depth: int
    colour: int
    transparent: bool
    animated: bool
    interlaced: bool
    density: tuple[int, int, int] | None
    """Columns and rows per unit, and the unit: 1 is the metre, 0 none."""

    @property
    def samples(self) -> int:
        colours = 1 if self.colour in (_GREY, _GREY_ALPHA) else 3
        return colours + self.alpha

    @property
    def alpha(self) -> bool:
        return self.transparent or self.colour in (_GREY_ALPHA, _RGBA)

    @property
    def dtype(self) -> np.dtype[Any]:
        if self.colour == _GREY and self.depth == 1 and not self.alpha:
            return np.dtype(np.bool_)
        return np.dtype(np.uint16 if self.depth == 16 else np.uint8)


@contextmanager
def open_png(path: Path, limits: Limits, *, still: bool) -> Iterator[Pages]:
    """Yield the one page; `still` allows the still picture of an animated file. Raises: SourceError."""
    data = read_all(path, limits)
    header = _read_header(data, path)
    check_claim(path, limits, rows=header.rows, columns=header.columns, samples=header.samples)
    if header.animated and not still:
        raise SourceError("is an animated PNG", subject=str(path), hint="'page: 1' reads its still picture")
    yield Pages(1, lambda _: _page(data, header, path, limits))


def _page(data: bytes, header: _Header, path: Path, limits: Limits) -> Page:
    properties = _texts(data, path, limits)
    orientation, notes = known_orientation(properties.get("Orientation"))
    across, down, unit = header.density or (None, None, None)
    geometry, more = resolution(across, down, _METRE if unit == 1 else None, "pHYs")
    stored = (header.rows, header.columns) + ((header.samples,) if header.samples > 1 else ())
    return Page(
        shape=turned_shape(stored, orientation),
        dtype=header.dtype.name,
        photometric="MONOCHROME2" if header.colour in (_GREY, _GREY_ALPHA) else "RGB",
        decode=lambda: turned(_decode(data, header, stored, path), orientation),
        alpha=header.alpha,
        geometry=turned_geometry(geometry, orientation),
        properties=properties,
        notes=notes + more,
    )


def _decode(data: bytes, header: _Header, shape: tuple[int, ...], path: Path) -> Pixels:
    try:
        pixels = _samples(data, header, path)
    except PILLOW_FAILURES as error:
        raise _damaged(said_by(error, BROKEN), path) from None
    if pixels.shape != shape:
        raise _damaged(f"it claims shape {shape} and decodes to {pixels.shape}", path)
    if header.colour != _GREY or header.depth >= 8:
        return pixels
    # libpng stretches the samples of low depths to 0..255; this undoes it exactly
    scale = np.uint8(255 // (2**header.depth - 1))
    grey = pixels[..., 0] if header.alpha else pixels
    if not header.alpha:
        return (grey // scale).astype(header.dtype)
    return np.dstack([grey // scale, pixels[..., 1]])


def _read_header(data: bytes, path: Path) -> _Header:
    """Walk the chunks and verify their checksums. Raises: SourceError."""
    found: dict[bytes, bytes] = {}
    for kind, body in _chunks(data, path):
        found.setdefault(kind, body)
    start = found.get(b"IHDR", b"")
    if len(start) != 13 or b"IDAT" not in found:
        raise _damaged("a header or pixels are missing", path)
    columns, rows, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", start)
    if compression or filtering or interlace > 1:
        raise _damaged(
            f"compression {compression}, filter {filtering}, interlace {interlace} is unknown", path
        )
    if depth not in _DEPTHS.get(colour, ()):
        raise _damaged(f"colour type {colour} with {depth} bits does not exist", path)
    if colour == _PALETTE and b"PLTE" not in found:
        raise _damaged("its palette is missing", path)
    density = struct.unpack(">IIB", found[b"pHYs"]) if len(found.get(b"pHYs", b"")) == 9 else None
    transparent = b"tRNS" in found and colour in (_GREY, _RGB, _PALETTE)
    return _Header(columns, rows, depth, colour, transparent, b"acTL" in found, interlace == 1, density)


def _chunks(data: bytes, path: Path) -> Iterator[tuple[bytes, bytes]]:
    at = len(PNG)
    while True:
        if at + 12 > len(data):
            raise _damaged(f"byte {at}: it ends before its end chunk; it is truncated", path)
        length = int.from_bytes(data[at : at + 4], "big")
        kind, stop = data[at + 4 : at + 8], at + 8 + length
        if stop + 4 > len(data):
            raise _damaged(
                f"byte {at}: a chunk of {length} bytes does not fit the file; it is truncated", path
            )
        if zlib.crc32(memoryview(data)[at + 4 : stop]) != int.from_bytes(data[stop : stop + 4], "big"):
            raise _damaged(f"byte {at}: the checksum of its chunk {_shown(kind)} is wrong", path)
        if kind == b"IEND":
            return
        yield kind, data[at + 8 : stop]
        at = stop + 4


def _samples(data: bytes, header: _Header, path: Path) -> Pixels:
    """Decode the picture from the chunks that say something of its samples; libpng speaks of the others."""
    others: list[tuple[bytes, bytes]] = []
    pieces: list[bytes] = []
    for kind, body in _chunks(data, path):
        if kind == b"IDAT" and body:
            pieces.append(body)
        elif kind in (b"IHDR", b"PLTE", b"tRNS"):
            if pieces:
                raise ValueError("its palette or transparency stands behind its pixels")
            others.append((kind, body))
    coded = b"".join(pieces)
    del pieces
    bits = header.depth * _SAMPLES[header.colour]
    if not header.interlaced:
        _refuse_more(coded, header.rows * (1 + (header.columns * bits + 7) // 8))
        return _decoded([*others, (b"IDAT", coded)])
    (_, start), *colours = others
    return decode_passes(
        start, coded, bits, lambda start, part: _decoded([(b"IHDR", start), *colours, (b"IDAT", part)])
    )


def _refuse_more(coded: bytes, size: int) -> None:
    """Refuse pixels that go on behind the last row: libpng leaves them out, and warns on the screen.

    What is damaged or cut off is libpng's to say. Raises: ValueError.
    """
    inflating, left = zlib.decompressobj(), size
    with suppress(zlib.error):
        for at in range(0, len(coded), _PART):
            part = coded[at : at + _PART]
            while part and left >= 0:
                left -= len(inflating.decompress(part, 16 * _PART))
                part = inflating.unconsumed_tail
    if left < 0:
        raise ValueError("its pixels are more than it claims")


def _decoded(chunks: Iterable[tuple[bytes, bytes]]) -> Pixels:
    import imagecodecs

    pieces = [PNG]
    for kind, body in (*chunks, (b"IEND", b"")):
        crc = zlib.crc32(body, zlib.crc32(kind))
        pieces += [len(body).to_bytes(4, "big"), kind, body, crc.to_bytes(4, "big")]
    return np.asarray(imagecodecs.png_decode(b"".join(pieces)))


def _shown(kind: bytes) -> str:
    return kind.decode("ascii", "backslashreplace")


def _texts(data: bytes, path: Path, limits: Limits) -> dict[str, Any]:
    """Return text entries and EXIF by their names. Raises: SourceError."""
    from PIL import PngImagePlugin

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = PngImagePlugin.PngImageFile(io.BytesIO(data))
            texts = {str(name): str(text) for name, text in image.info.items() if isinstance(text, str)}
    except PILLOW_FAILURES as error:
        raise _damaged(said_by(error, BROKEN), path) from None
    exif = read_exif(image, path) if b"eXIf" in data else {}
    return {**texts, **exif}


def _damaged(why: str, path: Path) -> SourceError:
    return SourceError(f"is a damaged PNG: {why}", subject=str(path))
