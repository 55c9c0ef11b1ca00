"""Pipes and devices where files are meant: every command ends at once, with a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from typer.testing import CliRunner

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes among its files")

NO_FILE = "it is a pipe, a device or a socket, and no file"
RECIPE = """\
version: 1
conversions:
  a:
    inputs: "*.npy"
    source: array
    exports: {to: npy, path: "out/{stem}.npy"}
"""


Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command in the test's folder; one that waits for a pipe is interrupted after a minute."""
    monkeypatch.chdir(tmp_path)

    def late(*_: object) -> None:
        pytest.fail("it is still reading")

    def run(*arguments: str) -> tuple[int, str]:
        before = signal.signal(signal.SIGALRM, late)
        signal.alarm(60)
        try:
            done = CliRunner().invoke(app, arguments)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        if not isinstance(done.exception, SystemExit | None):
            raise done.exception
        return done.exit_code, " ".join(done.output.split())

    return run


def put(path: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("command", ["validate", "run", "plan", "check", "explain"])
def test_a_recipe(tmp_path: Path, call: Call, command: str, kind: str) -> None:
    put(tmp_path / "r.yaml", kind)
    more = ("a.dcm", "--recipe", "r.yaml") if command == "explain" else ("r.yaml",)
    status, text = call(command, *more)
    assert (status, text.endswith(f"r.yaml: cannot be read: {NO_FILE}")) == (2, True), text


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("command", ["run", "plan", "check", "lock"])
def test_a_lock(tmp_path: Path, call: Call, command: str, kind: str) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 3), "u2"))
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    put(tmp_path / "r.lock", kind)
    status, text = call(command, "r.yaml")
    assert (status, text) == (2, f"dicombake: r.lock: cannot be read: {NO_FILE}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("command", ["inspect", "check-dicom"])
def test_an_image(tmp_path: Path, call: Call, command: str, kind: str) -> None:
    put(tmp_path / "a.dcm", kind)
    status, text = call(command, "a.dcm")
    assert (status, text) == (1, "dicombake: a.dcm: is no regular file but a pipe, a socket or a device")


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        (
            "t.csv",
            "metadata: {csv: t.csv, match: path}",
            f"t.csv: cannot be read in the data folder: {NO_FILE}",
        ),
        ("Check.xml", "sidecar: Check.xml", f"Check.xml: cannot be read: {NO_FILE}"),
    ],
)
def test_a_companion(tmp_path: Path, call: Call, *, kind: str, name: str, line: str, told: str) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 3), "u2"))
    (tmp_path / "r.yaml").write_text(f"{RECIPE}    {line}\n", encoding="utf-8")
    put(tmp_path / name, kind)
    status, text = call("run", "r.yaml")
    assert status in (1, 2)
    assert told in text
    assert not (tmp_path / "out").exists()


def test_a_draft_goes_through_a_pipe(tmp_path: Path, call: Call) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 3), "u2"))
    os.mkfifo(tmp_path / "drafted")
    with subprocess.Popen(["cat", "drafted"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as reader:
        status, text = call("new", "a.npy", "-o", "drafted")
        assert status == 0, text
        assert "conversions:" in reader.communicate(timeout=20)[0]
    assert (tmp_path / "drafted").is_fifo()


def test_explain_passes_over_recipes_and_locks_that_are_none(tmp_path: Path, call: Call) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 3), "u2"))
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    put(tmp_path / "p.yaml", "pipe")
    put(tmp_path / "r.lock", "device")
    status, text = call("explain", "a.npy")
    assert (status, "r.yaml" in text, "p.yaml" in text) == (0, True, False), text
