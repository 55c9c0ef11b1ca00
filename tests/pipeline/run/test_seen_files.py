"""The fast path: what is believed by its looks, and what is not."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from dicombake.pipeline.places.place import LocalPlace
from dicombake.pipeline.plan.model import Plan
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import run_plan
from dicombake.pipeline.run.unit.results import Outcome
from dicombake.pipeline.run.workers import attempt
from dicombake.pipeline.store.lock import read_lock
from dicombake.pipeline.store.stamp import Stamp
from dicombake.pipeline.store.state import State, settled

from .made_plans import make_plan, shout

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


def run(plan: Plan, **options: object) -> Outcome:
    return run_plan(plan, RunOptions(**options), work=shout)  # type: ignore[arg-type]


def found(outcome: Outcome) -> dict[str, tuple[str, str]]:
    return {result.unit: (result.status, result.why) for result in outcome.results}


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file may be read to see whether it is up to date."""

    def no(*of: object) -> str:
        pytest.fail(f"{of} was read")

    monkeypatch.setattr(LocalPlace, "sha256", no)
    monkeypatch.setattr(attempt, "content_sha256", no)


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A plan that was carried out, every file's looks noted."""
    monkeypatch.setattr("dicombake.pipeline.store.state.SAME_TICK", -SECOND)
    plan = make_plan(tmp_path, {"a": "one", "b": "two", "c": "three"}, needs={"c": ["b"]})
    run(plan)
    monkeypatch.undo()
    time.sleep(0.02)  # a change from now on has another time
    return plan


CURRENT = dict.fromkeys("abc", ("current", ""))


def test_what_looks_the_same_is_not_read(known: Plan, blind: None) -> None:
    assert found(run(known)) == CURRENT
    assert found(run(known, locked=True)) == CURRENT


def test_files_of_this_moment_are_read_once_more(tmp_path: Path) -> None:
    """Git's racily clean files: what is written now may be written again within the same tick."""
    plan = make_plan(tmp_path, {"a": "one"})
    run(plan)
    assert State(plan.loaded.path).recall().seen == {}
    time.sleep(0.1)
    assert found(run(plan)) == {"a": ("current", "")}
    assert len(State(plan.loaded.path).recall().seen) == 2


@pytest.mark.parametrize(
    ("stamp", "same_clock", "expected"),
    [
        (Stamp(1, NOW - 60_000_001, NOW - 60_000_001), True, True),
        (Stamp(1, NOW - 40_000_001, NOW - SECOND), True, False),
        (Stamp(1, NOW - SECOND - 1, NOW - 40_000_001), True, False),
        (Stamp(1, NOW - SECOND - 1, NOW - SECOND - 1), False, False),
        (Stamp(1, NOW - SECOND, NOW - SECOND), True, False),
        (Stamp(1, NOW - 3 * SECOND, NOW - 3 * SECOND), True, True),
        (Stamp(1, NOW - 3 * SECOND, NOW - 3 * SECOND), False, True),
        (Stamp(1, NOW + 60 * SECOND + 1, NOW - 3 * SECOND), True, False),
    ],
    ids=["old", "new", "moved", "other clock", "coarse", "old coarse", "old elsewhere", "from the future"],
)
def test_when_a_change_would_show(stamp: Stamp, same_clock: bool, expected: bool) -> None:
    assert settled(stamp, NOW, same_clock=same_clock) is expected


def test_a_file_that_looks_the_same_but_for_its_time_is_read(known: Plan, tmp_path: Path) -> None:
    os.utime(tmp_path / "a.txt")
    os.utime(tmp_path / "out/b.out")
    assert found(run(known)) == CURRENT


def test_content_decides_where_size_and_time_of_modification_are_put_back(
    known: Plan, tmp_path: Path
) -> None:
    for name, text in (("a.txt", "eno"), ("out/b.out", "OWT")):
        before = (tmp_path / name).stat()
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert (tmp_path / name).stat().st_mtime_ns == before.st_mtime_ns
    if os.name == "nt":
        pytest.skip("Windows keeps no time of change")
    assert found(run(known)) == {
        "a": ("written", "a.txt changed"),
        "b": ("written", "out/b.out was altered"),
        "c": ("current", ""),
    }
    assert (tmp_path / "out/a.out").read_bytes() == b"ENO"
    assert (tmp_path / "out/b.out").read_bytes() == b"TWO"


def test_the_memory_is_no_second_truth(known: Plan, tmp_path: Path) -> None:
    """Where the lock says another content, what the memory says of a file does not count."""
    lock = (tmp_path / "fake.lock").read_text()
    wrong = lock.replace(read_lock(tmp_path / "fake.lock").outputs["out/a.out"], "f" * 64)
    (tmp_path / "fake.lock").write_text(wrong)
    assert found(run(known))["a"] == ("written", "out/a.out was altered")
    assert (tmp_path / "fake.lock").read_text() == lock


def test_without_memory_everything_is_read_and_nothing_done(known: Plan, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / ".dicombake")
    assert found(run(known)) == CURRENT


def test_without_a_lock_all_is_made_again_since_the_memory_knows_its_own(known: Plan, tmp_path: Path) -> None:
    lock = (tmp_path / "fake.lock").read_bytes()
    (tmp_path / "fake.lock").unlink()
    assert found(run(known)) == dict.fromkeys("abc", ("written", "not made before"))
    assert (tmp_path / "fake.lock").read_bytes() == lock


def test_what_is_done_says_why(known: Plan, tmp_path: Path) -> None:
    (tmp_path / "out/a.out").unlink()
    (tmp_path / "b.txt").write_text("new")
    assert found(run(known)) == {
        "a": ("written", "out/a.out is missing"),
        "b": ("written", "b.txt changed"),
        "c": ("written", "out/b.out changed"),
    }
    assert found(run(known, force=True))["a"] == ("written", "--force")


def test_an_unchanged_link_of_a_chain_stops_the_rest(known: Plan, tmp_path: Path) -> None:
    """b is made again with the same bytes: c has nothing to do."""
    (tmp_path / "b.txt").write_text("TWO")
    assert found(run(known)) == {
        "a": ("current", ""),
        "b": ("written", "b.txt changed"),
        "c": ("current", ""),
    }


def test_state_deleted_under_a_run_costs_nothing_but_memory(tmp_path: Path) -> None:
    class Vandal:
        def start(self, units: int) -> None:
            shutil.rmtree(tmp_path / ".dicombake")

        def finished(self, unit: object, result: object) -> None: ...

        def stopping(self) -> None: ...

    plan = make_plan(tmp_path, {"a": "one", "b": "two"})
    outcome = run_plan(plan, RunOptions(), Vandal(), shout)
    assert [result.status for result in outcome.results] == ["written", "written"]
    assert sorted(read_lock(tmp_path / "fake.lock").outputs) == ["out/a.out", "out/b.out"]
    assert found(run(plan)) == dict.fromkeys("ab", ("current", ""))


def test_files_of_other_days_do_not_pile_up(
    known: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicombake.pipeline.run.memory.ROOM", 0)
    time.sleep(0.1)
    run(make_plan(tmp_path, {"a": "one"}), force=True)
    kept = {path.rpartition(os.sep.encode())[2] for path in State(known.loaded.path).recall().seen}
    assert b"c.out" not in kept
    assert b"a.txt" in kept


def test_a_file_from_the_year_2400_is_converted_and_read_each_time(tmp_path: Path) -> None:
    """A scanner's clock may be wrong; 64 bits hold nanoseconds until 2262."""
    plan = make_plan(tmp_path, {"a": "one"})
    os.utime(tmp_path / "a.txt", ns=(13_569_465_600 * SECOND,) * 2)
    assert [found(run(plan))["a"][0] for _ in range(2)] == ["written", "current"]
