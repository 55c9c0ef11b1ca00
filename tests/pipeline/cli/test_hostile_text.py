"""No text of a file, of its name or of a lock reaches a terminal or a CI service as more than text."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.printable import printable
from dicombake.pipeline.samples import files, xim
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

EVIL = "\x1b]0;owned\x07\x1b[2J\n::error::obeyed\r\n##[error]obeyed\u202etxt\x9b31m"
"""A title, a cleared screen, two commands of GitHub, a turned reading direction, a C1 sequence."""
PIXELS = np.arange(48, dtype=np.uint16).reshape(6, 8)

RECIPE = r"""
version: 1
name: hostile
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  arrays:
    inputs: {files: "raw/*.npy", on_empty: ok}
    source: array
    exports: {to: npy, path: "out/{stem}.npy"}
  fields:
    inputs: "raw/*.xim"
    source: xim
    exports: [{to: png, path: "out/{stem}_{index}.png"}, {to: rt-image, path: "out/{stem}_{index}.dcm"}]
  broken:
    inputs: "broken/*"
    source: auto
    exports: {to: png, path: "broken_out/{index}.png"}
  scans:
    inputs: "dicom/*"
    source: dicom
    exports: {to: dicom, path: "scans/{index}.dcm"}
tests:
  - name: one
    conversion: arrays
    input: {phantom: noise, format: npy, name: raw/a.npy, shape: [4, 4]}
    expect: {shape: [9, 9]}
"""


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command among files that are hostile in name and content."""
    for folder in ("raw", "broken", "dicom"):
        tmp_path.joinpath(folder).mkdir()
    hostile = EVIL.replace("/", "") if os.name == "posix" else "::error::obeyed".replace(":", "")
    tmp_path.joinpath("raw", f"{hostile}.npy").write_bytes(files.npy(PIXELS))
    tmp_path.joinpath("raw", f"{hostile}2.npy").write_bytes(files.npy(PIXELS)[:-7])
    properties = {**xim.mv_properties(gantry=0), EVIL: EVIL, "Note": EVIL}
    tmp_path.joinpath("raw", f"{hostile}.xim").write_bytes(xim.encode(PIXELS, properties))
    tmp_path.joinpath("broken", f"{hostile}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + EVIL.encode())
    tmp_path.joinpath("broken", "named.xim").write_bytes(xim.encode(PIXELS, properties)[:-40])
    dataset = files.rt_image(PIXELS, name="a")
    dataset.PatientName, dataset.RTImageLabel = "A^B", "label"
    dataset.add_new(0x00081030, "LO", "x\x1b[2J")
    tmp_path.joinpath("dicom", "a.dcm").write_bytes(files.dicom(dataset))
    tmp_path.joinpath("dicom", f"{hostile}.dcm").write_bytes(files.dicom(dataset)[:-9])
    tmp_path.joinpath("table.csv").write_text(f'stem,"{EVIL}"\na,"{EVIL}"\n', encoding="utf-8", newline="")
    tmp_path.joinpath("r.yaml").write_text(RECIPE, encoding="utf-8")
    with_table = RECIPE.replace("tests:", "    metadata: {csv: table.csv}\ntests:")
    tmp_path.joinpath("table.yaml").write_text(with_table, encoding="utf-8")
    wrong = json.dumps({"version": 1, EVIL: 1, "conversions": {EVIL: {"inputs": EVIL, "source": EVIL}}})
    tmp_path.joinpath("wrong.yaml").write_text(wrong, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def assert_harmless(text: str) -> None:
    """Assert that no line is obeyed by a terminal or by GitHub, whose runner trims blanks before ``::``."""
    assert [char for char in text if char != "\n" and not char.isprintable()] == []
    assert [line for line in text.split("\n") if line.lstrip().startswith("::") or "##[" in line] == []


COMMANDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "plan": (0, ("plan", "r.yaml")),
    "run": (1, ("run", "r.yaml", "--verbose", "--jobs", "1")),
    "check": (3, ("check", "r.yaml", "--verbose", "--diff")),
    "test": (1, ("test", "r.yaml")),
    "validate": (2, ("validate", "wrong.yaml")),
    "plan-table": (2, ("plan", "table.yaml")),
    "plan-wrong": (2, ("plan", "wrong.yaml")),
    "lock": (2, ("lock", "r.yaml")),
    "diff": (1, ("diff", "raw", "broken")),
    "diff-tags": (2, ("diff", "dicom", "dicom", "--with-tags")),
    "report": (0, ("report", "r.yaml", "-o", "page.html")),
    "new": (0, ("new", "raw", "broken", "dicom", "-o", "drafted.yaml")),
    "new-printed": (0, ("new", "raw", "broken", "dicom", "-o", "-")),
    "config": (0, ("config", "r.yaml")),
    "config-wrong": (2, ("config", "wrong.yaml")),
    "convert-option": (2, ("convert", EVIL, "x.png", "--process", EVIL, "--tag", EVIL)),
    "unknown": (2, ("run", EVIL)),
}
"""Each with the exit status that it has here."""


@pytest.mark.parametrize(
    ("name", "program"),
    [
        (name, program)
        for name in COMMANDS
        for program in (False, True)
        if not (program and name in ("new", "new-printed", "report"))
    ],
)
def test_commands_print_only_text(name: str, program: bool, cli: Callable[..., Result]) -> None:
    if name in ("check", "lock"):
        cli("run", "r.yaml", "--jobs", "1")
    if name == "lock":
        with Path("r.lock").open("a", encoding="utf-8", newline="") as lock:
            lock.write(f"out/x.npy {EVIL}\n")
    status, words = COMMANDS[name]
    done = cli(*words, *(["--json"] if program else []))
    assert done.exit_code == status, done.output
    assert_harmless(done.output)


def test_what_is_said_of_single_files_is_only_text(cli: Callable[..., Result]) -> None:
    cli("run", "r.yaml", "--jobs", "1")
    found = sorted(str(path) for path in Path().rglob("*") if path.suffix in (".npy", ".xim", ".dcm", ".png"))
    assert any("\x1b" in path for path in found) or os.name != "posix"
    for command in (("inspect",), ("inspect", "--json"), ("check-dicom",), ("check-dicom", "--json")):
        assert_harmless(cli(*command, *found).output)
    for path in found:
        assert_harmless(cli("explain", path).output)
        for to in ("png", "rt-image"):
            for more in ((), ("--json",), ("--recipe",)):
                assert_harmless(cli("convert", path, "converted/", "--to", to, "--overwrite", *more).output)


def test_what_is_drawn_and_annotated_is_only_text(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a graph; and on GitHub, where only lines of our own begin with ``::``."""
    for kind in ("mermaid", "dot"):
        assert_harmless(cli("graph", "r.yaml", "--format", kind).output)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    cli("run", "r.yaml", "--jobs", "1")
    for command in (("validate", "wrong.yaml"), ("run", "r.yaml"), ("check", "r.yaml"), ("test", "r.yaml")):
        lines = cli(*command).output.split("\n")
        assert [line for line in lines if line.lstrip().startswith("::") and "obeyed" in line[:20]] == []
        assert [char for char in "".join(lines) if not char.isprintable()] == []


@given(st.text(), st.integers(8, 200))
def test_printable_is_one_harmless_bounded_line(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert "\n" not in shown
    assert_harmless(shown)
    assert len(shown) <= 10 * limit
    if text.isprintable() and len(text) <= limit and "::" not in text and "##[" not in text:
        assert shown == text
