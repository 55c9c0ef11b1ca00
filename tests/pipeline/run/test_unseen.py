"""What a patient's file says goes into no message, also where a template makes of it what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.api import run
from dicombake.pipeline.report.outcome import outcome_as_json
from dicombake.pipeline.to_dataset import to_dataset

NAME = "Secret^Patient^Of^A^Long^Name"
RECIPE = """\
version: 1
conversions:
  c:
    inputs: a.dcm
    source: dicom
    exports: {to: rt-image, path: o.dcm}
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'tags: {StationName: "{source.PatientName}"}',
            "StationName: its value has 29 characters; SH holds 16",
        ),
        (
            'tags: {StudyDate: "{source.PatientName}"}',
            "StudyDate: its value is no date such as 20240102 or 2024-01-02",
        ),
        (
            'tags: {ExposureSequence: [{KVP: "{source.PatientName}"}]}',
            "ExposureSequence: KVP: its value is no number",
        ),
        (
            'tags: {StudyID: "{source.PatientName:03d}"}',
            "'{source.PatientName}': its value does not take the format '03d'",
        ),
        (
            'geometry: {gantry: "{source.PatientName}"}',
            "'{source.PatientName}' gives a value, which is no number",
        ),
    ],
)
def test_a_value_of_the_source_is_not_told(tmp_path: Path, line: str, message: str) -> None:
    source = to_dataset(
        np.zeros((2, 2), np.uint8), geometry={"dpi": 100, "sid": 1000}, tags={"PatientName": NAME}
    )
    source.save_as(tmp_path / "a.dcm")
    (tmp_path / "r.yaml").write_text(f"{RECIPE}    {line}\n", encoding="utf-8")
    outcome = run(tmp_path / "r.yaml")
    assert str(outcome.results[0].error) == f"a.dcm: {message}"
    assert "Secret" not in json.dumps(outcome_as_json(outcome))


def test_a_value_that_a_name_gives_is_told(tmp_path: Path) -> None:
    to_dataset(np.zeros((2, 2), np.uint8), geometry={"dpi": 100, "sid": 1000}).save_as(tmp_path / "a.dcm")
    line = 'tags: {StudyDate: "{stem}"}'
    (tmp_path / "r.yaml").write_text(f"{RECIPE}    {line}\n", encoding="utf-8")
    assert "'a' is no date" in str(run(tmp_path / "r.yaml").results[0].error)
