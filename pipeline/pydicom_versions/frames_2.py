"""The functions of pydicom 3 that 2.4 lacks, with the same codecs and the same checks around them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import Any, BinaryIO

import numpy as np
from pydicom import Dataset
from pydicom._uid_dict import UID_dictionary
from pydicom.encaps import generate_pixel_data_frame
from pydicom.encoders.base import RLELosslessEncoder
from pydicom.pixel_data_handlers.rle_handler import _rle_decode_frame
from pydicom.pixel_data_handlers.util import expand_ybr422, get_j2k_parameters
from pydicom.uid import UID

__all__ = [
    "HTJ2K_LOSSLESS",
    "decode_frame",
    "decoding_plugins",
    "encode_frame",
    "encoding_plugins",
    "generate_frames",
    "parse_basic_offsets",
    "parse_fragments",
    "pixel_array",
]

_Array = np.ndarray[Any, Any]

_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", _BIG_ENDIAN)
_JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
_JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
_HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")
_RLE = "1.2.840.10008.1.2.5"

HTJ2K_LOSSLESS = UID(_HTJ2K[0])
for _uid, _what in zip(_HTJ2K, (" (Lossless Only)", " with RPCL Options (Lossless Only)", ""), strict=True):
    # transfer syntaxes of 2023, which its dictionary lacks: without them they count as unknown
    _name = f"High-Throughput JPEG 2000{_what.partition(' (')[0]} Image Compression"
    UID_dictionary.setdefault(_uid, (_name, "Transfer Syntax", "", "", ""))


def decoding_plugins(syntax: str) -> Collection[str]:
    """Return the plugins that decode, as in `frames_3`."""
    return [plugin for plugin, (module, read, _) in _DECODERS.items() if syntax in read and find_spec(module)]


def encoding_plugins(syntax: str) -> Collection[str]:
    """Return the plugins that encode, as in `frames_3`."""
    return [
        plugin
        for plugin, (module, written, _) in _ENCODERS.items()
        if syntax == written and find_spec(module)
    ]


def decode_frame(dataset: Dataset, syntax: str, index: int, plugin: str) -> tuple[_Array, str]:
    """Return one decoded frame, as in `frames_3`."""
    photometric = str(dataset.PhotometricInterpretation)
    if syntax in _NATIVE:
        return _native_frame(dataset, syntax, index)
    count = int(dataset.get("NumberOfFrames") or 1)
    frames = generate_frames(dataset.PixelData, number_of_frames=count)
    data = next(islice(frames, index, None), None)
    if data is None:
        raise ValueError(f"There is insufficient pixel data to contain {index + 1} frames")
    decoded, by_plane = _DECODERS[plugin][2](dataset, syntax, data)
    shape = (int(dataset.Rows), int(dataset.Columns))
    samples = int(dataset.SamplesPerPixel)
    pixels: _Array
    if samples == 1:
        pixels = decoded.reshape(shape)
    elif by_plane:
        pixels = decoded.reshape(samples, *shape).transpose(1, 2, 0)
    else:
        pixels = decoded.reshape(*shape, samples)
    codec_undid = syntax in _JPEG_2000 + _HTJ2K and photometric in ("YBR_RCT", "YBR_ICT")
    return pixels, "RGB" if codec_undid else photometric


def encode_frame(frame: _Array, syntax: str, plugin: str, description: dict[str, Any]) -> bytes:
    """Return one encoded frame, as in `frames_3`."""
    stored, signed = int(description["bits_stored"]), bool(description["pixel_representation"])
    least, most = (-(1 << stored - 1), (1 << stored - 1) - 1) if signed else (0, (1 << stored) - 1)
    if int(frame.min()) < least or int(frame.max()) > most:
        raise ValueError(f"values outside of {least} to {most}, which {stored} bits stored can hold")
    little = np.ascontiguousarray(frame, dtype=frame.dtype.newbyteorder("<"))
    return bytes(_ENCODERS[plugin][2](little, description))


def generate_frames(
    buffer: bytes,
    *,
    number_of_frames: int | None = None,
    extended_offsets: tuple[bytes, bytes] | None = None,
) -> Iterator[bytes]:
    """Yield the compressed frames of an encapsulated value, by its offset table (PS3.5 A.4).

    One fragment per frame where an Extended Offset Table gives their places (PS3.3 C.7.6.3.1.8).
    """
    if extended_offsets is None:
        yield from generate_pixel_data_frame(bytes(buffer), number_of_frames)
        return
    offsets, lengths = (struct.unpack(f"<{len(table) // 8}Q", table) for table in extended_offsets)
    first = 8 + struct.unpack_from("<I", buffer, 4)[0]
    for offset, length in zip(offsets, lengths, strict=False):
        yield bytes(buffer[first + offset + 8 : first + offset + 8 + length])


def parse_basic_offsets(buffer: BinaryIO) -> list[int]:
    """Return the Basic Offset Table, and move `buffer` behind it. Raises: ValueError."""
    head = buffer.read(8)
    if head[:4] != _ITEM or len(head) != 8:
        raise ValueError("no item of a Basic Offset Table")
    table = buffer.read(struct.unpack("<I", head[4:])[0])
    return list(struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4]))


def parse_fragments(buffer: BinaryIO) -> tuple[int, list[int]]:
    """Return how many fragments follow, and where each one's item begins in `buffer`. Raises: ValueError."""
    places: list[int] = []
    while True:
        place, head = buffer.tell(), buffer.read(8)
        if head[:4] == _END or not head:
            return len(places), places
        if head[:4] != _ITEM or len(head) != 8:
            raise ValueError("no item of a fragment")
        places.append(place)
        buffer.seek(struct.unpack("<I", head[4:])[0], 1)


def pixel_array(dataset: Dataset) -> _Array:
    """Return all pixels, as in `frames_3`."""
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    plugin = next(iter(decoding_plugins(syntax)), "")
    if not plugin and syntax not in _NATIVE:
        raise ValueError(f"no codec for {UID(syntax).name} is installed")
    count = int(dataset.get("NumberOfFrames") or 1)
    frames = [decode_frame(dataset, syntax, index, plugin)[0] for index in range(count)]
    return frames[0] if count == 1 else np.stack(frames)


def _native_frame(dataset: Dataset, syntax: str, index: int) -> tuple[_Array, str]:
    """Return a frame that is not compressed, of whole bytes (PS3.5 8.1)."""
    keyword = next(
        name for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData") if name in dataset
    )
    photometric = str(dataset.PhotometricInterpretation)
    allocated, samples = int(dataset.BitsAllocated), int(dataset.SamplesPerPixel)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    kind = "f" if keyword != "PixelData" else "i" if dataset.PixelRepresentation else "u"
    dtype = np.dtype(f"{'>' if syntax == _BIG_ENDIAN else '<'}{kind}{allocated // 8}")
    count = rows * columns * (2 if photometric == "YBR_FULL_422" else samples)
    size = count * dtype.itemsize
    value = dataset[keyword].value
    if syntax == _BIG_ENDIAN and allocated == 8 and dataset[keyword].VR == "OW":
        value = np.frombuffer(value, np.uint16, len(value) // 2).byteswap().tobytes()
    if len(value) < (index + 1) * size:
        raise ValueError(f"There is insufficient pixel data to contain {index + 1} frames")
    if photometric == "YBR_FULL_422":
        value, index = expand_ybr422(bytes(value[index * size : (index + 1) * size]), allocated), 0
        photometric, count, size = "YBR_FULL", rows * columns * 3, rows * columns * 3 * dtype.itemsize
    pixels = np.frombuffer(value, dtype, count, index * size)
    if samples == 1:
        return pixels.reshape(rows, columns), photometric
    if dataset.PlanarConfiguration == 1:
        return pixels.reshape(samples, rows, columns).transpose(1, 2, 0), photometric
    return pixels.reshape(rows, columns, samples), photometric


def _held(dataset: Dataset, data: bytes | bytearray, precision: int) -> _Array:
    """Return what a codec gave in as few bytes as `precision` bits need, signed as the dataset says."""
    kind = "i" if dataset.PixelRepresentation else "u"
    container = 1 if precision <= 8 else 2 if precision <= 16 else 4
    return np.frombuffer(data, f"<{kind}{container}").astype(f"{kind}{int(dataset.BitsAllocated) // 8}")


def _sign_extended(pixels: _Array, precision: int) -> _Array:
    """Return values of `precision` bits with the sign bit extended over their dtype."""
    unused = 8 * pixels.dtype.itemsize - precision
    return pixels << unused >> unused if unused else pixels


def _by_pylibjpeg(dataset: Dataset, syntax: str, data: bytes) -> tuple[_Array, bool]:
    stored, signed = int(dataset.BitsStored), bool(dataset.PixelRepresentation)
    decoded = import_module("openjpeg").decode_pixel_data(data, version=2)
    found: dict[str, Any] = get_j2k_parameters(data)
    precision = int(found.get("precision", stored))
    pixels = _held(dataset, decoded, precision)
    if bool(found.get("is_signed", signed)) != signed:
        pixels = _sign_extended(pixels, precision)
    return pixels, False


def _by_pyjpegls(dataset: Dataset, syntax: str, data: bytes) -> tuple[_Array, bool]:
    decoded, said = import_module("jpeg_ls").decode_pixel_data(data)
    precision = int(said["bits_per_sample"])
    by_plane = said["components"] > 1 and said["interleave_mode"] == 0
    return _sign_extended(_held(dataset, decoded, precision), precision), by_plane


def _by_gdcm(dataset: Dataset, syntax: str, data: bytes) -> tuple[_Array, bool]:
    from pydicom.encaps import encapsulate
    from pydicom.pixel_data_handlers import gdcm_handler

    stored, allocated = int(dataset.BitsStored), int(dataset.BitsAllocated)
    single = Dataset()
    single.update(dataset.group_dataset(0x0028))
    single.file_meta, single.is_little_endian = dataset.file_meta, True
    single.pop("NumberOfFrames", None)
    single.PixelData = encapsulate([data])
    if syntax not in _JPEG_LOSSLESS:  # which the others are held in, their precision says
        stored = int(get_j2k_parameters(data).get("precision", stored)) if syntax in _JPEG_2000 else stored
        single.BitsStored, single.HighBit = stored, stored - 1
        single.BitsAllocated = 8 if stored <= 8 else 16 if stored <= 16 else allocated
    try:
        pixels = gdcm_handler.get_pixeldata(single)
    except (AttributeError, TypeError) as error:  # of another size, or no image
        raise ValueError(str(error)) from error
    kept = pixels.astype(f"{pixels.dtype.kind}{allocated // 8}")
    return (_sign_extended(kept, stored) if syntax in _JPEG_LS else kept), False


def _by_pydicom(dataset: Dataset, syntax: str, data: bytes) -> tuple[_Array, bool]:
    allocated, samples = int(dataset.BitsAllocated), int(dataset.SamplesPerPixel)
    try:
        decoded = _rle_decode_frame(data, int(dataset.Rows), int(dataset.Columns), samples, allocated)
    except NotImplementedError as error:
        raise ValueError(str(error)) from error
    return np.frombuffer(decoded, f"<{'i' if dataset.PixelRepresentation else 'u'}{allocated // 8}"), True


def _openjpeg(frame: _Array, description: dict[str, Any]) -> bytes:
    encoded: bytes = import_module("openjpeg.utils").encode_buffer(
        _smallest(frame, description),
        description["columns"],
        description["rows"],
        description["samples_per_pixel"],
        description["bits_stored"],
        bool(description["pixel_representation"]),
        use_mct=False,
    )
    return encoded


def _charls(frame: _Array, description: dict[str, Any]) -> bytes:
    options = {key: description[key] for key in ("rows", "columns", "samples_per_pixel", "bits_stored")} | {
        "planar_configuration": 0
    }
    encoded: bytes = import_module("jpeg_ls").encode_pixel_data(_smallest(frame, description), **options)
    return encoded


def _native_rle(frame: _Array, description: dict[str, Any]) -> bytes:
    encoded: bytes = RLELosslessEncoder.encode(
        frame, encoding_plugin="pydicom", number_of_frames=1, planar_configuration=0, **description
    )
    return encoded


def _smallest(frame: _Array, description: dict[str, Any]) -> bytes:
    """Return the frame's bytes, one per value where its bits stored fit (as the codecs want them)."""
    return (frame.astype(f"{frame.dtype.kind}1") if description["bits_stored"] <= 8 else frame).tobytes()


_DECODERS: dict[str, tuple[str, tuple[str, ...], Callable[[Dataset, str, bytes], tuple[_Array, bool]]]] = {
    "pydicom": ("pydicom", (_RLE,), _by_pydicom),
    "pylibjpeg": ("openjpeg", (*_JPEG_2000, *_HTJ2K), _by_pylibjpeg),
    "pyjpegls": ("jpeg_ls", _JPEG_LS, _by_pyjpegls),
    "gdcm": ("gdcm", (*_JPEG_LOSSLESS, *_JPEG_LS, *_JPEG_2000), _by_gdcm),
}
"""Plugin: its module, what it decodes, and how: values as they come, and whether colour is by plane."""

_ENCODERS: dict[str, tuple[str, str, Callable[[_Array, dict[str, Any]], bytes]]] = {
    "pydicom": ("pydicom", _RLE, _native_rle),
    "pylibjpeg": ("openjpeg", _JPEG_2000[0], _openjpeg),
    "pyjpegls": ("jpeg_ls", _JPEG_LS[0], _charls),
}
"""Plugin: its module, what it encodes, and how."""
