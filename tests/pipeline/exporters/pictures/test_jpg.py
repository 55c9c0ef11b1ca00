"""JPEG: its levels within the bound that quantization sets, and its resolution exactly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import ExportError, VerificationError
from dicombake.pipeline.exporters.options import JpgOptions
from dicombake.pipeline.exporters.pictures.jpg import export
from dicombake.pipeline.imaging.image import Image
from PIL import Image as PillowImage

from ...exporting import CONTEXT, image, pixels, written


def of(picture: Image, **options: Any):  # type: ignore[no-untyped-def]
    return export([picture], JpgOptions(path="{stem}.jpg", **options), CONTEXT)


def waves(rows: int, columns: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    return 1000 + 300 * np.sin(x / 9) + 200 * np.cos(y / 7)


@pytest.mark.parametrize("quality", [1, 25, 90, 100])
@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (61, 43), (61, 43, 3)])
def test_noise_passes_its_own_check_at_every_quality(
    quality: int, shape: tuple[int, ...], tmp_path: Path
) -> None:
    noise = pixels("uint8", shape)
    written(of(image(noise, "RGB" if len(shape) == 3 else "MONOCHROME2"), quality=quality), tmp_path)


def test_a_grey_image_stays_grey_and_close(tmp_path: Path) -> None:
    values = waves(120, 90)
    with PillowImage.open(written(of(image(values)), tmp_path)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "L", (90, 120))
        found = np.asarray(picture, dtype=float)
    meant = (values - values.min()) / (values.max() - values.min()) * 255
    assert np.abs(found - meant).max() < 6


def test_colour_is_not_subsampled(tmp_path: Path) -> None:
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2, 0] = 255
    stripes[:, 1::2, 2] = 255
    with PillowImage.open(written(of(image(stripes, "RGB"), quality=95), tmp_path)) as picture:
        assert [layer[1:3] for layer in picture.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]
        found = np.asarray(picture, dtype=float)
    assert np.abs(found - stripes).mean() < 5


def test_resolution_exactly_in_exif_and_in_whole_dots_where_they_are_right(tmp_path: Path) -> None:
    with PillowImage.open(written(of(image(waves(9, 9), spacing=(0.336, 0.4))), tmp_path)) as picture:
        exif = picture.getexif()
        assert (Fraction(exif[282]), Fraction(exif[283]), exif[296]) == (25, Fraction(625, 21), 3)
        assert picture.info["jfif_unit"] == 0
    scan = image(waves(9, 9), spacing=(25.4 / 300, 25.4 / 150))
    with PillowImage.open(written(of(scan), tmp_path)) as picture:
        assert picture.info["jfif_density"] == (150, 300)
        assert picture.info["jfif_unit"] == 1


def test_transparency_is_refused_unless_it_hides_nothing(tmp_path: Path) -> None:
    values = pixels("uint8", (8, 8, 4))
    with pytest.raises(ExportError) as caught:
        of(image(values, "RGBA"))
    assert str(caught.value) == "a JPEG holds no transparency; write a PNG, or pick a 'channel'"
    values[..., 3] = 255
    artifact = of(image(values, "RGBA"))
    written(artifact, tmp_path)
    assert [note.code for note in artifact.notes] == ["alpha-dropped"]


def test_too_large_is_refused() -> None:
    with pytest.raises(ExportError) as caught:
        of(image(np.zeros((1, 65501), np.uint8)))
    assert str(caught.value) == "1 x 65501 pixels are more than a JPEG holds (65500)"


def test_another_picture_in_its_place_is_found(tmp_path: Path) -> None:
    artifact = of(image(waves(64, 64)))
    path = tmp_path / "out.jpg"
    path.write_bytes(b"".join(of(image(-waves(64, 64))).chunks))
    with pytest.raises(VerificationError, match="the bytes on the disk are not those that were written"):
        artifact.check(path)
    path.write_bytes(b"")
    with pytest.raises(VerificationError, match="cannot be read back"):
        artifact.check(path)


def test_an_encoder_that_goes_wrong_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = PillowImage.fromarray
    monkeypatch.setattr(PillowImage, "fromarray", lambda levels: real(levels[::-1].copy()))
    artifact = of(image(np.linspace(0, 1, 64 * 64).reshape(64, 64)))
    path = tmp_path / "out.jpg"
    path.write_bytes(b"".join(artifact.chunks))
    with pytest.raises(VerificationError, match="more than its quality allows"):
        artifact.check(path)
