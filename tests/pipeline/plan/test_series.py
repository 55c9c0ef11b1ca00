"""Recipes whose source is a folder of slices: what is planned, and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe

from ...support import bake, failures
from ..loaders.dicom.test_series import stack, two_series

NAMESPACE = "4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11"


def recipe(folder: Path, *exports: str, source: str = "dicom-series", more: str = "") -> Path:
    path = folder / "qa.yaml"
    lines = "\n".join(f"      - {each}" for each in exports)
    path.write_text(
        f"version: 1\nuid_namespace: {NAMESPACE}\nconversions:\n  scan:\n    inputs: scans/**/*.dcm\n"
        f"    source: {source}\n{more}    exports:\n{lines}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Two folders, each with a series of another patient's day."""
    for name in ("monday", "tuesday"):
        (tmp_path / "scans" / name).mkdir(parents=True)
        stack(
            tmp_path / "scans" / name,
            every={
                "PatientID": name,
                "SeriesInstanceUID": f"1.2.{name == 'monday':d}",
                "InstanceNumber": "50",
            },
        )
    return tmp_path


def test_each_folder_is_one_unit_with_an_output_per_slice(scans: Path) -> None:
    path = recipe(
        scans,
        '{to: npy, path: "{parent}.npy"}',
        '{to: ct-series, path: "{parent}/{slice:02d}.dcm"}',
    )
    made = plan(load_recipe(path))
    assert [unit.id for unit in made.units] == ["scan/scans/monday", "scan/scans/tuesday"]
    assert [len(unit.inputs) for unit in made.units] == [4, 4]
    assert [output.path for output in made.units[0].outputs] == [
        "monday.npy",
        *(f"monday/{number:02d}.dcm" for number in (1, 2, 3, 4)),
    ]


def test_a_ct_series_stays_in_its_study_as_one_new_series(scans: Path) -> None:
    outcome = bake(recipe(scans, '{to: ct-series, path: "{parent}/{slice}.dcm"}'))
    assert failures(outcome) == []
    found = {
        name: [pydicom.dcmread(scans / name / f"{number}.dcm") for number in (1, 2, 3, 4)]
        for name in ("monday", "tuesday")
    }
    series = {name: {each.SeriesInstanceUID for each in slices} for name, slices in found.items()}
    assert all(len(uids) == 1 for uids in series.values())
    assert len(series["monday"] | series["tuesday"] | {"1.2.1", "1.2.0"}) == 4
    for slices in found.values():
        assert {each.StudyInstanceUID for each in slices} == {"1.2.3"}
        assert {each.FrameOfReferenceUID for each in slices} == {"1.2.5"}
        assert [each.InstanceNumber for each in slices] == [1, 2, 3, 4]
        assert [each.ImagePositionPatient[2] for each in slices] == [-10, -7.5, -5, -2.5]
        assert [each.SourceImageSequence[0].ReferencedSOPInstanceUID for each in slices] == [
            "1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4",
        ]  # fmt: skip
        assert all("ReferencedFrameNumber" not in each.SourceImageSequence[0] for each in slices)
        assert {(each.RescaleIntercept, each.RescaleType) for each in slices} == {(-1024, "HU")}


def test_every_other_target(scans: Path) -> None:
    import tifffile

    outcome = bake(
        recipe(
            scans,
            '{to: npy, path: "{parent}.npy"}',
            '{to: tiff, path: "{parent}.tif"}',
            '{to: png, path: "{parent}_{slice}.png", window: [-1024, -1000]}',
            '{to: dicom, path: "same/{parent}/{slice}.dcm"}',
        )
    )
    assert failures(outcome) == []
    meant = np.stack([np.full((4, 6), index - 1024, np.int32) for index in range(4)])
    found = np.load(scans / "monday.npy")
    assert found.dtype == meant.dtype and np.array_equal(found, meant)
    assert np.array_equal(tifffile.imread(scans / "monday.tif"), meant)
    assert sorted(path.name for path in scans.glob("monday_*.png")) == [
        "monday_1.png", "monday_2.png", "monday_3.png", "monday_4.png",
    ]  # fmt: skip
    kept = pydicom.dcmread(scans / "same" / "monday" / "3.dcm")
    assert (kept.SOPInstanceUID, kept.SeriesInstanceUID, kept.InstanceNumber) == ("1.2.3.3", "1.2.1", 50)


def test_only_the_chosen_series_goes_in(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    two_series(tmp_path / "scans")
    path = recipe(tmp_path, '{to: npy, path: "v.npy"}', source="{format: dicom-series, series: Bone}")
    (unit,) = plan(load_recipe(path)).units
    assert [item.path for item in unit.inputs] == ["scans/b0.dcm", "scans/b1.dcm"]
    assert failures(bake(path)) == []
    assert np.load(tmp_path / "v.npy").shape == (2, 4, 6)


def test_a_group_with_several_series_fails_alone(scans: Path) -> None:
    two_series(scans / "scans" / "tuesday")
    outcome = bake(recipe(scans, '{to: npy, path: "{parent}.npy"}'))
    (told,) = failures(outcome)
    assert "holds 4 series, and a volume is one: " in told
    assert (scans / "monday.npy").exists() and not (scans / "tuesday.npy").exists()


def test_group_by_splits_a_folder(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    for path in two_series(tmp_path / "scans")[:5]:
        path.rename(path.with_name(f"{'bone' if path.name[0] == 'b' else 'head'}_{path.name[-5]}.dcm"))
    path = recipe(tmp_path, '{to: npy, path: "{group}.npy"}')
    grouped = '{files: "scans/{kind}_*.dcm", group_by: [kind]}'
    path.write_text(path.read_text(encoding="utf-8").replace("scans/**/*.dcm", grouped), encoding="utf-8")
    assert failures(bake(path)) == []
    assert np.load(tmp_path / "bone.npy").shape == (2, 4, 6)
    assert np.load(tmp_path / "head.npy").shape == (3, 4, 6)


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        ("", False),
        ('    tags: {PatientID: "x"}\n', False),
        ("    tags: {Modality: CT}\n", True),
        ('    tags: {"(0008,0016)": 1.2.840.10008.5.1.4.1.1.4, Modality: MR}\n', True),
    ],
)
def test_mr_becomes_no_ct_unless_the_recipe_says_what(tmp_path: Path, tags: str, kept: bool) -> None:
    (tmp_path / "scans").mkdir()
    mr = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}
    stack(tmp_path / "scans", 2, every=mr | {"RescaleSlope": None, "RescaleIntercept": None})
    outcome = bake(recipe(tmp_path, '{to: ct-series, path: "{slice}.dcm"}', more=tags))
    told = "; ".join(failures(outcome))
    assert (told == "") is kept
    assert kept or "a CT Image of MR values would be untrue; 'to: dicom' keeps the source's kind" in told


@pytest.mark.checker
def test_a_ct_series_of_a_series_passes_the_checkers(
    scans: Path, checker: Callable[[str], str], tmp_path: Path
) -> None:
    import subprocess

    bake(recipe(scans, '{to: ct-series, path: "ct/{parent}/{slice}.dcm"}'))
    paths = [str(path) for path in sorted((scans / "ct" / "monday").iterdir())]
    for path in paths:
        done = subprocess.run([checker("dciodvfy"), path], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "Error" not in done.stdout + done.stderr, done.stderr
    done = subprocess.run([checker("dcentvfy"), *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
