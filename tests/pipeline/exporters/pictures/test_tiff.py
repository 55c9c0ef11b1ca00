"""TIFF: every type exactly, the spacing exactly, and nothing that changes from day to day."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from dicombake.pipeline.errors import ExportError, VerificationError
from dicombake.pipeline.exporters.options import PlainOptions
from dicombake.pipeline.exporters.pictures.tiff import export
from dicombake.pipeline.imaging.image import Image
from PIL import Image as PillowImage

from ...exporting import CONTEXT, DTYPES, image, pixels, written

PLAIN = PlainOptions(to="tiff", path="{stem}.tif")


def of(*images: Image):  # type: ignore[no-untyped-def]
    return export(images, PLAIN, CONTEXT)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2", "RGB", "RGBA"])
def test_every_type_comes_back(dtype: str, kind: str, tmp_path: Path) -> None:
    values = pixels(dtype, (11, 6, {"RGB": 3, "RGBA": 4}[kind]) if kind.startswith("RGB") else (11, 6))
    found = tifffile.imread(written(of(image(values, kind)), tmp_path))
    assert found.dtype == (np.uint8 if dtype == "bool" else values.dtype)
    np.testing.assert_array_equal(found, values)


def test_nan_and_negative_zero_come_back_bit_by_bit(tmp_path: Path) -> None:
    values = np.array([[np.nan, -0.0, np.inf]], np.float32)
    assert tifffile.imread(written(of(image(values)), tmp_path)).tobytes() == values.tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_other_readers_agree(dtype: str, tmp_path: Path) -> None:
    values = pixels(dtype, (12, 10))
    path = written(of(image(values)), tmp_path)
    if dtype != "int16":
        np.testing.assert_array_equal(np.asarray(PillowImage.open(path)), values)
    named = path.rename(tmp_path / "out.tif")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(named))).squeeze(), values)


def test_monochrome1_is_white_is_zero(tmp_path: Path) -> None:
    with tifffile.TiffFile(written(of(image(pixels("uint16", (4, 4)), "MONOCHROME1")), tmp_path)) as file:
        assert file.pages.first.photometric.name == "MINISWHITE"


@pytest.mark.parametrize(
    ("spacing", "tags"),
    [
        ((25.4 / 300, 25.4 / 300), ((300, 1), (300, 1), "INCH")),
        ((0.336, 0.336), ((625, 21), (625, 21), "CENTIMETER")),
        ((0.5, 0.25), ((40, 1), (20, 1), "CENTIMETER")),
    ],
)
def test_resolution(spacing: tuple[float, float], tags: tuple[object, ...], tmp_path: Path) -> None:
    with tifffile.TiffFile(written(of(image(pixels("uint8", (4, 4)), spacing=spacing)), tmp_path)) as file:
        found = file.pages.first.tags
        assert (found["XResolution"].value, found["YResolution"].value) == tags[:2]
        assert found["ResolutionUnit"].value.name == tags[2]


def test_images_are_pages_of_their_own_kind(tmp_path: Path) -> None:
    images = [image(pixels("uint16", (4, 5))), image(pixels("float32", (7, 3)), spacing=(2.0, 2.0))]
    path = written(of(*images), tmp_path)
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 2
        for page, meant in zip(file.pages, images, strict=True):
            np.testing.assert_array_equal(page.asarray(), meant.pixels)


def test_no_date_no_software_no_description(tmp_path: Path) -> None:
    with tifffile.TiffFile(written(of(image(pixels("uint8", (4, 4)))), tmp_path)) as file:
        names = {tag.name for tag in file.pages.first.tags}
    assert not names & {"Software", "DateTime", "ImageDescription", "HostComputer", "Artist"}


def test_no_image_is_refused() -> None:
    with pytest.raises(ExportError, match="there is no image to write"):
        of()


def test_reading_back_finds_a_changed_value_and_a_missing_page(tmp_path: Path) -> None:
    values = pixels("float64", (5, 5))
    other = values.copy()
    other[3, 1] = 1e-300
    path = tmp_path / "out.tif"
    path.write_bytes(b"".join(of(image(other)).chunks))
    with pytest.raises(VerificationError) as caught:
        of(image(values)).check(path)
    assert str(caught.value) == f"{path}: the value at [3, 1] reads back as 1e-300, not {values[3, 1]}"
    with pytest.raises(VerificationError, match="reads back with 1 pages, not 2"):
        of(image(values), image(values)).check(path)
    path.write_bytes(b"II")
    with pytest.raises(VerificationError, match="cannot be read back"):
        of(image(values)).check(path)
