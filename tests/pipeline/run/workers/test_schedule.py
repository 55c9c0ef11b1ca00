"""The order of units, for any graph of needs."""

from __future__ import annotations

import pytest
from dicombake.pipeline.errors import PlanError
from dicombake.pipeline.plan.model import Unit
from dicombake.pipeline.run.unit.results import UnitResult
from dicombake.pipeline.run.workers.schedule import Schedule, Task
from hypothesis import given
from hypothesis import strategies as st


def task(name: str, *needs: str) -> Task:
    return Task(Unit(name, "c", 1, (), (), needs=needs))


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    size = draw(st.integers(1, 12))
    return {
        f"u{number}": tuple(f"u{need}" for need in draw(st.sets(st.integers(0, number - 1))))
        if number
        else ()
        for number in range(size)
    }


@given(graphs(), st.sets(st.integers(0, 11)), st.integers(1, 4))
def test_each_unit_ends_once_after_its_needs(
    graph: dict[str, tuple[str, ...]], bad: set[int], most: int
) -> None:
    schedule = Schedule(task(name, *needs) for name, needs in graph.items())
    ended: dict[str, str] = {}
    while tasks := schedule.take(most):
        for item in tasks:
            assert all(ended[need] == "written" for need in graph[item.unit.id])
            failed = int(item.unit.id[1:]) in bad
            for result in schedule.finish(UnitResult(item.unit.id, "failed" if failed else "written")):
                assert result.unit not in ended
                ended[result.unit] = result.status
    assert set(ended) == set(graph)
    assert schedule.left == 0
    for name, needs in graph.items():
        broken = any(ended[need] != "written" for need in needs)
        assert (ended[name] == "skipped") == broken


def test_a_circle_is_refused() -> None:
    with pytest.raises(PlanError, match="units need each other in a circle: "):
        Schedule([task("a", "b"), task("b", "a")])


def test_a_need_that_is_not_planned_is_refused() -> None:
    with pytest.raises(PlanError, match=r"^a: needs b, which is not part of the plan$"):
        Schedule([task("a", "b")])


def test_stopped_means_stopped() -> None:
    schedule = Schedule([task("a"), task("b")])
    schedule.stop()
    assert schedule.take(2) == []
    assert schedule.left == 2
