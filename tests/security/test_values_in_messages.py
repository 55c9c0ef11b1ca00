"""A patient's name, a table's cell or a secret of the environment stands in no message, log or lock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.samples import files
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


@pytest.mark.parametrize("variable", ["DEPLOY_TOKEN", "S3_KEY", "DB_PASSWORD", "CLIENT_SECRET"])
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
