"""Runs with a unit of work that writes its input in capitals: order, failures, what is done again."""

from __future__ import annotations

import hashlib
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from dicombake.pipeline.errors import DifferenceError, ExitStatus, PlanError
from dicombake.pipeline.places.place import LocalPlace
from dicombake.pipeline.plan.model import Plan, Unit
from dicombake.pipeline.recipe.loaded import LoadedRecipe
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import Unwatched, run_plan
from dicombake.pipeline.run.unit.results import Outcome, UnitResult
from dicombake.pipeline.store.files import Store
from dicombake.pipeline.store.lock import read_lock
from dicombake.pipeline.store.state import State
from msgspec import structs

from .made_plans import make_plan, recipe, shout


def run(plan: Plan, **options: object) -> Outcome:
    return run_plan(plan, RunOptions(**options), work=shout)  # type: ignore[arg-type]


def statuses(outcome: Outcome) -> dict[str, str]:
    return {result.unit: result.status for result in outcome.results}


def messages(outcome: Outcome) -> dict[str, str]:
    return {result.unit: str(result.error) for result in outcome.results if result.error}


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the state, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".dicombake" not in path.parts
    }


def test_the_number_of_workers_changes_no_byte(tmp_path: Path) -> None:
    files = {f"f{number}": f"text {number}" for number in range(20)} | {"bad": "fail"}
    run(make_plan(tmp_path / "one", files), jobs=1)
    run(make_plan(tmp_path / "two", files), jobs=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_fail_fast_stops_at_the_first_failure(tmp_path: Path) -> None:
    outcome = run(make_plan(tmp_path, {"a": "fine", "b": "fail", "c": "fine"}), fail_fast=True)
    assert statuses(outcome) == {"a": "written", "b": "failed", "c": "skipped"}
    assert messages(outcome)["c"] == "not done: the run stopped at a failure"


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, {"a": "one", "b": "two"}, needs={"b": ["a"]})
    run(plan)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*") if path.is_file()}
    outcome = run(plan)
    assert statuses(outcome) == {"a": "current", "b": "current"}
    assert [len(result.written) for result in outcome.results] == [1, 1]
    kept = {path: path.stat().st_mtime_ns for path in before if path.suffix in (".out", ".lock")}
    assert kept == {path: before[path] for path in kept}


def test_force_does_everything_again(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, {"a": "one"})
    run(plan)
    assert statuses(run(plan, force=True)) == {"a": "written"}


def test_what_is_missing_altered_or_has_a_new_input_is_made_again(tmp_path: Path) -> None:
    files = {name: f"text {name}" for name in ("same", "missing", "altered", "changed", "after")}
    needs = {"after": ["changed"]}
    plan = make_plan(tmp_path, files, needs=needs)
    run(plan)
    (tmp_path / "out/missing.out").unlink()
    (tmp_path / "out/altered.out").write_text("by hand")
    (tmp_path / "changed.txt").write_text("new text")
    outcome = run(plan)
    assert statuses(outcome) == {
        "same": "current", "missing": "written", "altered": "written", "changed": "written",
        "after": "written",
    }  # fmt: skip
    assert (tmp_path / "out/altered.out").read_bytes() == b"TEXT ALTERED"
    assert (tmp_path / "out/after.out").read_bytes() == b"TEXT AFTER NEW TEXT"


def test_a_changed_option_makes_the_conversion_again(tmp_path: Path) -> None:
    run(make_plan(tmp_path, {"a": "one"}))
    loaded = LoadedRecipe(recipe(process=["invert"]), tmp_path / "fake.yaml", digest="1" * 64)
    outcome = run(make_plan(tmp_path, {"a": "one"}, loaded=loaded))
    assert statuses(outcome) == {"a": "written"}
    assert read_lock(tmp_path / "fake.lock").recipe == "1" * 64


def test_a_foreign_file_stops_the_run_before_anything_is_written(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, {"a": "one", "b": "two"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out/b.out").write_text("mine")
    with pytest.raises(PlanError) as caught:
        run(plan)
    assert str(caught.value) == (
        "a file is in the way that this recipe did not write: out/b.out; "
        "move them away, or give --overwrite to replace them"
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.out"]
    assert (tmp_path / "out/b.out").read_text() == "mine"
    assert not (tmp_path / "fake.lock").exists()
    assert statuses(run(plan, overwrite=True)) == {"a": "written", "b": "written"}
    assert (tmp_path / "out/b.out").read_bytes() == b"TWO"


def test_a_lock_does_not_make_files_of_another_folder_ours(tmp_path: Path) -> None:
    run(make_plan(tmp_path / "recipe", {"a": "one"}))
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "out").mkdir(parents=True)
    (elsewhere / "out/a.out").write_text("somebody's")
    with pytest.raises(PlanError, match=r"out/a\.out"):
        run(make_plan(tmp_path / "recipe", {"a": "one"}, out=elsewhere))
    (elsewhere / "out/a.out").write_bytes(b"ONE")
    assert statuses(run(make_plan(tmp_path / "recipe", {"a": "one"}, out=elsewhere))) == {"a": "current"}


def test_a_lock_does_not_make_a_file_of_its_own_folder_ours(tmp_path: Path) -> None:
    """A lock that came with a clone: this recipe wrote that name somewhere, but not this file."""
    run(make_plan(tmp_path / "there", {"a": "one"}))
    plan = make_plan(tmp_path / "here", {"a": "one"})
    (tmp_path / "there/fake.lock").rename(tmp_path / "here/fake.lock")
    (tmp_path / "here/out").mkdir()
    (tmp_path / "here/out/a.out").write_text("somebody's")
    for _ in range(2):
        with pytest.raises(PlanError, match=r"out/a\.out"):
            run(plan)
        assert (tmp_path / "here/out/a.out").read_text() == "somebody's"
    (tmp_path / "here/out/a.out").write_bytes(b"ONE")
    assert statuses(run(plan)) == {"a": "current"}
    (tmp_path / "here/out/a.out").write_text("altered since")
    assert statuses(run(plan)) == {"a": "written"}, "what was found to be ours is ours"


class Putting(Unwatched):
    """Puts a foreign file at a name when the run starts: after the last look of the plan."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def start(self, units: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("mine")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_foreign_file_that_comes_during_a_run_is_refused_for_ever(tmp_path: Path, jobs: int) -> None:
    plan = make_plan(tmp_path, {"a": "one", "b": "two"})
    outcome = run_plan(plan, RunOptions(jobs=jobs), Putting(tmp_path / "out/b.out"), shout)
    assert statuses(outcome) == {"a": "written", "b": "failed"}
    assert messages(outcome)["b"].startswith("out/b.out: exists and was not written by this recipe; move")
    for _ in range(2):
        with pytest.raises(PlanError, match=r"out/b\.out"):
            run(plan, jobs=jobs)
    assert (tmp_path / "out/b.out").read_text() == "mine"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.out", "b.out"]


def test_recipes_that_share_an_output_refuse_each_other_for_ever(tmp_path: Path) -> None:
    one = make_plan(tmp_path, {"a": "one"})
    other = make_plan(
        tmp_path, {"a": "two"}, loaded=LoadedRecipe(recipe(), tmp_path / "other.yaml", digest="1" * 64)
    )
    run(one)
    for _ in range(3):
        with pytest.raises(PlanError, match=r"out/a\.out"):
            run(other)
    assert statuses(run(one)) == {"a": "current"}


@pytest.mark.parametrize("before", ["one", "another input since"])
def test_what_a_killed_run_put_in_place_is_known_by_its_content(tmp_path: Path, before: str) -> None:
    """Killed between the rename and everything that notes it."""
    plan = make_plan(tmp_path, {"a": "one", "b": "two"})
    claims = State(plan.loaded.path).claims(LocalPlace(tmp_path))
    (tmp_path / ".dicombake").mkdir()
    Store(tmp_path, claims=claims).put("out/a.out", (b"ONE",))
    claims.add("out/b.out", hashlib.sha256(b"TWO").hexdigest())
    (tmp_path / "out/b.out").write_text("mine")
    with pytest.raises(PlanError, match=r"did not write: out/b\.out;"):
        run(plan)
    (tmp_path / "out/b.out").unlink()
    (tmp_path / "a.txt").write_text(before)
    assert statuses(run(plan)) == {"a": "written", "b": "written"}
    assert not [path.name for path in (tmp_path / ".dicombake").iterdir() if ".claims." in path.name]


@pytest.mark.parametrize("jobs", [1, 2])
def test_outputs_that_are_removed_under_a_run_are_missed(tmp_path: Path, jobs: int) -> None:
    class Removing(Unwatched):
        left = 3

        def finished(self, unit: object, result: UnitResult) -> None:
            self.left -= 1
            while not self.left and (tmp_path / "out").exists():
                with suppress(FileNotFoundError):  # a worker has just renamed what was to be removed
                    shutil.rmtree(tmp_path / "out")
                    return

    plan = make_plan(tmp_path, {name: f"text {name}" for name in "abcdefgh"})
    outcome = run_plan(plan, RunOptions(jobs=jobs), Removing(), shout)
    there = {f"out/{path.name}" for path in (tmp_path / "out").glob("*.out")}
    failed = [result.unit for result in outcome.results if result.status == "failed"]
    assert outcome.exit_status is ExitStatus.FAILED
    assert len(failed) + len(there) == 8
    assert all("removed" in messages(outcome)[name] for name in failed)
    assert read_lock(tmp_path / "fake.lock").outputs.keys() == there
    assert run(plan).exit_status is ExitStatus.DONE
    assert len(list((tmp_path / "out").iterdir())) == 8


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_run_that_did_not_end_left_is_cleaned_by_the_next(tmp_path: Path, jobs: int) -> None:
    """Also by one with nothing to do."""
    plan = make_plan(tmp_path, {"a": "one"})
    run(plan)
    left = [
        tmp_path / "out/.a.out.12.part",
        tmp_path / ".fake.lock.12.part",
        tmp_path / ".dicombake/..gitignore.12.part",
    ]
    for path in left:
        path.write_text("half")
    (tmp_path / ".dicombake/fake.running").write_text("12        \n")
    assert statuses(run(plan, jobs=jobs)) == {"a": "current"}
    assert [path for path in left if path.exists()] == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_an_output_that_is_made_again_keeps_its_mode(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, {"a": "one"})
    run(plan)
    (tmp_path / "out/a.out").chmod(0o440)
    (tmp_path / "a.txt").write_text("two")
    assert statuses(run(plan)) == {"a": "written"}
    assert stat.S_IMODE((tmp_path / "out/a.out").stat().st_mode) == 0o440
    assert stat.S_IMODE((tmp_path / ".dicombake").stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_state_does_not_go_where_a_link_leads(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    plan = make_plan(tmp_path / "here", {"a": "one"})
    (tmp_path / "here/.dicombake").symlink_to(tmp_path / "outside", target_is_directory=True)
    assert statuses(run(plan)) == {"a": "written"}
    assert list((tmp_path / "outside").iterdir()) == []
    assert (tmp_path / "here/.dicombake/fake.sqlite").is_file()


def test_a_link_put_at_an_output_folder_after_the_plan_is_not_written_through(tmp_path: Path) -> None:
    plan = make_plan(tmp_path / "here", {"a": "one"})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here/out").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    outcome = run(plan)
    assert messages(outcome)["a"].startswith("out/a.out: is not written: out became a link while")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    known = structs.replace(plan, links=frozenset({"out"}))
    assert statuses(run(known)) == {"a": "written"}, "a link that was there is meant"


def test_what_was_written_elsewhere_is_known_as_ours_after_it_was_altered(tmp_path: Path) -> None:
    plan = make_plan(tmp_path / "recipe", {"a": "one"}, out=tmp_path / "elsewhere")
    run(plan)
    (tmp_path / "elsewhere/out/a.out").write_text("altered")
    assert statuses(run(plan)) == {"a": "written"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_input_is_never_replaced(tmp_path: Path, overwrite: bool) -> None:
    plan = make_plan(tmp_path / "data/out", {"a": "one"}, out=tmp_path / "data")
    (tmp_path / "data/out/a.txt").rename(tmp_path / "data/out/a.out")
    item = plan.units[0].inputs[0]
    unit = Unit("a", "c", 1, (type(item)("a.out"),), plan.units[0].outputs)
    plan = Plan(plan.loaded, plan.lowered, tmp_path / "data/out", tmp_path / "data", (unit,))
    with pytest.raises(PlanError, match=r"^out/a\.out: is an input, and an output would replace it$"):
        run(plan, overwrite=overwrite)
    assert (tmp_path / "data/out/a.out").read_text() == "one"


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "out/a.out").mkdir(parents=True)
    with pytest.raises(PlanError, match=r"^out/a.out: is a folder, and a file is to be written there$"):
        run(make_plan(tmp_path, {"a": "one"}), overwrite=True)


def test_units_that_are_gone_leave_the_lock_and_those_that_failed_stay(tmp_path: Path) -> None:
    run(make_plan(tmp_path, {"a": "one", "b": "two", "c": "three"}))
    before = read_lock(tmp_path / "fake.lock")
    run(make_plan(tmp_path, {"a": "one", "b": "fail"}))
    after = read_lock(tmp_path / "fake.lock")
    assert after.outputs == {path: before.outputs[path] for path in ("out/a.out", "out/b.out")}
    assert after.inputs == {path: before.inputs[path] for path in ("a.txt", "b.txt")}
    assert statuses(run(make_plan(tmp_path, {"a": "one", "b": "better"}))) == {"a": "current", "b": "written"}


def test_a_partial_plan_keeps_what_the_lock_says_of_the_rest(tmp_path: Path) -> None:
    run(make_plan(tmp_path, {"a": "one", "b": "two"}))
    run(make_plan(tmp_path, {"a": "new"}), partial=True)
    assert sorted(read_lock(tmp_path / "fake.lock").outputs) == ["out/a.out", "out/b.out"]


class TestLocked:
    def test_the_same_content_is_put_in_place(self, tmp_path: Path) -> None:
        plan = make_plan(tmp_path, {"a": "one", "b": "two"})
        run(plan)
        lock = (tmp_path / "fake.lock").read_bytes()
        (tmp_path / "out/b.out").unlink()
        outcome = run(plan, locked=True)
        assert statuses(outcome) == {"a": "current", "b": "written"}
        assert (tmp_path / "out/b.out").read_bytes() == b"TWO"
        assert (tmp_path / "fake.lock").read_bytes() == lock

    def test_other_content_is_not(self, tmp_path: Path) -> None:
        plan = make_plan(tmp_path, {"a": "one"})
        run(plan)
        (tmp_path / "a.txt").write_text("other")
        outcome = run(plan, locked=True)
        assert outcome.exit_status is ExitStatus.DIFFERENT
        assert (tmp_path / "out/a.out").read_bytes() == b"ONE"
        would, says = (hashlib.sha256(text).hexdigest()[:12] for text in (b"OTHER", b"ONE"))
        assert messages(outcome)["a"] == (
            f"out/a.out: its content would be {would}..., the lock says {says}...; "
            "run without --locked to accept the new content"
        )
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.out"]

    def test_without_a_lock_nothing_is_done(self, tmp_path: Path) -> None:
        with pytest.raises(DifferenceError, match=r"fake\.lock: there is no lock; run without --locked"):
            run(make_plan(tmp_path, {"a": "one"}), locked=True)
        assert tree(tmp_path) == {"a.txt": b"one"}

    def test_another_set_of_files_is_a_difference(self, tmp_path: Path) -> None:
        run(make_plan(tmp_path, {"a": "one", "b": "two"}))
        with pytest.raises(DifferenceError, match=r"does not know out/c\.out$"):
            run(make_plan(tmp_path, {"a": "one", "b": "two", "c": "three"}), locked=True)
        with pytest.raises(DifferenceError, match=r"names what would not be made: out/b\.out$"):
            run(make_plan(tmp_path, {"a": "one"}), locked=True)
        assert statuses(run(make_plan(tmp_path, {"a": "one"}), locked=True, partial=True)) == {"a": "current"}


def test_ctrl_c_keeps_what_was_done(tmp_path: Path) -> None:
    class Impatient(Unwatched):
        def finished(self, unit: object, result: UnitResult) -> None:
            raise KeyboardInterrupt

    plan = make_plan(tmp_path, {"a": "one", "b": "two"})
    outcome = run_plan(plan, RunOptions(), Impatient(), shout)
    assert outcome.exit_status is ExitStatus.INTERRUPTED
    assert statuses(outcome) == {"a": "written", "b": "skipped"}
    assert messages(outcome)["b"] == "not done: the run was interrupted"
    assert sorted(read_lock(tmp_path / "fake.lock").outputs) == ["out/a.out"]
    assert statuses(run(plan)) == {"a": "current", "b": "written"}


def test_without_a_writable_folder_the_run_goes_on_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    plan = make_plan(tmp_path / "recipe", {"a": "one"}, out=tmp_path / "out")
    outcome = run(plan)
    assert [note.code for note in outcome.notes] == ["no-lock"]
    assert sorted(path.name for path in (tmp_path / "recipe").iterdir()) == ["a.txt"]
