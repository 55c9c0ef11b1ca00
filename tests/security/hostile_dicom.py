"""DICOM files that say what is not so, made by dice: each kind of lie, in every coding that has it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import Any

import imagecodecs
import numpy as np
from pydicom.encaps import encapsulate

from ..pipeline.loaders.input_files import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    bare,
    compressed,
    dataset_of,
    encoded,
)

Pixels = np.ndarray[Any, Any]
RLE, JPEG, JPEG_LS, JPEG_2000 = (f"1.2.840.10008.1.2.{each}" for each in ("5", "4.50", "4.80", "4.90"))
CODINGS = (EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED, RLE, JPEG, JPEG_LS, JPEG_2000)
VRS = (
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV",
    "OW", "PN", "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV",
    "ZZ", "us", "??", "00",
)  # fmt: skip
COLOURS = (
    "MONOCHROME1", "RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT",
    "YBR_RCT", "HSV", "CMYK", "", "monochrome2", "M\x1b[31m",
)  # fmt: skip
NUMBERS = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
)  # fmt: skip
ODD = (0, 1, 2, 3, 7, 8, 9, 12, 15, 16, 17, 24, 32, 33, 64, 255, 256, 4096, 32768, 65535)
CHARACTER_SETS = ("ISO_IR 192", "ISO 2022 IR 87", "GB18030", "ISO_IR 999", "\\ISO 2022 IR 149", "\x1b$B", "")


def files(seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield files without end, each kind in turn: a name that says what it is, and its bytes."""
    dice = Random(seed)
    for number in count():
        kind = list(KINDS)[number % len(KINDS)]
        yield f"{number}-{kind}", KINDS[kind](dice)


def _pixels(dice: Random, dtype: str = "") -> Pixels:
    dtype = dtype or dice.choice(("u1", "u2", "i2", "u4"))
    shape = dice.choice(((6, 7), (5, 8), (1, 3), (3, 6, 7), (6, 7, 3)))
    if shape == (6, 7, 3):
        dtype = "u1"
    values = np.random.default_rng(dice.randrange(2**32)).integers(0, 120, shape)
    return values.astype(dtype)


def _grey(dice: Random) -> Pixels:
    return np.array([[dice.randrange(120) for _ in range(7)] for _ in range(6)], "u1")


def _whole(dice: Random, coding: str = "", **values: Any) -> bytes:
    """A sound file, in any coding, but for `values`."""
    coding = coding or dice.choice(CODINGS)
    if coding in CODINGS[:4]:
        pixels = _pixels(dice)
        return encoded(dataset_of(pixels, **values), pixels, coding)
    pixels = _pixels(dice, "u1" if coding == JPEG else dice.choice(("u1", "u2")))
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    frames = list(pixels) if pixels.ndim == 3 and not colour else [pixels]
    if colour and coding == JPEG:
        values = {"PhotometricInterpretation": "YBR_FULL_422", **values}
    return compressed(dataset_of(pixels, **values), [_coded(frame, coding) for frame in frames], coding)


def _coded(frame: Pixels, coding: str) -> bytes:
    if coding == RLE:
        return _run_lengths(frame)
    if coding == JPEG:
        return bytes(imagecodecs.jpeg8_encode(frame, level=90))
    if coding == JPEG_LS:
        return bytes(imagecodecs.jpegls_encode(frame))
    return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=True, level=0))


def _run_lengths(frame: Pixels) -> bytes:
    """Code a frame by PS3.5 annex G, in runs of literal bytes."""
    samples = frame.reshape(-1, frame.shape[2]).T if frame.ndim == 3 else frame.reshape(1, -1)
    planes = [
        sample.astype(frame.dtype.newbyteorder(">")).tobytes()[byte :: frame.itemsize]
        for sample in samples
        for byte in range(frame.itemsize)
    ]
    segments = []
    for plane in planes:
        runs = [plane[at : at + 128] for at in range(0, len(plane), 128)]
        segment = b"".join(bytes((len(run) - 1,)) + run for run in runs)
        segments.append(segment + b"\0" * (len(segment) % 2))
    offsets = [64 + sum(map(len, segments[:at])) for at in range(len(segments))]
    return struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(segments)


def _places(data: bytes) -> list[int]:
    """Where elements of a file in explicit VR begin, as far as they follow each other."""
    places, at = [], 132
    while at + 8 <= len(data):
        vr, length = data[at + 4 : at + 6], int.from_bytes(data[at + 6 : at + 8], "little")
        places.append(at)
        if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
            length = 4 + int.from_bytes(data[at + 8 : at + 12], "little")
        at += 8 + length
    return places


def _explicit(dice: Random) -> bytes:
    return _whole(dice, dice.choice((EXPLICIT, RLE, JPEG_LS)))


def _vr(dice: Random) -> bytes:
    data = _explicit(dice)
    at = dice.choice(_places(data)) + 4
    return data[:at] + dice.choice(VRS).encode() + data[at + 2 :]


def _length(dice: Random) -> bytes:
    data = _explicit(dice)
    at = dice.choice(_places(data)) + dice.choice((6, 8))
    size = dice.choice((2, 4))
    claim = dice.choice((0, 1, 2, 3, 7, 8, 255, 2**15, 2**16 - 2, 2**31, 2**32 - 2, 2**32 - 1))
    return data[:at] + (claim % 256**size).to_bytes(size, "little") + data[at + size :]


def _number(dice: Random) -> bytes:
    names = dice.sample(NUMBERS, dice.choice((1, 1, 2)))
    return _whole(dice, **{name: dice.choice(ODD) for name in names})


def _absent(dice: Random) -> bytes:
    name = dice.choice(("Rows", "BitsStored", "HighBit", "PixelRepresentation", "PhotometricInterpretation"))
    return _whole(dice, **{name: None})


def _frames(dice: Random) -> bytes:
    return _whole(dice, NumberOfFrames=dice.choice((0, -1, 1, 2, 3, 4, 2**31 - 1, 10**11)))


def _colour(dice: Random) -> bytes:
    return _whole(
        dice, PhotometricInterpretation=dice.choice(COLOURS), PlanarConfiguration=dice.choice((0, 1, 2))
    )


def _character_set(dice: Random) -> bytes:
    name = bytes(dice.choice((0x1B, 0x24, 0x42, 0x5C, 0x3D, 0x5E, 0x41, 0xC0, 0xFF)) for _ in range(12))
    data = _whole(dice, EXPLICIT, SpecificCharacterSet=dice.choice(CHARACTER_SETS), PatientName="A" * 12)
    return data.replace(b"A" * 12, name)


def _element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    size = len(value) if length is None else length
    if vr in (b"SQ", b"OB", b"OW", b"UN", b"UT"):
        return head + b"\0\0" + struct.pack("<I", size) + value
    return head + struct.pack("<H", size % 2**16) + value


def _put(data: bytes, element: bytes) -> bytes:
    """Put an element where its tag stands in the order, in a file of explicit VR."""
    tag = struct.unpack("<HH", element[:4])
    later = (at for at in _places(data) if struct.unpack("<HH", data[at : at + 4]) >= tag)
    at = next(later, len(data))
    return data[:at] + element + data[at:]


def _nested(dice: Random) -> bytes:
    value = b""
    for _ in range(dice.choice((1, 31, 32, 33, 300, 2000))):
        undefined = dice.random() < 0.5
        item = b"\xfe\xff\x00\xe0" + (
            b"\xff\xff\xff\xff" + value + b"\xfe\xff\x0d\xe0\0\0\0\0"
            if undefined
            else struct.pack("<I", len(value)) + value
        )
        value = _element(0x00081140, b"SQ", item)
    cut = dice.choice((0, 0, 5))
    return _put(_explicit(dice), value[: len(value) - cut])


def _private(dice: Random) -> bytes:
    data = _explicit(dice)
    for _ in range(dice.choice((1, 3))):
        tag = 0x00110000 + dice.choice((0, 1, 0x10, 0x1001, 0x1002, 0xFFFF)) + 0x20000 * dice.randrange(3)
        vr = dice.choice(VRS).encode()
        data = _put(data, _element(tag, vr, dice.randbytes(dice.choice((0, 2, 8, 13)))))
    return data


def _overlay(dice: Random) -> bytes:
    group = dice.choice((0x6000, 0x6002, 0x60FE, 0x6001))
    data = _explicit(dice)
    for element, vr, value in (
        (0x0010, b"US", struct.pack("<H", dice.choice(ODD))),
        (0x0011, b"US", struct.pack("<H", dice.choice(ODD))),
        (0x0040, b"CS", b"G "),
        (0x0050, b"SS", dice.randbytes(dice.choice((0, 2, 4)))),
        (0x0100, b"US", struct.pack("<H", dice.choice((0, 1, 8)))),
        (0x0102, b"US", struct.pack("<H", dice.choice((0, 8, 15, 99)))),
        (0x3000, b"OW", dice.randbytes(dice.choice((0, 2, 6)))),
    ):
        if dice.random() < 0.8:
            data = _put(data, _element(group << 16 | element, vr, value))
    return data


def _palette(dice: Random) -> bytes:
    pixels = _grey(dice)
    values: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    segmented = dice.random() < 0.5
    for colour in ("Red", "Green", "Blue"):
        entries = dice.choice((0, 1, 8, 256, 65535))
        descriptor = [entries, dice.choice((0, 0, 5, 65535)), dice.choice((8, 16, 12))]
        values[f"{colour}PaletteColorLookupTableDescriptor"] = descriptor
        name = f"{'Segmented' if segmented else ''}{colour}PaletteColorLookupTableData"
        size = dice.choice((0, 2, 6, 256, 512))
        values[name] = (
            struct.pack("<3H", dice.randrange(3), size, 9) * (size // 6) if segmented else bytes(size)
        )
    return encoded(dataset_of(pixels, **values), pixels)


def _table(dice: Random) -> bytes:
    entries, bits = dice.choice((0, 1, 4, 256, 65535)), dice.choice((0, 8, 12, 16, 17))
    item = _element(0x00283002, b"US", struct.pack("<HHH", entries, dice.choice((0, 3)), bits)) + _element(
        0x00283006, dice.choice((b"OW", b"US")), dice.randbytes(dice.choice((0, 2, 8, 512)))
    )
    sequence = dice.choice((0x00283000, 0x00283010))
    return _put(
        _explicit(dice), _element(sequence, b"SQ", b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item)
    )


def _meta(dice: Random) -> bytes:
    data = _whole(dice)
    if dice.random() < 0.2:
        return bare(data)
    at = dice.randrange(128, 144 + 60)
    kind = dice.randrange(3)
    if kind == 0:
        return data[:at] + dice.randbytes(2) + data[at + 2 :]
    if kind == 1:
        return data.replace(
            EXPLICIT.encode(), dice.choice((b"1.2.840.10008.1.2.2", b"1.2.3.4.5.6.7.8.9.0", b" " * 19))
        )
    return data[:140] + struct.pack("<I", dice.choice((0, 1, 2**31, 2**32 - 1))) + data[144:]


def _deflated(dice: Random) -> bytes:
    data = _whole(dice, DEFLATED)
    start = len(data) - len(bare(data))
    inflated = zlib.decompress(data[start:], -zlib.MAX_WBITS)
    kind = dice.randrange(3)
    if kind == 0:
        packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return data[:start] + packing.compress(inflated[: dice.randrange(len(inflated))]) + packing.flush()
    if kind == 1:
        return data[:start] + inflated
    at = dice.randrange(start, len(data))
    return data[:at] + dice.randbytes(1) + data[at + 1 :]


def _fragments(dice: Random) -> bytes:
    """Frames in pieces, behind a table that may lie, as an extended one may."""
    coding = dice.choice((RLE, JPEG_LS))
    frames = [_coded(np.full((1, 12), number, "u2"), coding) for number in range(3)]
    frames = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    pieces: list[bytes] = []
    starts = []
    for frame in frames:
        starts.append(sum(len(piece) + 8 for piece in pieces))
        cut = dice.choice((0, 2, 8, len(frame) // 4 * 2))
        pieces += [frame[:cut], frame[cut:]] if cut else [frame]
    if dice.random() < 0.6:
        starts[dice.randrange(3)] = dice.choice((0, 1, 2, 8, 9, starts[1], 2**31, 2**32 - 1))
    table = (
        struct.pack(f"<{len(starts)}I", *starts)
        if dice.random() < 0.7
        else dice.randbytes(dice.choice((0, 4, 5)))
    )
    value = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(each)) + each for each in (table, *pieces))
    values: dict[str, Any] = {}
    if dice.random() < 0.3:
        values["ExtendedOffsetTable"] = struct.pack(
            "<3Q", *(dice.choice((0, 8, 100, 2**63)) for _ in range(3))
        )
        values["ExtendedOffsetTableLengths"] = struct.pack(
            "<3Q", *(dice.choice((0, 8, 100, 2**63)) for _ in range(3))
        )
    dataset = dataset_of(np.zeros((1, 12), "u2"), NumberOfFrames=dice.choice((1, 2, 3, 4)), **values)
    return encoded(dataset, value + b"\xfe\xff\xdd\xe0\0\0\0\0" * (dice.random() < 0.8), coding)


def _flipped(dice: Random) -> bytes:
    data = bytearray(_whole(dice))
    for _ in range(dice.choice((1, 2, 8))):
        data[dice.randrange(128, len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def _cut(dice: Random) -> bytes:
    data = _whole(dice)
    return data[: -dice.choice((1, 2, 7, 8, 30, dice.randrange(1, len(data))))]


def _swapped(dice: Random) -> bytes:
    """The stream of one coding under the name of another."""
    shown = _grey(dice)
    stream = _coded(shown, dice.choice((RLE, JPEG, JPEG_LS, JPEG_2000)))
    return encoded(dataset_of(shown), encapsulate([stream]), dice.choice((RLE, JPEG, JPEG_LS, JPEG_2000)))


def _other_size(dice: Random) -> bytes:
    """A stream that holds another image than the elements say."""
    coding = dice.choice((RLE, JPEG, JPEG_LS, JPEG_2000))
    inside = np.full(
        dice.choice(((3, 4), (12, 14), (6, 7))), 9, dice.choice(("u1", "u2")) if coding != JPEG else "u1"
    )
    return compressed(
        dataset_of(np.zeros((6, 7), dice.choice(("u1", "u2", "i2")))), [_coded(inside, coding)], coding
    )


KINDS: dict[str, Callable[[Random], bytes]] = {
    "vr": _vr, "length": _length, "number": _number, "absent": _absent, "frames": _frames, "colour": _colour,
    "character-set": _character_set, "nested": _nested, "private": _private, "overlay": _overlay,
    "palette": _palette, "table": _table, "meta": _meta, "deflated": _deflated, "fragments": _fragments,
    "flipped": _flipped, "cut": _cut, "swapped": _swapped, "other-size": _other_size,
}  # fmt: skip
