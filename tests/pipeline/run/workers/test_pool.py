"""Workers that die, runs that are interrupted or killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dicombake.pipeline.errors import PlanError
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import run_plan
from dicombake.pipeline.run.unit.results import Job, Outcome
from dicombake.pipeline.store.lock import read_lock

from ..made_plans import make_plan, shout

ROOT = Path(__file__).resolve().parents[4]
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


def statuses(outcome: Outcome) -> dict[str, str]:
    return {result.unit: result.status for result in outcome.results}


def test_a_worker_that_dies_fails_its_unit_alone(tmp_path: Path) -> None:
    files = {f"f{number:02d}": f"text {number}" for number in range(12)} | {"killer": "die", "last": "fine"}
    outcome = run_plan(make_plan(tmp_path, files, needs={"last": ["killer"]}), RunOptions(jobs=2), work=shout)
    found = statuses(outcome)
    assert [name for name, status in found.items() if status == "failed"] == ["killer"]
    assert [name for name, status in found.items() if status == "skipped"] == ["last"]
    assert list(found.values()).count("written") == 12
    error = next(result.error for result in outcome.results if result.unit == "killer")
    assert str(error) == (
        "its worker process died, most likely for want of memory or by a crash in a codec; "
        "try it alone with --jobs 1 --only"
    )


def test_workers_that_always_die_are_given_up(tmp_path: Path) -> None:
    outcome = run_plan(
        make_plan(tmp_path, {f"f{number:02d}": "die" for number in range(12)}), RunOptions(jobs=2), work=shout
    )
    assert set(statuses(outcome).values()) == {"failed"}
    assert "worker processes die whatever they do; try --jobs 1" in {
        str(result.error) for result in outcome.results
    }


def unpicklable(unit: object, job: Job) -> object:
    return lambda: None


def test_an_answer_that_cannot_travel_is_a_defect_not_a_hang(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, {"a": "one", "b": "two"})
    outcome = run_plan(plan, RunOptions(jobs=2), work=unpicklable)  # type: ignore[arg-type]
    assert set(statuses(outcome).values()) == {"failed"}


@contextmanager
def running(folder: Path, jobs: int, files: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.pipeline.run.interrupted_run", str(folder), str(jobs),
         json.dumps(files)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


SLOW = {f"f{number:02d}": f"hold {number}" for number in range(40)}


@posix
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_ends_with_130_and_a_true_lock(tmp_path: Path, jobs: int) -> None:
    with running(tmp_path, jobs, SLOW) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == ""
    present = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("out/*"))
    assert 0 < len(present) < len(SLOW)
    assert sorted(read_lock(tmp_path / "fake.lock").outputs) == present
    assert list(tmp_path.rglob("*.part")) == []


@posix
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_run_is_taken_up_by_the_next(tmp_path: Path, jobs: int) -> None:
    with running(tmp_path, jobs, SLOW) as process:
        assert process.stdout is not None
        told = {process.stdout.readline().strip() for _ in range(3)}
        process.kill()
        process.communicate(timeout=20)
    assert not (tmp_path / "fake.lock").exists()
    leftover = tmp_path / "out/.f00.out.123.part"
    leftover.write_text("half")
    quick = {name: text.replace("hold", "fast") if name > "f05" else text for name, text in SLOW.items()}
    outcome = run_plan(make_plan(tmp_path, quick), RunOptions(), work=shout)
    assert set(statuses(outcome).values()) == {"current", "written"}
    assert told <= {result.unit for result in outcome.results if result.status == "current"}
    assert not leftover.exists()
    assert len(read_lock(tmp_path / "fake.lock").outputs) == len(SLOW)


@posix
def test_two_runs_of_one_recipe_do_not_meet(tmp_path: Path) -> None:
    with running(tmp_path, 1, SLOW) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(PlanError) as caught:
            run_plan(make_plan(tmp_path, SLOW), RunOptions(), work=shout)
    assert str(caught.value) == (
        f"{tmp_path / 'fake.yaml'}: another run of it is going on (process {process.pid}); wait for its end"
    )


def test_workers_do_not_run_the_program_that_started_them(tmp_path: Path) -> None:
    """A script without ``if __name__ == "__main__"`` would start workers that start workers."""
    script = tmp_path / "bare.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from dicombake.pipeline.run.preflight import RunOptions\n"
        "from dicombake.pipeline.run.workers.starting import warm_up\n"
        "from dicombake.pipeline.run.run import run_plan\n"
        "from tests.pipeline.run.made_plans import make_plan, shout\n"
        "print('started')\n"
        "warm_up()\n"
        "plan = make_plan(Path(sys.argv[1]), {'a': 'one', 'b': 'two', 'c': 'three'})\n"
        "print(*[result.status for result in run_plan(plan, RunOptions(jobs=2), work=shout).results])\n"
        "print(sys.modules['__main__'].__file__)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["started", "written written written", str(script)]
