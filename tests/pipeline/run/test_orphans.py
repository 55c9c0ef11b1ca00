"""Outputs in time: replaced, kept, orphaned, pruned."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.store.lock import read_lock
from typer.testing import CliRunner, Result

RECIPE = """
version: 1
conversions:
  c:
    inputs: {files: "in/*.npy"}
    source: array
    exports: {to: npy, path: "out/{stem}.npy"}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for number, name in enumerate("abcd"):
        np.save(tmp_path / f"in/{name}.npy", np.full((2, 2), number))
    (tmp_path / "r.yaml").write_text(RECIPE)
    call("run", tmp_path / "r.yaml")
    return tmp_path / "r.yaml"


def call(*words: str | Path, status: int = 0) -> Result:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == status, done.output
    return done


def outputs(recipe: Path) -> str:
    """The outputs that are there; those that the lock knows are the same."""
    names = sorted(path.stem for path in (recipe.parent / "out").glob("*.npy"))
    assert sorted(Path(path).stem for path in read_lock(recipe.with_suffix(".lock")).outputs) == names
    return "".join(names)


def remove(recipe: Path, names: str) -> None:
    for name in names:
        (recipe.parent / f"in/{name}.npy").unlink()


def test_what_an_input_that_changed_replaces_is_counted_and_named(recipe: Path) -> None:
    np.save(recipe.parent / "in/a.npy", np.full((2, 2), 9))
    (recipe.parent / "out/b.npy").unlink()
    (run,) = json.loads(call("run", "--json", recipe).stdout)["runs"]
    assert run["counts"] == {"written": 2, "current": 2, "failed": 0, "skipped": 0, "replaced": 1}
    assert run["replaced"] == ["out/a.npy"]
    np.save(recipe.parent / "in/a.npy", np.full((2, 2), 10))
    said = call("run", recipe).stdout
    assert "replaced: out/a.npy\n" in said
    assert "(1 file, 1 replaced)" in said


@pytest.mark.parametrize("where", ["conversion", "export"])
@pytest.mark.parametrize("option", [[], ["--overwrite"], ["--force"]])
def test_keep_never_replaces_by_other_content(recipe: Path, where: str, option: list[str]) -> None:
    kept = (
        RECIPE.replace("    source", "    keep: true\n    source")
        if where == "conversion"
        else RECIPE.replace('{stem}.npy"}', '{stem}.npy", keep: true}')
    )
    recipe.write_text(kept)
    lock = recipe.with_suffix(".lock").read_text()
    assert "4 up to date" in call("run", recipe).stdout, "it is no part of the bytes"
    before = (recipe.parent / "out/a.npy").read_bytes()
    np.save(recipe.parent / "in/a.npy", np.full((2, 2), 9))
    for _ in range(2):
        said = call("run", recipe, *option, status=1).output
        assert "'keep' never replaces it; put {date} into its path" in said
        assert (recipe.parent / "out/a.npy").read_bytes() == before
    now = recipe.with_suffix(".lock").read_text()
    assert [line for line in now.splitlines() if line.startswith(("output", "unit"))] == [
        line for line in lock.splitlines() if line.startswith(("output", "unit"))
    ]


def test_the_lock_keeps_what_lost_its_input(recipe: Path) -> None:
    remove(recipe, "a")
    for _ in range(2):
        said = call("check", recipe).stdout
        assert "orphan: out/a.npy: its input is gone" in said
        call("check", "--strict", recipe, status=3)
        call("run", recipe)
        assert outputs(recipe) == "abcd"
    np.save(recipe.parent / "in/a.npy", np.full((2, 2), 0))
    assert "4 up to date" in call("run", recipe).stdout


def test_pruning_lists_and_deletes_only_what_is_confirmed(recipe: Path) -> None:
    remove(recipe, "ab")
    (recipe.parent / "out/b.npy").write_bytes(b"altered")
    said = call("run", "--prune", recipe).stdout
    assert "orphan: out/a.npy\n" in said
    assert "orphan: out/b.npy: stays: it was altered" in said
    assert outputs(recipe) == "abcd"
    (run,) = json.loads(call("run", "--prune", "--yes", "--json", recipe).stdout)["runs"]
    assert run["orphans"] == [
        {"path": "out/a.npy", "pruned": True, "why": None},
        {"path": "out/b.npy", "pruned": False, "why": "it was altered"},
    ]
    assert outputs(recipe) == "bcd"
    call("check", recipe)


def test_more_than_half_goes_only_with_all(recipe: Path) -> None:
    remove(recipe, "abc")
    assert "c lost more than half of its inputs" in call("run", "--prune", "--yes", recipe).stdout
    assert outputs(recipe) == "abcd"
    call("run", "--prune=all", "--yes", recipe)
    assert outputs(recipe) == "d"
    assert list(read_lock(recipe.with_suffix(".lock")).inputs) == ["in/d.npy"]


@pytest.mark.parametrize("far", ["--prune", "--prune=all"])
def test_a_folder_that_is_missing_costs_nothing(recipe: Path, far: str) -> None:
    recipe.write_text(RECIPE.replace('npy"}\n    source', 'npy"}\n    on_empty: ok\n    source'))
    call("run", recipe)
    shutil.rmtree(recipe.parent / "in")
    assert "in is missing or cannot be read" in call("run", far, "--yes", recipe).stdout
    (recipe.parent / "in").mkdir()
    assert "c matches nothing" in call("run", far, "--yes", recipe).stdout
    assert outputs(recipe) == "abcd"


@pytest.mark.parametrize("other", [["--only", "c"], ["--locked"]])
def test_it_does_not_go_with_a_part_of_a_run(recipe: Path, other: list[str]) -> None:
    remove(recipe, "a")
    call("run", "--prune", "--yes", *other, recipe, status=2)
    assert outputs(recipe) == "abcd"


def test_what_a_changed_recipe_does_not_make_is_no_orphan(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("out/", "other/"))
    assert (
        "stale: out/a.npy and 3 more: the recipe does not make it any more"
        in call("check", recipe, status=3).stdout
    )
    call("run", "--prune", "--yes", recipe)
    assert sorted(path.stem for path in (recipe.parent / "out").iterdir()) == ["a", "b", "c", "d"]
