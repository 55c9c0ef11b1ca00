"""What every executor does alike, whatever carries the units out: tried over each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import Unwatched, run_plan
from dicombake.pipeline.run.unit.results import Outcome, UnitResult
from dicombake.pipeline.store.lock import read_lock

from ..made_plans import make_plan, shout


@dataclass
class Case:
    """A folder, and the options that choose an executor."""

    folder: Path
    options: RunOptions

    def run(self, files: dict[str, str], watching: Unwatched | None = None, **plan: object) -> Outcome:
        made = make_plan(self.folder, files, **plan)  # type: ignore[arg-type]
        return run_plan(made, self.options, watching, work=shout)


def statuses(outcome: Outcome) -> dict[str, str]:
    return {result.unit: result.status for result in outcome.results}


def results_are_noted(case: Case) -> None:
    files = {f"f{number:02d}": f"text {number}" for number in range(30)}
    outcome = case.run(files)
    assert set(statuses(outcome).values()) == {"written"} and outcome.exit_status == 0
    assert [result.unit for result in outcome.results] == list(files)
    for name, text in files.items():
        assert (case.folder / f"out/{name}.out").read_text() == text.upper()
    lock = read_lock(case.folder / "fake.lock")
    assert sorted(lock.outputs) == [f"out/{name}.out" for name in sorted(files)]
    assert sorted(lock.inputs) == [f"{name}.txt" for name in sorted(files)]
    assert lock.outputs == {file.path: file.sha256 for result in outcome.results for file in result.written}
    assert sorted(lock.units) == sorted(lock.outputs)
    assert lock.recipe == "0" * 64
    again = case.run(files)
    assert set(statuses(again).values()) == {"current"}
    assert [path.name for path in (case.folder / ".dicombake").iterdir() if "claims" in path.name] == []


def needs_are_kept(case: Case) -> None:
    outcome = case.run(
        {"c": "three", "b": "two", "a": "one", "bad": "fail", "d": "four", "e": "five"},
        needs={"c": ["b"], "b": ["a"], "d": ["bad"], "e": ["d"]},
    )
    assert statuses(outcome) == {
        "c": "written", "b": "written", "a": "written", "bad": "failed", "d": "skipped", "e": "skipped",
    }  # fmt: skip
    assert (case.folder / "out/c.out").read_text() == "THREE TWO ONE"
    assert outcome.exit_status == 1
    errors = {result.unit: str(result.error) for result in outcome.results if result.error}
    assert errors["bad"] == "bad.txt: is not what it should be"
    assert errors["d"] == errors["e"] == "not done: it needs bad, which failed"
    assert sorted(read_lock(case.folder / "fake.lock").outputs) == ["out/a.out", "out/b.out", "out/c.out"]


def defects_fail_alone(case: Case) -> None:
    outcome = case.run({"a": "defect", "b": "fine"})
    assert statuses(outcome) == {"a": "failed", "b": "written"}
    error = outcome.results[0].error
    assert error is not None and error.kind == "ZeroDivisionError"
    assert str(error) == "this is a defect of dicombake; please report it with the traceback"
    assert "nobody thought of this" in error.traceback and "in shout" in error.traceback


def foreign_files_stay(case: Case) -> None:
    class Putting(Unwatched):
        def start(self, units: int) -> None:
            (case.folder / "out").mkdir()
            (case.folder / "out/b.out").write_text("somebody else's")

    outcome = case.run({"a": "one", "b": "two"}, Putting())
    assert statuses(outcome) == {"a": "written", "b": "failed"}
    assert (case.folder / "out/b.out").read_text() == "somebody else's"


def progress_counts_every_unit(case: Case) -> None:
    class Counting(Unwatched):
        def __init__(self) -> None:
            self.started = 0
            self.seen: list[str] = []

        def start(self, units: int) -> None:
            self.started = units

        def finished(self, unit: object, result: UnitResult) -> None:
            self.seen.append(result.unit)

    counting = Counting()
    files = {f"f{number:02d}": "fail" if number == 7 else "text" for number in range(12)}
    case.run(files, counting)
    assert counting.started == 12 and sorted(counting.seen) == list(files)


def fail_fast_stops(case: Case) -> None:
    case.options = RunOptions(jobs=case.options.jobs, cluster=case.options.cluster, fail_fast=True)
    files = {"a": "fail", **{f"f{number:03d}": f"hold {number}" for number in range(60)}}
    outcome = case.run(files)
    found = list(statuses(outcome).values())
    assert found[0] == "failed" and "skipped" in found and outcome.exit_status == 1


CONTRACT: tuple[Callable[[Case], None], ...] = (
    results_are_noted,
    needs_are_kept,
    defects_fail_alone,
    foreign_files_stay,
    progress_counts_every_unit,
    fail_fast_stops,
)
