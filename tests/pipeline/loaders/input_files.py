"""Small valid files of each format, made in memory, DICOM byte for byte as a test wants it.

Also a slow XIM coder to compare the fast one with.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from ...pydicom_api import write_whole

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RT_IMAGE = "1.2.840.10008.5.1.4.1.1.481.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
ENCAPSULATED = frozenset(
    f"1.2.840.10008.1.2.{number}"
    for number in (5, *(f"4.{codec}" for codec in (50, 51, 57, 70, 80, 81, 90, 91, 201, 202, 203)))
)

UNSET_DOUBLE = 3.4028234663852886e38
UNSET_INTEGER = 2147483647

MV_PROPERTIES: dict[str, Any] = {
    "ImageSourceType": 1,
    "PixelHeight": 0.0336,
    "PixelWidth": 0.0336,
    "MVSourceVrt": 100.0,
    "MVDetectorLat": 0.0,
    "MVDetectorLng": 0.0,
    "MVDetectorVrt": -50.0,
    "GantryRtn": 179.99337,
    "MVCollimatorRtn": 269.9995,
    "CouchRtn": 180.00195,
    "BeamState": 3,
    "AcquisitionTag": "Test",
}


def _wrap(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def xim_steps(pixels: npt.NDArray[Any]) -> list[int]:
    """Differences by the format's own formula, one pixel at a time, wrapped to int32."""
    width = pixels.shape[1]
    p = [int(value) for value in pixels.reshape(-1)]
    return [_wrap(p[i] - p[i - 1] - p[i - width] + p[i - width - 1]) for i in range(width + 1, len(p))]


def xim_pixel_part(pixels: npt.NDArray[Any], sizes: Mapping[int, int] | None = None) -> bytes:
    """Look-up table, first pixels and differences; `sizes` forces differences into more bytes."""
    width, steps = pixels.shape[1], xim_steps(pixels)
    codes, data = [], b""
    for index, step in enumerate(steps):
        least = 1 if -128 <= step < 128 else 2 if -32768 <= step < 32768 else 4
        size = max(least, (sizes or {}).get(index, 1))
        codes.append({1: 0, 2: 1, 4: 2}[size])
        data += step.to_bytes(size, "little", signed=True)
    codes += [0] * (-len(codes) % 4)
    table = bytes(
        a | b << 2 | c << 4 | d << 6
        for a, b, c, d in zip(codes[0::4], codes[1::4], codes[2::4], codes[3::4], strict=True)
    )
    seeds = struct.pack(f"<{width + 1}i", *(int(value) for value in pixels.reshape(-1)[: width + 1]))
    return struct.pack("<i", len(table)) + table + struct.pack("<i", len(seeds + data)) + seeds + data


def xim_property(name: str, value: Any) -> bytes:
    key = name.encode()
    start = struct.pack("<i", len(key)) + key
    match value:
        case int():
            return start + struct.pack("<ii", 0, value)
        case float():
            return start + struct.pack("<id", 1, value)
        case str():
            text = value.encode()
            return start + struct.pack("<ii", 2, len(text)) + text
        case list():
            kind, form = (4, "d") if isinstance(value[0], float) else (5, "i")
            data = struct.pack(f"<{len(value)}{form}", *value)
            return start + struct.pack("<ii", kind, len(data)) + data
        case _:
            raise TypeError(name)


def make_xim(
    pixels: npt.NDArray[Any],
    properties: Mapping[str, Any] | None = None,
    *,
    compressed: bool = True,
    sizes: Mapping[int, int] | None = None,
    histogram: int = 0,
    ending: bytes = b"",
) -> bytes:
    """A XIM file of a uint16 or int32 array."""
    rows, columns = pixels.shape
    itemsize = pixels.dtype.itemsize
    head = struct.pack("<6i", 2 if ending else 0, columns, rows, itemsize * 8, itemsize, int(compressed))
    plain = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    if compressed:
        body = xim_pixel_part(pixels, sizes) + struct.pack("<i", len(plain))
    else:
        body = struct.pack("<i", len(plain)) + plain
    bins = struct.pack(f"<i{histogram}i", histogram, *range(histogram))
    items = MV_PROPERTIES if properties is None else properties
    tail = struct.pack("<i", len(items)) + b"".join(
        xim_property(name, value) for name, value in items.items()
    )
    return b"\0VMS.XI\0" + head + body + bins + tail + ending


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def make_png(
    columns: int, rows: int, depth: int, colour: int, lines: list[bytes], *chunks: tuple[bytes, bytes]
) -> bytes:
    """A PNG of unfiltered lines; `chunks` go before the pixels."""
    start = chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, depth, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines)))
    middle = b"".join(chunk(kind, body) for kind, body in chunks)
    return b"\x89PNG\r\n\x1a\n" + start + middle + pixels + chunk(b"IEND", b"")


def make_npy(values: npt.NDArray[Any], version: tuple[int, int] = (1, 0)) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, values, version=version)
    return stream.getvalue()


def make_npz(compressed: bool = False, **arrays: npt.NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


def make_tiff(values: npt.NDArray[Any], **options: Any) -> bytes:
    import tifffile

    stream = io.BytesIO()
    options = {"resolution": (100, 100), "resolutionunit": "inch", **options}
    tifffile.imwrite(stream, values, metadata=None, software=False, **options)
    return stream.getvalue()


def make_picture(values: npt.NDArray[Any], kind: str, **options: Any) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind, **options)
    return stream.getvalue()


def dataset_of(pixels: np.ndarray[Any, Any] | None, **values: Any) -> Dataset:
    """An image; `values` (a keyword each) come last and win. A value of None takes the element out."""
    dataset = Dataset()
    dataset.SOPClassUID = SECONDARY_CAPTURE
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.PatientName = "Phantom^One"
    dataset.Modality = "OT"
    if pixels is not None:
        samples = pixels.shape[-1] if pixels.ndim > 2 and pixels.shape[-1] == 3 else 1
        frames = pixels.shape[0] if pixels.ndim - (samples == 3) == 3 else 1
        dataset.SamplesPerPixel = samples
        dataset.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
        if samples == 3:
            dataset.PlanarConfiguration = 0
        if frames > 1:
            dataset.NumberOfFrames = frames
        dataset.Rows, dataset.Columns = pixels.shape[frames > 1 :][:2]
        dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.dtype.itemsize
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    for name, value in values.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    return dataset


def encoded(dataset: Dataset, pixels: np.ndarray[Any, Any] | bytes | None, syntax: str = EXPLICIT) -> bytes:
    """The file's bytes, with preamble and file meta. Pixels as an array are written in the syntax's order."""
    if isinstance(pixels, np.ndarray):
        pixels = pixels.astype(pixels.dtype.newbyteorder(">" if syntax == BIG_ENDIAN else "<")).tobytes()
    if pixels is not None:
        vr = "OW" if dataset.BitsAllocated != 8 and UID(syntax) not in ENCAPSULATED else "OB"
        dataset.add_new(0x7FE00010, vr, pixels + b"\0" * (len(pixels) % 2))
        dataset["PixelData"].is_undefined_length = syntax in ENCAPSULATED
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = io.BytesIO()
    write_whole(buffer, dataset)
    return buffer.getvalue()


def compressed(dataset: Dataset, frames: list[bytes], syntax: str) -> bytes:
    """A file of frames that are codestreams already."""
    return encoded(dataset, encapsulate(frames), syntax)


def bare(data: bytes) -> bytes:
    """The file without preamble and file meta."""
    (length,) = np.frombuffer(data[140:144], "<u4")
    return data[144 + int(length) :]


def written(folder: Path, data: bytes, name: str = "image.dcm") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
