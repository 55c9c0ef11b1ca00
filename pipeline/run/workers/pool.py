"""Run units on worker processes of this machine.

Workers get the job once. Units travel in chunks that take about `CHUNK_SECONDS`. A worker that dies (killed
for want of memory, a crash inside a codec) breaks the pool. The units that were under way are then done again
one at a time, and the one that is alone when the pool breaks again has failed. Workers end with the run: each
watches a pipe (its leash), which closes when the run is stopped at once or dies.

Why chunks instead of single units: a unit of small files takes a millisecond, and sending it costs as much.
Why not all units in equal parts: files differ in size by a factor of a thousand, and one worker would be left
with the large ones. Why the units that were under way are done again one at a time: a pool only says that
some process died, and a file that kills every worker must fail alone, without the units beside it.
"""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from types import ModuleType

from ...errors import Note
from ...plan.model import Unit
from ...store.files import Written
from ...store.temporary import remove_leftovers
from ..unit.results import Failure, Job, UnitResult, Work
from .attempt import attempt, defect
from .in_process import run_in_process
from .schedule import Schedule, Task
from .shared import SharedInputs
from .starting import no_interrupt, open_files, start_context
from .worker import Answer, Chunk, begin, do_chunk, ready

CHUNK_SECONDS = 0.25
LONGEST_CHUNK = 64
MOST_WORKERS = 61
"""The most processes that Windows can wait for."""
DEATHS_IN_A_ROW = 4

DIED = Failure(
    "WorkerDied",
    "its worker process died, most likely for want of memory or by a crash in a codec",
    hint="try it alone with --jobs 1 --only",
)


class _NoWorkersError(Exception):
    """The system starts no workers; the message says why."""


def run_pool(
    schedule: Schedule, job: Job, work: Work, jobs: int, tell: Callable[[Note], None]
) -> Generator[UnitResult, None, None]:
    """Yield every result as it comes; where the system starts no workers, this process does the units."""
    pool = _Pool(schedule, job, work, min(jobs, MOST_WORKERS))
    try:
        yield from pool.results()
    except _NoWorkersError as reason:
        text = f"no worker processes could be started ({reason}): one process did the work"
        tell(Note("no-workers", text))
        yield from pool.given_back()
        yield from run_in_process(schedule, job, work)
    finally:
        pool.close()
        pool.shared.close()


@dataclass
class _Pool:
    schedule: Schedule
    job: Job
    work: Work
    jobs: int
    size: int = 1
    deaths: int = 0
    suspects: deque[Task] = field(default_factory=deque)
    under_way: dict[Future[Answer], Chunk] = field(default_factory=dict)
    executor: ProcessPoolExecutor | None = None
    leash: Connection | None = None
    dead: list[str] = field(default_factory=list)
    """Outputs of workers that died, which may have been left half-written."""
    answered: list[UnitResult] = field(default_factory=list)
    """Results whose inputs are still being hashed."""

    def __post_init__(self) -> None:
        self.shared = SharedInputs(self.job)

    def results(self) -> Iterator[UnitResult]:
        while True:
            self._submit()
            yield from self._complete(wait=not self.under_way)
            if not self.under_way:
                if not self.schedule.waiting:
                    return
                continue
            done, _ = wait(self.under_way, timeout=0.5, return_when=FIRST_COMPLETED)
            broken = False
            for future in done:
                chunk = self.under_way.pop(future)
                try:
                    answers, seconds = future.result()
                except BrokenProcessPool:
                    broken = True
                    yield from self._lost(chunk)
                except Exception as error:  # noqa: BLE001  a task or an answer that cannot travel
                    for task in chunk:
                        failed = UnitResult(task.unit.id, "failed", error=defect(error))
                        yield from self.schedule.finish(failed)
                else:
                    self.deaths = 0
                    self._adapt(len(chunk), seconds)
                    self.answered += answers
            if broken:
                yield from self._recover()

    def _complete(self, *, wait: bool) -> Iterator[UnitResult]:
        """Yield the results whose inputs are hashed; with `wait`, also the others when they are."""
        answered, self.answered = self.answered, []
        for answer in answered:
            result = self.shared.complete(answer, wait=wait)
            if result is None:
                self.answered.append(answer)
            else:
                yield from self.schedule.finish(result)

    def _submit(self) -> None:
        """Keep every worker busy, with one more chunk waiting for each; suspects go alone."""
        if self.schedule.stopped:
            self.under_way = {
                future: chunk for future, chunk in self.under_way.items() if not future.cancel()
            }
            return
        if self.suspects and not self.under_way:
            self._send([self.suspects.popleft()])
            return
        alone = any(chunk[0].again for chunk in self.under_way.values())
        while not alone and not self.suspects and len(self.under_way) < 2 * self.jobs:
            fair = -(-self.schedule.waiting // (2 * self.jobs))
            chunk = self.schedule.take(min(self.size, max(fair, 1)))
            if not chunk:
                return
            self._send(chunk)

    def _send(self, chunk: Chunk) -> None:
        future: Future[Answer] = Future()
        self.under_way[future] = chunk
        for task in chunk:
            self.shared.begin(task)
        try:
            if allowed := open_files():
                raise _NoWorkersError(f"this process may open {allowed} files")
            with _starting():
                executor = self._opened()
            informed = [self.shared.informed(task) for task in chunk]
            with _starting():
                sent = executor.submit(do_chunk, informed)
        except BrokenProcessPool as error:
            future.set_exception(error)
        else:
            del self.under_way[future]
            self.under_way[sent] = chunk

    def given_back(self) -> Iterator[UnitResult]:
        """Do in this process what was sent to workers, or was to be sent."""
        tasks = [*self.suspects, *(task for chunk in self.under_way.values() for task in chunk)]
        self.suspects.clear()
        self.close()
        self.under_way.clear()
        yield from self._complete(wait=True)
        for task in tasks:
            yield from self.schedule.finish(attempt(task, self.job, self.work))

    def _opened(self) -> ProcessPoolExecutor:
        if self.executor is not None:
            return self.executor
        context = start_context()
        end, self.leash = context.Pipe(duplex=False)
        self.executor = ProcessPoolExecutor(
            self.jobs, mp_context=context, initializer=begin, initargs=(self.job, self.work, end)
        )
        for _ in range(self.jobs):
            self.executor.submit(ready)
        return self.executor

    def _adapt(self, units: int, seconds: float) -> None:
        """Adapt the size of chunks step by step to the wanted time."""
        wanted = int(CHUNK_SECONDS * units / seconds) if seconds > 0 else LONGEST_CHUNK
        self.size = max(1, min(wanted, 4 * self.size, LONGEST_CHUNK))

    def _lost(self, chunk: Chunk) -> Iterator[UnitResult]:
        """Yield the results of a chunk whose worker died; a unit that was alone has failed."""
        alone = len(chunk) == 1 and chunk[0].again
        self.dead += [output.path for task in chunk for output in task.unit.outputs]
        if alone:
            self.deaths += 1
            yield from self.schedule.finish(
                UnitResult(chunk[0].unit.id, "failed", self._placed(chunk[0].unit), error=DIED)
            )
        else:
            self.suspects.extend(replace(task, again=True) for task in chunk)

    def _placed(self, unit: Unit) -> tuple[Written, ...]:
        """Return the outputs that a dead worker put in place."""
        found = []
        for output in unit.outputs:
            sha256 = self.job.claims.proves(output.path) if self.job.claims is not None else ""
            if sha256:
                size = self.job.out.joinpath(*output.path.split("/")).stat().st_size
                found.append(Written(output.path, size, sha256))
        return tuple(found)

    def _recover(self) -> Iterator[UnitResult]:
        for chunk in self.under_way.values():
            yield from self._lost(chunk)
        self.under_way.clear()
        # A worker that was just starting when another one died is waited for without end: closing the leash
        # ends it.
        self.close(cut=True)
        remove_leftovers(self.job.out, self.dead)
        self.dead.clear()
        self.size = 1
        if self.deaths >= DEATHS_IN_A_ROW:
            yield from self._give_up()

    def _give_up(self) -> Iterator[UnitResult]:
        """Fail all units that are left: workers die whatever they do (they cannot start, say)."""
        why = Failure("WorkerDied", "worker processes die whatever they do", hint="try --jobs 1")
        rest = [*self.suspects]
        self.suspects.clear()
        while rest:
            for task in rest:
                yield from self.schedule.finish(UnitResult(task.unit.id, "failed", error=why))
            rest = self.schedule.take(self.schedule.waiting)

    def close(self, *, cut: bool = False) -> None:
        """End the workers: idle ones end by themselves, busy ones because their leash is closed.

        `cut`: close the leash in any case.
        """
        if self.executor is None:
            return
        executor, self.executor = self.executor, None
        if (cut or self.under_way) and self.leash is not None:
            self.leash.close()
        with no_interrupt():
            executor.shutdown(wait=True, cancel_futures=True)
        if self.leash is not None:
            self.leash.close()


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """Start workers without importing the main program in them: they need none of it.

    Raises: _NoWorkersError, where the system starts none, or the server that starts them was killed.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        with no_interrupt():
            yield
    except OSError as error:
        raise _NoWorkersError(error.strerror or str(error)) from error
    except EOFError as error:
        raise _NoWorkersError("the process that starts them was killed") from error
    finally:
        sys.modules["__main__"] = main
