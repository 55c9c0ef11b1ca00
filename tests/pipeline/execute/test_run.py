"""Runs with a unit of work that writes its input in capitals: order, failures, what is done again."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicombake.pipeline.errors import DifferenceError, ExitStatus, PlanError
from dicombake.pipeline.execute.results import Outcome
from dicombake.pipeline.execute.run import RunOptions, run_plan
from dicombake.pipeline.lock import read_lock
from dicombake.pipeline.plan import Plan
from dicombake.pipeline.recipe_file import LoadedRecipe

from .fakes import make_plan, recipe, shout


def run(plan: Plan, **options: object) -> Outcome:
    return run_plan(plan, RunOptions(**options), work=shout)  # type: ignore[arg-type]


def statuses(outcome: Outcome) -> dict[str, str]:
    return {result.unit: result.status for result in outcome.results}


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_unit_is_written_and_noted_in_the_lock(tmp_path: Path, jobs: int) -> None:
    plan = make_plan(tmp_path, {name: f"text {name}" for name in "abcde"})
    outcome = run(plan, jobs=jobs)
    assert statuses(outcome) == dict.fromkeys("abcde", "written")
    assert outcome.exit_status is ExitStatus.DONE
    assert (tmp_path / "out/c.out").read_text() == "TEXT C"
    lock = read_lock(tmp_path / "fake.lock")
    assert sorted(lock.inputs) == [f"{name}.txt" for name in "abcde"]
    assert lock.outputs == {file.path: file.sha256 for result in outcome.results for file in result.written}
    assert sorted(lock.units) == sorted(lock.outputs)
