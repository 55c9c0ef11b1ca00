"""DICOM made byte by byte: every encoding, every kind of pixels, and what must be refused."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.image import Image, Lossy
from dicombake.pipeline.loaders.base import Certainty
from dicombake.pipeline.loaders.dicom.loader import load, probe, sniff
from dicombake.pipeline.loaders.options import DicomOptions, Limits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.sequence import Sequence

from ..input_files import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    bare,
    compressed,
    dataset_of,
    encoded,
    written,
)

NATIVE = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)
RANDOM = np.random.default_rng(7)


def noise(dtype: str, *shape: int) -> np.ndarray[Any, Any]:
    limits = np.iinfo(dtype)
    return RANDOM.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def read(folder: Path, data: bytes, **options: Any) -> list[Image]:
    return list(load(written(folder, data), DicomOptions(**options), Limits()))


def one(folder: Path, data: bytes, **options: Any) -> Image:
    (image,) = read(folder, data, **options)
    return image


def refused(folder: Path, data: bytes, limits: Limits | None = None) -> str:
    """The reason for which a file is refused, without its path."""
    path = written(folder, data)
    with pytest.raises(SourceError) as caught:
        list(load(path, DicomOptions(), limits or Limits()))
    assert caught.value.subject == str(path)
    return caught.value.what


# Encodings


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"])
def test_every_integer_in_every_encoding(tmp_path: Path, syntax: str, dtype: str) -> None:
    pixels = noise(dtype, 5, 7)
    image = one(tmp_path, encoded(dataset_of(pixels), pixels, syntax))
    assert image.pixels.dtype == dtype and np.array_equal(image.pixels, pixels)
    assert image.stored is not None and image.stored.pixels is image.pixels
    assert (image.stored.slope, image.stored.intercept) == (1, 0)
    assert not image.computed


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_without_preamble_and_meta(tmp_path: Path, syntax: str) -> None:
    pixels = noise("int16", 5, 7)
    data = bare(encoded(dataset_of(pixels), pixels, syntax))
    path = written(tmp_path, data)
    assert sniff(data[:1024], path)
    image = one(tmp_path, data)
    assert np.array_equal(image.pixels, pixels)
    assert image.source.dataset is not None
    assert image.source.dataset.file_meta.TransferSyntaxUID == syntax


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_with_meta_that_names_no_transfer_syntax(tmp_path: Path, syntax: str) -> None:
    pixels = noise("uint16", 5, 7)
    meta = (
        struct.pack("<HH2sHI", 2, 0, b"UL", 4, 26)
        + struct.pack("<HH2sH", 2, 2, b"UI", 18)
        + b"1.2.3.4.5.6.7.8.90"
    )
    data = bytes(128) + b"DICM" + meta + bare(encoded(dataset_of(pixels), pixels, syntax))
    assert np.array_equal(one(tmp_path, data).pixels, pixels)


def test_compressed_without_a_transfer_syntax_is_refused(tmp_path: Path) -> None:
    pixels = noise("uint8", 5, 7)
    data = bare(compressed(dataset_of(pixels), [imagecodecs.jpegls_encode(pixels)], "1.2.840.10008.1.2.4.80"))
    assert refused(tmp_path, data) == "names no transfer syntax, and its pixels are compressed"


def test_one_byte_big_endian_words_of_odd_length(tmp_path: Path) -> None:
    pixels = noise("uint8", 3, 5)
    data = dataset_of(pixels)
    words = np.frombuffer(pixels.tobytes() + b"\0", "<u2").astype(">u2").tobytes()
    file = encoded(data, words, BIG_ENDIAN).replace(b"\x7f\xe0\x00\x10OB", b"\x7f\xe0\x00\x10OW")
    assert np.array_equal(one(tmp_path, file).pixels, pixels)


def test_deflated_beyond_the_limits_is_refused(tmp_path: Path) -> None:
    pixels = np.zeros((400, 400), np.uint8)
    data = encoded(dataset_of(pixels), pixels, DEFLATED)
    limits = Limits(image_pixels=100, header_bytes=1000)
    assert refused(tmp_path, data, limits) == "inflates to more than 1800 bytes, which its pixels do not take"


# Codecs

CODED: dict[str, tuple[str, Any]] = {
    "JPEG lossless": ("1.2.840.10008.1.2.4.57", imagecodecs.ljpeg_encode),
    "JPEG lossless SV1": ("1.2.840.10008.1.2.4.70", imagecodecs.ljpeg_encode),
    "JPEG-LS": ("1.2.840.10008.1.2.4.80", imagecodecs.jpegls_encode),
    "JPEG 2000": (
        "1.2.840.10008.1.2.4.90",
        lambda pixels: imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="J2K", reversible=True),
    ),
    "HTJ2K": ("1.2.840.10008.1.2.4.201", lambda pixels: imagecodecs.htj2k_encode(pixels, reversible=True)),
    "HTJ2K RPCL": (
        "1.2.840.10008.1.2.4.202",
        lambda pixels: imagecodecs.htj2k_encode(pixels, reversible=True),
    ),
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("codec", CODED)
def test_lossless_codecs_of_another_library(tmp_path: Path, codec: str, dtype: str) -> None:
    syntax, encode = CODED[codec]
    frames = [noise(dtype, 32, 40) for _ in range(2)]
    data = compressed(dataset_of(np.stack(frames)), [encode(frame) for frame in frames], syntax)
    images = read(tmp_path, data)
    assert [image.source.page for image in images] == [1, 2]
    for image, frame in zip(images, frames, strict=True):
        assert image.pixels.dtype == dtype and np.array_equal(image.pixels, frame)
        assert image.lossy is None


RAW_16_BIT: dict[str, Any] = {
    "rows": 6, "columns": 8, "samples_per_pixel": 1, "number_of_frames": 1, "bits_allocated": 16,
    "bits_stored": 16, "pixel_representation": 0, "photometric_interpretation": "MONOCHROME2",
}  # fmt: skip


def test_run_length_masks_what_lies_above_the_stored_bits(tmp_path: Path) -> None:
    from ....pydicom_api import RLELosslessEncoder

    pixels = noise("uint16", 6, 8)
    data = dataset_of(pixels, BitsStored=12, HighBit=11)
    raw = RLELosslessEncoder.encode(pixels, **RAW_16_BIT)
    image = one(tmp_path, compressed(data, [raw], "1.2.840.10008.1.2.5"))
    assert np.array_equal(image.pixels, pixels & 4095)


def test_a_missing_codec_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dicombake.pipeline.loaders.dicom import codecs as dicom_codecs

    monkeypatch.setattr(dicom_codecs, "PLUGINS", dict.fromkeys(dicom_codecs.PLUGINS, ("none",)))
    pixels = noise("uint8", 5, 7)
    path = written(
        tmp_path,
        compressed(dataset_of(pixels), [imagecodecs.jpegls_encode(pixels)], "1.2.840.10008.1.2.4.80"),
    )
    with pytest.raises(SourceError) as caught:
        list(load(path, DicomOptions(), Limits()))
    assert str(caught.value) == (
        f"{path}: is compressed as JPEG-LS Lossless Image Compression, and no codec for that is installed;"
        " pip install dicombake[codecs]"
    )


def smooth(*shape: int) -> np.ndarray[Any, Any]:
    """A picture that JPEG keeps well."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    return np.asarray(rows * 2 + columns, np.float64).reshape(*shape[:2], *([1] * (len(shape) - 2)))


def test_12_bit_jpeg(tmp_path: Path) -> None:
    pixels = (smooth(64, 64) * 20).astype(np.uint16)
    coded = imagecodecs.jpeg_encode(pixels, level=99, bitspersample=12)
    data = compressed(dataset_of(pixels, BitsStored=12, HighBit=11), [coded], "1.2.840.10008.1.2.4.51")
    image = one(tmp_path, data)
    assert image.pixels.dtype == np.uint16
    assert np.abs(image.pixels.astype(int) - pixels).max() < 40
    assert image.lossy == Lossy("ISO_10918_1", round(64 * 64 * 2 / (len(coded) + len(coded) % 2), 2))
    assert image.stored is not None and image.stored.bits_stored == 12


COLOURS = np.stack([smooth(32, 32), 200 - smooth(32, 32), np.full((32, 32), 40.0)], -1).astype(np.uint8)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("marker", ["adobe 0", "adobe 1", "jfif", "none"])
def test_colour_jpeg_is_converted_once(tmp_path: Path, marker: str, photometric: str) -> None:
    """The codestream's own markers say what it holds; the dataset's word counts where there are none."""
    holds_rgb = marker == "adobe 0" or (marker == "none" and photometric == "RGB")
    space = "RGB" if holds_rgb else "YCBCR"
    coded = imagecodecs.jpeg8_encode(
        COLOURS, level=100, colorspace="RGB", outcolorspace=space, subsampling="444"
    )
    start = {
        "adobe 0": b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00",
        "adobe 1": b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01",
        "jfif": b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00",
        "none": b"",
    }[marker]
    coded = b"\xff\xd8" + start + _renumbered(_without_apps(coded))[2:]
    data = compressed(
        dataset_of(COLOURS, PhotometricInterpretation=photometric), [coded], "1.2.840.10008.1.2.4.50"
    )
    image = one(tmp_path, data)
    assert image.photometric == "RGB"
    assert np.abs(image.pixels.astype(int) - COLOURS).max() <= 4
    assert image.lossy is not None and image.lossy.method == "ISO_10918_1"


def _without_apps(data: bytes) -> bytes:
    position, kept = 2, b"\xff\xd8"
    while data[position + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, position + 2)
        if not 0xE0 <= data[position + 1] <= 0xEF:
            kept += data[position : position + 2 + length]
        position += 2 + length
    return kept + data[position:]


def _renumbered(data: bytes) -> bytes:
    """Component ids 1, 2, 3 in frame and scan header, which say nothing of the colours."""
    changed = bytearray(data)
    for marker, first, step in ((b"\xff\xc0", 10, 3), (b"\xff\xda", 5, 2)):
        start = data.index(marker)
        for component in range(3):
            changed[start + first + step * component] = component + 1
    return bytes(changed)


def test_irreversible_jpeg_2000_is_lossy(tmp_path: Path) -> None:
    pixels = smooth(64, 64).astype(np.uint8)
    syntax = "1.2.840.10008.1.2.4.91"
    lossy = imagecodecs.jpeg2k_encode(pixels, level=40, codecformat="J2K", reversible=False)
    lossless = imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="J2K", reversible=True)
    found = one(tmp_path, compressed(dataset_of(pixels), [lossy], syntax)).lossy
    assert found is not None and found.method == "ISO_15444_1"
    assert one(tmp_path, compressed(dataset_of(pixels), [lossless], syntax)).lossy is None


def test_declared_loss_comes_along(tmp_path: Path) -> None:
    pixels = noise("uint8", 4, 4)
    declared = {
        "LossyImageCompression": "01", "LossyImageCompressionRatio": ["10", "12.5"],
        "LossyImageCompressionMethod": ["ISO_10918_1", "ISO_15444_1"],
    }  # fmt: skip
    image = one(tmp_path, encoded(dataset_of(pixels, **declared), pixels))
    assert image.lossy == Lossy("ISO_15444_1", 12.5)
    assert one(tmp_path, encoded(dataset_of(pixels, LossyImageCompression="00"), pixels)).lossy is None


# What bits mean


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize(("stored", "high"), [(12, 11), (12, 15), (10, 13), (1, 0), (1, 15)])
@pytest.mark.parametrize("signed", [0, 1])
def test_bits_above_and_below_the_stored_ones_do_not_count(
    tmp_path: Path, stored: int, high: int, signed: int, syntax: str
) -> None:
    pixels = noise("uint16", 6, 8)
    data = dataset_of(pixels, BitsStored=stored, HighBit=high, PixelRepresentation=signed)
    image = one(tmp_path, encoded(data, pixels, syntax))
    value = (pixels.astype(np.int64) >> (high + 1 - stored)) % (1 << stored)
    if signed:
        value = np.where(value >= 1 << (stored - 1), value - (1 << stored), value)
    assert np.array_equal(image.pixels, value)
    assert image.pixels.dtype == ("int16" if signed else "uint16")
    assert image.stored is not None and image.stored.bits_stored == stored
    # readers differ where they are not the lowest ones
    assert [note.code for note in image.notes] == ([] if high == stored - 1 else ["high-bit"])


@pytest.mark.parametrize("columns", [8, 11])
@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN])
def test_single_bits(tmp_path: Path, columns: int, syntax: str) -> None:
    """As OW, where the words of a big endian file have their bytes the other way round."""
    bits = RANDOM.integers(0, 2, (3, 5, columns), np.uint8)
    packed = np.packbits(bits.ravel(), bitorder="little")
    words = np.append(packed, np.zeros(len(packed) % 2, np.uint8)).view("<u2")
    data = dataset_of(bits, BitsAllocated=1, BitsStored=1, HighBit=0)
    images = read(tmp_path, encoded(data, words, syntax))
    assert all(np.array_equal(image.pixels, frame) for image, frame in zip(images, bits, strict=True))
    assert images[0].pixels.dtype == np.uint8
    assert images[0].stored is not None and images[0].stored.bits_stored == 8


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")])
def test_float_pixels(tmp_path: Path, keyword: str, dtype: str, syntax: str) -> None:
    pixels = RANDOM.normal(size=(2, 4, 5)).astype(dtype)
    data = dataset_of(pixels, BitsStored=None, HighBit=None, PixelRepresentation=None, RescaleSlope=1)
    order = ">" if syntax == BIG_ENDIAN else "<"
    setattr(data, keyword, pixels.astype(f"{order}{dtype}").tobytes())
    path = written(tmp_path, encoded(data, None, syntax))
    images = list(load(path, DicomOptions(), Limits()))
    assert all(np.array_equal(image.pixels, frame) for image, frame in zip(images, pixels, strict=True))
    assert images[0].pixels.dtype == dtype and images[0].stored is None
    seen = probe(path, DicomOptions(), Limits())
    assert (seen.dtype, seen.pages, seen.shape) == (str(np.dtype(dtype)), 2, (4, 5))


def test_float_pixels_of_64_bits_under_the_name_of_32_are_refused(tmp_path: Path) -> None:
    """What pylinac 3.49 writes for a float64 array."""
    pixels = RANDOM.normal(size=(4, 5))
    data = dataset_of(pixels, FloatPixelData=pixels.tobytes())
    assert refused(tmp_path, encoded(data, None)) == (
        "has FloatPixelData of 64 bits allocated, which cannot be read"
    )


# Colour


def test_planes_one_after_the_other(tmp_path: Path) -> None:
    pixels = noise("uint16", 4, 5, 3)
    data = dataset_of(pixels, PlanarConfiguration=1)
    image = one(tmp_path, encoded(data, np.ascontiguousarray(np.moveaxis(pixels, -1, 0))))
    assert image.photometric == "RGB" and np.array_equal(image.pixels, pixels)
    assert image.stored is None


def ybr_by_hand(ybr: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """PS3.3 C.7.6.3.1.2, solved for RGB with the factors of ITU-R 601."""
    y, b, r = (ybr[..., place].astype(np.float64) for place in range(3))
    rgb = [y + 1.402 * (r - 128), y - 0.344136 * (b - 128) - 0.714136 * (r - 128), y + 1.772 * (b - 128)]
    return np.clip(np.round(np.stack(rgb, -1)), 0, 255)


def test_ybr_full(tmp_path: Path) -> None:
    ybr = noise("uint8", 6, 8, 3)
    image = one(tmp_path, encoded(dataset_of(ybr, PhotometricInterpretation="YBR_FULL"), ybr))
    assert image.photometric == "RGB"
    assert np.abs(image.pixels - ybr_by_hand(ybr)).max() <= 1


def test_ybr_full_422_frame_by_frame(tmp_path: Path) -> None:
    y = noise("uint8", 2, 4, 6)
    b, r = noise("uint8", 2, 4, 3), noise("uint8", 2, 4, 3)
    packed = np.stack([y[..., ::2], y[..., 1::2], b, r], -1)
    full = np.stack([y, np.repeat(b, 2, -1), np.repeat(r, 2, -1)], -1)
    data = dataset_of(full, PhotometricInterpretation="YBR_FULL_422")
    for image, expected in zip(read(tmp_path, encoded(data, packed)), full, strict=True):
        assert np.abs(image.pixels - ybr_by_hand(expected)).max() <= 1
    data = dataset_of(full, PhotometricInterpretation="YBR_FULL_422")
    assert refused(tmp_path, encoded(data, full)) == (
        "says YBR_FULL_422 and has the bytes of unsampled colour; which is meant is not known"
    )


@pytest.mark.parametrize("photometric", ["YBR_PARTIAL_422", "HSV", "CMYK", "YBR_RCT"])
def test_other_colour_models_are_refused(tmp_path: Path, photometric: str) -> None:
    pixels = noise("uint8", 4, 4, 3)
    reason = refused(tmp_path, encoded(dataset_of(pixels, PhotometricInterpretation=photometric), pixels))
    assert photometric in reason or "PhotometricInterpretation" in reason or "Photometric" in reason


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN, IMPLICIT])
@pytest.mark.parametrize(("bits", "first"), [(8, 0), (16, 0), (16, 10), (8, 3)])
def test_palette(tmp_path: Path, bits: int, first: int, syntax: str) -> None:
    pixels = noise("uint8", 6, 9)
    entries = 200
    tables = [noise(f"uint{bits}", entries) for _ in range(3)]
    data = dataset_of(pixels, PhotometricInterpretation="PALETTE COLOR")
    order = ">" if syntax == BIG_ENDIAN else "<"
    for colour, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        setattr(data, f"{colour}PaletteColorLookupTableDescriptor", [entries, first, bits])
        raw = table.astype(f"{order}u{bits // 8}").tobytes()
        data.add_new(f"{colour}PaletteColorLookupTableData", "OW", raw)
    image = one(tmp_path, encoded(data, pixels, syntax))
    index = np.clip(pixels.astype(int) - first, 0, entries - 1)
    assert image.photometric == "RGB" and image.pixels.dtype == f"uint{bits}"
    assert np.array_equal(image.pixels, np.stack([table[index] for table in tables], -1))
    raw_image = one(tmp_path, (tmp_path / "image.dcm").read_bytes(), raw_values=True)
    assert np.array_equal(raw_image.pixels, pixels)


# Modality values


@pytest.mark.parametrize(
    ("dtype", "stored", "rescale", "expected"),
    [
        ("uint16", 16, ("1", "0"), "uint16"),
        ("uint16", 12, ("1", "-1024"), "int16"),
        ("uint16", 16, ("1", "-1000"), "int32"),
        ("int16", 16, ("1", "-1024"), "int32"),
        ("uint8", 8, ("2", "0"), "uint16"),
        ("uint16", 16, ("-1", "65535"), "uint16"),
        ("uint16", 16, ("4", "0"), "uint32"),
        ("int16", 16, ("0.5", "0"), "float64"),
        ("uint16", 16, ("1", "0.25"), "float64"),
        ("uint64", 64, ("1", "-1"), "float64"),
    ],
)
def test_rescale(tmp_path: Path, dtype: str, stored: int, rescale: tuple[str, str], expected: str) -> None:
    slope, intercept = rescale
    pixels = noise(dtype, 5, 6) >> (8 * np.dtype(dtype).itemsize - stored)
    if dtype == "uint64":
        pixels[0, :2] = 0, 2**64 - 1
    data = dataset_of(
        pixels, BitsStored=stored, HighBit=stored - 1, RescaleSlope=slope, RescaleIntercept=intercept,
        RescaleType="US",
    )  # fmt: skip
    image = one(tmp_path, encoded(data, pixels))
    assert image.pixels.dtype == expected
    if expected == "float64":
        assert np.array_equal(image.pixels, pixels * float(slope) + float(intercept))
    else:
        values = [int(value) * int(slope) + int(intercept) for value in pixels.ravel().tolist()]
        assert image.pixels.ravel().tolist() == values
    assert image.stored is not None and np.array_equal(image.stored.pixels, pixels)
    assert (image.stored.slope, image.stored.intercept) == (float(slope), float(intercept))
    assert image.units == image.stored.rescale_type == "US"
    raw = one(tmp_path, (tmp_path / "image.dcm").read_bytes(), raw_values=True)
    assert raw.pixels.dtype == dtype and np.array_equal(raw.pixels, pixels)
    assert raw.stored is not None and (raw.stored.slope, raw.stored.rescale_type, raw.units) == (
        1,
        None,
        None,
    )


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN])
def test_modality_lut(tmp_path: Path, syntax: str) -> None:
    pixels = noise("int8", 5, 6)
    item = Dataset()
    item.LUTDescriptor = [100, 3, 16]
    item.ModalityLUTType = "OD"
    table = noise("uint16", 100)
    item.add_new("LUTData", "US", table.tolist())
    data = dataset_of(pixels, ModalityLUTSequence=Sequence([item]))
    image = one(tmp_path, encoded(data, pixels, syntax))
    assert np.array_equal(image.pixels, table[np.clip(pixels.astype(int) - 3, 0, 99)])
    assert (image.stored, image.units, image.computed) == (None, "OD", False)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"RescaleSlope": 0}, "has a RescaleSlope of 0, which leaves no values"),
        ({"Modality": "RTDOSE"}, "has no DoseGridScaling, so its values have no meaning"),
    ],
)
def test_values_without_meaning_are_refused(tmp_path: Path, values: dict[str, Any], reason: str) -> None:
    pixels = noise("uint16", 4, 4)
    assert refused(tmp_path, encoded(dataset_of(pixels, **values), pixels)) == reason


def test_dose(tmp_path: Path) -> None:
    pixels = noise("uint32", 3, 4, 5)
    data = dataset_of(
        pixels, Modality="RTDOSE", DoseUnits="GY", DoseGridScaling="1.5e-6", PixelSpacing=[2, 3],
        ImagePositionPatient=[10, 20, 30], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        GridFrameOffsetVector=[0, 2.5, 5],
    )  # fmt: skip
    images = read(tmp_path, encoded(data, pixels))
    assert np.array_equal(images[2].pixels, pixels[2] * 1.5e-6) and images[0].units == "GY"
    planes = [image.geometry.patient for image in images]
    assert [plane and plane.position for plane in planes] == [(10, 20, 30), (10, 20, 32.5), (10, 20, 35)]
    assert planes[0] is not None and planes[0].spacing == 2.5
    assert images[0].geometry.spacing == (2, 3)


# Frames, claims, broken files


def test_frames_are_picked(tmp_path: Path) -> None:
    pixels = noise("uint8", 5, 4, 6)
    path = written(tmp_path, encoded(dataset_of(pixels), pixels))
    (image,) = load(path, DicomOptions(frame=4), Limits())
    assert np.array_equal(image.pixels, pixels[3]) and (image.source.page, image.source.pages) == (4, 5)
    picked = list(load(path, DicomOptions(), Limits(), range(1, 3)))
    assert [image.source.page for image in picked] == [2, 3]
    assert all(np.array_equal(image.pixels, frame) for image, frame in zip(picked, pixels[1:3], strict=True))
    assert probe(path, DicomOptions(frame=4), Limits()).pages == 1
    assert len(list(load(path, DicomOptions(), Limits()))) == 5
    with pytest.raises(SourceError, match="has 5 frames and the recipe wants frame 6"):
        list(load(path, DicomOptions(frame=6), Limits()))
    with pytest.raises(SourceError, match="has 5 frames and 7 were expected"):
        list(load(path, DicomOptions(), Limits(), range(3, 7)))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            {"Rows": 60000, "Columns": 60000},
            "claims 60000 x 60000 x 1 values, more than the limit of 268435456",
        ),
        ({"Rows": 0}, "claims 0 rows and 4 columns, which is no image"),
        ({"NumberOfFrames": 10**9}, "claims 1000000000 pages or frames, more than the limit of 100000"),
        ({"NumberOfFrames": 2}, "is truncated: PixelData has 16 bytes where 32 are needed"),
        ({"Rows": 5}, "is truncated: PixelData has 16 bytes where 20 are needed"),
        ({"BitsAllocated": 12}, "has PixelData of 12 bits allocated, which cannot be read"),
        ({"BitsStored": 9}, "claims 9 bits stored up to bit 7 of 8 allocated"),
        ({"HighBit": 6}, "claims 8 bits stored up to bit 6 of 8 allocated"),
        ({"SamplesPerPixel": 3}, "is MONOCHROME2 with 3 samples per pixel, which cannot be read"),
        ({"PhotometricInterpretation": None}, "has pixels but no PhotometricInterpretation"),
        ({"PixelRepresentation": None}, "has pixels but no PixelRepresentation"),
    ],
)
def test_claims(tmp_path: Path, values: dict[str, Any], reason: str) -> None:
    pixels = noise("uint8", 4, 4)
    stored = encoded(dataset_of(pixels), pixels)
    assert one(tmp_path, stored) is not None
    data = dataset_of(pixels, **values)
    allocated = data.BitsAllocated
    data.BitsAllocated = 8
    file = encoded(data, pixels)
    if allocated != 8:
        file = file.replace(b"\x28\0\0\x01US\x02\0\x08\0", b"\x28\0\0\x01US\x02\0" + bytes([allocated, 0]))
    assert refused(tmp_path, file) == reason


def test_more_pixels_than_declared_are_left_out_and_said(tmp_path: Path) -> None:
    pixels = noise("uint8", 3, 4, 4)
    image = one(tmp_path, encoded(dataset_of(pixels[0]), pixels))
    assert np.array_equal(image.pixels, pixels[0])
    assert [(note.code, note.text) for note in image.notes] == [
        ("pixels-excess", "PixelData holds 32 bytes more than its 1 frame(s); they are left out")
    ]


def test_a_codestream_of_another_size_is_refused(tmp_path: Path) -> None:
    pixels = noise("uint8", 8, 9)
    for syntax, encode in CODED.values():
        data = compressed(dataset_of(pixels, Rows=7), [encode(pixels)], syntax)
        assert refused(tmp_path, data) == "says 7 x 9 x 1 and its compressed frame 8 x 9 x 1"


def test_a_missing_frame_is_refused(tmp_path: Path) -> None:
    pixels = noise("uint8", 2, 8, 9)
    coded = [imagecodecs.jpegls_encode(frame) for frame in pixels]
    data = compressed(dataset_of(pixels, NumberOfFrames=3), coded, "1.2.840.10008.1.2.4.80")
    assert refused(tmp_path, data).startswith(("is truncated: it claims 3 frames", "cannot be read as DICOM"))


@pytest.mark.parametrize("codec", [*CODED, "JPEG"])
def test_a_codestream_that_is_cut_off_is_refused(tmp_path: Path, codec: str) -> None:
    pixels = smooth(64, 64).astype(np.uint8)
    syntax, encode = CODED.get(codec, ("1.2.840.10008.1.2.4.50", imagecodecs.jpeg8_encode))
    coded = encode(pixels)
    for length in (2, 20, len(coded) // 2, len(coded) - 2):
        data = compressed(dataset_of(pixels), [coded[:length]], syntax)
        assert refused(tmp_path, data)


def small() -> bytes:
    pixels = np.arange(16, dtype=np.uint16).reshape(4, 4)
    return encoded(dataset_of(pixels), pixels)


@pytest.mark.parametrize("form", [small(), bare(small())], ids=["file", "bare"])
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, form: bytes) -> None:
    for length in range(len(form)):
        assert refused(tmp_path, form[:length])


JPEG_LS_FILE = compressed(
    dataset_of(np.zeros((8, 8), np.uint8)),
    [imagecodecs.jpegls_encode(smooth(8, 8).astype(np.uint8))],
    "1.2.840.10008.1.2.4.80",
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), form=st.sampled_from([small(), bare(small()), JPEG_LS_FILE]))
def test_broken_bytes_give_an_image_or_a_reason(tmp_path: Path, data: st.DataObject, form: bytes) -> None:
    broken = bytearray(form)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    path = written(tmp_path, bytes(broken))
    try:
        images = list(load(path, DicomOptions(), Limits(image_pixels=10**6, frames=100)))
    except SourceError as error:
        assert error.subject == str(path)
    else:
        assert all(image.rows and image.columns for image in images)


# Telling DICOM from anything else


@given(st.binary(max_size=1024))
def test_bytes_of_any_kind_do_not_upset_sniff(head: bytes) -> None:
    assert sniff(head, Path("nowhere")) in Certainty


@pytest.mark.parametrize(
    "head",
    [
        b"", b"DICM", b"\x89PNG\r\n\x1a\n" + bytes(500), b"II*\0\x08\0\0\0" + bytes(500),
        b"\x93NUMPY\x01\0v\0{" + b" " * 118, b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(500), b"BM" + bytes(500),
        b"\0VMS.XI\0" + bytes(500), bytes(1024), b"\xff" * 1024, b"P5 1024 768 65535\n" + bytes(500),
        b"PK\x03\x04" + bytes(500), b"version: 1\nname: x\n" * 20,
        struct.pack("<512H", *itertools.repeat(8, 512)), struct.pack("<256I", *range(256)),
        np.arange(512, dtype="<u2").tobytes(), np.arange(8, 520, dtype=">u2").tobytes(),
    ],
    ids=range(17),
)  # fmt: skip
def test_other_formats_are_not_taken_for_dicom(head: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, head)
    assert not sniff(head[:1024], path)
    with pytest.raises(SourceError):
        list(load(path, DicomOptions(), Limits()))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        list(load(tmp_path / "none.dcm", DicomOptions(), Limits()))


# What else the file says


def test_properties_are_plain_values(tmp_path: Path) -> None:
    pixels = noise("uint8", 4, 4)
    data = dataset_of(
        pixels, KVP="6000.5", InstanceNumber="7", ImageType=["ORIGINAL", "PRIMARY"], PixelSpacing=[0.5, 0.25],
        StudyDate="", ExposureSequence=Sequence([Dataset()]),
    )  # fmt: skip
    data.add_new(0x00091010, "LO", "private")
    properties = one(tmp_path, encoded(data, pixels)).source.properties
    assert dict(properties) == {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "SOPInstanceUID": "1.2.3.4", "PatientName": "Phantom^One",
        "Modality": "OT", "ImageType": ["ORIGINAL", "PRIMARY"], "KVP": 6000.5, "InstanceNumber": 7,
        "PixelSpacing": [0.5, 0.25], "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 4, "Columns": 4, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0,
    }  # fmt: skip
    assert {type(value) for value in properties.values()} == {str, int, float, list}
    assert properties["00180060"] == 6000.5 and properties["00091010"] == "private"
    for absent in ("StudyDate", "ExposureSequence", "NoSuchKeyword", "PatientID", "PixelData"):
        assert absent not in properties


def test_a_property_that_its_vr_does_not_allow_is_absent(tmp_path: Path) -> None:
    pixels = noise("uint8", 4, 4)
    file = encoded(dataset_of(pixels, KVP="1234.5"), pixels).replace(b"1234.5", b"12x4.5")
    image = one(tmp_path, file)
    assert "KVP" not in image.source.properties and np.array_equal(image.pixels, pixels)
    assert len(image.source.properties) == len(list(image.source.properties))


def test_monochrome1_stays(tmp_path: Path) -> None:
    pixels = noise("uint8", 4, 4)
    image = one(tmp_path, encoded(dataset_of(pixels, PhotometricInterpretation="MONOCHROME1"), pixels))
    assert image.photometric == "MONOCHROME1" and np.array_equal(image.pixels, pixels)


@pytest.mark.parametrize("length", [0, 20])
def test_a_jp2_file_in_place_of_a_codestream(tmp_path: Path, length: int) -> None:
    """Also with a box that says it is 0 long, on which pydicom 3.0.2 turns round and round."""
    pixels = noise("uint8", 16, 16)
    _, encode = CODED["JPEG 2000"]
    box = struct.pack(">I4s", length, b"jp2h") + bytes(12)
    wrapped = b"\x00\x00\x00\x0cjP  \r\n\x87\n" + box + encode(pixels)
    image = one(tmp_path, compressed(dataset_of(pixels), [wrapped], "1.2.840.10008.1.2.4.90"))
    assert np.array_equal(image.pixels, pixels)
