"""Write Varian XIM files, for samples and tests.

The layout is the one that was read from 124 real files: identifier, six int32, pixels (as they are, or as
differences with a table of their sizes), histogram, properties, and in version 2 eight bytes at the end.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

IDENTIFIER = b"\x00VMS.XI\x00"
TRAILER = b"\xca\xfe\xba\xbe\x00\x00\x00\x00"
UNSET_DOUBLE = 3.4028234663852886e38
UNSET_INT = 2147483647

Pixels = npt.NDArray[Any]
Property = int | float | str | Sequence[float] | Sequence[int]


def encode(
    pixels: Pixels,
    properties: Mapping[str, Property],
    *,
    version: int = 2,
    compressed: bool = True,
    bits: int | None = None,
    histogram: Sequence[int] = (),
) -> bytes:
    """Return a XIM file of a (rows, columns) array of uint16 (2 bytes per pixel) or int32 (4 bytes)."""
    rows, columns = pixels.shape
    width = pixels.dtype.itemsize
    if pixels.dtype not in (np.dtype(np.uint16), np.dtype(np.int32)):
        raise ValueError(f"a XIM holds uint16 or int32, not {pixels.dtype}")
    head = struct.pack(
        "<8s6i", IDENTIFIER, version, columns, rows, bits or {2: 16, 4: 20}[width], width, int(compressed)
    )
    body = _compress(pixels) if compressed else _plain(pixels)
    bins = struct.pack(f"<i{len(histogram)}i", len(histogram), *histogram)
    ending = TRAILER if version >= 2 else b""
    return head + body + bins + _properties(properties) + ending


def _plain(pixels: Pixels) -> bytes:
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    return struct.pack("<i", len(data)) + data


def _compress(pixels: Pixels) -> bytes:
    """Return seed pixels, then each pixel's difference from the sum of its neighbours, in 1, 2 or 4 bytes."""
    columns = pixels.shape[1]
    flat = pixels.ravel().astype(np.int64)
    seeds, rest = flat[: columns + 1], flat[columns + 1 :]
    difference = rest - flat[columns:-1] - flat[1:-columns] + flat[: -columns - 1]
    codes = np.where(
        np.abs(difference + 0.5) < 128, 0, np.where(np.abs(difference + 0.5) < 32768, 1, 2)
    ).astype(np.uint8)
    data = seeds.astype("<i4").tobytes() + _packed(difference, codes)
    table = _table(codes)
    return (
        struct.pack("<i", len(table)) + table
        + struct.pack("<i", len(data)) + data
        + struct.pack("<i", pixels.size * pixels.dtype.itemsize)
    )  # fmt: skip


def _table(codes: npt.NDArray[np.uint8]) -> bytes:
    """Return two bits each, four to a byte, the first in the lowest bits."""
    padded = np.zeros(-(-codes.size // 4) * 4, dtype=np.uint8)
    padded[: codes.size] = codes
    four = padded.reshape(-1, 4)
    table = four[:, 0] | four[:, 1] << 2 | four[:, 2] << 4 | four[:, 3] << 6
    return bytes(table.astype(np.uint8))


def _packed(difference: npt.NDArray[np.int64], codes: npt.NDArray[np.uint8]) -> bytes:
    sizes = np.array([1, 2, 4])[codes]
    starts = np.cumsum(sizes) - sizes
    packed = np.zeros(int(sizes.sum()), dtype=np.uint8)
    for code, size in enumerate((1, 2, 4)):
        chosen = codes == code
        parts = difference[chosen].astype(f"<i{size}").view(np.uint8).reshape(-1, size)
        for byte in range(size):
            packed[starts[chosen] + byte] = parts[:, byte]
    return packed.tobytes()


def _properties(properties: Mapping[str, Property]) -> bytes:
    parts = [struct.pack("<i", len(properties))]
    for name, value in properties.items():
        text = name.encode()
        kind, data = _value(value)
        parts += [struct.pack("<i", len(text)), text, struct.pack("<i", kind), data]
    return b"".join(parts)


def _value(value: Property) -> tuple[int, bytes]:
    if isinstance(value, int):
        return 0, struct.pack("<i", value)
    if isinstance(value, float):
        return 1, struct.pack("<d", value)
    if isinstance(value, str):
        text = value.encode()
        return 2, struct.pack("<i", len(text)) + text
    if value and isinstance(value[0], int):
        return 5, struct.pack(f"<i{len(value)}i", 4 * len(value), *value)
    return 4, struct.pack(f"<i{len(value)}d", 8 * len(value), *value)


def mv_properties(
    *,
    gantry: float = 0.0,
    collimator: float = 0.0,
    couch: float = 0.0,
    sid: float = 1500.0,
    pixel: tuple[float, float] = (0.784, 0.784),
    jaws: tuple[float, float, float, float] = (-50.0, 50.0, -50.0, 50.0),
    energy: str = "6x",
    tag: str = "sample",
) -> dict[str, Property]:
    """Return what a TrueBeam writes with an MV image; angles in IEC 61217, lengths in mm at the machine.

    `pixel` is between rows, between columns at the panel; `jaws` are X1, X2, Y1, Y2 at the isocentre,
    signed. Every value is made up.
    """
    return _common(gantry, couch, pixel, tag) | {
        "ImageSourceType": 1,
        "ImageSourceId": "OMVModule",
        "MVBeamOn": 1,
        "MVCollimatorRtn": (180.0 - collimator) % 360.0,
        "MVCollimatorX1": -jaws[0] / 10,
        "MVCollimatorX2": jaws[1] / 10,
        "MVCollimatorY1": -jaws[2] / 10,
        "MVCollimatorY2": jaws[3] / 10,
        "MVDetectorVrt": (1000.0 - sid) / 10,
        "MVDoseRate": 10.0,
        "MVDoseStart": 17.0,
        "MVDoseStop": 19.0,
        "MVEnergy": energy,
    }


def kv_properties(
    *,
    gantry: float = 0.0,
    couch: float = 0.0,
    sid: float = 1500.0,
    pixel: tuple[float, float] = (0.776, 0.776),
    tag: str = "sample",
) -> dict[str, Property]:
    """Return what a TrueBeam writes with a kV image; the kV source stands at `gantry` - 90 degrees, IEC."""
    return _common(gantry, couch, pixel, tag) | {
        "ImageSourceType": 2,
        "ImageSourceId": "RTI4030iL",
        "KVDetectorVrt": (1000.0 - sid) / 10,
        "KVFocalSpot": "Large",
        "KVKiloVolts": 75.0,
        "KVMilliAmperes": 50.0,
        "KVMilliSeconds": 10.0,
        "MVDoseStart": 17.0,
        "MVDoseStop": 17.0,
    }


def _common(gantry: float, couch: float, pixel: tuple[float, float], tag: str) -> dict[str, Property]:
    """Return both halves of the machine in rest, as every file has them."""
    return {
        "AcquisitionId": 878855694,
        "AcquisitionMode": "",
        "AcquisitionModeId": "Highres",
        "AcquisitionNotes": "Made by dicombake: no machine took this image.",
        "AcquisitionSystem": 1,
        "AcquisitionSystemVersion": "3.0.117.110",
        "BeamState": 3,
        "CouchLat": 100.0,
        "CouchLng": 91.9,
        "CouchPit": UNSET_DOUBLE,
        "CouchRol": UNSET_DOUBLE,
        "CouchRtn": (180.0 - couch) % 360.0,
        "CouchVrt": 111.77,
        "DataGain": 1.0,
        "DataOffset": 0,
        "DataShift": 0,
        "DoseConversionFactor": 0.0,
        "FrameRate": 10.0,
        "GantryRtn": (180.0 - gantry) % 360.0,
        "HistogramBinSize": UNSET_INT,
        "HistogramRoi": (UNSET_INT,) * 4,
        "ImageFlipped": 0,
        "ImageModeId": "AdHoc",
        "ImagePropertyVersionMajor": 2,
        "ImagePropertyVersionMinor": 1,
        "ImageSourceIndex": 0,
        "KVBeamOn": 0,
        "KVCollimatorFoil": "Titanium V1",
        "KVCollimatorShape": "None",
        "KVCollimatorX1": 13.8,
        "KVCollimatorX2": 13.8,
        "KVCollimatorY1": 10.5,
        "KVCollimatorY2": 10.5,
        "KVDetectorLat": 0.0,
        "KVDetectorLng": 0.0,
        "KVDetectorPitch": 0.0015,
        "KVDetectorRtn": -0.12317,
        "KVDetectorVrt": -50.0,
        "KVKiloVolts": 0.0,
        "KVMilliAmperes": 0.0,
        "KVMilliSeconds": 0.0,
        "KVSourceLat": 0.0,
        "KVSourceLng": 0.0,
        "KVSourceRtn": (180.0 - (gantry - 90.0)) % 360.0,
        "KVSourceVrt": 100.0,
        "MLCLeafsA": (5.0,) * 60,
        "MLCLeafsB": (5.0,) * 60,
        "MLCModel": 2,
        "MVBeamHold": 0,
        "MVBeamOn": 0,
        "MVCollimatorRtn": 180.0,
        "MVCollimatorRtnSecondary": UNSET_DOUBLE,
        "MVCollimatorX1": 5.0,
        "MVCollimatorX2": 5.0,
        "MVCollimatorY1": 5.0,
        "MVCollimatorY2": 5.0,
        "MVDetectorLat": 0.0,
        "MVDetectorLng": 0.0,
        "MVDetectorPitch": 0.0036,
        "MVDetectorRtn": 0.03096,
        "MVDetectorVrt": -50.0,
        "MVDoseDelivered": 0.0,
        "MVDoseRate": 0.0,
        "MVEnergy": "6x",
        "MVSourceVrt": 100.0,
        "NumberOfFrames": 2,
        "PixelHeight": pixel[0] / 10,
        "PixelWidth": pixel[1] / 10,
        "PixelNormalizationFactor": UNSET_DOUBLE,
        "SequenceNumber": 0,
        "StartTime": 1704182400,
        "StartTimeRemainder": 250000000,
        "StopTime": 1704182400,
        "StopTimeRemainder": 750000000,
        "UndefinedDouble": UNSET_DOUBLE,
        "Valid": 1,
        "AcquisitionTag": tag,
    }
