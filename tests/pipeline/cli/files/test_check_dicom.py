from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.exporters.dicom import rt_image
from dicombake.pipeline.exporters.options import RtImageOptions
from dicombake.pipeline.imaging.image import Image
from pydicom import dcmread
from typer.testing import CliRunner

from ...exporting import PLACED, context, export, ramp

DOCS = Path(__file__).resolve().parents[4] / "docs"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    tags = {"PatientID": "QA-1", "PatientName": "Secret^Person"}
    path, _ = export(
        rt_image.EXPORTER, Image(ramp("uint16"), PLACED), RtImageOptions(path="x"), context(tags), tmp_path
    )
    return path.rename(tmp_path / "good.dcm")


@pytest.fixture
def wrong(good: Path) -> Path:
    dataset = dcmread(good)
    del dataset.PatientID
    del dataset.RTImageSID
    path = good.with_name("wrong.dcm")
    dataset.save_as(path)
    return path


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(
        app, ["check-dicom", *map(str, arguments)], env={"COLUMNS": "80", "NO_COLOR": "1"}
    )
    return result.exit_code, result.output


def test_a_conformant_file_is_one_line(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(good.parent)
    assert call(good.name) == (0, "good.dcm: RT Image: conformant\n")
    assert call("--quiet", good.name) == (0, "")


def test_each_error_has_its_way_out_on_80_columns(wrong: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(wrong.parent)
    status, text = call("good.dcm", wrong.name)
    assert status == 1
    assert max(map(len, text.splitlines())) <= 80
    assert [line.rstrip() for line in text.splitlines()] == [
        "good.dcm: RT Image: conformant",
        "wrong.dcm: RT Image: 2 errors",
        "  error  PatientID (0010,0020): missing",
        "           Type 2, module Patient",
        "           tags: {PatientID: null}",
        "  error  RTImageSID (3002,0026): missing",
        "           Type 2, module RT Image",
        "           geometry: {sid: 1500}",
    ]


def test_the_docs_show_what_it_prints(
    wrong: Path, monkeypatch: pytest.MonkeyPatch, generated: Callable[[Path, str, str], None]
) -> None:
    dataset = dcmread(wrong)
    dataset.RTImagePlane = "NORMALE"
    dataset.save_as(wrong)
    monkeypatch.chdir(wrong.parent)
    text = "\n".join(line.rstrip() for line in call("good.dcm", "wrong.dcm")[1].splitlines())
    shown = f"```text\n$ dicombake check-dicom good.dcm wrong.dcm\n{text}\n```\n"
    generated(DOCS / "conformance.md", "check-dicom", shown)


def test_json_says_the_same_and_no_name(wrong: Path, tmp_path: Path) -> None:
    status, text = call("--json", wrong, tmp_path / "absent.dcm")
    assert status == 1
    assert "Secret" not in text
    found = json.loads(text)
    assert (found["schema_version"], found["exit_status"]) == (1, 1)
    first, second = found["files"]
    assert (first["kind"], first["conformant"]) == ("RT Image", False)
    assert first["findings"][0] == {
        "severity": "error",
        "attribute": "PatientID",
        "tag": "(0010,0020)",
        "module": "Patient",
        "type": "2",
        "what": "missing",
        "supply": "tags: {PatientID: null}",
    }
    assert second["error"].startswith("cannot be read: ")


def test_what_is_no_file_fails_and_the_others_are_checked(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(good.parent)
    status, text = call("absent.dcm", good.name)
    assert status == 1
    assert "absent.dcm: cannot be read: No such file or directory" in text
    assert "good.dcm: RT Image: conformant" in text
