"""``check``, ``lock`` and a second ``run``: what they print, and how they end."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from typer.testing import CliRunner, Result

RECIPE = """\
version: 1
name: arrays
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
vars: {who: SECRET-1}
conversions:
  flat:
    inputs: raw/*.npy
    source: array
    geometry: {dpi: 100, sid: 1000}
    exports: {to: rt-image, path: "out/{stem}.dcm"}
    tags: {PatientID: "{vars.who}"}
"""

Cli = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.joinpath("raw").mkdir()
    for number in range(5):
        np.save(tmp_path / f"raw/a{number}.npy", np.arange(6, dtype=np.uint16).reshape(2, 3) + number)
    tmp_path.joinpath("r.yaml").write_text(RECIPE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def cli(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def done(cli: Cli) -> Cli:
    """After a run."""
    assert cli("run", "r.yaml").exit_code == 0
    return cli


def test_check_after_a_run(done: Cli) -> None:
    for options in ([], ["--fast"], ["--jobs", "1"], ["--diff"]):
        found = done("check", "r.yaml", *options)
        assert (found.exit_code, found.output) == (0, "arrays: 5 fresh\n")
    verbose = done("check", "r.yaml", "--verbose").output.splitlines()
    assert verbose == [*(f"fresh: out/a{number}.dcm" for number in range(5)), "arrays: 5 fresh"]
    assert done("check", "r.yaml", "--quiet").output == ""


def test_check_before_a_run(cli: Cli, folder: Path) -> None:
    found = cli("check", "r.yaml")
    assert (found.exit_code, found.output) == (
        3,
        "missing: out/a0.dcm and 4 more: not made before\n"
        "r.lock: there is none; a run makes it\n"
        "arrays: 5 missing, the lock is out of date\n",
    )
    assert sorted(path.name for path in folder.iterdir()) == ["r.yaml", "raw"]


def test_check_says_what_became_of_each(done: Cli, folder: Path) -> None:
    (folder / "out/a0.dcm").unlink()
    (folder / "out/a1.dcm").write_bytes(b"by hand")
    np.save(folder / "raw/a2.npy", np.zeros((2, 2)))
    np.save(folder / "raw/b.npy", np.zeros((2, 2)))
    (folder / "out/b.dcm").write_bytes(b"somebody's")
    found = done("check", "r.yaml")
    assert (found.exit_code, found.output) == (
        3,
        "stale: out/a2.dcm: raw/a2.npy changed\n"
        "missing: out/a0.dcm\n"
        "altered: out/a1.dcm: its content is not what the lock says\n"
        "foreign: out/b.dcm: the lock does not know it, and this recipe did not write it\n"
        "arrays: 2 fresh, 1 stale, 1 missing, 1 altered, 1 foreign\n",
    )


def test_check_names_the_option_that_changed(done: Cli, folder: Path) -> None:
    (folder / "r.yaml").write_text(RECIPE.replace("sid: 1000", "sid: 1500"))
    found = done("check", "r.yaml")
    assert (found.exit_code, found.output) == (
        3,
        "stale: out/a0.dcm and 4 more: geometry.sid changed\n"
        "r.lock: it is of another state of the recipe\n"
        "arrays: 5 stale, the lock is out of date\n",
    )
    assert "  flat/a0.npy  runs: geometry.sid changed" in done("plan", "r.yaml", "--brief").output
    again = done("run", "r.yaml").output.splitlines()
    assert "why: 5 images: geometry.sid changed" in again
    assert done("check", "r.yaml").exit_code == 0


def test_set_is_part_of_what_is_checked(done: Cli) -> None:
    found = done("check", "r.yaml", "--set", "who=SECRET-2")
    assert found.exit_code == 3
    assert "vars.who changed" in found.output
    assert "SECRET" not in found.output


def test_check_for_programs_tells_no_value(done: Cli, folder: Path) -> None:
    (folder / "r.yaml").write_text(RECIPE.replace("SECRET-1", "SECRET-2"))
    found = done("check", "r.yaml", "--json", "--diff")
    assert found.exit_code == 3
    assert "SECRET" not in found.output
    told = json.loads(found.stdout)
    assert (told["schema_version"], told["exit_status"]) == (1, 3)
    (run,) = told["runs"]
    assert run["counts"] == {"fresh": 0, "stale": 5, "missing": 0, "altered": 0, "foreign": 0, "orphan": 0}
    assert run["lock"] == ["it is of another state of the recipe"]
    first = run["outputs"][0]
    assert (first["path"], first["status"], first["unit"], first["why"]) == (
        "out/a0.dcm", "stale", "flat/a0.npy", "vars.who changed",
    )  # fmt: skip
    assert {"tag": "PatientID", "change": "changed"} in first["diff"]["tags"]
    assert first["diff"]["pixels"] is None


def test_every_key_for_programs_is_documented(done: Cli, folder: Path) -> None:
    page = Path(__file__).parents[3].joinpath("docs/locking.md").read_text(encoding="utf-8")
    np.save(folder / "raw/a1.npy", np.zeros((2, 3), np.uint16))

    def keys(value: object) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(keys, value))
        return set(value).union(*map(keys, value.values())) if isinstance(value, dict) else set()

    found = keys(json.loads(done("check", "r.yaml", "--json", "--diff").stdout))
    assert {"pixels", "largest", "change", "why"} <= found
    undocumented = {key for key in found if f"`{key}`" not in page}
    assert undocumented <= {"row", "column", *("fresh", "stale", "missing", "altered", "foreign")}


def test_diff_shows_values_on_the_terminal(done: Cli, folder: Path) -> None:
    (folder / "r.yaml").write_text(RECIPE.replace("SECRET-1", "SECRET-2"))
    pixels = np.load(folder / "raw/a3.npy")
    pixels[1, 2] += 9
    np.save(folder / "raw/a3.npy", pixels)
    lines = done("check", "r.yaml", "--diff").output.splitlines()
    assert "  changed PatientID: 'SECRET-1' -> 'SECRET-2'" in lines
    place = lines.index("  pixels: 1 of 6 differ, by 9 at most")
    assert lines[place + 1] == "    at row 1, column 2: 8 -> 17"


def test_check_of_several_recipes_ends_with_the_worst(done: Cli, folder: Path) -> None:
    (folder / "bad.yaml").write_text("version: 1\n")
    (folder / "other.yaml").write_text(RECIPE.replace("name: arrays", "name: other").replace("out/", "o/"))
    assert done("check", "r.yaml", "other.yaml").exit_code == 3
    found = done("check", "r.yaml", "other.yaml", "bad.yaml")
    assert found.exit_code == 2
    assert "arrays: 5 fresh" in found.stdout
    assert "bad.yaml" in found.stderr
    assert json.loads(done("check", "bad.yaml", "r.yaml", "--json").stdout)["exit_status"] == 2


def test_a_lock_with_the_marks_of_a_merge_ends_with_2_and_a_way_out(done: Cli, folder: Path) -> None:
    whole = (folder / "r.lock").read_text()
    (folder / "r.lock").write_text("<<<<<<< HEAD\n" + whole)
    for command in (["check"], ["run"], ["run", "--locked"], ["lock"], ["plan"]):
        found = done(*command, "r.yaml")
        assert (found.exit_code, found.stdout) == (2, ""), command
        assert found.stderr == (
            "dicombake: r.lock:1: has the marks of an unsolved merge; solve it, or remove the file: "
            "the next run checks everything and writes it\n"
        )
    (folder / "r.lock").unlink()
    assert done("run", "r.yaml").exit_code == 0
    assert (folder / "r.lock").read_text() == whole


def test_lock_in_few_lines_and_for_programs(done: Cli) -> None:
    lines = done("lock", "r.yaml").output.splitlines()
    assert [line.split()[0] for line in lines] == ["recipe", "program", "codecs", "inputs", "outputs"]
    assert lines[3:] == ["inputs   5", "outputs  5"]
    found = json.loads(done("lock", "r.lock", "--json").stdout)
    assert sorted(found["outputs"]) == [f"out/a{number}.dcm" for number in range(5)]
    assert set(found) == {"schema_version", "recipe", "program", "codecs", "inputs", "outputs"}


def test_a_recipe_without_a_lock_has_nothing_to_tell(cli: Cli) -> None:
    found = cli("lock", "r.yaml")
    assert (found.exit_code, found.stderr) == (
        2, "dicombake: r.lock: there is no lock; 'dicombake run' makes it\n",
    )  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="needs sha256sum")
def test_the_system_itself_checks_the_sums(done: Cli, folder: Path) -> None:
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("sha256sum is not installed")
    sums = done("lock", "r.yaml", "--sums").stdout_bytes
    command = [program, "--check", "--strict"]
    checked = subprocess.run(command, input=sums, cwd=folder, capture_output=True, check=False)
    assert checked.returncode == 0
    assert checked.stdout.decode().splitlines() == [f"out/a{number}.dcm: OK" for number in range(5)]
    (folder / "out/a4.dcm").write_bytes(b"altered")
    checked = subprocess.run(command, input=sums, cwd=folder, capture_output=True, check=False)
    assert checked.returncode == 1
    assert b"out/a4.dcm: FAILED" in checked.stdout


def test_the_diff_of_a_lock_is_what_changed(done: Cli, folder: Path) -> None:
    before = set((folder / "r.lock").read_text().splitlines())
    np.save(folder / "raw/a2.npy", np.zeros((2, 2), np.uint16))
    done("run", "r.yaml")
    changed = sorted(before ^ set((folder / "r.lock").read_text().splitlines()))
    assert [re.sub("[0-9a-f]{64}", "#", line) for line in changed] == [
        *["input #  data:raw/a2.npy"] * 2, *["output #  out:out/a2.dcm"] * 2, *["unit #  out:out/a2.dcm"] * 2,
    ]  # fmt: skip


def test_check_reads_no_pixels(done: Cli, folder: Path) -> None:
    code = (
        "import sys; from dicombake.pipeline.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "finally: print({'numpy', 'pydicom', 'scipy', 'PIL', 'rich'} & set(sys.modules), file=sys.stderr)"
    )
    for arguments in (["check", "r.yaml"], ["lock", "r.yaml"], ["run", "r.yaml"]):
        found = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (found.returncode, found.stderr) == (0, "set()\n"), arguments
