"""A patient's name, a table's cell or a secret of the environment stands in no message, log or lock."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.samples import files
from pydicom import DataElement
from pydicom.datadict import tag_for_keyword
from typer.testing import CliRunner

NAME = "Mustermann^Erika^" + "Ottilie" * 6
HEAD = "version: 1\nmachines: {TB1: {geometry: {sid: 1000}}}\n"
EXPORT = 'exports: {to: dicom, path: "out/{index}.dcm"}'
RECIPES = {
    "machine": f'machine: "{{source.PatientName}}", {EXPORT}',
    "tag": f'tags: {{RTImageLabel: "{{source.PatientName}}"}}, {EXPORT}',
    "number": f'geometry: {{sid: "{{source.PatientName}}"}}, {EXPORT}',
    "name of a file": f'exports: {{to: dicom, path: "{"{source.PatientName}" * 5}.dcm"}}',
}


@pytest.mark.parametrize("program", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("name", RECIPES)
def test_a_value_of_a_file_is_not_told(
    name: str, program: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    dataset = files.rt_image(np.arange(12, dtype=np.uint16).reshape(3, 4), name="a")
    dataset.PatientName = NAME
    Path("a.dcm").write_bytes(files.dicom(dataset))
    conversion = f'{{inputs: "*.dcm", source: dicom, {RECIPES[name]}}}'
    Path("r.yaml").write_text(f"{HEAD}conversions: {{a: {conversion}}}\n", encoding="utf-8")
    for command in ("plan", "run", "check"):
        done = CliRunner().invoke(app, [command, "r.yaml", *(["--json"] if program else [])])
        assert "Mustermann" not in done.output
        assert command != "run" or done.exit_code != 0
    lock = Path("r.lock")
    assert not lock.exists() or "Mustermann" not in lock.read_text(encoding="utf-8")


HOSTILE = {
    "WindowCenter": "LO", "WindowWidth": "LO", "RescaleSlope": "LO", "RescaleIntercept": "UT",
    "StudyDate": "LO", "StudyTime": "LO", "StudyInstanceUID": "LO",
    "SOPInstanceUID": "LT", "RTImageSID": "LO",
    "GantryAngle": "LO", "ImagePlanePixelSpacing": "PN", "RTImagePosition": "UT", "NumberOfFrames": "LO",
    "SeriesNumber": "LO", "PatientBirthDate": "LO", "PatientAge": "LO", "SpecificCharacterSet": "LO",
    "ExposureSequence": "LO", "FrameOfReferenceUID": "LO", "PixelIntensityRelationshipSign": "LO",
}  # fmt: skip
"""Elements, and a VR that is not theirs."""
TARGETS = """version: 1
conversions:
  a:
    inputs: "*.dcm"
    source: dicom
    geometry: {sid: unknown, dpi: unknown}
    exports:
      - {to: png, path: "out/{stem}.png", window: auto}
      - {to: rt-image, path: "out/{stem}.dcm", pixels: quantize}
      - {to: dicom, path: "out/same/{stem}.dcm"}
"""


def test_an_element_of_another_type_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a library says of a value that it cannot read often quotes it."""
    monkeypatch.chdir(tmp_path)
    for keyword, vr in HOSTILE.items():
        dataset = files.rt_image(np.arange(12, dtype=np.uint16).reshape(3, 4), name="a")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.add(DataElement(tag_for_keyword(keyword), vr, "Mustermann"))
            Path(f"{keyword}.dcm").write_bytes(files.dicom(dataset))
    Path("r.yaml").write_text(TARGETS, encoding="utf-8")
    told = ["--junit", "j.xml", "--html", "p.html"]
    for words in (["run", "--verbose", *told], ["run", "--json"], ["check", "--diff"], ["check", "--json"]):
        done = CliRunner().invoke(app, [words[0], "r.yaml", *words[1:]])
        assert "Mustermann" not in done.output
        assert "defect" not in done.output
        assert "--verbose" not in words or "is of another kind than the standard says" in done.output
        assert isinstance(done.exception, SystemExit | None)
    for name in ("r.lock", "j.xml", "p.html"):
        assert b"Mustermann" not in Path(name).read_bytes()


PLACES = {
    "geometry": 'geometry: {{sid: "{env}"}}, source: array, exports: {{to: npy, path: "x.npy"}}',
    "machine": 'machine: "{env}", source: array, exports: {{to: npy, path: "x.npy"}}',
    "tag": 'tags: {{StudyDate: "{env}"}}, source: array, exports: {{to: secondary-capture, path: "x.dcm"}}',
    "format": 'study: "{number}", source: array, exports: {{to: secondary-capture, path: "x.dcm"}}',
}


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_is_told(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEPLOY_TOKEN", "hunter2")
    Path("a.npy").write_bytes(files.npy(np.arange(12, dtype=np.uint16).reshape(3, 4)))
    conversion = PLACES[place].format(env="{env.DEPLOY_TOKEN}", number="{env.DEPLOY_TOKEN:04d}")
    Path("r.yaml").write_text(
        f"{HEAD}conversions: {{a: {{inputs: a.npy, {conversion}}}}}\n", encoding="utf-8"
    )
    for words in (("validate",), ("plan",), ("plan", "--json"), ("run",), ("run", "--json"), ("check",)):
        done = CliRunner().invoke(app, [words[0], "r.yaml", *words[1:]])
        assert "hunter2" not in done.output
        assert words != ("run",) or done.exit_code != 0


@pytest.mark.parametrize(
    "variable",
    ["DEPLOY_TOKEN", "S3_KEY", "DB_PASSWORD", "CLIENT_SECRET", "apikey", "PACS_PASS", "GH_PAT", "AUTH"],
)
def test_no_secret_belongs_into_a_path(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, "hunter2")
    conversion = f'{{inputs: "*.npy", source: array, exports: {{to: npy, path: "{{env.{variable}}}/x.npy"}}}}'
    Path("r.yaml").write_text(f"{HEAD}conversions: {{a: {conversion}}}\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["validate", "r.yaml"])
    assert done.exit_code == 2
    assert "no secret belongs into one" in done.output
    assert "hunter2" not in done.output
