"""The markers of a JPEG up to its first scan (ITU-T T.81, annex B): what it claims before it is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass

SOI, EOI = b"\xff\xd8", b"\xff\xd9"

LOSSLESS = 3
"""The SOF of lossless Huffman coding."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_SCAN = 0xDA


class JpegError(ValueError):
    """The bytes are no JPEG; the message says why."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """The frame header, and the density of a JFIF segment."""

    sof: int
    """0 baseline, 1 extended, 2 progressive, 3 lossless."""
    precision: int
    rows: int
    columns: int
    components: int
    density: tuple[int, int, int] | None = None
    """Unit (0 none, 1 inch, 2 cm), across, down."""


def read_jpeg_header(data: bytes) -> JpegHeader:
    """Walk the markers from the start. Raises: JpegError."""
    if not data.startswith(SOI):
        raise JpegError("it does not start with a JPEG's marker")
    at, density = 2, None
    while True:
        at, marker = _marker(data, at)
        if marker in _ALONE:
            continue
        if marker in (_SCAN, 0xD9):
            raise JpegError("it has no frame header before its first scan")
        if at + 2 > len(data):
            raise JpegError("it ends within its markers")
        length = int.from_bytes(data[at : at + 2], "big")
        body = data[at + 2 : at + length]
        if length < 2 or len(body) != length - 2:
            raise JpegError(f"its marker {marker:02X} at byte {at} does not fit the file")
        if marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 12:
            density = struct.unpack(">BHH", body[7:12])
        if marker in _FRAMES:
            return _frame(marker, body, density)
        at += length


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The next marker and the byte behind it; fill bytes are passed over."""
    if at >= len(data) or data[at] != 0xFF:
        raise JpegError(f"there is no marker at byte {at}")
    while at < len(data) and data[at] == 0xFF:
        at += 1
    if at >= len(data):
        raise JpegError("it ends within its markers")
    return at + 1, data[at]


def _frame(marker: int, body: bytes, density: tuple[int, int, int] | None) -> JpegHeader:
    if len(body) < 6:
        raise JpegError("its frame header is too short")
    precision, rows, columns, components = struct.unpack(">BHHB", body[:6])
    return JpegHeader(marker - 0xC0, precision, rows, columns, components, density)


def ends(data: bytes) -> bool:
    """Whether the end marker is there; a decoder that meets none fills what is missing with grey."""
    return data.rstrip(b"\0").endswith(EOI) or EOI in data[-64:]
