"""inspect, formats and schema, as a user calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.report.commands.formats import markdown
from typer.testing import CliRunner

SCHEMA = (Path(__file__).resolve().parents[3] / "schemas" / "recipe.schema.json").read_bytes()
"""As committed, which a test holds to the models."""


def call(*arguments: object):  # type: ignore[no-untyped-def]
    return CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(app, [str(part) for part in arguments])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    good, bad = tmp_path / "a.npy", tmp_path / "b.bin"
    np.save(good, np.arange(6, dtype=np.int16).reshape(2, 3))
    bad.write_bytes(b"\1\2\3\4\5\6")
    return good, bad


def test_inspect_tells_each_file_and_fails_for_one(files: tuple[Path, Path]) -> None:
    good, bad = files
    done = call("inspect", bad, good)
    assert done.exit_code == 1
    assert "2 rows x 3 columns, int16, MONOCHROME2" in done.stdout
    assert "0 to 5" in done.stdout
    assert done.stderr.startswith(f"dicombake: {bad}: ")
    assert "a raw file needs a source of its own" in done.stderr


def test_inspect_as_json(files: tuple[Path, Path]) -> None:
    good, bad = files
    done = call("inspect", "--json", good, bad)
    assert done.exit_code == 1
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert (found["schema_version"], found["exit_status"]) == (1, 1)
    assert found["files"][0]["maximum"] == 5
    assert found["files"][1].keys() == {"file", "error"}


def test_inspect_raw_files_as_told(files: tuple[Path, Path]) -> None:
    done = call("inspect", files[1], "--source", "{format: raw, shape: [1, 3], dtype: uint16}")
    assert done.exit_code == 0
    assert "513 to 1541" in done.stdout


def test_inspect_with_a_wrong_source_is_a_usage_error(files: tuple[Path, Path]) -> None:
    done = call("inspect", files[0], "--source", "rwa")
    assert done.exit_code == 2
    assert done.stderr.startswith("dicombake: --source: 'rwa' is none of dicom, image")


def test_formats() -> None:
    assert call("formats", "--markdown").stdout == markdown()
    assert "cyberknife-raw" in call("formats").stdout
    found = json.loads(call("formats", "--json").stdout)
    assert found.keys() == {"schema_version", "sources", "exports"}


def test_schema_on_the_screen_and_in_a_file(tmp_path: Path) -> None:
    assert call("schema").stdout.encode() == SCHEMA
    done = call("schema", "--out", tmp_path / "recipe.schema.json")
    assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / "recipe.schema.json").read_bytes() == SCHEMA


def test_schema_replaces_a_schema_and_nothing_else(tmp_path: Path) -> None:
    old, windows, empty, other = (
        tmp_path / name for name in ("old.json", "windows.json", "empty.json", "recipe.yaml")
    )
    old.write_text(SCHEMA[:200].decode())
    windows.write_bytes(SCHEMA.replace(b"\n", b"\r\n"))
    empty.write_bytes(b"")
    other.write_text("version: 1\n")
    for path in (old, windows, empty):
        assert call("schema", "--out", path).exit_code == 0
        assert path.read_bytes() == SCHEMA
    done = call("schema", "--out", other)
    assert (done.exit_code, other.read_text()) == (2, "version: 1\n")
    assert done.stderr == f"dicombake: {other}: exists and is no JSON Schema of recipes; name another file\n"


def test_schema_needs_neither_numpy_nor_pydicom() -> None:
    code = (
        "import sys; from dicombake.pipeline.cli.main import app; app(['schema'], standalone_mode=False); "
        "print([name for name in ('numpy', 'pydicom') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
