"""What a worker of a cluster brought here goes when nothing more comes: it may live for months."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from dicombake.pipeline.places.objects import ObjectPlace
from dicombake.pipeline.places.spool import spool
from dicombake.pipeline.places.url import URL
from dicombake.pipeline.run.unit.results import Job
from dicombake.pipeline.run.workers.cluster import remote
from dicombake.pipeline.run.workers.cluster.packing import pack, unpack_answer
from dicombake.pipeline.run.workers.schedule import Task
from msgspec.structs import replace

from ...pipeline.run.made_plans import make_plan, shout


def brought() -> list[str]:
    return sorted(path.name for path in spool().rglob("*.txt"))


def test_it_stays_for_the_next_chunk_and_goes_with_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setattr(remote, "KEPT_SECONDS", 0.5)
    made = make_plan(tmp_path, {"a": "one", "b": "two"})
    for name in ("a", "b"):
        fsspec.filesystem("memory").pipe(f"/brought/{name}.txt", (tmp_path / f"{name}.txt").read_bytes())
    plan = replace(made, remote={"data": ObjectPlace(URL("memory://brought"))})
    job = Job(plan.lowered, plan.data, plan.out, overwrite=True, remote=plan.remote)

    def do(position: int) -> None:
        packed = pack(job, shout, [Task(plan.units[position])])
        ((result,), _) = unpack_answer(remote.do_packed(packed))
        assert (result.status, result.error) == ("written", None)

    do(0)
    assert brought() == ["a.txt"]
    do(1)
    assert brought() == ["b.txt"]
    end = time.monotonic() + 30
    while brought() and time.monotonic() < end:
        time.sleep(0.05)
    assert brought() == []
    do(0)
    assert (tmp_path / "out/a.out").read_text() == "ONE"
