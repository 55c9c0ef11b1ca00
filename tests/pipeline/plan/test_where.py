"""Inputs chosen by their headers; and when an image was acquired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.errors import PlanError
from dicombake.pipeline.explain.matching import matching
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.samples import write_samples
from pydicom.dataset import Dataset

from ...pydicom_api import write_whole
from ...support import bake, failures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, (modality, gantry) in enumerate([("CT", None), ("RTIMAGE", "89.5"), ("RTIMAGE", "270")]):
        write(
            tmp_path / f"raw/{number}.dcm", Modality=modality, GantryAngle=gantry, AcquisitionDate="20240102"
        )
    return tmp_path


def write(path: Path, **elements: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    dataset = Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = pydicom.uid.SecondaryCaptureImageStorage, f"1.2.{path.stem}"
    dataset.Rows, dataset.Columns = 2, 3
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.PixelData = bytes(6)
    for keyword, value in elements.items():
        if value is not None:
            setattr(dataset, keyword, value)
    write_whole(path, dataset)


def recipe(
    folder: Path, inputs: str, path: str = "out/{stem}.npy", source: str = "dicom", more: str = ""
) -> Path:
    file = folder / "r.yaml"
    text = f"version: 1\nconversions:\n  a:\n    inputs: {inputs}\n    source: {source}\n"
    file.write_text(f'{text}    exports: {{to: npy, path: "{path}"}}\n{more}', encoding="utf-8")
    return file


def taken(path: Path) -> list[str]:
    return [item.path for unit in plan(load_recipe(path)).units for item in unit.inputs]


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("{Modality: CT}", [0]),
        ("{Modality: 'RT*', GantryAngle: {min: 89, max: 91}}", [1]),
        ("{GantryAngle: null}", [0]),
        ("{'00080060': [RTIMAGE, MR]}", [1, 2]),
    ],
)
def test_files_are_kept_whose_header_says_so(folder: Path, where: str, numbers: list[int]) -> None:
    found = taken(recipe(folder, f'{{files: "raw/*.dcm", where: {where}}}'))
    assert found == [f"raw/{number}.dcm" for number in numbers]


def test_nothing_left_is_an_error_that_says_why(folder: Path) -> None:
    path = recipe(folder, '{files: "raw/*.dcm", where: {Modality: MR}}')
    with pytest.raises(PlanError, match="'where' leaves out all 3 files that match"):
        plan(load_recipe(path))


def test_a_file_that_cannot_be_read_fails_by_name(folder: Path) -> None:
    (folder / "raw/broken.dcm").write_bytes(b"nothing")
    outcome = bake(recipe(folder, '{files: "raw/*.dcm", where: {Modality: CT}}'))
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["0.npy"]
    (failure,) = failures(outcome)
    assert "raw/broken.dcm" in failure


def test_explain_names_the_property_and_not_its_value(folder: Path) -> None:
    path = recipe(folder, '{files: "raw/*.dcm", where: {Modality: CT, GantryAngle: null}}')
    (match,) = matching(load_recipe(path), "raw/1.dcm").matches
    assert match.why == "'where' leaves it out: its Modality is another, or not there"


@pytest.mark.parametrize(
    ("elements", "name"),
    [
        (
            {"AcquisitionDate": "20240102", "AcquisitionTime": "073015.25", "ContentDate": "20250101"},
            "20240102_073015",
        ),
        ({"AcquisitionDateTime": "20240102073015.25+0100", "ContentDate": "20250101"}, "20240102_073015"),
        ({"ContentDate": "20240102", "ContentTime": "07"}, "20240102_070000"),
    ],
)
def test_the_date_is_that_of_the_acquisition(tmp_path: Path, elements: dict[str, str], name: str) -> None:
    write(tmp_path / "raw/1.dcm", **elements)
    assert bake(recipe(tmp_path, "raw/*.dcm", "{date}_{time}.npy")).exit_status == 0
    assert (tmp_path / f"{name}.npy").exists()


def test_a_file_that_does_not_say_it_fails_alone(folder: Path) -> None:
    write(folder / "raw/9.dcm", StudyDate="20240102")
    outcome = bake(recipe(folder, "raw/*.dcm", "{date}/{stem}.npy"))
    assert len(list(folder.glob("20240102/*.npy"))) == 3
    (failure,) = failures(outcome)
    assert "raw/9.dcm" in failure and "its date of acquisition" in failure and "capture it" in failure


def test_a_capture_and_a_column_hide_it(folder: Path) -> None:
    bake(recipe(folder, "'raw/{date}.dcm'", "{date}.npy"))
    assert sorted(path.name for path in folder.glob("*.npy")) == ["0.npy", "1.npy", "2.npy"]
    (folder / "t.csv").write_text("stem,date\n0,first\n1,second\n2,third\n", encoding="utf-8")
    table = "    metadata: {csv: t.csv, match: stem}\n"
    bake(recipe(folder, "raw/*.dcm", "of_{date}.npy", more=table))
    assert sorted(path.name for path in folder.glob("of*.npy")) == [
        "of_first.npy",
        "of_second.npy",
        "of_third.npy",
    ]


def test_a_xim_and_its_sidecar_say_it(tmp_path: Path) -> None:
    write_samples(tmp_path)
    path = recipe(tmp_path, "epid/*.xim", "x_{stem}_{date}.npy", source="xim")
    planned = plan(load_recipe(path))
    names = [output.path for unit in planned.units for output in unit.outputs]
    assert names and all(name.rpartition("_")[2].removesuffix(".npy").isdigit() for name in names)


def test_a_group_has_a_date_where_its_files_share_it(folder: Path) -> None:
    path = recipe(folder, "raw/*.dcm", "sum_{date}.npy", more="    combine: sum\n")
    bake(path)
    assert np.load(folder / "sum_20240102.npy").shape == (2, 3)
    write(folder / "raw/9.dcm", AcquisitionDate="20240103")
    with pytest.raises(PlanError, match="differs between the files of one group"):
        plan(load_recipe(path))


def test_a_tag_may_hold_it(folder: Path) -> None:
    text = '{to: rt-image, path: "{stem}.dcm"}'
    path = recipe(
        folder, "raw/1.dcm", more='    geometry: {sid: 1000, dpi: 100}\n    tags: {StudyDate: "{date}"}\n'
    )
    path.write_text(
        path.read_text(encoding="utf-8").replace('{to: npy, path: "out/{stem}.npy"}', text), encoding="utf-8"
    )
    assert bake(path).exit_status == 0
    assert pydicom.dcmread(folder / "1.dcm").StudyDate == "20240102"
