"""Resampling, held to SimpleITK's: images, volumes on any other grid, series that are no straight grid."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicombake.pipeline.errors import ProcessError
from dicombake.pipeline.imaging.image import Geometry, Image, PatientPlane, SourceFile
from dicombake.pipeline.process.apply import apply
from dicombake.pipeline.process.known import Known
from dicombake.schemas.process import Resample
from pydantic import ValidationError

from ....support import bake, failures
from ...exporters.volumes.test_places import turned
from ...loaders.dicom.test_series import one

HEAD = "version: 1\nuid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11\nconversions:\n  one:\n"
SHAPE = (21, 17, 13)
VALUES = np.random.default_rng(1).normal(0, 100, SHAPE)
OUTSIDE = "resample: parts of the new grid lie outside of the source; they are 0"


def affine(degrees: Sequence[float], spacing: Sequence[float], origin: Sequence[float]) -> np.ndarray:
    found = np.eye(4)
    found[:3, :3] = turned(degrees) * spacing
    found[:3, 3] = origin
    return found


SOURCE = affine((10, -20, 30), (1.1, 0.9, 2.5), (5, -7, 30))
OBLIQUE = affine((14, -25, 38), (0.8, 1.3, 1.7), (6, -5, 33))
CORONAL = SOURCE[:, [0, 2, 1, 3]] @ np.diag([1, 1, -1, 1])
CORONAL[:3, 3] += SOURCE[:3, 1] * 16


def nifti(path: Path, values: np.ndarray, grid: np.ndarray) -> Path:
    image = nibabel.Nifti1Image(values, grid)
    image.set_sform(grid, 1)
    image.set_qform(grid, 1)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


def baked(folder: Path, text: str, data: Path | None = None) -> list[str]:
    """Carry out a recipe, and return what its notes say."""
    path = folder / "r.yaml"
    path.write_text(HEAD + "".join(f"    {line}\n" for line in text.splitlines()), encoding="utf-8")
    outcome = bake(path, data or folder, folder)
    assert failures(outcome) == []
    return list(dict.fromkeys(note.text for result in outcome.results for note in result.notes))


def by_sitk(source: Any, like: Any, order: int = 1) -> np.ndarray:
    how = sitk.sitkLinear if order else sitk.sitkNearestNeighbor
    found = sitk.Resample(source, like, sitk.Transform(), how, 0.0, sitk.sitkFloat64)
    return np.asarray(sitk.GetArrayFromImage(found))


@pytest.mark.parametrize(
    "options, size, notes",
    [
        ("spacing: [0.7, 1.3, 1.9]", (18, 22, 17), []),
        ("spacing: 1", (23, 15, 33), []),
        ("spacing: [1.8, 2.2]", (11, 9, 13), []),
        ("like: oblique.nii", (24, 15, 18), [OUTSIDE]),
        ("like: oblique.nii, order: 0", (24, 15, 18), [OUTSIDE]),
        ("like: coronal.nii", (24, 15, 18), [OUTSIDE]),
        ("like: s.nii", SHAPE, []),
    ],
)
def test_a_volume_is_what_simpleitk_makes_of_it(
    options: str, size: tuple[int, ...], notes: list[str], tmp_path: Path
) -> None:
    nifti(tmp_path / "s.nii", VALUES, SOURCE)
    for name, grid in (("oblique", OBLIQUE), ("coronal", CORONAL)):
        nifti(tmp_path / f"{name}.nii", np.zeros((24, 15, 18), np.int16), grid)
    text = (
        f"inputs: s.nii\nsource: nifti\nprocess: [{{resample: {{{options}}}}}]\n"
        "exports: {to: nrrd, path: o.nrrd}"
    )
    assert baked(tmp_path, text) == notes
    found = sitk.ReadImage(str(tmp_path / "o.nrrd"))
    assert found.GetSize() == size
    meant = by_sitk(sitk.ReadImage(str(tmp_path / "s.nii")), found, 0 if "order: 0" in options else 1)
    assert np.abs(sitk.GetArrayFromImage(found) - meant).max() < 1e-6 * np.ptp(VALUES)


def test_the_new_grid_has_the_edges_of_the_old_one(tmp_path: Path) -> None:
    nifti(tmp_path / "s.nii", np.zeros((10, 8, 6), np.int16), np.diag([-1.0, -1, 2, 1]))
    baked(tmp_path, "inputs: s.nii\nsource: nifti\nprocess: [{resample: {spacing: [2, 0.5, 3]}}]\n"
                    "exports: {to: metaimage, path: o.mha}")  # fmt: skip
    found = sitk.ReadImage(str(tmp_path / "o.mha"))
    assert (found.GetSize(), found.GetSpacing()) == ((20, 4, 4), (0.5, 2.0, 3.0))
    assert found.GetOrigin() == (-0.25, 0.5, 0.5)


@pytest.mark.parametrize(
    "name, options",
    [("s.nii", "spacing: [1, 1, 0.5]"), ("s.nii.gz", "like: oblique.nii"), ("s.nii.gz", "like: upside.nii")],
)
def test_ranges_of_slices_and_packed_ones_give_the_same_values(
    name: str, options: str, tmp_path: Path
) -> None:
    """66 slices and more are worked on in three ranges, each by itself."""
    values = np.random.default_rng(2).integers(-1000, 3000, (9, 8, 40), dtype=np.int16)
    nifti(tmp_path / name, values, affine((0, 0, 0), (1, 1, 1.7), (0, 0, 0)))
    nifti(tmp_path / "oblique.nii", np.zeros((7, 6, 66), np.int8), affine((5, 50, 0), (1, 1, 1), (0, 0, 0)))
    upside = affine((180, 0, 0), (1, 1, 0.9), (0, 7, 68))
    nifti(tmp_path / "upside.nii", np.zeros((9, 8, 70), np.int8), upside)
    text = (
        f"inputs: {name}\nsource: {{format: nifti, units: hu}}\nprocess: [{{resample: {{{options}}}}}]\n"
        "exports: [{to: %s, path: '%s'}]"
    )
    baked(tmp_path, text % ("nrrd", "o.nrrd"))
    baked(tmp_path, text % ("npy", "{slice:03d}.npy"))
    whole = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "o.nrrd")))
    assert np.array_equal(np.stack([np.load(path) for path in sorted(tmp_path.glob("*.npy"))]), whole)
    assert len(whole) > 64


def test_what_lies_outside_of_a_ct_is_air_and_integers_are_rounded_half_to_even(tmp_path: Path) -> None:
    nifti(tmp_path / "s.nii", np.array([[[1], [2]], [[4], [5]]], np.int16), np.diag([-1.0, -1, 1, 1]))
    grid = np.diag([-0.5, -0.5, 1, 1])
    grid[:3, 3] = (0.5, 0.5, 0)
    nifti(tmp_path / "g.nii", np.zeros((6, 6, 1), np.int8), grid)
    text = (
        "inputs: s.nii\nsource: {format: nifti, units: %s}\nprocess: [{resample: {like: g.nii%s}}]\n"
        "exports: {to: npy, path: o.npy}"
    )
    notes = baked(tmp_path, text % ("hu", ""))
    assert notes == ["resample: parts of the new grid lie outside of the source; they are -1000 HU (air)"]
    rows = [[1, 1, 2, 4, 4], [1, 1, 2, 4, 4], [2, 2, 3, 4, 4], [2, 2, 4, 5, 5], [2, 2, 4, 5, 5]]
    assert np.load(tmp_path / "o.npy").tolist() == [[*row, -1000] for row in rows] + [[-1000] * 6]
    nifti(tmp_path / "g.nii", np.zeros((3, 1, 1), np.int8), np.diag([-1.0, -1, 1, 1]))
    baked(tmp_path, text % ("hu", ", outside: 7"))
    assert np.load(tmp_path / "o.npy").tolist() == [[1, 4, 7]]


def test_bits_are_the_same_on_every_machine(tmp_path: Path) -> None:
    """A digest made once, on x86-64; any other processor, compiler or library must give the same."""
    values = (np.arange(9 * 8 * 7, dtype=np.float64).reshape(9, 8, 7) * 2654435761 % 65536) / 3.0
    nifti(tmp_path / "s.nii", values, affine((0, 0, 0), (1.25, 0.75, 2.5), (0, 0, 0)))
    grid = np.eye(4)
    grid[:3] = [[-0.6, 0.64, 0.48, -2], [-0.8, -0.48, -0.36, -2], [0, -0.6, 0.8, 3]]
    nifti(tmp_path / "g.nii", np.zeros((8, 8, 8), np.int8), grid)
    digests = []
    for options in ("spacing: [0.6, 0.7, 1.1]", "like: g.nii"):
        baked(tmp_path, f"inputs: s.nii\nsource: nifti\nprocess: [{{resample: {{{options}}}}}]\n"
                        "exports: {to: nrrd, path: o.nrrd}")  # fmt: skip
        found = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "o.nrrd")))
        digests.append(hashlib.sha256(found.tobytes()).hexdigest()[:16])
    assert digests == ["37feb712d5d718f6", "ad7facb2586fc6e9"]


def linear(place: np.ndarray) -> np.ndarray:
    """Values that interpolation gives back exactly."""
    return np.asarray(3 * place[0] + 5 * place[1] + 7 * place[2])


def series(folder: Path, heights: Sequence[float], degrees: float = 0.0) -> list[Path]:
    """Slices at these z, tilted about x, that hold `linear`."""
    angle = np.radians(degrees)
    row, column = np.array([1.0, 0, 0]), np.array([0, np.cos(angle), -np.sin(angle)])
    down, along = np.mgrid[:40, :36]
    paths = []
    for index, height in enumerate(heights):
        at = np.array([-30.0, -35.0, height])
        places = at[:, None, None] + row[:, None, None] * along * 1.5 + column[:, None, None] * down * 2.0
        paths.append(
            one(
                folder, index, at, f"{index:03d}.dcm", pixels=linear(places).round().astype(np.int16),
                ImageOrientationPatient=[f"{part:.8f}" for part in (*row, *column)],
                PixelSpacing=["2", "1.5"], SliceThickness="3", GantryDetectorTilt=str(degrees),
                RescaleIntercept="0", RescaleType="HU", InstanceNumber=str(index + 1), PatientID="P",
                AcquisitionTime=f"1200{index:02d}", Manufacturer="GE MEDICAL SYSTEMS",
            )
        )  # fmt: skip
    return paths


STRAIGHT = (
    "inputs: {files: 'ct/*.dcm', group_by: []}\nsource: dicom-series\n"
    "process: [{resample: {spacing: %s}}]\nexports: %s"
)


def apart(image: Any) -> np.ndarray:
    """How far the values of a straight grid are from `linear`, edges and air left out."""
    values = sitk.GetArrayFromImage(image).astype(float)
    slices, rows, columns = values.shape
    found = []
    for k in range(1, slices - 1):
        for j in range(1, rows - 1, 3):
            for i in range(1, columns - 1, 5):
                place = np.array(image.TransformIndexToPhysicalPoint((i, j, k)))
                inside = -30 <= place[0] <= 22.5 and values[k, j - 1 : j + 2, i].min() > -1000
                found.append(abs(values[k, j, i] - linear(place)) if inside else 0.0)
    return np.array(found)


def test_a_tilted_gantry_is_straightened_on_request(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    series(tmp_path / "ct", [3.0 * index for index in range(14)], 20)
    notes = baked(tmp_path, STRAIGHT % ("[2, 1.5, 2]", "[{to: nrrd, path: o.nrrd}, "
                                        "{to: ct-series, path: 'o/{slice:03d}.dcm'}]"))  # fmt: skip
    assert "resample: the slices were tilted by 20 degrees, and are straightened" in notes
    found = sitk.ReadImage(str(tmp_path / "o.nrrd"))
    assert apart(found).max() < 1.1
    written = [pydicom.dcmread(path) for path in sorted((tmp_path / "o").iterdir())]
    assert [each.InstanceNumber for each in written] == list(range(1, len(written) + 1))
    assert {(each.StudyInstanceUID, each.FrameOfReferenceUID) for each in written} == {("1.2.3", "1.2.5")}
    assert all(each.SeriesInstanceUID != "1.2.4" for each in written)
    assert not any("GantryDetectorTilt" in each for each in written)
    of_two = [each for each in written if len(each.SourceImageSequence) == 2]
    assert len(of_two) > 15 and not any("AcquisitionTime" in each for each in of_two)


@pytest.mark.checker
def test_dcm2niix_straightens_to_the_same_values(tmp_path: Path, checker: Callable[[str], str]) -> None:
    program = checker("dcm2niix")
    (tmp_path / "ct").mkdir()
    series(tmp_path / "ct", [3.0 * index for index in range(14)], 20)
    command = [program, "-b", "n", "-z", "n", "-f", "d", "-o", str(tmp_path), str(tmp_path / "ct")]
    subprocess.run(command, capture_output=True, check=False)
    theirs = np.asarray(nibabel.load(tmp_path / "d_Tilt_1.nii").dataobj).T[:, ::-1]
    baked(tmp_path, STRAIGHT % ("[2, 1.5]", "{to: nrrd, path: o.nrrd}"))
    ours = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "o.nrrd")))
    assert ours.shape == theirs.shape
    both = (ours != -1000) & (theirs != theirs.min())
    assert both.mean() > 0.8
    assert np.abs(ours.astype(int) - theirs)[both].max() <= 1


def test_uneven_slices_are_evened_on_request(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    series(tmp_path / "ct", [0, 3, 6, 10, 12, 15, 18, 30])
    notes = baked(tmp_path, STRAIGHT % ("[2, 1.5, 3]", "{to: nrrd, path: o.nrrd}"))
    assert any("lay 2 to 12 mm apart and are evened" in note for note in notes)
    assert apart(sitk.ReadImage(str(tmp_path / "o.nrrd"))).max() < 1.1
    path = tmp_path / "r.yaml"
    path.write_text(path.read_text().replace("[2, 1.5, 3]", "[2, 1.5]"))
    (told,) = failures(bake(path, tmp_path, tmp_path))
    assert "'spacing' has no third number" in told


def test_two_frames_of_reference_are_no_place(tmp_path: Path) -> None:
    for name, uid in (("ct", "1.2.5"), ("other", "1.2.6")):
        (tmp_path / name).mkdir()
        for index in range(3):
            one(
                tmp_path / name, index, (0, 0, index * 2.0), f"{index}.dcm", FrameOfReferenceUID=uid,
                SOPInstanceUID=f"{uid}.{index}",
            )  # fmt: skip
    path = tmp_path / "r.yaml"
    path.write_text(
        HEAD + "    inputs: 'ct/*.dcm'\n    source: dicom-series\n"
        "    process: [{resample: {like: 'other/*.dcm'}}]\n    exports: {to: nrrd, path: o.nrrd}\n"
    )
    (told,) = failures(bake(path, tmp_path, tmp_path))
    assert "another frame of reference" in told


def picture(values: np.ndarray, spacing: tuple[float, float] | None = (0.5, 0.8), **more: Any) -> Image:
    return Image(values, Geometry(spacing=spacing, **more), sources=(SourceFile(Path("a.tif"), "image"),))


@pytest.mark.parametrize("spacing", [(0.3, 0.3), (1.1, 0.65), (0.5, 2.4)])
@pytest.mark.parametrize("order", [0, 1])
def test_an_image_is_what_simpleitk_makes_of_it(spacing: tuple[float, float], order: int) -> None:
    values = np.random.default_rng(3).normal(size=(31, 22))
    place = {"position": (-8.4, 7.5), "orientation": (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)}
    found = apply(picture(values, **place), [Resample(spacing=spacing, order=order)])
    source = sitk.GetImageFromArray(values)
    source.SetSpacing((0.8, 0.5))
    source.SetOrigin((-8.4, -7.5))  # ITK's y downwards
    like = sitk.Image(found.columns, found.rows, sitk.sitkFloat64)
    like.SetSpacing(spacing[::-1])
    assert found.geometry.position is not None and found.geometry.spacing == spacing
    like.SetOrigin((found.geometry.position[0], -found.geometry.position[1]))
    assert np.abs(by_sitk(source, like, order) - found.pixels).max() < 1e-12
    middle = (like.GetOrigin()[0] + (found.columns - 1) / 2 * spacing[1], like.GetOrigin()[1]
              + (found.rows - 1) / 2 * spacing[0])  # fmt: skip
    assert middle == pytest.approx((-8.4 + 21 / 2 * 0.8, -7.5 + 30 / 2 * 0.5))


def test_an_image_gets_the_grid_of_another_one(tmp_path: Path) -> None:
    ways = {
        "a": {"PixelSpacing": ["0.5", "0.75"]},
        "b": {"PixelSpacing": ["1", "1"], "pixels": np.zeros((2, 5), np.int16)},
    }
    for index, (name, own) in enumerate(ways.items()):
        one(tmp_path, index, (1.0 * index, 0.25 * index, 0), f"{name}.dcm", **own)
    values = np.arange(24.0).reshape(4, 6)
    plane = PatientPlane((0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0), None, None, "1.2.5")
    source = Image(values, Geometry(spacing=(0.5, 0.75), patient=plane))
    found = apply(source, [Resample(like="b")], Known({"b": (tmp_path / "b.dcm",)}))
    assert found.pixels.shape == (2, 5) and found.geometry.spacing == (1, 1)
    assert found.geometry.patient is not None and found.geometry.patient.position == (1, 0.25, 0)
    assert found.pixels[0, 0] == pytest.approx(0.5 * 6 + 1 / 0.75)
    assert found.pixels[0, 4] == 0  # 5 mm along, where the source ends at 4.125
    with pytest.raises(ProcessError, match="nobody says where this image and 'b' lie"):
        apply(picture(values), [Resample(like="b")], Known({"b": (tmp_path / "b.dcm",)}))


def test_colour_keeps_its_channels_and_integers_are_rounded() -> None:
    values = np.array([[[0, 0, 9], [1, 3, 9]]], np.uint8)
    found = apply(Image(values, Geometry(spacing=(1.0, 1.0)), "RGB"), [Resample(spacing=(1.0, 0.5))])
    assert found.pixels.tolist() == [[[0, 0, 9], [0, 1, 9], [1, 2, 9], [1, 3, 9]]]


@pytest.mark.parametrize(
    "values, options, told",
    [
        (np.array([[1.0, np.nan]]), {"spacing": (1.0,)}, "1 of 2 values are NaN or infinite"),
        (np.full((2, 2), 2**60), {"spacing": (1.0,)}, "exact up to 2\\^53"),
        (np.ones((2, 2)), {"spacing": (1.0, 1.0, 1.0)}, "an image has no slices"),
        (np.ones((2, 2)), {"spacing": (1e-6,)}, "more than the limit"),
    ],
)
def test_what_cannot_be_resampled_is_refused(values: np.ndarray, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ProcessError, match=told):
        apply(picture(values), [Resample(**options)])


def test_an_image_without_a_spacing_is_refused() -> None:
    with pytest.raises(ProcessError, match="needs a spacing"):
        apply(picture(np.ones((2, 2)), None), [Resample(spacing=(1.0,))])


@pytest.mark.parametrize(
    "options",
    [{}, {"spacing": 1, "like": "a"}, {"spacing": 1, "order": 2}, {"spacing": [1, 1, 1, 1]}, {"spacing": 0}],
)
def test_the_recipe_says_one_grid_and_an_order_that_there_is(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Resample.model_validate({"op": "resample", **options})
