"""Send the tasks of a schedule to workers in chunks, and take their answers: the same for pool and cluster.

Why chunks instead of single units: a unit of small files takes a millisecond, and sending it costs as much.
Why not all units in equal parts: files differ in size by a factor of a thousand, and one worker would be left
with the large ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ...plan.model import Unit
from ...store.files import Written
from ...store.temporary import remove_leftovers
from ..unit.results import Failure, Job, UnitResult
from .attempt import defect
from .schedule import Chunk, Schedule, Task
from .shared import SharedInputs

CHUNK_SECONDS = 0.25
LONGEST_CHUNK = 64


@dataclass
class Chunks:
    """The tasks that wait, in chunks that take about `seconds`, and the results that come back."""

    schedule: Schedule
    job: Job
    seconds: float = CHUNK_SECONDS
    longest: int = LONGEST_CHUNK
    size: int = 1
    suspects: deque[Task] = field(default_factory=deque)
    """Tasks that were under way when a worker died; they go alone."""
    answered: list[UnitResult] = field(default_factory=list)
    """Results whose inputs are still being hashed."""

    def __post_init__(self) -> None:
        self.shared = SharedInputs(self.job)

    def take(self, jobs: int) -> Chunk:
        """Return the tasks that a worker out of `jobs` does next; none where none can start."""
        fair = -(-self.schedule.waiting // (2 * jobs))
        return self.schedule.take(min(self.size, max(fair, 1)))

    def hash_shared(self, chunk: Chunk) -> None:
        """Begin to hash the inputs that several workers take slices of."""
        for task in chunk:
            self.shared.begin(task)

    def informed(self, chunk: Chunk) -> Chunk:
        """Return the tasks as workers can do them."""
        return [self.shared.informed(task) for task in chunk]

    def take_answer(self, answers: list[UnitResult], seconds: float) -> None:
        """Take the results of a chunk, and adapt the size of the next ones step by step."""
        wanted = int(self.seconds * len(answers) / seconds) if seconds > 0 else self.longest
        self.size = max(1, min(wanted, 4 * self.size, self.longest))
        self.answered += answers

    def complete(self, *, wait: bool) -> Iterator[UnitResult]:
        """Yield the results whose inputs are hashed; with `wait`, also the others when they are."""
        answered, self.answered = self.answered, []
        for answer in answered:
            result = self.shared.complete(answer, wait=wait)
            if result is None:
                self.answered.append(answer)
            else:
                yield from self.schedule.finish(result)

    def fail(self, task: Task, why: Failure | Exception) -> Iterator[UnitResult]:
        """Yield the failure of a task, with what its dead worker put in place, and what is skipped for it."""
        error = defect(why) if isinstance(why, Exception) else why
        placed = self._placed(task.unit) if task.again else ()
        yield from self.schedule.finish(UnitResult(task.unit.id, "failed", placed, error=error))

    def _placed(self, unit: Unit) -> tuple[Written, ...]:
        """Return the outputs that a dead worker put in place."""
        found = []
        for output in unit.outputs:
            sha256 = self.job.claims.proves(output.path) if self.job.claims is not None else ""
            if sha256:
                size = self.job.place("out").stat(output.path).st_size
                found.append(Written(output.path, size, sha256))
        return tuple(found)

    def fail_rest(self, why: Failure) -> Iterator[UnitResult]:
        """Fail all tasks that wait: workers die whatever they do."""
        rest = [*self.suspects]
        self.suspects.clear()
        while rest:
            for task in rest:
                yield from self.fail(task, why)
            rest = self.schedule.take(self.schedule.waiting)

    def remove_leftovers(self, paths: Collection[str]) -> None:
        """Remove what dead workers left beside these outputs; an object store shows nothing half-sent."""
        if "out" not in self.job.remote:
            remove_leftovers(self.job.out, paths)

    def close(self) -> None:
        self.shared.close()
