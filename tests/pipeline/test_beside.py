"""What lies beside the inputs: Machine Performance Check's Check.xml, and a table with a row for each file."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.loaders.mpc_check import read_check
from dicombake.pipeline.samples import write_samples
from tests.support import bake, failures

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
