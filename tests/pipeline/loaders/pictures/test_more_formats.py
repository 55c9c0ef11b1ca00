"""GIF, WebP, JPEG 2000 and JPEG-LS pictures: values against what went in, frames, and what is cut off."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.pictures import animated
from dicombake.pipeline.loaders.pictures.loader import load, probe, sniff
from dicombake.schemas.recipe import Limits
from dicombake.schemas.sources import ImageSource

GREY = np.arange(30 * 40, dtype=np.uint16).reshape(30, 40) * 50
EIGHT = (GREY % 251).astype(np.uint8)
COLOUR = np.stack([EIGHT, 255 - EIGHT, EIGHT // 2], axis=-1)


def saved(pixels: np.ndarray[Any, Any], kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


EXACT: dict[str, tuple[bytes, np.ndarray[Any, Any]]] = {
    "J2K 16": (imagecodecs.jpeg2k_encode(GREY, level=0, codecformat="J2K", reversible=True), GREY),
    "JP2 8": (imagecodecs.jpeg2k_encode(EIGHT, level=0, codecformat="JP2", reversible=True), EIGHT),
    "JP2 RGB": (imagecodecs.jpeg2k_encode(COLOUR, level=0, codecformat="JP2", reversible=True), COLOUR),
    "JLS 16": (imagecodecs.jpegls_encode(GREY), GREY),
    "JLS RGB": (imagecodecs.jpegls_encode(COLOUR), COLOUR),
    "GIF": (saved(EIGHT, "GIF"), EIGHT),
    "WebP": (saved(COLOUR, "WEBP", lossless=True), COLOUR),
    "WebP grey": (saved(np.stack([EIGHT] * 3, -1), "WEBP", lossless=True), EIGHT),
}


def read(folder: Path, data: bytes, **options: Any) -> list[Image]:
    path = folder / "picture"
    path.write_bytes(data)
    assert sniff(data[:1024], path)
    return list(load(path, ImageSource(**options), Limits()))


@pytest.mark.parametrize("name", EXACT)
def test_values_are_those_that_were_written(tmp_path: Path, name: str) -> None:
    data, pixels = EXACT[name]
    (image,) = read(tmp_path, data)
    assert image.pixels.dtype == pixels.dtype and np.array_equal(image.pixels, pixels)
    assert image.lossy is None
    found = probe(tmp_path / "picture", ImageSource(), Limits())
    assert (found.shape, found.dtype, found.pages) == (pixels.shape, pixels.dtype.name, 1)


@pytest.mark.parametrize(
    ("data", "method"),
    [
        (imagecodecs.jpeg2k_encode(EIGHT, level=30, codecformat="J2K"), "ISO_15444_1"),
        (imagecodecs.jpegls_encode(EIGHT, level=2), "ISO_14495_1"),
        (saved(COLOUR, "WEBP", quality=80), "WebP"),
    ],
)
def test_what_was_lost_is_recorded(tmp_path: Path, data: bytes, method: str) -> None:
    (image,) = read(tmp_path, data)
    assert image.lossy is not None and image.lossy.method == method


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_each_frame_is_a_page(tmp_path: Path, kind: str) -> None:
    frames = [PIL.Image.fromarray(np.roll(EIGHT, number)) for number in range(3)]
    file = io.BytesIO()
    options = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=100, **options)
    images = read(tmp_path, file.getvalue())
    assert [image.source.page for image in images] == [1, 2, 3]
    for image, frame in zip(images, frames, strict=True):
        assert np.array_equal(image.pixels, np.asarray(frame))
    (second,) = read(tmp_path, file.getvalue(), page=2)
    assert np.array_equal(second.pixels, np.asarray(frames[1]))


def test_the_frames_before_one_are_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened anew for each, 50,000 frames of a byte have no end."""
    frames = [PIL.Image.fromarray(np.roll(EIGHT, number)) for number in range(5)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    opened: list[int] = []

    def counted(*arguments: Any) -> Any:
        opened.append(1)
        return unpatched(*arguments)

    unpatched = animated._opened
    monkeypatch.setattr(animated, "_opened", counted)
    assert len(read(tmp_path, file.getvalue())) == 5 and len(opened) == 1


@pytest.mark.parametrize("name", EXACT)
def test_a_picture_that_is_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    data, _ = EXACT[name]
    for length in (40, len(data) // 2, len(data) - 12):
        with pytest.raises(SourceError):
            read(tmp_path, data[:length])


def test_a_gif_whose_frame_lies_far_outside_is_refused(tmp_path: Path) -> None:
    data = bytearray(saved(EIGHT, "GIF"))
    at = data.index(b",", 13 + 3 * 256)
    data[at + 5 : at + 9] = struct.pack("<2H", 60000, 60000)  # the frame's width and height
    with pytest.raises(SourceError, match="claims more pixels than Pillow reads"):
        read(tmp_path, bytes(data))
