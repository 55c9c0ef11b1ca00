"""What lies beside the inputs: a Check.xml in their folder, and a table with a row for each file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.errors import PlanError, SourceError
from dicombake.pipeline.inputs.check_xml import read_check
from dicombake.pipeline.samples import write_samples

from ...support import bake, failures

CHECK = (
    '<?xml version="1.0"?><Check xmlns="http://www.varian.com/MPC"><MachineSerialNumber>6543'
    "</MachineSerialNumber><Date>2024-01-02T07:41:49.0219614-05:00</Date></Check>"
)
RECIPE = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  epid:
    inputs: epid/field_*.xim
    source: xim
{beside}
    exports: {{to: rt-image, path: "out/{{stem}}.dcm"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_samples(tmp_path)
    return tmp_path


def recipe(folder: Path, *lines: str) -> Path:
    path = folder / "r.yaml"
    path.write_text(RECIPE.format(beside="\n".join(f"    {line}" for line in lines)), encoding="utf-8")
    return path


def test_a_check_supplies_the_serial_number_and_the_zone(folder: Path) -> None:
    (folder / "epid" / "Check.xml").write_text(CHECK, encoding="utf-8")
    bake(recipe(folder, "sidecar: Check.xml"))
    made = pydicom.dcmread(folder / "out" / "field_g000.dcm")
    assert (made.DeviceSerialNumber, made.StationName, made.RadiationMachineName) == ("6543", "6543", "6543")
    assert made.TimezoneOffsetFromUTC == "-0500"
    assert "data:epid/Check.xml" in (folder / "r.lock").read_text(encoding="utf-8")


def test_a_missing_check_fails_its_files_unless_it_may_be_missing(folder: Path) -> None:
    outcome = bake(recipe(folder, "sidecar: Check.xml"))
    assert any("its sidecar" in text and "does not exist" in text for text in failures(outcome))
    assert failures(bake(recipe(folder, "sidecar: {file: Check.xml, required: false}"))) == []


def test_a_check_of_another_day_gives_no_time_zone(folder: Path) -> None:
    (folder / "epid" / "Check.xml").write_text(CHECK.replace("2024-01-02", "2024-07-02"), encoding="utf-8")
    bake(recipe(folder, "sidecar: Check.xml"))
    assert "TimezoneOffsetFromUTC" not in pydicom.dcmread(folder / "out" / "field_g000.dcm")


def test_entities_are_refused_and_not_expanded(tmp_path: Path) -> None:
    path = tmp_path / "Check.xml"
    path.write_text('<!DOCTYPE x [<!ENTITY a "b">]>' + CHECK.split("?>")[1], encoding="utf-8")
    with pytest.raises(SourceError, match="declares a document type"):
        read_check(path)


def test_a_row_gives_angles_and_tags_by_the_name_of_the_file(folder: Path) -> None:
    rows = "stem,gantry,PatientID,note\nfield_g000,12.5,P1,first\nfield_g090,100,P2,second\n"
    (folder / "angles.csv").write_text(rows, encoding="utf-8")
    bake(recipe(folder, "metadata: {csv: angles.csv, match: stem}", 'tags: {RTImageName: "{csv.note}"}'))
    for stem, gantry, patient, name in (
        ("field_g000", 12.5, "P1", "first"),
        ("field_g090", 100, "P2", "second"),
    ):
        made = pydicom.dcmread(folder / "out" / f"{stem}.dcm")
        assert (made.GantryAngle, made.PatientID, made.RTImageName) == (gantry, patient, name)


def test_the_conversion_outranks_the_row(folder: Path) -> None:
    rows = "stem,gantry,PatientID\nfield_g000,12.5,P1\nfield_g090,100,P2\n"
    (folder / "angles.csv").write_text(rows, encoding="utf-8")
    bake(recipe(folder, "metadata: angles.csv", "geometry: {gantry: 33}", "tags: {PatientID: Q}"))
    made = pydicom.dcmread(folder / "out" / "field_g000.dcm")
    assert (made.GantryAngle, made.PatientID) == (33, "Q")


def test_a_file_without_a_row_is_refused(folder: Path) -> None:
    (folder / "angles.csv").write_text("stem,gantry\nfield_g000,12.5\n", encoding="utf-8")
    outcome = bake(recipe(folder, "metadata: angles.csv"))
    assert len(failures(outcome)) == 1
    assert "add one, or 'exclude' the file" in failures(outcome)[0]


ARRAYS = """\
version: 1
conversions:
  arrays:
    inputs: "*.npy"
    source: array
    geometry: {dpi: 100, sid: 1000}
    metadata: angles.csv
    exports: {to: rt-image, path: "out/{stem}.dcm"}
"""


def test_the_row_of_one_file_does_not_move_another_to_a_new_study(tmp_path: Path) -> None:
    """Without a namespace the study derives from the image's content, not from the table's."""
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", np.full((4, 5), ord(name), np.uint16))
    (tmp_path / "r.yaml").write_text(ARRAYS, encoding="utf-8")
    studies = []
    for angle in ("90", "180"):
        (tmp_path / "angles.csv").write_text(f"stem;gantry\na;1\nb;{angle}\n", encoding="utf-8")
        assert failures(bake(tmp_path / "r.yaml")) == []
        made = {name: pydicom.dcmread(tmp_path / "out" / f"{name}.dcm") for name in "ab"}
        assert made["b"].GantryAngle == int(angle)
        studies.append([made[name].StudyInstanceUID for name in "ab"])
    assert studies[0] == studies[1]


@pytest.mark.parametrize("kind", ["dicom", "rt-image"])
def test_a_check_fills_what_a_dicom_source_leaves_open(folder: Path, kind: str) -> None:
    text = RECIPE.replace("epid/field_*.xim", '"star/TB1/spoke_1.dcm"').replace(
        "source: xim", "source: dicom"
    )
    (folder / "star" / "TB1" / "Check.xml").write_text(CHECK, encoding="utf-8")
    (folder / "r.yaml").write_text(
        text.format(beside="    sidecar: Check.xml").replace("rt-image", kind), encoding="utf-8"
    )
    assert failures(bake(folder / "r.yaml")) == []
    source = pydicom.dcmread(folder / "star" / "TB1" / "spoke_1.dcm")
    made = pydicom.dcmread(folder / "out" / "spoke_1.dcm")
    assert not source.get("DeviceSerialNumber")
    assert made.DeviceSerialNumber == "6543"
    assert made.RadiationMachineName == (source.get("RadiationMachineName") or "6543")
    assert made.SOPInstanceUID != source.SOPInstanceUID


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("stem,gantry\na,9\na,8\n", "angles.csv:3: 'a' stands in line 2 already"),
        ("stem,gantry\na,9\n\nb,x\n", "angles.csv:4: gantry: 'x' is no number such as 90.5"),
        ("stem,gantry\na,9,9\n", "angles.csv:2: has 3 cells, and the first line has 2"),
        ("stem,PatientBirthDate\na,2024-13-01\n", "angles.csv:2: PatientBirthDate: "),
        ("stem,gantri\na,9\n", "angles.csv:1: the column 'gantri' is no key of geometry"),
        ("file,gantry\na,9\n", "angles.csv:1: has no column 'stem', the column that 'match' asks for"),
        ("stem,gantry\n,9\n", "angles.csv:2: 'stem' is empty"),
        ("stem,sid\na,0\n", "angles.csv:2: sid: must be greater than 0"),
        ("stem,stem\n", "angles.csv:1: the column 'stem' stands twice"),
        ("", "angles.csv: is empty; its first line names the columns"),
        ("\udcff", "angles.csv: byte 0 is no UTF-8; save it as 'CSV UTF-8'"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_its_line(tmp_path: Path, table: str, told: str) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 5), np.uint16))
    (tmp_path / "r.yaml").write_text(ARRAYS, encoding="utf-8")
    (tmp_path / "angles.csv").write_bytes(table.encode("utf-8", "surrogateescape"))
    with pytest.raises(PlanError) as caught:
        bake(tmp_path / "r.yaml")
    assert told in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 5), np.uint16))
    (tmp_path / "r.yaml").write_text(ARRAYS, encoding="utf-8")
    (tmp_path / "angles.csv").write_text("stem,gantry\na,9\n", encoding="utf-8-sig")
    assert failures(bake(tmp_path / "r.yaml")) == []
    assert pydicom.dcmread(tmp_path / "out" / "a.dcm").GantryAngle == 9
