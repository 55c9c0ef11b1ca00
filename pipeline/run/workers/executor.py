"""What every executor is: this process alone, a pool of processes, a cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from ...errors import Note
from ...plan.model import Plan, Unit
from ..unit.results import Job, UnitResult, Work
from .in_process import InProcess, workers
from .schedule import Schedule


class Executor(Protocol):
    """Carries out the tasks of a schedule. Units, results, failures and their order of needs are the same."""

    @property
    def graceful(self) -> bool:
        """Whether units that are under way are finished after the first Ctrl-C."""

    @property
    def remote(self) -> bool:
        """Whether workers may run on other machines, and so outlive this process."""

    def begin(self, job: Job) -> None:
        """Make workers ready, before anything is written. Raises: DicombakeError, where they cannot do it."""

    def results(self, schedule: Schedule, job: Job, work: Work) -> Generator[UnitResult, None, None]:
        """Yield one result for each task that starts before `schedule.stop()`, as they come.

        Closing the generator, or an exception in it, stops what is under way. A unit that ends its worker
        fails by name, and others do not.
        """

    def end(self) -> None:
        """Let go of the workers. Called however the run ends, also after `begin` failed."""


def local_executor(
    plan: Plan, units: Sequence[Unit], jobs: int | None, note: Callable[[Note], None]
) -> Executor:
    """Return the executor of this machine for some units. `jobs`: as in `RunOptions`."""
    count = workers(plan, units, jobs)
    if count == 1:
        return InProcess()
    from .pool import Pool

    return Pool(count, note)
