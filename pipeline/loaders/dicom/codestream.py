"""What the header of a JPEG or JPEG 2000 codestream says, read before a decoder takes memory for it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SOF_LS = 0xF7
_J2K_START = b"\xff\x4f\xff\x51"


@dataclass(frozen=True, slots=True)
class Codestream:
    """The frame header."""

    rows: int
    columns: int
    samples: int
    precision: int
    component_ids: tuple[int, ...] = ()
    adobe_transform: int | None = None
    """Of an APP14 marker: 0 the samples are as they are, 1 they are YCbCr."""
    jfif: bool = False
    irreversible: bool = False
    """JPEG 2000: the 9-7 wavelet, which loses information."""
    start: int = 0
    """Bytes before the codestream: the boxes of a JP2 file, which have no place in DICOM and occur."""


def read_jpeg(data: bytes) -> Codestream:
    """The header of a JPEG or JPEG-LS codestream (ISO 10918-1 B.2, 14495-1 C.2).

    Raises:
        ValueError: if the bytes are none.
    """
    if data[:2] != b"\xff\xd8":
        raise ValueError("the compressed frame does not start as JPEG")
    position, transform, jfif = 2, None, False
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise ValueError("the compressed frame has no sound JPEG header")
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _STANDALONE:
            position += 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        body = data[position + 4 : position + 2 + length]
        if marker == 0xE0 and body[:4] == b"JFIF":
            jfif = True
        elif marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            transform = body[11]
        elif marker in _SOF or marker == _SOF_LS:
            return _frame(body, transform, jfif)
        position += 2 + length
    raise ValueError("the compressed frame has no JPEG frame header")


def _frame(body: bytes, transform: int | None, jfif: bool) -> Codestream:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise ValueError("the compressed frame has a broken JPEG frame header")
    precision, rows, columns, samples = struct.unpack_from(">BHHB", body)
    ids = tuple(body[6 + 3 * sample] for sample in range(samples))
    return Codestream(rows, columns, samples, precision, ids, transform, jfif)


def read_jpeg2000(data: bytes) -> Codestream:
    """The header of a JPEG 2000 or HTJ2K codestream (ISO 15444-1 A.5), with or without a JP2 box around it.

    Raises:
        ValueError: if the bytes are none.
    """
    start = data.find(_J2K_START, 0, 4096)
    if start < 0 or len(data) < start + 45:
        raise ValueError("the compressed frame does not start as JPEG 2000")
    right, low, left, top = struct.unpack_from(">4I", data, start + 8)
    samples, depth = struct.unpack_from(">HB", data, start + 40)
    coding = data.find(b"\xff\x52", start + 41, start + 4096)
    irreversible = coding >= 0 and len(data) > coding + 13 and data[coding + 13] == 0
    return Codestream(
        low - top, right - left, samples, (depth & 0x7F) + 1, irreversible=irreversible, start=start
    )


def ends(data: bytes) -> bool:
    """Whether the codestream comes to its end (EOI or EOC).

    DICOM pads it to even length with a zero; files with a padding byte of FF exist.
    """
    stripped = data.rstrip(b"\0")
    return stripped[-2:] == b"\xff\xd9" or stripped[-3:-1] == b"\xff\xd9"
