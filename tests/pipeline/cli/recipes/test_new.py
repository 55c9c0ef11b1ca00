"""`dicombake new`: where the draft goes, and where its files are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.samples import files, write_samples
from typer.testing import CliRunner

RUN = CliRunner()


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    write_samples(folder)
    return folder


def test_a_draft_is_printed_and_all_else_goes_to_stderr(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = RUN.invoke(app, ["new", "--data", str(scans), "-o", "-"])
    assert result.exit_code == 0
    assert result.stdout.startswith("# yaml-language-server")
    assert 'inputs: "epid/*.xim"' in result.stdout
    assert "Not valid until you fill in:" in result.stderr
    assert "Not valid" not in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_files_elsewhere_are_drafted_and_run_by_data(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = RUN.invoke(app, ["new", str(scans / "epid")])
    assert refused.exit_code == 2
    assert "--data" in refused.stderr
    drafted = RUN.invoke(app, ["new", str(scans / "epid"), "--data", str(scans)])
    assert drafted.exit_code == 0
    assert RUN.invoke(app, ["validate", "recipe.yaml"]).exit_code == 0
    assert RUN.invoke(app, ["run", "recipe.yaml", "--data", str(scans), "--jobs", "1"]).exit_code == 0
    assert len(list((tmp_path / "dicom").rglob("*.dcm"))) == 3


def test_a_folder_keeps_its_letters_through_run_and_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("Prüfung").mkdir()
    Path("Prüfung", "a.npy").write_bytes(files.npy(np.arange(12, dtype=np.uint16).reshape(3, 4)))
    for command in ("new Prüfung", "validate recipe.yaml", "run recipe.yaml --jobs 1", "check recipe.yaml"):
        assert RUN.invoke(app, command.split()).exit_code == 0, command
    assert Path("dicom", "Prüfung", "a.dcm").is_file()
