"""Decide which unit may start next, and which must not start any more."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import islice

from msgspec import Struct

from ...errors import PlanError
from ...plan.model import Unit
from ...reading import Fingerprint
from ..unit.contents import Content
from ..unit.results import Failure, UnitResult


class Made(Struct, frozen=True, gc=False):
    """What the lock says of a unit: (key, sha256) of each input, (path, sha256) of each output."""

    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]


class Task(Struct, frozen=True, gc=False):
    """One unit to do; `made` is set where it may turn out to be up to date."""

    unit: Unit
    number: int = 0
    """Its position in the plan, from 0."""
    made: Made | None = None
    why: str = ""
    """The reason why it is done, where that is known without opening a file."""
    again: bool = False
    """Whether a worker died while doing it, perhaps with some outputs in place."""
    contents: tuple[Content, ...] = ()
    """Contents of its inputs that are known already."""
    known: tuple[Fingerprint, ...] = ()
    """The states of its files, in the unit's order, as they were listed in an object store."""
    hashed_apart: bool = False
    """Whether the run hashes the inputs; then the worker only gives their stat()."""


Chunk = list[Task]
"""Tasks that go to a worker together."""


class Schedule:
    """The tasks of a run in the order of their needs; those that depend on a failure are skipped."""

    def __init__(self, tasks: Iterable[Task], done: Collection[str] = ()) -> None:
        """Take the tasks; `done` are ids of units that need not be done.

        Raises: PlanError, where units need each other in a circle or need one that is not planned.
        """
        self._tasks = {task.unit.id: task for task in tasks}
        self._blocked: dict[str, str] = {}
        self._sorter: TopologicalSorter[str] = TopologicalSorter(_needs(self._tasks, done))
        self.stopped = False
        try:
            self._sorter.prepare()
        except CycleError as error:
            raise PlanError(f"units need each other in a circle: {' -> '.join(error.args[1])}") from error
        self._ready: deque[str] = deque(self._sorter.get_ready())
        self.left = len(self._tasks)
        """Number of tasks that are not finished."""

    @property
    def waiting(self) -> int:
        """The number of tasks that can be taken now."""
        return 0 if self.stopped else len(self._ready)

    def take(self, most: int = 1) -> list[Task]:
        """Return up to `most` tasks that may start; none after `stop`, or while all wait for others."""
        return [self._tasks[self._ready.popleft()] for _ in range(min(most, self.waiting))]

    def finish(self, result: UnitResult) -> list[UnitResult]:
        """Note a result; return it and those of the units that are skipped because of it, in order."""
        results, news = [], deque([result])
        while news:
            done = news.popleft()
            results.append(done)
            self.left -= 1
            self._sorter.done(done.unit)
            if done.status in ("failed", "skipped"):
                self._block(done)
            for name in self._sorter.get_ready():
                if name in self._blocked:
                    news.append(_skipped(name, f"not done: it needs {self._blocked[name]}, which failed"))
                else:
                    self._ready.append(name)
        return results

    def task(self, name: str) -> Task:
        """Return the task of a result that was finished, once. Raises: KeyError."""
        return self._tasks[name]

    def stop(self) -> None:
        """Let no further task start."""
        self.stopped = True

    def _block(self, done: UnitResult) -> None:
        cause = self._blocked.get(done.unit, done.unit)
        for name in self._dependents().get(done.unit, ()):
            self._blocked.setdefault(name, cause)

    def _dependents(self) -> Mapping[str, list[str]]:
        if not hasattr(self, "_reverse"):
            self._reverse: dict[str, list[str]] = {}
            for task in self._tasks.values():
                for need in task.unit.needs:
                    self._reverse.setdefault(need, []).append(task.unit.id)
        return self._reverse


class Stream(Schedule):
    """The tasks of a run of which none needs another: each is made when it is taken."""

    def __init__(self, tasks: Iterator[Task], count: int) -> None:
        super().__init__(())
        self._following = tasks
        self._untaken = self.left = count

    @property
    def waiting(self) -> int:
        return 0 if self.stopped else self._untaken

    def take(self, most: int = 1) -> list[Task]:
        tasks = list(islice(self._following, min(most, self.waiting)))
        self._untaken -= len(tasks)
        self._tasks |= {task.unit.id: task for task in tasks}
        return tasks

    def finish(self, result: UnitResult) -> list[UnitResult]:
        self.left -= 1
        return [result]

    def task(self, name: str) -> Task:
        return self._tasks.pop(name)


def _needs(tasks: Mapping[str, Task], done: Collection[str]) -> dict[str, tuple[str, ...]]:
    needs = {}
    for name, task in tasks.items():
        needs[name] = tuple(need for need in task.unit.needs if need not in done)
        for need in needs[name]:
            if need not in tasks:
                raise PlanError(f"needs {need}, which is not part of the plan", subject=name)
    return needs


def _skipped(name: str, why: str) -> UnitResult:
    return UnitResult(name, "skipped", error=Failure("Skipped", why))


def unreached(unit: str, why: str) -> UnitResult:
    """Return the result of a unit that a stopped run did not come to."""
    return _skipped(unit, why)
