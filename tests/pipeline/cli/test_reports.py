"""Where reports go: never over a file of the recipe itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from typer.testing import CliRunner, Result

RECIPE = """\
version: 1
conversions: {a: {inputs: "*.npy", source: array, exports: {to: npy, path: "out/{stem}.npy"}}}
"""
Cli = Callable[..., Result]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs a command beside a recipe that was carried out."""
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.zeros((2, 3), "u2"))
    Path("r.yaml").write_text(RECIPE, encoding="utf-8")
    assert CliRunner().invoke(app, ["run", "r.yaml"]).exit_code == 0
    return lambda *words: CliRunner().invoke(app, list(words))


def contents() -> dict[Path, bytes]:
    files = (path for path in Path().rglob("*") if path.is_file() and ".dicombake" not in path.parts)
    return {path: path.read_bytes() for path in files}


OWN = ("a.npy", "r.yaml", "r.lock", "out/a.npy", "out/../a.npy")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        *((command, name) for command in ("run", "check") for name in OWN),
        ("test", "r.yaml"),
        ("test", "r.lock"),
    ],
)
def test_no_report_replaces_a_file_of_the_recipe(command: str, name: str, cli: Cli) -> None:
    before = contents()
    done = cli(command, "r.yaml", "--junit", name)
    assert done.exit_code == 2 and "is a file of the recipe" in done.output, done.output
    assert contents() == before


@pytest.mark.parametrize("name", ["out/a.npy", "r.lock", "out/../r.lock", "out/A.npy", "linked.xml"])
def test_nor_one_that_is_yet_to_be_made(name: str, cli: Cli) -> None:
    shutil.rmtree("out")
    Path("r.lock").unlink()
    if name == "linked.xml":
        if os.name != "posix":
            pytest.skip("links need a right of their own on Windows")
        Path(name).symlink_to("out/a.npy")
    before = contents()
    done = cli("run", "r.yaml", "--junit", name)
    assert done.exit_code == 2 and "is a file of the recipe" in done.output, done.output
    assert contents() == before


def test_nor_does_one_of_two_with_the_same_name(cli: Cli) -> None:
    """The other one, of that name elsewhere, may be written."""
    Path("old").mkdir()
    Path("old/a.npy").write_text("old", encoding="utf-8")
    before = contents()
    for junit, report in (("a.npy", "old/a.npy"), ("old/a.npy", "a.npy")):
        done = cli("run", "r.yaml", "--junit", junit, "--report", report)
        assert done.exit_code == 2 and "a.npy: is a file of the recipe" in done.output, done.output
        assert contents() == before


def test_nor_that_of_a_recipe_that_is_wrong(cli: Cli) -> None:
    Path("r.yaml").write_text("version: 2\n", encoding="utf-8")
    assert cli("run", "r.yaml", "--junit", "r.yaml").exit_code == 2
    assert Path("r.yaml").read_text(encoding="utf-8") == "version: 2\n"


def test_a_folder_is_refused_before_anything_is_done(cli: Cli) -> None:
    Path("out/a.npy").unlink()
    done = cli("run", "r.yaml", "--junit", "out")
    assert done.exit_code == 2 and "out: is a folder" in done.output
    assert not Path("out/a.npy").exists()


def test_a_report_of_before_is_replaced(cli: Cli) -> None:
    Path("told.xml").write_text("old", encoding="utf-8")
    assert cli("run", "r.yaml", "--junit", "told.xml").exit_code == 0
    assert Path("told.xml").read_bytes().startswith(b"<?xml")
