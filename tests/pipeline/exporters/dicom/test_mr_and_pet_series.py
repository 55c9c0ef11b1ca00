"""MR and PET series: what other readers find in them, and what their kinds ask for and nobody says."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicombake.pipeline.api import Outcome, load_recipe, run
from dicombake.pipeline.dicom.standard.check import check_file

from ....pydicom_api import apply_modality_lut

NAMESPACE = "5d1c0de5-0b57-4b0c-9c43-57a5c0ffee11"
AFFINE = np.array([[-2.0, 0, 0, 20], [0, -2.5, 0, 15], [0, 0, 3.0, -12], [0, 0, 0, 1]])
SHAPE = (9, 7, 5)
ACTIVITY = np.random.default_rng(5).gamma(2, 900, SHAPE).astype(np.float32)
ACTIVITY *= np.linspace(0.1, 3, SHAPE[2], dtype=np.float32)
SIGNAL = (np.arange(np.prod(SHAPE)).reshape(SHAPE) * 11).astype(np.int16)
STUDY = '{PatientID: P1, PatientName: A^B, StudyDate: "20240101", StudyTime: "101010", StudyID: "1"}'
SCAN = (
    '{Units: BQML, CountsSource: EMISSION, DecayCorrection: START, DecayFactor: "1.02", '
    'SeriesDate: "20240101", SeriesTime: "101112", FrameReferenceTime: "0"}'
)


def bake(folder: Path, conversions: str) -> Outcome:
    path = folder / "recipe.yaml"
    head = f"version: 1\nuid_namespace: {NAMESPACE}\ndefaults: {{tags: {STUDY}}}\nconversions:\n"
    path.write_text(head + conversions, encoding="utf-8")
    return run(load_recipe(path), overwrite=True)


def nifti(path: Path, values: np.ndarray) -> None:
    header = nibabel.Nifti1Header()
    header.set_data_dtype(values.dtype)
    header.set_xyzt_units("mm")
    nibabel.save(nibabel.Nifti1Image(values, AFFINE, header), path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MR and two PET series of NIfTI, one with negative values, and a PET series made of the first."""
    folder = tmp_path_factory.mktemp("series")
    nifti(folder / "mr.nii", SIGNAL)
    nifti(folder / "pet.nii", ACTIVITY)
    nifti(folder / "subtracted.nii", ACTIVITY - 500)
    done = bake(
        folder,
        "  mr: {inputs: mr.nii, source: nifti, tags: {ScanningSequence: SE, SequenceVariant: NONE},\n"
        '       exports: {to: mr-series, path: "mr/{slice:03d}.dcm"}}\n'
        f"  pet: {{inputs: pet.nii, source: nifti, tags: {SCAN},\n"
        '        exports: {to: pet-series, path: "pet/{slice:03d}.dcm"}}\n'
        f"  subtracted: {{inputs: subtracted.nii, source: nifti, tags: {SCAN},\n"
        '        exports: {to: pet-series, path: "subtracted/{slice:03d}.dcm"}}\n',
    )
    assert {note.code for result in done.results for note in result.notes} == {"quantized"}
    again = bake(
        folder,
        '  again: {inputs: "pet/*.dcm", source: dicom-series, process: [{crop: {left: 2}}],\n'
        '          exports: {to: pet-series, path: "again/{slice:03d}.dcm"}}\n',
    )
    assert (done.exit_status, again.exit_status) == (0, 0), again.results
    assert [note for result in again.results for note in result.notes] == []
    return folder


SERIES = {"mr": SIGNAL, "pet": ACTIVITY, "subtracted": ACTIVITY - 500, "again": ACTIVITY[2:]}


def read(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]


def largest_error(slices: list[pydicom.Dataset]) -> float:
    """Half a step of the coarsest slice, and what float32 adds when a reader keeps that."""
    steps = max(float(each.get("RescaleSlope", 1)) for each in slices)
    return steps / 2 * (1 + 1e-9) + 2**-23 * float(ACTIVITY.max()) if len(slices) and steps != 1 else 0.0


@pytest.mark.parametrize("name", SERIES)
def test_simpleitk_reads_the_values_where_they_lie(name: str, made: Path) -> None:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(made / name)))
    image = reader.Execute()
    values = sitk.GetArrayFromImage(image).T
    assert np.abs(values - SERIES[name]).max() <= largest_error(read(made / name))
    shift = 4.0 if name == "again" else 0.0
    assert image.GetSpacing() == pytest.approx((2.0, 2.5, 3.0))
    assert image.GetOrigin() == pytest.approx((-20.0 + shift, -15.0, -12.0))


@pytest.mark.checker
@pytest.mark.parametrize("name", ["mr", "pet", "subtracted"])
def test_dcm2niix_finds_each_voxel_where_it_was(
    name: str, made: Path, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    command = [checker("dcm2niix"), "-b", "n", "-z", "n", "-f", "o", "-o", str(tmp_path), str(made / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (path,) = tmp_path.glob("o*.nii")
    found = nibabel.load(path)
    indices = np.indices(SHAPE).reshape(3, -1)
    places = AFFINE @ np.vstack([indices, np.ones(indices.shape[1])])
    seen = (np.linalg.inv(found.affine) @ places)[:3]
    assert np.abs(seen - np.rint(seen)).max() < 1e-5, done.stdout
    values = np.asarray(found.dataobj)[tuple(np.rint(seen).astype(int))]
    assert np.abs(values - SERIES[name][tuple(indices)]).max() <= largest_error(read(made / name))


@pytest.mark.checker
@pytest.mark.parametrize("name", SERIES)
def test_dciodvfy_and_dcentvfy_find_no_error(name: str, made: Path, checker: Callable[[str], str]) -> None:
    paths = sorted((made / name).glob("*.dcm"))
    for path in (paths[0], paths[-1]):
        done = subprocess.run(
            [checker("dciodvfy"), "-new", path], capture_output=True, text=True, check=False
        )
        assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []
        assert done.returncode == 0
    done = subprocess.run([checker("dcentvfy"), *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", SERIES)
def test_each_series_is_one_and_conformant_by_the_tables(name: str, made: Path) -> None:
    slices = read(made / name)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert len({each[keyword].value for each in slices}) == 1
    assert [int(each.InstanceNumber) for each in slices] == [1, 2, 3, 4, 5]
    for path in (made / name).glob("*.dcm"):
        assert check_file(path).findings == ()


def test_a_pet_slice_has_its_own_slope_and_no_intercept(made: Path) -> None:
    slices = read(made / "pet")
    assert len({each.RescaleSlope for each in slices}) == 5
    assert {float(each.RescaleIntercept) for each in slices} == {0.0}
    assert [each.ImageIndex for each in slices] == [1, 2, 3, 4, 5]
    assert {each.NumberOfSlices for each in slices} == {5}
    assert {each.PixelRepresentation for each in read(made / "subtracted")} == {1}


def test_a_pet_source_says_what_its_series_needs(made: Path) -> None:
    """Its stored integers, its slopes and its decay: only the crop is new."""
    for before, after in zip(read(made / "pet"), read(made / "again"), strict=True):
        assert np.array_equal(before.pixel_array[:, 2:], after.pixel_array)
        for keyword in ("Units", "DecayCorrection", "DecayFactor", "FrameReferenceTime", "RescaleSlope",
                        "SeriesType", "CountsSource", "SeriesDate", "StudyInstanceUID"):  # fmt: skip
            assert before[keyword].value == after[keyword].value, keyword


def test_an_mr_image_has_no_rescale_that_it_does_not_need(made: Path) -> None:
    for index, each in enumerate(read(made / "mr")):
        assert "RescaleSlope" not in each and "RescaleType" not in each
        assert np.array_equal(each.pixel_array.T, SIGNAL[:, :, index])
        assert each.ScanningSequence == "SE"


def test_floats_become_integers_of_pet_exactly_where_they_can(tmp_path: Path) -> None:
    nifti(tmp_path / "pet.nii", (SIGNAL / 4).astype(np.float32))
    done = bake(
        tmp_path,
        f"  pet: {{inputs: pet.nii, source: nifti, tags: {SCAN}, exports: {{to: pet-series, "
        'path: "pet/{slice}.dcm"}}\n',
    )
    assert [note.code for result in done.results for note in result.notes] == []
    found = [apply_modality_lut(each.pixel_array, each) for each in read(tmp_path / "pet")]
    assert np.array_equal(np.stack(found).T, SIGNAL / 4)


UNSAID = {
    "mr-series": ("mr-sequence-unknown", "ScanningSequence RM and SequenceVariant NONE are written"),
    "pet-series": ("pet-unknown", "Units, CountsSource, DecayCorrection, FrameReferenceTime, DecayFactor"),
}


@pytest.mark.parametrize("to", UNSAID)
def test_what_nobody_says_is_told_and_under_strict_refused(to: str, tmp_path: Path) -> None:
    nifti(tmp_path / "v.nii", SIGNAL)
    line = f'  v: {{inputs: v.nii, source: nifti, exports: {{to: {to}, path: "v/{{slice}}.dcm"}}'
    done = bake(tmp_path, line + "}\n")
    code, text = UNSAID[to]
    notes = {note.code: note.text for result in done.results for note in result.notes}
    assert text in notes[code]
    done = bake(tmp_path, line + ", strict: true}\n")
    assert done.exit_status == 1
    assert all(text in str(result.error) for result in done.results)


@pytest.mark.parametrize("to", ["mr-series", "pet-series"])
def test_hounsfield_units_are_no_values_of_these_kinds(to: str, tmp_path: Path) -> None:
    nifti(tmp_path / "v.nii", SIGNAL)
    done = bake(
        tmp_path,
        f"  v: {{inputs: v.nii, source: {{format: nifti, units: hu}}, exports: {{to: {to}, "
        'path: "v/{slice}.dcm"}}\n',
    )
    assert all("of CT values would be untrue" in str(result.error) for result in done.results)
