"""Faulty pictures that occur: nothing becomes another picture, and Python says nothing."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
import pytest
import tifffile
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.pictures.loader import load
from dicombake.schemas.recipe import Limits
from dicombake.schemas.sources import ImageSource

from ..input_files import make_png

PIXELS = (np.arange(64 * 48).reshape(64, 48) * 11).astype(np.uint16)


def read(folder: Path, data: bytes, **options: Any) -> list[Image]:
    path = folder / "picture"
    path.write_bytes(data)
    return list(load(path, ImageSource(**options), Limits()))


def refusal(folder: Path, data: bytes, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        read(folder, data, **options)
    return str(caught.value).partition(": ")[2]


def tiff(*pages: np.ndarray[Any, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for page in pages:
            writer.write(page, **options)
    return file.getvalue()


def test_a_tiff_that_lost_its_last_bytes_is_no_other_picture(tmp_path: Path) -> None:
    data = tiff(
        np.zeros((20, 30, 4), np.uint8), photometric="rgb", extrasamples=["assocalpha"], description="x" * 40
    )
    assert len(read(tmp_path, data)) == 1
    pages = tiff(PIXELS, PIXELS + 1, PIXELS + 2, photometric="minisblack")
    for whole in (data, pages):
        wanted = [image.pixels for image in read(tmp_path, whole)]
        for cut in (1, 8, 17, 60, 200, 1000):
            try:
                images = read(tmp_path, whole[:-cut])
            except SourceError:
                continue
            # what is left may be read where it says that a page is lost
            assert [note.code for note in images[0].notes] == ["page-lost"]
            assert images[0].notes[0].contradiction
            for image, pixels in zip(images, wanted, strict=False):
                assert np.array_equal(image.pixels, pixels)


@pytest.mark.parametrize("kind", [1, 3, 4, 6, 9])
def test_orientation_of_any_integer_type_counts(tmp_path: Path, kind: int) -> None:
    data = bytearray(tiff(PIXELS, photometric="minisblack", extratags=[(274, 3, 1, 8, True)], metadata=None))
    at = data.index(struct.pack("<HHIH", 274, 3, 1, 8))
    value = {1: "B", 6: "b", 3: "H", 4: "I", 9: "i"}[kind]
    data[at : at + 12] = struct.pack("<HHI", 274, kind, 1) + struct.pack(f"<{value}", 8).ljust(4, b"\0")
    (image,) = read(tmp_path, bytes(data))
    assert np.array_equal(image.pixels, np.rot90(PIXELS))


def test_a_channel_of_a_scan_with_infrared(tmp_path: Path) -> None:
    planes = np.stack([PIXELS + sample for sample in range(4)], axis=-1)
    data = tiff(planes, photometric="rgb", extrasamples=["unspecified"])
    for sample, channel in enumerate(("red", "green", "blue")):
        (image,) = read(tmp_path, data, channel=channel)
        assert np.array_equal(image.pixels, PIXELS + sample) and image.photometric == "MONOCHROME2"
    for options in ({}, {"channel": "all"}, {"channel": "alpha"}):
        assert refusal(tmp_path, data, **options)


@pytest.mark.parametrize("compression", ["jpeg", "jpeg2000"])
def test_a_stream_in_a_strip_claims_no_more_than_the_strip(tmp_path: Path, compression: str) -> None:
    grey = (PIXELS % 200).astype(np.uint8)
    whole = tiff(grey, photometric="minisblack", compression=compression, rowsperstrip=64)
    (image,) = read(tmp_path, whole)
    assert image.pixels.shape == (64, 48)
    if compression == "jpeg":
        larger = whole.replace(struct.pack(">BHH", 8, 64, 48), struct.pack(">BHH", 8, 65500, 65500))
    else:
        larger = whole.replace(struct.pack(">II", 48, 64), struct.pack(">II", 65500, 65500))
    assert larger != whole
    assert "claims 65500 x 65500 x 1 values in a place of 64 x 48 x 1" in refusal(tmp_path, larger)


def test_jpeg_strips_tiles_and_planes_are_what_tifffile_reads(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    grey = np.cumsum(rng.integers(-3, 4, (100, 90)), axis=1).clip(-128, 127).astype(np.int8).view(np.uint8)
    colour = np.stack(
        [grey, grey.T[:90].T[:100, :90] if grey.T.shape == grey.shape else 255 - grey, grey // 2], -1
    )
    for pixels, options in (
        (grey, {"photometric": "minisblack", "rowsperstrip": 24}),
        (grey, {"photometric": "minisblack", "tile": (32, 48)}),
        (colour, {"photometric": "rgb", "tile": (64, 32)}),
        (colour, {"photometric": "ycbcr", "rowsperstrip": 16}),
    ):
        for compression in ("jpeg", "jpeg2000") if options["photometric"] != "ycbcr" else ("jpeg",):
            data = tiff(pixels, compression=compression, **options)
            (image,) = read(tmp_path, data)
            assert np.array_equal(image.pixels, tifffile.imread(io.BytesIO(data)))


def test_what_follows_a_jpeg_is_said(tmp_path: Path) -> None:
    file = io.BytesIO()
    PIL.Image.fromarray(np.tile(np.arange(48, dtype=np.uint8), (64, 1))).save(file, "JPEG")
    (alone,) = read(tmp_path, file.getvalue())
    for after, kind in ((b"\0\0\0\x18ftypmp42" + bytes(100), "a film"), (b"MotionPhoto", "no part of it")):
        (image,) = read(tmp_path, file.getvalue() + after)
        assert np.array_equal(image.pixels, alone.pixels)
        (note,) = set(image.notes) - set(alone.notes)
        assert note.code == "bytes-after-end" and f"{len(after)} bytes" in note.text and kind in note.text
    (padded,) = read(tmp_path, file.getvalue() + b"\0\0")
    assert padded.notes == alone.notes


@pytest.mark.parametrize(
    "data",
    [
        bytes.fromhex("ffd8ffe000074a46494600") + imagecodecs.jpeg8_encode(PIXELS.astype(np.uint8))[2:],
        b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, 5, 5, 1, 24, 9, 0, 0, 0, 0, 0),
        b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 256, 2, 4, 0x20202020) + bytes(4),
    ],
    ids=["JFIF cut short", "BMP of an unknown coding", "TIFF whose width is text"],
)
def test_python_says_nothing_of_a_damaged_picture(tmp_path: Path, data: bytes) -> None:
    told = refusal(tmp_path, data)
    for word in ("object", "literal", "unpack", "buffer", "index", "NoneType", "byte string", "Error", "'"):
        assert word not in told


def test_libpng_writes_nothing_to_standard_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = [bytes(range(row * 8, row * 8 + 8)) for row in range(8)]
    data = make_png(8, 8, 8, 0, lines, (b"iCCP", b"x\0\0broken"))
    (image,) = read(tmp_path, data)
    assert np.array_equal(image.pixels, np.arange(64).reshape(8, 8))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("mode, kind", [("P", b"PLTE"), ("P", b"tRNS"), ("RGB", b"tRNS")])
def test_a_png_whose_colours_stand_behind_its_pixels_is_refused(
    tmp_path: Path, mode: str, kind: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    file = io.BytesIO()
    PIL.Image.new(mode, (8, 8), 0).save(file, "PNG", transparency=(0, 0, 0) if mode == "RGB" else 0)
    data = file.getvalue()
    assert read(tmp_path, data)
    start = data.index(kind) - 4
    stop = start + 12 + struct.unpack(">I", data[start : start + 4])[0]
    end = data.index(b"IEND") - 4
    moved = data[:start] + data[stop:end] + data[start:stop] + data[end:]
    assert refusal(tmp_path, moved).endswith("its palette or transparency stands behind its pixels")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "RGB", "LA", "RGBA"])
@pytest.mark.parametrize("axis", [0, 1], ids=["columns", "rows"])
def test_a_png_with_more_pixels_than_it_claims_is_refused(
    tmp_path: Path, mode: str, axis: int, capfd: pytest.CaptureFixture[str]
) -> None:
    file = io.BytesIO()
    PIL.Image.new(mode, (32, 7), (9, 255) if mode == "LA" else 0).save(file, "PNG")
    data = bytearray(file.getvalue())
    assert read(tmp_path, bytes(data))
    place = 16 + 4 * axis
    data[place : place + 4] = struct.pack(">I", (24, 6)[axis])
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    assert refusal(tmp_path, bytes(data)) == "is a damaged PNG: its pixels are more than it claims"
    assert capfd.readouterr() == ("", "")


def test_many_chunks_of_pixels_take_little_memory(tmp_path: Path) -> None:
    data = make_png(8, 8, 8, 0, [bytes(range(row * 8, row * 8 + 8)) for row in range(8)])
    at = data.index(b"IDAT") - 4
    empty = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    tracemalloc.start()
    try:
        (image,) = read(tmp_path, data[:at] + empty * 100_000 + data[at:])
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()
    assert np.array_equal(image.pixels, np.arange(64).reshape(8, 8))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SourceError, match="is no regular file"):
        list(load(pipe, ImageSource(), Limits()))
