"""Run units in this process, decide how many processes are worth starting, and handle Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from types import FrameType

from ...loaders.kept_map import keep, let_go
from ...places.cores import cores
from ...plan.model import BASES, Plan, Unit
from ..unit.results import Job, UnitResult, Work
from .attempt import attempt
from .schedule import Schedule
from .size import SMALL_RUN, work_of


def workers(plan: Plan, units: Sequence[Unit], jobs: int | None) -> int:
    """Return how many processes to use for these units.

    `jobs` None: as many as there are cores, one for a small run.
    """
    if jobs is None:
        jobs = 1 if _is_small(plan, units) else cores()
    return max(1, min(jobs, len(units)))


def _is_small(plan: Plan, units: Sequence[Unit]) -> bool:
    total = 0
    places = {base: plan.place(base) for base in BASES}
    for item in (item for unit in units for item in unit.inputs):
        with contextlib.suppress(OSError):
            total += work_of(item.path, places[item.base].stat(item.path).st_size)
        if total > SMALL_RUN:
            return False
    return True


class InProcess:
    """The executor without workers: this process does every unit."""

    graceful = False
    remote = False

    def begin(self, job: Job) -> None:
        """Do nothing."""

    def results(self, schedule: Schedule, job: Job, work: Work) -> Generator[UnitResult, None, None]:
        """Yield every result as it comes."""
        return run_in_process(schedule, job, work)

    def end(self) -> None:
        """Do nothing."""


def run_in_process(schedule: Schedule, job: Job, work: Work) -> Generator[UnitResult, None, None]:
    """Yield every result as it comes, from this process."""
    keep()
    try:
        while tasks := schedule.take():
            yield from schedule.finish(attempt(tasks[0], job, work))
    finally:
        let_go()
        if job.remote:
            from ..unit.brought import let_go as let_go_objects

            let_go_objects()


@contextlib.contextmanager
def interrupts(stop: Callable[[], None], *, graceful: bool) -> Iterator[None]:
    """Handle Ctrl-C: the first lets workers finish what they write, the second is a KeyboardInterrupt.

    Where the caller has set it to be ignored (a job in the background), it stays ignored.
    """
    before = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not graceful or not in_main_thread or before is signal.SIG_IGN:
        yield
        return

    def first(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stop()

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
