"""The bytes that were converted are those whose hash is recorded, whatever happens to an input meanwhile."""

from __future__ import annotations

import hashlib
import io
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import run_plan
from dicombake.pipeline.store.lock import read_lock
from tifffile import imwrite

RECIPE = """
version: 1
conversions:
  c:
    inputs: in.npy
    source: array
    exports: {to: npy, path: "out/{stem}.npy"}
"""
SIZE = 700
OLD, NEW = (np.full((SIZE, SIZE), value, np.uint16) for value in (1, 2))


def data(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "r.yaml").write_text(RECIPE)
    np.save(folder / "in.npy", OLD)
    return folder / "r.yaml"


def consistent(recipe: Path) -> bool:
    """Whether what the lock says was read is what the output holds: whole images, of that content."""
    lock = read_lock(recipe.with_suffix(".lock"))
    found = np.load(recipe.parent / "out/in.npy")
    held = io.BytesIO()
    np.save(held, found)
    return lock.inputs["in.npy"] == hashlib.sha256(held.getvalue()).hexdigest()


def replaced(path: Path) -> None:
    np.save(path.with_name("new.npy"), NEW)
    path.with_name("new.npy").replace(path)


def overwritten(path: Path) -> None:
    held = io.BytesIO()
    np.save(held, NEW)
    with path.open("r+b") as file:
        file.write(held.getvalue())


class Opening:
    """Does something before a file is opened for the n-th time, by whatever call of Python."""

    def __init__(self, path: Path, number: int, harm: Any) -> None:
        self.path, self.left, self.harm = os.fspath(path), number, harm

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and self.left and args[0] in (self.path, Path(self.path)):
            self.left -= 1
            if not self.left:
                self.harm(Path(self.path))


HOOKS: list[Opening] = []
sys.addaudithook(lambda event, args: [hook(event, args) for hook in HOOKS] and None)


@pytest.fixture
def hooks() -> Iterator[list[Opening]]:
    yield HOOKS
    HOOKS.clear()


@pytest.mark.parametrize("harm", [replaced, overwritten])
def test_an_input_that_changes_before_its_nth_opening(
    tmp_path: Path, harm: Any, hooks: list[Opening]
) -> None:
    """Every opening that there is; the run fails, or holds one content in full."""
    number, failed = 0, 0
    while True:
        number += 1
        recipe = data(tmp_path / f"{number}")
        time.sleep(0.03)
        hook = Opening(tmp_path / f"{number}/in.npy", number, harm)
        hooks[:] = [hook]
        outcome = run_plan(plan(load_recipe(recipe)), RunOptions())
        hooks.clear()
        if hook.left:
            break
        if outcome.exit_status:
            failed += 1
            (result,) = outcome.results
            assert str(result.error) == "in.npy: changed while it was read; run again when it is at rest"
            assert not (tmp_path / f"{number}/out/in.npy").exists()
        else:
            assert consistent(recipe)
    assert number > 3, "openings are seen"
    assert failed


def test_an_input_that_is_swapped_between_plan_and_run(tmp_path: Path) -> None:
    """Its header decided the path: the other file has another one."""
    recipe = data(tmp_path)
    pages = RECIPE.replace("in.npy", "in.tif").replace("array", "image").replace("{stem}", "{stem}_{page}")
    recipe.write_text(pages)
    imwrite(tmp_path / "in.tif", OLD)
    planned = plan(load_recipe(recipe))
    imwrite(tmp_path / "in.tif", np.stack([NEW, NEW]))
    (result,) = run_plan(planned, RunOptions()).results
    assert str(result.error) == "in.tif: changed since the plan was made; run again when it is at rest"


@pytest.mark.parametrize("harm", [replaced, overwritten])
def test_an_input_that_changes_at_a_random_moment(tmp_path: Path, harm: Any) -> None:
    dice = random.Random(harm.__name__)
    moments = int(os.environ.get("DICOMBAKE_MOMENTS", "2"))
    command = [sys.executable, "-m", "dicombake.pipeline.cli", "run", "--quiet"]
    begun = time.monotonic()
    subprocess.run([*command, str(data(tmp_path / "undisturbed"))], check=True, timeout=120)
    longest = time.monotonic() - begun
    for number in range(moments):
        recipe = data(tmp_path / f"{number}")
        with subprocess.Popen([*command, str(recipe)], stderr=subprocess.PIPE) as process:
            time.sleep(dice.uniform(0, longest))
            harm(tmp_path / f"{number}/in.npy")
            _, said = process.communicate(timeout=120)
        assert process.returncode == 0 or b"changed while" in said or b"changed since" in said, said
        if process.returncode == 0:
            assert consistent(recipe)
