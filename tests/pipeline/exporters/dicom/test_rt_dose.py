"""RT Dose out and in: the same Gy as other programs read, in its study, and what is no dose refused."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicombake.pipeline.api import Outcome, load_recipe, run
from dicombake.pipeline.dicom.standard.check import check_file
from dicombake.pipeline.errors import SourceError, VerificationError
from dicombake.pipeline.exporters.options import RtDoseOptions as RtDoseExportOptions
from dicombake.pipeline.exporters.registry import exporter
from dicombake.pipeline.loaders.options import Limits, RtDoseOptions
from dicombake.pipeline.loaders.registry import load, probe
from dicombake.pipeline.output import Context, Identity
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset

from ....pydicom_api import write_whole

DICOMPYLER = Path(__file__).resolve().parents[3] / "readers" / "beside_pylinac.py"
NAMESPACE = "5d1c0de5-0b57-4b0c-9c43-57a5c0ffee11"
AFFINE = np.array([[-2.0, 0, 0, 20], [0, -2.5, 0, 15], [0, 0, 3.0, -12], [0, 0, 0, 1]])
SHAPE = (20, 16, 9)


def beam() -> np.ndarray:
    """A made beam along y, narrower than the grid, falling with depth."""
    x, y, z = (np.arange(size, dtype=np.float64) for size in SHAPE)
    across = np.exp(-(((x - 8) / 4) ** 2))[:, None, None] * np.exp(-(((z - 4) / 2) ** 2))[None, None, :]
    return (60 * across * np.exp(-y / 12)[None, :, None]).astype(np.float32)


def recipe(folder: Path, conversions: str) -> Outcome:
    path = folder / "recipe.yaml"
    path.write_text(f"version: 1\nuid_namespace: {NAMESPACE}\nconversions:\n{conversions}", encoding="utf-8")
    return run(load_recipe(path), overwrite=True)


def plan(path: Path, uid: str = "1.2.3.4") -> None:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.5", uid
    dataset.Modality = "RTPLAN"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    with path.open("wb") as file:
        write_whole(file, dataset)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CT and a dose on another grid, both of NIfTI; the dose in the CT's study, in 16 and in 32 bits."""
    folder = tmp_path_factory.mktemp("dose")
    header = nibabel.Nifti1Header()
    header.set_xyzt_units("mm")
    nibabel.save(nibabel.Nifti1Image(beam(), AFFINE, header), folder / "dose.nii.gz")
    ct = np.full((30, 26, 14), -1000, np.int16)
    ct[4:26, 4:22] = 0
    nibabel.save(nibabel.Nifti1Image(ct, np.diag([-1.0, -1, 2, 1]) + 0), folder / "ct.nii")
    plan(folder / "plan.dcm")
    done = recipe(
        folder,
        "  ct:\n    inputs: ct.nii\n    source: {format: nifti, units: hu}\n"
        "    tags: {PatientID: P1, PatientPosition: HFS}\n"
        '    exports: {to: ct-series, path: "ct/{slice:03d}.dcm"}\n',
    )
    assert done.exit_status == 0, done.results
    done = recipe(
        folder,
        "  dose:\n    inputs: dose.nii.gz\n    source: nifti\n    exports:\n"
        '      - {to: rt-dose, path: d32.dcm, reference: "ct/*.dcm", plan: plan.dcm}\n'
        '      - {to: rt-dose, path: d16.dcm, bits: 16, reference: "ct/*.dcm", plan: plan.dcm}\n',
    )
    assert done.exit_status == 0, done.results
    return folder


@pytest.mark.parametrize("bits", [16, 32])
def test_the_dose_is_what_it_was_within_the_error_that_is_told(made: Path, bits: int) -> None:
    dataset = pydicom.dcmread(made / f"d{bits}.dcm")
    assert (dataset.BitsAllocated, dataset.BitsStored, dataset.PixelRepresentation) == (bits, bits, 0)
    found = dataset.pixel_array * float(dataset.DoseGridScaling)
    assert np.abs(found.T - beam()).max() <= 60 / (2**bits - 1)
    assert [float(each) for each in dataset.GridFrameOffsetVector] == [3.0 * k for k in range(9)]
    assert dataset.ImagePositionPatient == [-20, -15, -12] and dataset.PixelSpacing == [2.5, 2]
    assert (dataset.DoseUnits, dataset.DoseType, dataset.DoseSummationType) == ("GY", "PHYSICAL", "PLAN")
    assert dataset.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"


def test_it_is_in_the_study_and_space_of_its_reference(made: Path) -> None:
    dose, ct = pydicom.dcmread(made / "d16.dcm"), pydicom.dcmread(made / "ct/001.dcm")
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID"):
        assert dose[keyword].value == ct[keyword].value
    assert dose.SeriesInstanceUID != ct.SeriesInstanceUID
    assert dose.FrameIncrementPointer == 0x3004000C


@pytest.mark.parametrize("bits", [16, 32])
def test_it_comes_back_as_a_volume(made: Path, bits: int) -> None:
    images = list(load(made / f"d{bits}.dcm", RtDoseOptions(), Limits()))
    assert {image.units for image in images} == {"GY"}
    assert np.abs(np.stack([image.pixels for image in images]).T - beam()).max() <= 60 / (2**bits - 1)
    told = probe(made / f"d{bits}.dcm", RtDoseOptions(), Limits())
    assert (told.pages, told.geometry) == (9, images[0].geometry)
    (third,) = load(made / f"d{bits}.dcm", RtDoseOptions(), Limits(), range(2, 3))
    assert third.geometry == images[2].geometry and np.array_equal(third.pixels, images[2].pixels)


def test_untouched_it_keeps_its_integers_and_becomes_nifti_at_its_place(made: Path) -> None:
    done = recipe(
        made,
        "  again:\n    inputs: d32.dcm\n    source: rt-dose\n    exports:\n"
        "      - {to: rt-dose, path: again.dcm}\n      - {to: nifti, path: back.nii}\n",
    )
    assert done.exit_status == 0, done.results
    first, again = (pydicom.dcmread(made / name) for name in ("d32.dcm", "again.dcm"))
    assert np.array_equal(first.pixel_array, again.pixel_array)
    assert first.DoseGridScaling == again.DoseGridScaling
    back = nibabel.load(made / "back.nii")
    assert np.abs(back.affine - AFFINE).max() < 1e-5
    assert np.abs(np.asarray(back.dataobj) - beam()).max() < 1e-7


@pytest.mark.checker
def test_dciodvfy_and_dcentvfy_accept_it(made: Path, checker: Callable[[str], str]) -> None:
    done = subprocess.run(
        [checker("dciodvfy"), "-new", str(made / "d16.dcm")], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []
    assert done.returncode == 0
    files = [str(path) for path in [*sorted((made / "ct").glob("*.dcm")), made / "d16.dcm"]]
    done = subprocess.run([checker("dcentvfy"), *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.checker
@pytest.mark.parametrize("bits", [16, 32])
def test_plastimatch_reads_the_same_gray_at_a_thousand_points(
    made: Path, bits: int, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    subprocess.run(
        [checker("plastimatch"), "convert", "--input", str(made / f"d{bits}.dcm"),
         "--output-dose-img", str(tmp_path / "dose.mha")],
        capture_output=True, check=True,
    )  # fmt: skip
    found = sitk.ReadImage(str(tmp_path / "dose.mha"))
    points = np.random.default_rng(2).integers(0, SHAPE, (1000, 3))
    error = 60 / (2**bits - 1) + 60 * 2**-24
    for i, j, k in points.tolist():
        place = (AFFINE @ [i, j, k, 1])[:3] * [-1, -1, 1]
        index = found.TransformPhysicalPointToIndex(place.tolist())
        assert np.allclose(found.TransformIndexToPhysicalPoint(index), place, atol=1e-3)
        assert abs(found[index] - float(beam()[i, j, k])) <= error


@pytest.mark.checker
def test_dicompyler_reads_the_same_gray_at_a_thousand_points(made: Path, pylinac: str) -> None:
    """By the place in mm; dicompyler-core needs pydicom below 3, as pylinac does, and is tried beside it."""
    points = np.random.default_rng(3).integers(0, SHAPE, (1000, 3))
    places = [((AFFINE @ [*point, 1])[:3] * [-1, -1, 1]).tolist() for point in points.tolist()]
    done = subprocess.run(
        [pylinac, "-W", "ignore", str(DICOMPYLER), "doses", str(made / "d16.dcm"), str(made / "d32.dcm")],
        input=json.dumps(places), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "No module named 'dicompylercore'" in done.stderr and "DICOMBAKE_REQUIRE_CHECKERS" not in os.environ:
        pytest.skip("dicompyler-core is not installed beside pylinac")
    assert done.returncode == 0, done.stderr
    meant = beam()[tuple(points.T)]
    for bits, read in zip((16, 32), json.loads(done.stdout), strict=True):
        gray, off = np.array(read["found"]).T
        assert read["units"] == "GY"
        assert off.max() < 1e-6
        assert np.abs(gray - meant).max() <= 60 / (2**bits - 1)
    assert len({round(float(value), 9) for value in meant}) > 200  # points that differ, so that order counts


def test_isodoses_lie_where_they_should_on_the_ct(made: Path) -> None:
    """The half of the maximum across the beam, in mm of the patient, by SimpleITK on the CT's grid."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in sorted((made / "ct").glob("*.dcm"))])
    ct = reader.Execute()
    dataset = pydicom.dcmread(made / "d16.dcm")
    dose = sitk.ReadImage(str(made / "d16.dcm"))
    dose.SetSpacing((*dose.GetSpacing()[:2], 3.0))
    on_ct = sitk.GetArrayFromImage(sitk.Resample(sitk.Cast(dose, sitk.sitkFloat64), ct))
    scaled = on_ct * float(dataset.DoseGridScaling)
    # the beam's axis lies at x = -20 + 2 * 8; it falls to a half at 4 sqrt(ln 2) columns, and along z at
    # z = 0 to a half at 2 sqrt(ln 2) slices
    half = np.sqrt(np.log(2))
    across = {ct.TransformIndexToPhysicalPoint((i, 0, 0))[0]: scaled[0, 0, i] for i in range(scaled.shape[2])}
    along = {ct.TransformIndexToPhysicalPoint((0, 0, k))[2]: scaled[k, 0, 0] for k in range(scaled.shape[0])}
    top = float(beam()[8, 6, 4])  # at y = 0, which is the CT's first row
    assert across[0.0] / top == pytest.approx(np.exp(-((4 / 8) ** 2)), abs=0.02)
    assert crossed(across, top / 2) == pytest.approx(-4.0 + 8 * half, abs=0.1)
    assert crossed(along, across[0.0] / 2) == pytest.approx(6 * half, abs=0.1)


def crossed(profile: dict[float, float], level: float) -> float:
    """The place at which a falling profile goes through a level, between two of its points."""
    places = sorted(profile)
    for before, after in itertools.pairwise(places):
        high, low = profile[before], profile[after]
        if high >= level > low:
            return before + (after - before) * (high - level) / (high - low)
    raise AssertionError(f"never at {level}")


REFUSED = {
    "negative": (-1.0, {}, "negative, NaN or infinite"),
    "nan": (np.nan, {}, "negative, NaN or infinite"),
    "hu": (1.0, {"units": "hu"}, "values in HU are no dose in GY"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_dose_is_refused(name: str, tmp_path: Path) -> None:
    value, options, told = REFUSED[name]
    dose = beam()
    dose[3, 3, 3] = value
    nibabel.save(nibabel.Nifti1Image(dose, AFFINE), tmp_path / "dose.nii")
    source = "{format: nifti" + "".join(f", {key}: {text}" for key, text in options.items()) + "}"
    done = recipe(
        tmp_path, f"  dose: {{inputs: dose.nii, source: {source}, exports: {{to: rt-dose, path: d.dcm}}}}\n"
    )
    (result,) = done.results
    assert told in str(result.error)
    assert not (tmp_path / "d.dcm").exists()


def test_a_dose_without_its_plan_is_told_and_under_strict_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(beam(), AFFINE), tmp_path / "dose.nii")
    line = "  dose: {inputs: dose.nii, source: nifti, exports: {to: rt-dose, path: d.dcm}"
    done = recipe(tmp_path, line + "}\n")
    assert any(note.code == "plan-missing" for result in done.results for note in result.notes)
    assert recipe(tmp_path, line + ", strict: true}\n").exit_status == 1


def changed(made: Path, path: Path, **values: Any) -> Path:
    dataset = pydicom.dcmread(made / "d16.dcm")
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


def test_frame_offsets_of_both_kinds_and_directions(made: Path, tmp_path: Path) -> None:
    first = list(load(made / "d16.dcm", RtDoseOptions(), Limits()))
    places = [-12 + 3.0 * k for k in range(9)]
    absolute = changed(made, tmp_path / "z.dcm", GridFrameOffsetVector=places)
    assert [i.geometry for i in load(absolute, RtDoseOptions(), Limits())] == [i.geometry for i in first]
    falling = changed(made, tmp_path / "f.dcm", GridFrameOffsetVector=[-3.0 * k for k in range(9)])
    found = list(load(falling, RtDoseOptions(), Limits()))
    assert [image.geometry.patient.position[2] for image in found if image.geometry.patient] == [
        -36 + 3.0 * k for k in range(9)
    ]
    assert np.array_equal(found[0].pixels, first[-1].pixels)
    uneven = changed(made, tmp_path / "u.dcm", GridFrameOffsetVector=[0, 3, 6, 9, 12, 15, 18, 21, 25])
    with pytest.raises(SourceError, match="frames 3 to 4 mm apart"):
        list(load(uneven, RtDoseOptions(), Limits()))
    with pytest.raises(SourceError, match="is no dose grid but CT"):
        probe(made / "ct/001.dcm", RtDoseOptions(), Limits())


@pytest.fixture(scope="module")
def doses(made: Path) -> Path:
    """A second dose of the CT, of another plan, on the same grid: half of the first, shifted by a slice."""
    plan(made / "boost.dcm", "1.2.3.5")
    nibabel.save(nibabel.Nifti1Image(boost(), AFFINE), made / "boost.nii")
    done = recipe(
        made,
        "  boost: {inputs: boost.nii, source: nifti, exports: {to: rt-dose, path: d_boost.dcm, "
        'reference: "ct/*.dcm", plan: boost.dcm}}\n',
    )
    assert done.exit_status == 0, done.results
    return made


def boost() -> np.ndarray:
    return np.roll(beam() / 2, 1, axis=2)


def summed(folder: Path, inputs: str, options: str = "", more: str = "", to: str = "sum.dcm") -> Outcome:
    return recipe(
        folder,
        f"  sum: {{inputs: {inputs}, source: rt-dose, combine: sum,{more} "
        f"exports: {{to: rt-dose, path: {to}{options}}}}}\n",
    )


@pytest.mark.parametrize("bits", [16, 32])
def test_several_doses_are_summed_voxel_by_voxel(doses: Path, bits: int) -> None:
    done = summed(doses, "[d32.dcm, d_boost.dcm]", f", bits: {bits}")
    assert done.exit_status == 0, done.results
    dataset = pydicom.dcmread(doses / "sum.dcm")
    parts = [pydicom.dcmread(doses / name) for name in ("d32.dcm", "d_boost.dcm")]
    meant = sum(each.pixel_array * float(each.DoseGridScaling) for each in parts)
    found = dataset.pixel_array * float(dataset.DoseGridScaling)
    assert np.abs(found - meant).max() <= float(dataset.DoseGridScaling) / 2 * (1 + 1e-6)
    assert np.abs(found.T - (beam().astype(float) + boost())).max() <= 3 * 90 / (2**bits - 1)
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "ImagePositionPatient",
                    "GridFrameOffsetVector", "PixelSpacing"):  # fmt: skip
        assert dataset[keyword].value == parts[0][keyword].value, keyword
    assert dataset.DoseSummationType == "MULTI_PLAN"
    plans = [item.ReferencedSOPInstanceUID for item in dataset.ReferencedRTPlanSequence]
    assert plans == ["1.2.3.4", "1.2.3.5"]


def test_a_sum_of_two_plans_is_not_called_one(doses: Path) -> None:
    done = summed(doses, "[d32.dcm, d_boost.dcm]", ", summation: PLAN")
    assert any(note.code == "several-plans" for result in done.results for note in result.notes)
    done = summed(doses, "[d32.dcm, d_boost.dcm]", ", summation: PLAN", " strict: true,")
    assert done.exit_status == 1


def test_beams_of_one_plan_become_the_dose_of_that_plan(doses: Path) -> None:
    for name in ("b1.dcm", "b2.dcm"):
        changed(doses, doses / name, DoseSummationType="BEAM", DoseType="EFFECTIVE")
    done = summed(doses, '"b?.dcm"')
    assert done.exit_status == 0, done.results
    dataset = pydicom.dcmread(doses / "sum.dcm")
    assert (dataset.DoseSummationType, dataset.DoseType) == ("PLAN", "EFFECTIVE")
    assert len(dataset.ReferencedRTPlanSequence) == 1
    one = recipe(doses, "  one: {inputs: b1.dcm, source: rt-dose, exports: {to: rt-dose, path: one.dcm}}\n")
    assert one.exit_status == 0, one.results
    dataset = pydicom.dcmread(doses / "one.dcm")
    assert (dataset.DoseSummationType, dataset.DoseType) == ("BEAM", "EFFECTIVE")


OTHER: dict[str, tuple[dict[str, Any], str]] = {
    "place": ({"ImagePositionPatient": [-20, -15, -9]}, "lies on another grid than 'd16.dcm'.*resample"),
    "spacing": ({"PixelSpacing": [2.5, 2.1]}, "lies on another grid than 'd16.dcm'.*resample"),
    "offsets": (
        {"GridFrameOffsetVector": [4.0 * k for k in range(9)]},
        "lies on another grid than 'd16.dcm'.*resample",
    ),
    "space": ({"FrameOfReferenceUID": "1.2.9"}, "is in another frame of reference than 'd16.dcm'"),
    "units": ({"DoseUnits": "RELATIVE"}, "has values in RELATIVE, and 'd16.dcm'.*in GY"),
    "type": ({"DoseType": "EFFECTIVE"}, "doses of different types"),
}


@pytest.mark.parametrize("name", OTHER)
def test_doses_that_cannot_be_summed_are_refused_by_name(name: str, doses: Path) -> None:
    values, told = OTHER[name]
    changed(doses, doses / "other.dcm", **values)
    done = summed(doses, "[d16.dcm, other.dcm]", to="refused.dcm")
    (result,) = done.results
    assert re.search(told, str(result.error)), result.error
    if name != "type":
        assert "other.dcm" in str(result.error)
    assert not (doses / "refused.dcm").exists()


def test_another_grid_is_summed_after_resampling(doses: Path) -> None:
    """The way out that the refusal names."""
    changed(doses, doses / "far.dcm", ImagePositionPatient=[-20, -15, -9])
    path = doses / "recipe.yaml"
    path.write_text(
        f"version: 1\nuid_namespace: {NAMESPACE}\nconversions:\n"
        "  gridded: {inputs: [d16.dcm, far.dcm], source: rt-dose, process: [{resample: {like: d16.dcm}}],\n"
        '            exports: {to: rt-dose, path: "gridded/{stem}.dcm"}}\n'
        "  sum: {inputs: {from: gridded}, source: rt-dose, combine: sum, "
        "exports: {to: rt-dose, path: far_sum.dcm}}\n",
        encoding="utf-8",
    )
    done = run(load_recipe(path), overwrite=True)
    assert done.exit_status == 0, done.results
    dataset = pydicom.dcmread(doses / "far_sum.dcm")
    found = dataset.pixel_array * float(dataset.DoseGridScaling)
    meant = beam() + np.roll(beam(), 1, axis=2)
    assert np.abs(found.T - meant)[:, :, 1:].max() < 0.01


def test_volumes_of_other_formats_are_combined_too(doses: Path) -> None:
    done = recipe(
        doses,
        "  mean: {inputs: [boost.nii, dose.nii.gz], source: nifti, combine: mean, "
        "exports: [{to: npy, path: mean.npy}, {to: nifti, path: mean.nii}]}\n",
    )
    assert done.exit_status == 0, done.results
    meant = (boost().astype(float) + beam()) / 2
    assert np.array_equal(np.load(doses / "mean.npy").T, meant)
    assert np.array_equal(nibabel.load(doses / "mean.nii").affine, nibabel.load(doses / "dose.nii.gz").affine)


def test_a_plan_is_a_plan(doses: Path) -> None:
    done = recipe(
        doses,
        "  d: {inputs: dose.nii.gz, source: nifti, "
        "exports: {to: rt-dose, path: no_plan.dcm, plan: ct/001.dcm}}\n",
    )
    assert "'001.dcm' is no RT Plan but CT Image Storage" in str(done.results[0].error)


@pytest.mark.checker
def test_checkers_accept_the_sum_and_all_of_32_bits_but_the_pixels(
    doses: Path, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    """Both checkers abort on pixels of 32 bits: those of 16 bits stand in for them, and nothing else."""
    assert summed(doses, "[d16.dcm, d_boost.dcm]", ", bits: 16").exit_status == 0
    wide, narrow = (pydicom.dcmread(doses / name) for name in ("d32.dcm", "d16.dcm"))
    for keyword in ("BitsAllocated", "BitsStored", "HighBit", "PixelData"):
        wide[keyword] = narrow[keyword]
    wide.save_as(tmp_path / "wide.dcm")
    for path in (tmp_path / "wide.dcm", doses / "sum.dcm"):
        done = subprocess.run(
            [checker("dciodvfy"), "-new", path], capture_output=True, text=True, check=False
        )
        assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []
        assert done.returncode == 0
    for name in ("d32.dcm", "d16.dcm", "sum.dcm"):
        assert check_file(doses / name).findings == ()
    paths = [str(path) for path in (doses / "ct/001.dcm", tmp_path / "wide.dcm", doses / "sum.dcm")]
    done = subprocess.run([checker("dcentvfy"), *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_source_of_a_volume_gives_the_same_dose_at_the_same_place(tmp_path: Path) -> None:
    """On an oblique grid, written by SimpleITK, and as an array with its place in the recipe."""
    values = np.random.default_rng(5).uniform(0, 70, (4, 5, 6)).astype(np.float32)
    row, column, normal = np.array([0.8, 0.6, 0]), np.array([-0.48, 0.64, 0.6]), np.array([0.36, -0.48, 0.8])
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((2.0, 3.0, 4.0))
    image.SetOrigin((-11.5, 22.25, -33.0))
    image.SetDirection(np.stack([row, column, normal], axis=1).ravel().tolist())
    for name in ("d.nii", "d.nrrd", "d.mha"):
        sitk.WriteImage(image, str(tmp_path / name))
    np.save(tmp_path / "d.npy", values)
    array = (
        "{format: volume, slice_axis: 0, spacing: [3, 2, 4], origin: [-11.5, 22.25, -33], "
        f"orientation: {[*row.tolist(), *column.tolist()]}}}"
    )
    sources = {"nii": "nifti", "nrrd": "nrrd", "mha": "metaimage", "npy": array}
    text = "".join(
        f"  {suffix}: {{inputs: d.{suffix}, source: {source}, "
        f"exports: {{to: rt-dose, path: {suffix}.dcm}}}}\n"
        for suffix, source in sources.items()
    )
    assert recipe(tmp_path, text).exit_status == 0
    for suffix in sources:
        dose = pydicom.dcmread(tmp_path / f"{suffix}.dcm")
        gray = dose.pixel_array * float(dose.DoseGridScaling)
        assert np.abs(gray - values).max() <= float(dose.DoseGridScaling) / 2 * (1 + 1e-9)
        assert np.allclose(dose.ImagePositionPatient, (-11.5, 22.25, -33), atol=1e-4)
        assert np.allclose(dose.ImageOrientationPatient, [*row, *column], atol=1e-6)
        assert np.allclose([*dose.PixelSpacing, *dose.GridFrameOffsetVector], [3, 2, 0, 4, 8, 12], atol=1e-5)
        assert dose.DoseUnits == "GY"


@pytest.mark.parametrize("bits", [16, 32])
def test_a_dose_of_any_size_has_the_same_bytes(
    bits: int, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too large for the memory waits in a file, and is read back where it lies, frame by frame."""
    (tmp_path / "dose.nii.gz").write_bytes((made / "dose.nii.gz").read_bytes())
    text = (
        "  dose:\n    inputs: dose.nii.gz\n    source: nifti\n"
        f"    exports: {{to: rt-dose, path: d.dcm, bits: {bits}}}\n"
    )
    assert recipe(tmp_path, text).exit_status == 0
    small = (tmp_path / "d.dcm").read_bytes()
    monkeypatch.setattr("dicombake.pipeline.run.unit.held.IN_MEMORY", 1000)
    monkeypatch.setattr("dicombake.pipeline.dicom.verify._LARGE", 1000)
    monkeypatch.setattr("dicombake.pipeline.dicom.verify._plainly_decoded", set())
    (tmp_path / "d.dcm").unlink()
    done = recipe(tmp_path, text)
    assert done.exit_status == 0, done.results
    assert (tmp_path / "d.dcm").read_bytes() == small
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == [".dicombake"]


@pytest.mark.parametrize("at", [-1, -700, -2881, 400])
@pytest.mark.parametrize("known", [False, True])
def test_a_bit_that_differs_in_a_large_file_is_found(
    at: int, known: bool, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = list(load(made / "d16.dcm", RtDoseOptions(), Limits()))
    identity = Identity(namespace=None, recipe="r", conversion="c", content="0" * 64)
    artifact = exporter("rt-dose").export(
        images, RtDoseExportOptions(to="rt-dose", path="d.dcm", bits=16), Context(identity)
    )
    path = tmp_path / "d.dcm"
    path.write_bytes(b"".join(artifact.chunks))
    monkeypatch.setattr("dicombake.pipeline.dicom.verify._plainly_decoded", set())
    if known:
        artifact.check(path)
    monkeypatch.setattr("dicombake.pipeline.dicom.verify._LARGE", 1000)
    artifact.check(path)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(VerificationError):
        artifact.check(path)
    content[at] ^= 1
    path.write_bytes(content + b"\0\0")
    with pytest.raises(VerificationError):
        artifact.check(path)


@pytest.mark.parametrize("scaling", ["0", "-0.001"])
def test_a_scaling_that_leaves_no_dose_is_refused(scaling: str, made: Path, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(made / "d16.dcm")
    dataset.DoseGridScaling = scaling
    dataset.save_as(tmp_path / "d.dcm")
    with pytest.raises(SourceError, match=f"a DoseGridScaling of {scaling}, which leaves no dose"):
        list(load(tmp_path / "d.dcm", RtDoseOptions(), Limits()))


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"DoseUnits": None}, "dose-units-unknown"),
        ({"DoseUnits": "CGY"}, "dose-units-unknown"),
        ({"RescaleSlope": "2", "RescaleIntercept": "0"}, "dose-rescaled"),
        ({"RescaleSlope": "1", "RescaleIntercept": "0"}, None),
    ],
)
def test_a_dose_that_does_not_say_what_it_is_is_told(
    changes: dict[str, Any], code: str | None, made: Path, tmp_path: Path
) -> None:
    dataset = pydicom.dcmread(made / "d16.dcm")
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    dataset.save_as(tmp_path / "d.dcm")
    images = list(load(tmp_path / "d.dcm", RtDoseOptions(), Limits()))
    assert {note.code for image in images for note in image.notes} == ({code} if code else set())
    assert np.abs(np.stack([image.pixels for image in images]).T - beam()).max() <= 60 / (2**16 - 1)
