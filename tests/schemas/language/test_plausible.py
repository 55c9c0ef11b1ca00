"""Values that hardly anybody means, and what was likely meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.schemas.language.plausible import doubtful_number, doubtful_tag
from dicombake.schemas.language.tag_fields import Tags
from pydantic import TypeAdapter
from pydicom import dcmread
from typer.testing import CliRunner

from ...support import bake, failures


@pytest.mark.parametrize(
    ("key", "value", "meant"),
    [
        ("sid", 100, "in cm it would be 1000 mm"),
        ("sid", 1.5, "in m it would be 1500 mm"),
        ("sad", 39.37, "in cm it would be 393.7 mm"),
        ("sid", 1_500_000, "in micrometres it would be 1500 mm"),
        ("dpi", 7500, "750, or 75"),
        ("pixel_spacing", 392, "in micrometres it would be 0.392 mm"),
        ("gantry", 400, "whole turn"),
        ("couch", -720.5, "whole turn"),
    ],
)
def test_a_doubtful_number_is_told_with_its_meaning(key, value, meant):
    assert meant in str(doubtful_number(key, value))


@pytest.mark.parametrize(
    ("key", "value"),
    [("sid", 1000), ("sid", 3500), ("sid", 650), ("sad", 1000), ("sad", 800), ("dpi", 72), ("dpi", 4800),
     ("pixel_spacing", 0.0392), ("pixel_spacing", 4.8), ("gantry", 360), ("gantry", -180)],
)  # fmt: skip
def test_what_occurs_is_not_doubted(key, value):
    assert doubtful_number(key, value) is None


@pytest.mark.parametrize(
    ("tag", "value", "what"),
    [
        ("PatientSex", "W", "M, F, O"),
        ("PatientID", "\u201cQA-1\u201d", "quotation marks"),
        ("PatientID", "QA\u2019s", "quotation marks"),
        ("PatientBirthDate", "2090-01-02", "2050"),
        ("PatientBirthDate", "10010101", "1850"),
        ("GantryAngle", "400", "whole turn"),
        ("RTImageSID", "150", "1500 mm"),
    ],
)
def test_a_doubtful_tag_is_told_without_its_value(tag, value, what):
    ((path, read),) = TypeAdapter(Tags).validate_python({tag: value}).items()
    told = str(doubtful_tag(path, read))
    assert what in told
    assert value not in told or tag in ("GantryAngle", "RTImageSID")


@pytest.mark.parametrize(
    ("tag", "value"),
    [("PatientName", "O\u2019Brien^Ann"), ("PatientSex", "F"), ("PatientSex", "{sex}"),
     ("StudyDate", "20240102"), ("PatientID", "QA-1"), ("PatientSex", None)],
)  # fmt: skip
def test_what_is_usual_is_not(tag, value):
    ((path, read),) = TypeAdapter(Tags).validate_python({tag: value}).items()
    assert doubtful_tag(path, read) is None


def recipe(folder: Path, more: str, strict: str = "") -> Path:
    np.save(folder / "a.npy", np.arange(20, dtype=np.uint16).reshape(4, 5))
    path = folder / "r.yaml"
    path.write_text(
        f"version: 1\n{strict}conversions:\n  made:\n    inputs: a.npy\n    source: array\n"
        f'    {more}\n    exports: {{to: rt-image, path: "out.dcm"}}\n',
        encoding="utf-8",
    )
    return path


GEOMETRY = "geometry: {dpi: 300, sid: 100, gantry: 400}"
TAGS = (
    "geometry: {dpi: 300, sid: 1000}\n"
    "    tags: {PatientSex: W, PatientBirthDate: 20300101, StudyDate: 20240102}"
)


@pytest.mark.parametrize(("more", "named"), [(GEOMETRY, "geometry.sid"), (TAGS, "PatientSex")])
def test_validate_names_it_and_strict_refuses_it(more, named, tmp_path):
    told = CliRunner().invoke(app, ["validate", str(recipe(tmp_path, more))])
    assert told.exit_code == 0
    assert named in told.output
    told = CliRunner().invoke(app, ["validate", str(recipe(tmp_path, more, "strict: true\n"))])
    assert told.exit_code == 2
    assert named in told.output


@pytest.mark.parametrize(
    ("more", "named"), [(GEOMETRY, "1000 mm"), (TAGS, "PatientBirthDate is a day after")]
)
def test_a_run_says_so_and_writes_it(more, named, tmp_path):
    outcome = bake(recipe(tmp_path, more))
    assert failures(outcome) == []
    assert any(named in note.text for result in outcome.results for note in result.notes)
    assert dcmread(tmp_path / "out.dcm").Rows == 4


def test_a_value_of_a_table_is_looked_at_too(tmp_path):
    (tmp_path / "t.csv").write_text("stem,sid\na,100\n", encoding="utf-8")
    more = "geometry: {dpi: 300}\n    metadata: t.csv"
    outcome = bake(recipe(tmp_path, more))
    assert any("in cm it would be 1000 mm" in note.text for each in outcome.results for note in each.notes)
    assert "in cm it would be" in failures(bake(recipe(tmp_path, more, "strict: true\n")))[0]


@pytest.mark.parametrize(
    ("tag", "value", "told"),
    [
        ("ImageComments", "\u201cas seen\u201d", False),
        ("StudyDescription", "the \u201cnew\u201d panel", False),
        ("PatientName", "O\u2019Brien^Anne", False),
        ("PatientName", "\u201cDoe^Jane\u201d", True),
        ("OtherPatientIDs", "\u2018QA\u2019", True),
    ],
)
def test_quotation_marks_are_doubted_in_names_and_identifiers(tag, value, told):
    ((path, read),) = TypeAdapter(Tags).validate_python({tag: value}).items()
    assert (doubtful_tag(path, read) is not None) == told
