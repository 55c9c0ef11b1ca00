"""What travels to a worker: plan data of these tasks alone, and no key."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from dicombake.pipeline.deidentify.keys import Origin, derived, key_from
from dicombake.pipeline.run.unit.results import Job
from dicombake.pipeline.run.workers.attempt import convert
from dicombake.pipeline.run.workers.cluster.packing import pack, unpack
from dicombake.pipeline.run.workers.schedule import Task
from msgspec.structs import replace

from ...made_plans import make_plan

SECRET = "a key of enough characters"


def test_a_key_is_read_by_the_worker_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKE_KEY", SECRET)
    key = key_from(Origin("env", "BAKE_KEY"))
    plan = make_plan(tmp_path, {"a": "one"})
    (item,) = plan.units[0].inputs
    unit = replace(plan.units[0], inputs=(replace(item, seal=key, alias=key.alias(item.path)),))
    job = Job(plan.lowered, tmp_path, tmp_path)
    packed = pack(job, convert, [Task(unit)])
    assert key.secret not in packed and SECRET.encode() not in packed
    assert key.secret in pickle.dumps(unit)  # which is what the assertion above is about
    key_from.cache_clear()
    _, work, (task,) = unpack(packed)
    assert task.unit == unit and task.unit.inputs[0].seal == key and work is convert
    monkeypatch.setenv("BAKE_KEY", "another key of this worker")
    key_from.cache_clear()
    assert unpack(packed)[2][0].unit.inputs[0].seal == derived("another key of this worker")


def test_a_key_that_no_worker_can_read_stays(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, {"a": "one"})
    unit = replace(plan.units[0], inputs=(replace(plan.units[0].inputs[0], seal=derived(SECRET)),))
    with pytest.raises(pickle.PicklingError):
        pack(Job(plan.lowered, tmp_path, tmp_path), convert, [Task(unit)])


def test_a_pack_does_not_grow_with_the_run(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, {"a": "one"})
    small = Job(
        plan.lowered, tmp_path, tmp_path, ours=frozenset({"out/a.out"}), expected={"out/a.out": "0" * 64}
    )
    others = [f"out/{number}.out" for number in range(10_000)]
    large = replace(
        small,
        ours=small.ours | set(others),
        expected={**small.expected, **dict.fromkeys(others, "1" * 64)},
        planned_on={f"data:{path}": (1, 2, 3, 4) for path in others},
    )
    tasks = [Task(plan.units[0])]
    assert len(pack(large, convert, tasks)) < len(pack(small, convert, tasks)) + 100
    job, _, _ = unpack(pack(large, convert, tasks))
    assert job.ours == small.ours and job.expected == small.expected
