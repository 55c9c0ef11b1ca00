"""The command line: what it prints, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import typer
from dicombake.pipeline.cli.common import reporting
from dicombake.pipeline.cli.main import COMMANDS, app, load
from dicombake.pipeline.store.lock import read_lock
from typer.testing import CliRunner, Result

RECIPE = """\
version: 1
name: arrays
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
vars: {who: QA-1}
conversions:
  flat:
    inputs: raw/*.npy
    source: array
    exports: {to: npy, path: "out/{stem}.npy"}
  again:
    inputs: {from: flat}
    source: array
    process: [flip_vertical]
    exports: {to: npy, path: "flipped/{stem}.npy"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recipe of two chained conversions and three arrays."""
    tmp_path.joinpath("raw").mkdir()
    for number in range(3):
        np.save(tmp_path / f"raw/a{number}.npy", np.arange(6, dtype=np.uint16).reshape(2, 3) + number)
    tmp_path.joinpath("r.yaml").write_text(RECIPE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def cli(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command in the folder of the recipe."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_run_writes_and_tells(cli: Callable[..., Result], folder: Path) -> None:
    done = cli("run", "r.yaml", "--jobs", "1")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "arrays: 6 written (6 files)"
    original, flipped = np.load(folder / "raw/a1.npy"), np.load(folder / "flipped/a1.npy")
    assert np.array_equal(flipped, original[::-1])
    assert sorted(read_lock(folder / "r.lock").outputs) == [
        *(f"flipped/a{number}.npy" for number in range(3)),
        *(f"out/a{number}.npy" for number in range(3)),
    ]
    assert cli("run", "r.yaml").stdout.splitlines()[-1] == "arrays: 6 up to date"
    assert cli("run", "r.yaml", "--quiet").output == ""


def test_workers_write_the_same_lock(cli: Callable[..., Result], folder: Path) -> None:
    cli("run", "r.yaml", "--jobs", "1")
    lock = (folder / "r.lock").read_bytes()
    done = cli("run", "r.yaml", "--jobs", "2", "--force")
    assert done.stdout.splitlines()[-1] == "arrays: 6 written (6 files)"
    assert (folder / "r.lock").read_bytes() == lock


def test_run_json(cli: Callable[..., Result], folder: Path) -> None:
    done = cli("run", "r.yaml", "--json", "--only", "flat")
    found = json.loads(done.stdout)
    assert (found["schema_version"], found["exit_status"]) == (1, 0)
    counts = {"written": 3, "replaced": 0, "current": 0, "failed": 0, "skipped": 0}
    assert found["runs"][0]["counts"] == counts
    file = found["runs"][0]["units"][0]["outputs"][0]
    assert file["bytes"] == (folder / file["path"]).stat().st_size


def test_a_bad_file_fails_its_own_branch(cli: Callable[..., Result], folder: Path) -> None:
    (folder / "raw/a1.npy").write_bytes(b"no array")
    done = cli("run", "r.yaml")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "arrays: 4 written, 1 failed, 1 not done (4 files)"
    assert done.stderr.startswith("failed: flat: raw/a1.npy: ")
    assert "Traceback" not in done.output


def test_a_wrong_recipe_ends_with_2(cli: Callable[..., Result], folder: Path) -> None:
    (folder / "r.yaml").write_text(RECIPE.replace("source: array", "source: arrey", 1))
    for command in ("run", "plan", "validate", "graph"):
        done = cli(command, "r.yaml")
        assert done.exit_code == 2, command
        assert "r.yaml:8:" in done.stderr
        assert done.stdout == ""
    found = json.loads(cli("validate", "r.yaml", "--json").stdout)
    assert found["recipes"][0]["problems"][0]["line"] == 8
    found = json.loads(cli("run", "r.yaml", "--json").stdout)
    assert found["runs"][0]["problems"][0]["line"] == 8
    assert found["exit_status"] == 2


def test_validate_tells_of_each_recipe(cli: Callable[..., Result], folder: Path) -> None:
    (folder / "bad.yaml").write_text("version: 1\n")
    done = cli("validate", "r.yaml", "bad.yaml", "absent.yaml")
    assert done.exit_code == 2
    assert done.stdout == "r.yaml: ok\n"
    assert "bad.yaml" in done.stderr
    assert "absent.yaml" in done.stderr


def test_a_foreign_file_ends_with_2_and_stays(cli: Callable[..., Result], folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out/a0.npy").write_text("mine")
    for command in ("run", "plan"):
        done = cli(command, "r.yaml")
        assert done.exit_code == 2
        assert done.stderr == (
            "dicombake: a file is in the way that this recipe did not write: out/a0.npy; "
            "move them away, or give --overwrite to replace them\n"
        )
    assert (folder / "out/a0.npy").read_text() == "mine"
    assert cli("run", "r.yaml", "--overwrite").exit_code == 0


def test_plan_and_dry_run_write_nothing(cli: Callable[..., Result], folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    done = cli("plan", "r.yaml")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:4] == [
        "arrays: 6 to run",
        "  flat/a0.npy  runs: not made before",
        "    load array  < raw/a0.npy",
        "    export npy  > out/a0.npy",
    ]
    assert cli("run", "r.yaml", "--dry-run").stdout == done.stdout
    assert sorted(folder.rglob("*")) == before
    found = json.loads(cli("plan", "r.yaml", "--json").stdout)
    unit = found["runs"][0]["units"][0]
    assert (unit["id"], unit["why"], unit["runs"]) == ("flat/a0.npy", "new", True)
    assert [step["kind"] for step in unit["steps"]] == ["load", "export"]


def test_plan_says_why(cli: Callable[..., Result], folder: Path) -> None:
    cli("run", "r.yaml")
    (folder / "out/a0.npy").unlink()
    np.save(folder / "raw/new.npy", np.zeros((2, 2)))
    whys = [line.strip() for line in cli("plan", "r.yaml", "--brief", "--only", "flat").stdout.splitlines()]
    assert whys == [
        "arrays: 2 to run, 2 up to date",
        "flat/a0.npy  runs: an output is missing",
        "flat/a1.npy  up to date, unless a file was altered",
        "flat/a2.npy  up to date, unless a file was altered",
        "flat/new.npy  runs: not made before",
    ]


def test_locked(cli: Callable[..., Result], folder: Path) -> None:
    done = cli("run", "r.yaml", "--locked")
    assert (
        done.exit_code,
        done.stderr.strip().endswith("there is no lock; run without --locked to make one"),
    ) == (
        3,
        True,
    )
    cli("run", "r.yaml")
    (folder / "out/a0.npy").unlink()
    assert cli("run", "r.yaml", "--locked").exit_code == 0
    np.save(folder / "raw/a0.npy", np.zeros((2, 2)))
    assert cli("run", "r.yaml", "--locked").exit_code == 3


def test_set_must_be_an_assignment(cli: Callable[..., Result]) -> None:
    done = cli("run", "r.yaml", "--set", "who")
    assert done.exit_code == 2
    assert done.stderr == "dicombake: --set: 'who' is no assignment; write --set name=value\n"


def test_a_wrong_command_line_ends_with_2(cli: Callable[..., Result]) -> None:
    assert cli("run").exit_code == 2
    assert cli("run", "r.yaml", "--jobs", "0").exit_code == 2
    done = cli("valdate")
    assert done.exit_code == 2
    assert "Did you mean 'validate'" in done.stderr


def test_graph(cli: Callable[..., Result]) -> None:
    assert cli("graph", "r.yaml").stdout.startswith("flowchart")
    assert cli("graph", "r.yaml", "--format", "dot").stdout.startswith("digraph")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_module_and_help(name: str) -> None:
    assert load(name).get_help
    assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_as_a_module() -> None:
    done = python("-m", "dicombake.pipeline.cli", "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"dicombake {version('dicombake')}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["validate", "r.yaml"], ["run", "--help"]])
def test_light_commands_load_nothing_heavy(folder: Path, arguments: list[str]) -> None:
    code = (
        "import sys; from dicombake.pipeline.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "finally: print({'numpy', 'pydicom', 'scipy', 'PIL'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "set()\n")


def test_a_closed_pipe_is_quiet(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dicombake.pipeline.cli", "plan", "r.yaml"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.wait(timeout=60)
    process.stderr.close()
    assert errors == b""


def test_too_little_memory_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, reporting():
        bytearray(2**62)
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == "dicombake: needs more memory than there is\n"
