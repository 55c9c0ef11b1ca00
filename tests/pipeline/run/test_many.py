"""A run of many files, which holds them packed, is the run that it would be otherwise."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.check.compare import check
from dicombake.pipeline.packed import Packed
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.report.commands.planned import plan_lines
from dicombake.pipeline.run.forecast import forecast
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import run_plan
from dicombake.pipeline.run.unit.results import Outcome
from dicombake.pipeline.store.hashes import PackedHashes
from dicombake.pipeline.store.lock import Lock, read_lock
from dicombake.pipeline.store.state import State

RECIPE = """
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  one: {inputs: "in/**/*.npy", source: array, exports: {to: npy, path: "one/{stem}.npy"}}
  two: {inputs: "in/**/a*.npy", source: array, process: [invert], exports: {to: npy, path: "two/{stem}.npy"}}
"""
CHAINED = '  three: {inputs: {from: two}, source: array, exports: {to: npy, path: "three/{stem}.npy"}}\n'
FILES = 9


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold everything packed that can be."""
    for module in ("packed", "store.hashes", "store.rows", "run.seen_files", "run.kept_results"):
        monkeypatch.setattr(f"dicombake.pipeline.{module}.FEW", 2)
    monkeypatch.setattr("dicombake.pipeline.packed.BLOCK", 4)
    monkeypatch.setattr("dicombake.pipeline.store.lock._MANY", 1)


def project(folder: Path, text: str) -> Path:
    (folder / "in").mkdir(parents=True)
    for number in range(FILES):
        np.save(folder / "in" / f"{'ab'[number % 2]}{number}.npy", np.full((2, 2), number, np.uint16))
    (folder / "in" / "a8.npy").write_bytes(b"no array")
    (folder / "r.yaml").write_text(text)
    return folder / "r.yaml"


def told(recipe: Path) -> list[object]:
    """What is said of a run, of one after a change, of one with nothing to do, and of a check."""
    found: list[object] = []

    def once() -> Outcome:
        planned = plan(load_recipe(recipe))
        lock = read_lock(recipe.with_suffix(".lock"))
        found.append(list(plan_lines(planned, lambda: forecast(planned, lock))))
        outcome = run_plan(planned, RunOptions())
        found.append(
            [
                (each.unit, each.status, each.why, each.written, each.inputs, str(each.error))
                for each in outcome.results
            ]
        )
        found.append((outcome.exit_status, recipe.with_suffix(".lock").read_bytes(), outcome.replaced))
        return outcome

    once()
    np.save(recipe.parent / "in" / "a2.npy", np.zeros((2, 2), np.uint16))
    (recipe.parent / "one" / "b3.npy").unlink()
    (recipe.parent / "in" / "b7.npy").unlink()
    once()
    once()
    (recipe.parent / "two" / "a4.npy").write_bytes(b"altered")
    for fast in (False, True):
        checked = check(plan(load_recipe(recipe)), fast=fast)
        found.append((checked.findings, checked.problems, checked.lock))
    memory = State(recipe).recall()
    found.append((sorted(memory.written), len(memory.seen), memory.claimed, memory.journal))
    return found


@pytest.mark.parametrize("text", [RECIPE, RECIPE + CHAINED])
def test_many_files_are_told_of_and_locked_as_few(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("dicombake.pipeline.store.state.SAME_TICK", -(10**9))  # all is remembered at once
    recipe = project(tmp_path / "p", text)
    few = told(recipe)
    shutil.rmtree(tmp_path / "p")
    request.getfixturevalue("many")
    recipe = project(tmp_path / "p", text)
    planned = plan(load_recipe(recipe))
    assert isinstance(planned.units, Packed)
    assert told(recipe) == few
    lock = read_lock(recipe.with_suffix(".lock"))
    assert isinstance(lock.outputs, PackedHashes) and lock != Lock()
