"""PNG: what other libraries read out of it."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from dicombake.pipeline.errors import ExportError, VerificationError
from dicombake.pipeline.exporters.options import PngOptions
from dicombake.pipeline.exporters.pictures.png import export
from dicombake.pipeline.exporters.pictures.png_file import encode_png
from dicombake.pipeline.imaging.image import Image, SourceFile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image as PillowImage

from ...exporting import CONTEXT, image, pixels, written

PLAIN = PngOptions(path="{stem}.png")


def of(picture: Image, **options: Any):  # type: ignore[no-untyped-def]
    return export([picture], PngOptions(path="{stem}.png", **options), CONTEXT)


@given(
    st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda dtype: st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 4])).flatmap(
            lambda size: arrays.arrays(dtype, size[:2] if size[2] == 1 else size)
        )
    )
)
def test_every_kind_comes_back_from_libpng(values: np.ndarray) -> None:
    found = imagecodecs.png_decode(b"".join(encode_png(values)))
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found.reshape(values.shape), values)


@pytest.mark.parametrize(("dtype", "bits"), [("bool", "u1"), ("uint8", "u1"), ("uint16", "u2")])
def test_values_of_picture_types_are_kept_exactly(dtype: str, bits: str, tmp_path: Path) -> None:
    values = pixels(dtype, (13, 7))
    path = written(of(image(values)), tmp_path)
    found = np.asarray(PillowImage.open(path))
    assert found.dtype == np.dtype(bits)
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint32", "int64", "uint64", "float32", "float64"])
def test_wider_types_are_kept_exactly_where_the_values_fit(dtype: str, tmp_path: Path) -> None:
    top = 32767 if dtype == "int16" else 65535
    values = np.array([[0, 1, 2], [255, 256, top]], dtype)
    found = imagecodecs.png_decode(written(of(image(values)), tmp_path).read_bytes())
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, values)


def test_small_signed_values_take_8_bits() -> None:
    data = b"".join(of(image(np.array([[0, 127]], np.int8))).chunks)
    assert imagecodecs.png_decode(data).dtype == np.uint8


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            np.array([[-1, 5]], np.int32),
            "its values (-1 to 5, int32) do not fit into the 16 bits of a PNG; "
            "give 'window: full', 'auto' or [low, high]",
        ),
        (
            np.array([[0, 65536]], np.uint32),
            "its values (0 to 65536, uint32) do not fit into the 16 bits of a PNG; "
            "give 'window: full', 'auto' or [low, high]",
        ),
        (
            np.array([[0.5, 1]]),
            "its values (0.5 to 1.0, float64) are not whole numbers, as a PNG needs them; "
            "give 'window: full', 'auto' or [low, high]",
        ),
        (
            np.array([[np.nan, 1]], np.float16),
            "its values (nan to nan, float16) do not fit into the 16 bits of a PNG; "
            "give 'window: full', 'auto' or [low, high]",
        ),
    ],
)
def test_values_that_do_not_fit_are_refused(values: np.ndarray, text: str) -> None:
    with pytest.raises(ExportError) as caught:
        of(image(values))
    assert str(caught.value) == text


def test_two_images_are_refused() -> None:
    with pytest.raises(ExportError) as caught:
        export([image(pixels("uint8", (2, 2)))] * 2, PLAIN, CONTEXT)
    assert str(caught.value) == (
        "a PNG holds one image, not 2; write a file per page, with {page} in its path"
    )


def test_a_window_gives_8_bits(tmp_path: Path) -> None:
    values = np.array([[0, 500, 1000]], np.uint16)
    found = np.asarray(PillowImage.open(written(of(image(values), window="full"), tmp_path)))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [[0, 128, 255]])


def test_monochrome1_without_window_keeps_its_values_and_says_so(tmp_path: Path) -> None:
    values = pixels("uint16", (4, 5))
    artifact = of(image(values, "MONOCHROME1"))
    np.testing.assert_array_equal(np.asarray(PillowImage.open(written(artifact, tmp_path))), values)
    assert [note.code for note in artifact.notes] == ["polarity"]


def test_properties_are_text_under_their_own_names(tmp_path: Path) -> None:
    properties = {
        "AcquisitionMode": "Highres",
        "Place": "Zürich\nSüd",
        "名": "half",
        "Operator": "日本",
        "GantryRtn": 179.99337,
        "DataVersion": 4,
        "DoseArray": np.array([1.5, 2.5]),
        "Ends": "a\0b",
        "NotANumber": float("nan"),
    }
    path = written(of(image(pixels("uint8", (3, 3)), properties=properties)), tmp_path)
    with PillowImage.open(path) as picture:
        text = dict(picture.text)  # type: ignore[attr-defined]
    assert text == {
        "AcquisitionMode": "Highres",
        "Place": "Zürich\nSüd",
        "dicombake:properties": json.dumps({"名": "half"}),
        "Operator": "日本",
        "GantryRtn": "179.99337",
        "DataVersion": "4",
        "DoseArray": "[1.5, 2.5]",
        "Ends": '"a\\u0000b"',
        "NotANumber": '"NaN"',
    }


def test_metadata_can_be_left_out(tmp_path: Path) -> None:
    picture = image(pixels("uint8", (3, 3)), properties={"PatientName": "Nobody"})
    data = written(of(picture, metadata=False), tmp_path).read_bytes()
    assert b"Nobody" not in data
    assert b"tEXt" not in data


def test_of_several_sources_only_what_all_share_is_told() -> None:
    first = SourceFile(Path("a"), "xim", {"Machine": "TB1", "Gantry": 1, "Only": 0})
    second = SourceFile(Path("b"), "xim", {"Machine": "TB1", "Gantry": 2})
    data = b"".join(of(image(pixels("uint8", (3, 3)), sources=(first, second))).chunks)
    assert b"Machine\0TB1" in data
    assert b"Gantry" not in data
    assert b"Only" not in data


def test_resolution_is_pixels_per_metre_along_rows_then_columns(tmp_path: Path) -> None:
    artifact = of(image(pixels("uint8", (3, 3)), spacing=(0.5, 0.336)))
    data = written(artifact, tmp_path).read_bytes()
    at = data.index(b"pHYs")
    assert struct.unpack(">IIB", data[at + 4 : at + 13]) == (2976, 2000, 1)


def test_a_resolution_that_whole_numbers_cannot_say_is_left_out(tmp_path: Path) -> None:
    artifact = of(image(pixels("uint8", (3, 3)), spacing=(30.0, 30.0)))
    assert b"pHYs" not in written(artifact, tmp_path).read_bytes()
    assert [str(note) for note in artifact.notes] == ["a PNG cannot say a spacing of (30.0, 30.0) mm"]


def test_every_chunk_is_sound() -> None:
    data = b"".join(of(image(pixels("uint16", (5, 5, 4)), "RGBA", (1.0, 1.0), {"A": "b"})).chunks)
    at, kinds = 8, []
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        body = data[at + 4 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(body),)
        kinds.append(body[:4])
        at += 12 + length
    assert kinds == [b"IHDR", b"pHYs", b"tEXt", b"IDAT", b"IEND"]


@pytest.mark.parametrize("damage", ["pixels", "text", "truncated", "resolution"])
def test_reading_back_finds_what_is_not_as_meant(damage: str, tmp_path: Path) -> None:
    values = pixels("uint16", (9, 9))
    artifact = of(image(values, spacing=(1.0, 1.0), properties={"A": "b"}))
    other = values.copy()
    other[4, 3] ^= 1
    wrong = {
        "pixels": of(image(other, spacing=(1.0, 1.0), properties={"A": "b"})),
        "text": of(image(values, spacing=(1.0, 1.0), properties={"A": "c"})),
        "resolution": of(image(values, spacing=(1.0, 2.0), properties={"A": "b"})),
        "truncated": artifact,
    }[damage]
    data = b"".join(wrong.chunks)
    path = tmp_path / "out.png"
    path.write_bytes(data[:-40] if damage == "truncated" else data)
    with pytest.raises(VerificationError, match="read back" if damage == "truncated" else "reads? back"):
        artifact.check(path)


def test_the_same_bytes_from_big_endian_memory() -> None:
    values = pixels("uint16", (6, 6))
    swapped = values.astype(">u2")
    assert b"".join(encode_png(values)) == b"".join(encode_png(swapped))


@pytest.mark.real
def test_a_real_film_keeps_its_48_bits(real: Path, tmp_path: Path) -> None:
    import tifffile

    film = tifffile.imread(real / "film-tiff" / "Dosepy_Film_draw_20240711_001.tif")
    path = written(of(image(film, "RGB", (25.4 / 75, 25.4 / 75))), tmp_path)
    np.testing.assert_array_equal(imagecodecs.png_decode(path.read_bytes()), film)
