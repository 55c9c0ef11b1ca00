"""Pictures as the slices of a volume: order, values and places as other readers have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from dicombake.pipeline.api import Outcome, load_recipe, run
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.options import ImageStackOptions, Limits
from dicombake.pipeline.loaders.registry import load, load_each, probe, survey
from PIL import Image as Pillow

VOLUME = (np.arange(12 * 5 * 7).reshape(12, 5, 7) * 7 % 251).astype(np.uint8)
"""(slices, rows, columns), every slice another."""
SPACING = (0.5, 0.75, 2.0)
GIVEN = ImageStackOptions(spacing=SPACING)


def pictures(folder: Path, suffix: str = ".png", volume: np.ndarray = VOLUME) -> list[Path]:
    """Files s1 to s12: as text s10 comes before s2."""
    paths = [folder / f"s{number}{suffix}" for number in range(1, len(volume) + 1)]
    for path, pixels in zip(paths, volume, strict=True):
        if suffix == ".tif":
            tifffile.imwrite(path, pixels)
        else:
            Pillow.fromarray(pixels).save(path)
    return paths


def read(paths: Sequence[Path], source: ImageStackOptions = GIVEN) -> list[Image]:
    return [image for _, image in load_each(paths, source, Limits())]


def places(images: Sequence[Image]) -> list[tuple[float, ...]]:
    return [image.geometry.patient.position for image in images if image.geometry.patient is not None]


def bake(folder: Path, conversion: str) -> Outcome:
    path = folder / "recipe.yaml"
    path.write_text(f"version: 1\nconversions:\n  stack:\n    {conversion}\n", encoding="utf-8")
    return run(load_recipe(path), overwrite=True)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".jpg"])
def test_a_run_takes_them_in_natural_order(suffix: str, tmp_path: Path) -> None:
    pictures(tmp_path, suffix)
    done = bake(
        tmp_path,
        f'{{inputs: "*{suffix}", source: {{format: image-stack, spacing: [0.5, 0.75, 2], units: hu}}, '
        "exports: {to: nifti, path: o.nii}}",
    )
    assert done.exit_status == 0, done.results
    # Pillow decodes the JPEGs as well, so that their loss is in both
    meant = [np.asarray(Pillow.open(tmp_path / f"s{number}{suffix}")) for number in range(1, 13)]
    found = nibabel.load(tmp_path / "o.nii")
    assert np.array_equal(np.asarray(found.dataobj).T, np.stack(meant))
    assert np.array_equal(found.affine, np.diag([-0.75, -0.5, 2.0, 1.0]))


def test_simpleitk_has_each_voxel_at_the_same_place(tmp_path: Path) -> None:
    paths = pictures(tmp_path)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    theirs = reader.Execute()
    theirs.SetSpacing((SPACING[1], SPACING[0], SPACING[2]))
    theirs.SetOrigin((-10.0, 20.0, 30.5))
    turned = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
    normal = np.cross(turned[:3], turned[3:])
    theirs.SetDirection(np.column_stack([turned[:3], turned[3:], normal]).ravel().tolist())
    images = read(paths, ImageStackOptions(spacing=SPACING, origin=(-10.0, 20.0, 30.5), orientation=turned))
    assert np.array_equal(np.stack([image.pixels for image in images]), sitk.GetArrayFromImage(theirs))
    for index, place in enumerate(places(images)):
        assert place == pytest.approx(theirs.TransformIndexToPhysicalPoint((0, 0, index)), abs=1e-9)
    assert {image.geometry.spacing for image in images} == {SPACING[:2]}


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32"])
def test_the_pages_of_one_file_are_slices(dtype: str, tmp_path: Path) -> None:
    volume = VOLUME.astype(dtype) * 3 - (0 if dtype.startswith("u") else 100)
    tifffile.imwrite(tmp_path / "v.tif", volume.astype(dtype), photometric="minisblack")
    images = list(load(tmp_path / "v.tif", GIVEN, Limits()))
    assert np.array_equal(np.stack([image.pixels for image in images]), tifffile.imread(tmp_path / "v.tif"))
    assert {image.pixels.dtype.name for image in images} == {dtype}
    assert places(images) == [(0.0, 0.0, 2.0 * index) for index in range(12)]
    assert (images[3].source.page, images[3].source.pages) == (4, 12)
    told = probe(tmp_path / "v.tif", GIVEN, Limits())
    assert (told.shape, told.dtype, told.pages, told.geometry) == ((5, 7), dtype, 12, images[0].geometry)
    (third,) = load(tmp_path / "v.tif", GIVEN, Limits(), range(2, 3))
    assert np.array_equal(third.pixels, volume[2]) and third.geometry == images[2].geometry


UNITS = {"mm": 1.0, "cm": 10.0, "um": 1e-3, "micron": 1e-3, "\\u00B5m": 1e-3, "inch": 25.4}


@pytest.mark.parametrize("unit", UNITS)
def test_imagej_says_spacing_and_unit_in_its_description(unit: str, tmp_path: Path) -> None:
    """Pixels per unit, as ImageJ's own reader has it: also where ResolutionUnit says something else."""
    path = tmp_path / "ij.tif"
    tifffile.imwrite(
        path, VOLUME[:4], imagej=True, resolution=(4.0, 8.0),
        metadata={"axes": "ZYX", "spacing": 2.5, "unit": unit},
    )  # fmt: skip
    images = list(load(path, ImageStackOptions(), Limits()))
    scale = UNITS[unit]
    assert images[0].geometry.spacing == pytest.approx((scale / 8, scale / 4), rel=1e-9)
    assert places(images)[1][2] == pytest.approx(2.5 * scale, rel=1e-9)
    assert np.array_equal(np.stack([image.pixels for image in images]), VOLUME[:4])
    assert images[0].notes == ()


def test_the_recipe_counts_before_imagej_and_the_difference_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ij.tif"
    tifffile.imwrite(
        path,
        VOLUME,
        imagej=True,
        resolution=(4.0, 8.0),
        metadata={"axes": "ZYX", "spacing": 2.5, "unit": "mm"},
    )
    (first, *_) = load(path, GIVEN, Limits())
    assert first.geometry.spacing == SPACING[:2]
    assert [(note.code, note.contradiction) for note in first.notes] == [("spacing-differs", True)]
    assert "files say 0.125 x 0.25 x 2.5" in first.notes[0].text
    (first, *_) = load(path, ImageStackOptions(spacing=(0.125, 0.25, 2.5)), Limits())
    assert first.notes == ()


def test_the_calibration_of_signed_values_is_applied(tmp_path: Path) -> None:
    """ImageJ stores signed 16 bits as unsigned, with a straight line to what it shows."""
    stored = (VOLUME.astype(np.uint16) + 32000)[:3]
    path = tmp_path / "ct.tif"
    text = "ImageJ=1.54f\nimages=3\nslices=3\nunit=mm\nspacing=2.0\ncf=0\nc0=-32768\nc1=1\nvunit=HU\n"
    tifffile.imwrite(
        path, stored, description=text, metadata=None, resolution=(2.0, 2.0), photometric="minisblack"
    )
    images = list(load(path, ImageStackOptions(units="hu"), Limits()))
    values = np.stack([image.pixels for image in images])
    assert np.array_equal(values, stored.astype(int) - 32768)
    assert probe(path, ImageStackOptions(), Limits()).dtype == values.dtype.name
    assert images[0].stored is not None and images[0].stored.intercept == -32768
    assert [note.code for note in images[0].notes] == ["imagej-calibrated"]
    tifffile.imwrite(
        path, stored, description=text.replace("cf=0", "cf=20"), metadata=None, photometric="minisblack"
    )
    with pytest.raises(SourceError, match="by its function 20, which is no straight line"):
        list(load(path, GIVEN, Limits()))


def test_pages_that_their_file_calls_times_are_slices_where_the_recipe_says_so(tmp_path: Path) -> None:
    path = imagej(tmp_path / "t.tif", metadata={"axes": "TYX"})
    images = list(load(path, GIVEN, Limits()))
    assert np.array_equal(np.stack([image.pixels for image in images]), VOLUME)
    assert [(note.code, note.contradiction) for note in images[0].notes] == [("pages-of-another-axis", True)]


def imagej(path: Path, values: np.ndarray = VOLUME, **more: Any) -> Path:
    tifffile.imwrite(path, values, imagej=True, **more)
    return path


def two_spacings(folder: Path) -> list[Path]:
    paths = pictures(folder, ".tif")
    tifffile.imwrite(paths[4], VOLUME[4], resolution=(300.0, 300.0), resolutionunit="INCH")
    return paths


def other_size(folder: Path) -> list[Path]:
    paths = pictures(folder)
    Pillow.fromarray(VOLUME[6][:, :6]).save(paths[6])
    return paths


def other_type(folder: Path) -> list[Path]:
    paths = pictures(folder, ".tif")
    tifffile.imwrite(paths[1], VOLUME[1].astype(np.uint16))
    return paths


def colour(folder: Path) -> list[Path]:
    paths = pictures(folder)
    Pillow.fromarray(np.stack([VOLUME[2]] * 3, axis=-1)).save(paths[2])
    return paths


REFUSED: dict[str, tuple[Any, ImageStackOptions, str]] = {
    "size": (other_size, GIVEN, "s7.png.*rows and columns: 5 x 6, and most of the 12 slices have 5 x 7"),
    "type": (other_type, GIVEN, "s2.tif.*type: uint16, and most of the 12 slices have uint8"),
    "spacing": (two_spacings, GIVEN, r"s5.tif.*another spacing: 0.0846667 x 0.0846667 x unknown mm"),
    "colour": (colour, GIVEN, "s3.png.*is RGB, and the slices of a volume are grey; choose one with 'chan"),
    "unsaid": (
        pictures,
        ImageStackOptions(),
        "s1.png.*nobody says how far apart its voxels are; say it with",
    ),
    "pixels": (
        lambda folder: [imagej(folder / "p.tif", metadata={"spacing": 2.5, "unit": "pixel"})],
        ImageStackOptions(),
        "p.tif.*nobody says how far apart",
    ),
    "channels": (
        lambda folder: [imagej(folder / "c.tif", VOLUME.reshape(6, 2, 5, 7), metadata={"axes": "ZCYX"})],
        GIVEN,
        "c.tif.*holds 2 channels and 1 times, and a volume has one of each",
    ),
    "times": (
        lambda folder: [imagej(folder / "t.tif", VOLUME.reshape(3, 4, 5, 7), metadata={"axes": "TZYX"})],
        GIVEN,
        "t.tif.*holds 1 channels and 3 times",
    ),
    "truncated": (
        lambda folder: [imagej(folder / "t.tif", truncate=True, metadata={"axes": "ZYX"})],
        GIVEN,
        "t.tif.*says that it holds 12 images, and only 1 can be found",
    ),
    "files of pages": (
        lambda folder: [imagej(folder / "a.tif"), imagej(folder / "b.tif")],
        GIVEN,
        "a.tif.*holds 12 pages, and a stack of several files has a slice in each; 'group_by",
    ),
    "axes": (
        pictures,
        ImageStackOptions(spacing=SPACING, orientation=(1, 0, 0, 1, 0, 0)),
        "'orientation' is two directions",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_stack_is_refused_by_name(name: str, tmp_path: Path) -> None:
    make, source, told = REFUSED[name]
    paths = make(tmp_path)
    for read_it in (lambda: survey(paths, source, Limits()), lambda: read(paths, source)):
        with pytest.raises(SourceError, match=f"(?s){told}"):
            read_it()


def test_a_channel_of_colour_is_grey(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, pixels in zip(paths, VOLUME, strict=False):
        Pillow.fromarray(np.stack([pixels, pixels // 2, pixels // 3], axis=-1)).save(path)
    images = read(paths, ImageStackOptions(spacing=SPACING, channel="green"))
    assert np.array_equal(np.stack([image.pixels for image in images]), VOLUME[:3] // 2)


def test_each_folder_is_a_volume_and_a_file_of_pages_where_group_by_says_so(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        pictures(tmp_path / name, volume=VOLUME[: 3 if name == "a" else 4])
        tifffile.imwrite(
            tmp_path / f"{name}.tif", VOLUME[: 5 if name == "a" else 6], photometric="minisblack"
        )
    source = "source: {format: image-stack, spacing: [1, 1, 2]}"
    done = bake(tmp_path, f'{{inputs: "?/*.png", {source}, exports: {{to: npy, path: "{{parent}}.npy"}}}}')
    assert done.exit_status == 0, done.results
    assert [len(np.load(tmp_path / f"{name}.npy")) for name in "ab"] == [3, 4]
    done = bake(
        tmp_path,
        f'{{inputs: {{files: "*.tif", group_by: [stem]}}, {source}, '
        'exports: {to: npy, path: "pages/{stem}.npy"}}',
    )
    assert done.exit_status == 0, done.results
    assert np.array_equal(np.load(tmp_path / "pages/b.npy"), VOLUME[:6])


def test_a_ct_series_of_it_is_one_series_in_its_order(tmp_path: Path) -> None:
    pictures(tmp_path, ".tif", VOLUME.astype(np.int16) - 100)
    done = bake(
        tmp_path,
        '{inputs: "s*.tif", source: {format: image-stack, spacing: [0.5, 0.75, 2], units: hu}, '
        'exports: {to: ct-series, path: "ct/{slice:02d}.dcm"}}',
    )
    assert done.exit_status == 0, done.results
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "ct")))
    image = reader.Execute()
    assert np.array_equal(sitk.GetArrayFromImage(image), VOLUME.astype(int) - 100)
    assert image.GetSpacing() == pytest.approx((0.75, 0.5, 2.0))
