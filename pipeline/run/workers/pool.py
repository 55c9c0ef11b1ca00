"""Run units on worker processes of this machine.

Workers get the job once. A worker that dies (killed for want of memory, a crash inside a codec) breaks the
pool. The units that were under way are then done again one at a time, and the one that is alone when the pool
breaks again has failed. Workers end with the run: each watches a pipe (its leash), which closes when the run
is stopped at once or dies.

Why the units that were under way are done again one at a time: a pool only says that some process died, and a
file that kills every worker must fail alone, without the units beside it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import ModuleType

from msgspec.structs import replace

from ...errors import Note
from ..unit.results import Failure, Job, UnitResult, Work
from .attempt import attempt
from .chunks import Chunks
from .in_process import run_in_process
from .schedule import Chunk, Schedule
from .starting import no_interrupt, open_files, start_context
from .worker import Answer, begin, do_chunk, ready

MOST_WORKERS = 61
"""The most processes that Windows can wait for."""
DEATHS_IN_A_ROW = 4

DIED = Failure(
    "WorkerDied",
    "its worker process died, most likely for want of memory or by a crash in a codec",
    hint="try it alone with --jobs 1 --only",
)
ALL_DIE = Failure("WorkerDied", "worker processes die whatever they do", hint="try --jobs 1")


class _NoWorkersError(Exception):
    """The system starts no workers; the message says why."""


class Pool:
    """The executor of several processes; where the system starts none, this process does the units."""

    graceful = True
    remote = False

    def __init__(self, jobs: int, note: Callable[[Note], None]) -> None:
        self._jobs = min(jobs, MOST_WORKERS)
        self._note = note

    def begin(self, job: Job) -> None:
        """Do nothing: workers start with the first unit."""

    def results(self, schedule: Schedule, job: Job, work: Work) -> Generator[UnitResult, None, None]:
        """Yield every result as it comes."""
        pool = _Pool(Chunks(schedule, job), work, self._jobs)
        try:
            yield from pool.results()
        except _NoWorkersError as reason:
            text = f"no worker processes could be started ({reason}): one process did the work"
            self._note(Note("no-workers", text))
            yield from pool.given_back()
            yield from run_in_process(schedule, job, work)
        finally:
            pool.close()
            pool.chunks.close()

    def end(self) -> None:
        """Do nothing: workers ended with the results."""


@dataclass
class _Pool:
    chunks: Chunks
    work: Work
    jobs: int
    deaths: int = 0
    under_way: dict[Future[Answer], Chunk] = field(default_factory=dict)
    executor: ProcessPoolExecutor | None = None
    leash: Connection | None = None
    dead: list[str] = field(default_factory=list)
    """Outputs of workers that died, which may have been left half-written."""

    def __post_init__(self) -> None:
        self.schedule = self.chunks.schedule
        self.job = self.chunks.job

    def results(self) -> Iterator[UnitResult]:
        while True:
            self._submit()
            yield from self.chunks.complete(wait=not self.under_way)
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
                        yield from self.chunks.fail(task, error)
                else:
                    self.deaths = 0
                    self.chunks.take_answer(answers, seconds)
            if broken:
                yield from self._recover()

    def _submit(self) -> None:
        """Keep every worker busy, with one more chunk waiting for each; suspects go alone."""
        if self.schedule.stopped:
            self.under_way = {
                future: chunk for future, chunk in self.under_way.items() if not future.cancel()
            }
            return
        suspects = self.chunks.suspects
        if suspects and not self.under_way:
            self._send([suspects.popleft()])
            return
        alone = any(chunk[0].again for chunk in self.under_way.values())
        while not alone and not suspects and len(self.under_way) < 2 * self.jobs:
            chunk = self.chunks.take(self.jobs)
            if not chunk:
                return
            self._send(chunk)

    def _send(self, chunk: Chunk) -> None:
        future: Future[Answer] = Future()
        self.under_way[future] = chunk
        self.chunks.hash_shared(chunk)
        try:
            if allowed := open_files():
                raise _NoWorkersError(f"this process may open {allowed} files")
            with _starting():
                executor = self._opened()
            informed = self.chunks.informed(chunk)
            with _starting():
                sent = executor.submit(do_chunk, informed)
        except BrokenProcessPool as error:
            future.set_exception(error)
        else:
            del self.under_way[future]
            self.under_way[sent] = chunk

    def given_back(self) -> Iterator[UnitResult]:
        """Do in this process what was sent to workers, or was to be sent."""
        tasks = [*self.chunks.suspects, *(task for chunk in self.under_way.values() for task in chunk)]
        self.chunks.suspects.clear()
        self.close()
        self.under_way.clear()
        yield from self.chunks.complete(wait=True)
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

    def _lost(self, chunk: Chunk) -> Iterator[UnitResult]:
        """Yield the results of a chunk whose worker died; a unit that was alone has failed."""
        self.dead += [output.path for task in chunk for output in task.unit.outputs]
        if len(chunk) == 1 and chunk[0].again:
            self.deaths += 1
            yield from self.chunks.fail(chunk[0], DIED)
        else:
            self.chunks.suspects.extend(replace(task, again=True) for task in chunk)

    def _recover(self) -> Iterator[UnitResult]:
        for chunk in self.under_way.values():
            yield from self._lost(chunk)
        self.under_way.clear()
        # A worker that was just starting when another one died is waited for without end: closing the leash
        # ends it.
        self.close(cut=True)
        self.chunks.remove_leftovers(self.dead)
        self.dead.clear()
        self.chunks.size = 1
        if self.deaths >= DEATHS_IN_A_ROW:
            yield from self.chunks.fail_rest(ALL_DIE)

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
