"""Run units on the workers of a Dask cluster.

Dask carries chunks to workers and tells who is there. Which worker does what is decided here, so that it is
known whom a unit was with when a worker died: a chunk goes to one worker, and to no other if that one dies. A
worker has one chunk that it does and one that waits for it. What a dead worker had is done again unit by
unit, each alone on its worker; a unit that three workers died of has failed.

A worker that is thought dead may go on (a network that was cut). It does no harm: its temporary files have
names of their own, the same input makes the same bytes, a file that is there already with them is left as it
is, and when the run has ended, nothing is put in place any more (`store.claims`).
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ....errors import ClusterError
from ...unit.results import Failure, Job, UnitResult, Work
from ..chunks import Chunks
from ..schedule import Chunk, Schedule, Task
from .packing import pack, unpack_answer
from .settings import ClusterSettings

if TYPE_CHECKING:
    from .connection import Answered, Connection, Event
    from .look import Wanted

CHUNK_SECONDS = 0.5
CHUNKS_A_SECOND = 200
"""Chunks that all workers together may ask for: Dask's scheduler takes about a millisecond for each."""
LONGEST_CHUNK = 512
EACH = 2
"""Chunks with a worker: one that it does, and one that waits."""
DEATHS = 3
"""Workers that die of a unit before it has failed."""
FAILURES_IN_A_ROW = 20
"""Units that fail by the death of workers, with none between them that is done, before all are given up."""

DIED = Failure(
    "WorkerDied",
    f"{DEATHS} workers died while they did it, most likely for want of memory or by a crash in a codec",
    hint="try it alone with --jobs 1 --only",
)
ALL_DIE = Failure("WorkerDied", "workers die whatever they do", hint="look at the workers' own logs")


class Cluster:
    """The executor of a Dask cluster."""

    graceful = True
    remote = True

    def __init__(
        self,
        settings: ClusterSettings,
        wanted: Callable[[Job], Wanted],
        tell: Callable[[str], None],
    ) -> None:
        """`wanted`: what workers must have for a job."""
        self._settings = settings
        self._wanted = wanted
        self._tell = tell
        self._started: Any = None
        self._connection: Connection | None = None

    def begin(self, job: Job) -> None:
        """Connect, and refuse workers that would not do what this process does. Raises: DicombakeError."""
        from .connection import Connection

        address = self._settings.check()
        if self._settings.kind == "slurm":
            from .slurm import start

            self._started = start(self._settings.jobs or 1)
        self._connection = Connection(self._started or address, self._wanted(job))
        if self._connection.dashboard:
            self._tell(f"dashboard: {self._connection.dashboard}")
        found = self._connection.first()
        self._connection.events.put(found)

    def results(self, schedule: Schedule, job: Job, work: Work) -> Generator[UnitResult, None, None]:
        """Yield every result as it comes. Raises: ClusterError, where the scheduler is gone for good."""
        assert self._connection is not None
        chunks = Chunks(schedule, job, CHUNK_SECONDS, LONGEST_CHUNK)
        most = self._settings.jobs if self._settings.kind == "dask" else None
        sending = _Sending(chunks, work, self._connection, most, self._tell)
        try:
            yield from sending.results()
        finally:
            self._connection.cancel([sent.future for sent in sending.under_way.values()])
            chunks.remove_leftovers(sending.left)
            chunks.close()

    def end(self) -> None:
        """Let go of the cluster, and end the workers that were started for this run."""
        if self._connection is not None:
            self._connection.close()
        if self._started is not None:
            with suppress(OSError, TimeoutError, RuntimeError):
                self._started.close(timeout=10)


@dataclass
class _Sent:
    chunk: Chunk
    worker: str
    future: Any


@dataclass
class _Sending:
    chunks: Chunks
    work: Work
    connection: Connection
    most: int | None
    tell: Callable[[str], None]
    workers: dict[str, deque[str]] = field(default_factory=dict)
    """By address: the keys of the chunks that it has, in order; it does the first."""
    under_way: dict[str, _Sent] = field(default_factory=dict)
    back: deque[Chunk] = field(default_factory=deque)
    """Chunks that a worker had not begun when it went."""
    deaths: Counter[str] = field(default_factory=Counter)
    """By unit: the workers that died while they did it, or a chunk with it."""
    failures: int = 0
    left: list[str] = field(default_factory=list)
    """Outputs of dead workers, which may have been left half-written."""
    alone: bool = False
    """Whether the scheduler does not answer."""
    count: int = 0

    def __post_init__(self) -> None:
        self.schedule = self.chunks.schedule
        self.start = f"dicombake-{os.urandom(6).hex()}"

    def results(self) -> Iterator[UnitResult]:
        while True:
            self._submit()
            yield from self.chunks.complete(wait=not self.under_way)
            if not self.under_way and not self._waiting():
                return
            for event in self._events():
                yield from self._take(event)

    def _waiting(self) -> bool:
        waits = self.schedule.waiting or self.back or self.chunks.suspects
        return bool(waits) and not self.schedule.stopped

    def _events(self) -> Iterator[Event]:
        """Yield what has happened; where nothing has, wait for half a second."""
        with suppress(Empty):
            yield self.connection.events.get(timeout=0.5)
            while True:
                yield self.connection.events.get_nowait()

    def _take(self, event: Event) -> Iterator[UnitResult]:
        from .connection import Answered, Present

        if isinstance(event, Present):
            yield from self._present(event.workers, event.news)
        elif isinstance(event, Answered):
            yield from self._answered(event)
        elif event.closed:
            raise ClusterError(
                "the scheduler is gone",
                hint="what was done is whole and noted: run again, it goes on from here",
            )
        elif not self.alone:
            self.alone = True
            self.tell("the scheduler does not answer; waiting for it")

    def _present(self, there: tuple[str, ...], news: tuple[str, ...]) -> Iterator[UnitResult]:
        """Take note of who is there: give what dead workers had to others."""
        for line in news:
            self.tell(f"not used: {line}")
        self.alone = False
        chosen = [*(worker for worker in self.workers if worker in there)]
        new = [worker for worker in there if worker not in self.workers]
        chosen = [*chosen, *new][: self.most]
        gone = [worker for worker in self.workers if worker not in there]
        for worker in gone:
            keys = self.workers.pop(worker)
            self.connection.cancel([self.under_way[key].future for key in keys])
            for key in keys:
                # it may have ended the first one and begun the second, whose answer is lost with it
                yield from self._lost(self.under_way.pop(key).chunk, begun=True)
        before = len(self.workers)
        self.chunks.seconds = max(CHUNK_SECONDS, len(chosen) / CHUNKS_A_SECOND)
        self.workers |= {worker: deque() for worker in chosen if worker not in self.workers}
        if gone or len(self.workers) != before or not self.workers:
            self.tell(f"workers: {len(self.workers)}{'' if self.workers else '; waiting for one'}")

    def _submit(self) -> None:
        """Keep every worker busy, with one more chunk waiting for each."""
        if self.schedule.stopped:
            self._drop_waiting()
            return
        for already in range(EACH):
            for worker, keys in self.workers.items():
                if len(keys) == already and not self.alone and not self._has_suspect(keys):
                    chunk = self._next(alone=not keys)
                    if not chunk:
                        return
                    self._send(worker, chunk)

    def _has_suspect(self, keys: deque[str]) -> bool:
        """Tell whether a worker does a unit that others died of: nothing else is given to it meanwhile."""
        return any(self.under_way[key].chunk[0].again for key in keys)

    def _next(self, *, alone: bool) -> Chunk:
        if self.chunks.suspects and alone:
            return [self.chunks.suspects.popleft()]
        if self.back:
            return self.back.popleft()
        return self.chunks.take(len(self.workers))

    def _send(self, worker: str, chunk: Chunk) -> None:
        self.chunks.hash_shared(chunk)
        packed = pack(self.chunks.job, self.work, self.chunks.informed(chunk))
        self.count += 1
        key = f"{self.start}-{self.count}"
        self.workers[worker].append(key)
        self.under_way[key] = _Sent(chunk, worker, self.connection.send(key, worker, packed))

    def _drop_waiting(self) -> None:
        """Cancel what no worker has begun."""
        waiting = [key for keys in self.workers.values() for key in list(keys)[1:]]
        self.connection.cancel([self.under_way.pop(key).future for key in waiting])
        for keys in self.workers.values():
            while len(keys) > 1:
                keys.pop()

    def _answered(self, event: Answered) -> Iterator[UnitResult]:
        sent = self.under_way.get(event.key)
        if sent is None:
            return  # from a worker that was given up
        keys = self.workers.get(sent.worker)
        begun = keys is None or (bool(keys) and keys[0] == event.key)
        if keys is not None:
            keys.remove(event.key)
        del self.under_way[event.key]
        if isinstance(event.answer, bytes):
            answers, seconds = unpack_answer(event.answer)
            self.failures = 0
            self.chunks.take_answer([replace(each, worker=sent.worker) for each in answers], seconds)
        elif event.answer is None:
            yield from self._lost(sent.chunk, begun=begun and event.killed)
        else:
            for task in sent.chunk:
                yield from self.chunks.fail(task, event.answer)

    def _lost(self, chunk: Chunk, *, begun: bool) -> Iterator[UnitResult]:
        """Put what was lost with a worker back; a unit that three died of has failed."""
        if not begun:
            if chunk[0].again:
                self.chunks.suspects.extend(chunk)
            else:
                self.back.append(chunk)
            return
        paths = [output.path for task in chunk for output in task.unit.outputs]
        self.chunks.remove_leftovers(paths)
        self.left += paths
        for task in chunk:
            self.deaths[task.unit.id] += 1
            again = replace(task, again=True)
            if self.deaths[task.unit.id] < DEATHS:
                self.chunks.suspects.append(again)
            else:
                yield from self._give_up(again)

    def _give_up(self, task: Task) -> Iterator[UnitResult]:
        self.failures += 1
        yield from self.chunks.fail(task, DIED)
        if self.failures >= FAILURES_IN_A_ROW:
            self.chunks.suspects.extend(task for chunk in self.back for task in chunk)
            self.back.clear()
            yield from self.chunks.fail_rest(ALL_DIE)
