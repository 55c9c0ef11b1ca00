"""Hash inputs that several workers take slices of once, in the run itself, while the workers work."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from msgspec.structs import replace

from ...plan.model import InputFile
from ..unit.contents import Content, changed, content, input_path, key_of
from ..unit.results import Failure, Job, UnitResult
from .schedule import Task


class SharedInputs:
    """The contents of shared inputs, each known some time after `begin`."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._hasher = ThreadPoolExecutor(1, "hashing")
        self._found: dict[str, Future[Content | None]] = {}

    def begin(self, task: Task) -> None:
        """Begin to hash the task's shared inputs."""
        for item in _shared(task, self._job):
            if key_of(item) not in self._found:
                path = input_path(item, self._job.data, self._job.out)
                self._found[key_of(item)] = self._hasher.submit(_content, path)

    def informed(self, task: Task) -> Task:
        """Return the task as a worker can do it: with contents where they decide anything, else without."""
        shared = _shared(task, self._job)
        if not shared:
            return task
        if task.made is None and self._job.recipe.namespace is not None:
            return replace(task, hashed_apart=True)
        known = (self._found[key_of(item)].result() for item in shared)
        return replace(task, contents=tuple(each for each in known if each is not None))

    def complete(self, result: UnitResult, *, wait: bool) -> UnitResult | None:
        """Return the result with the sha256 of its inputs; None while they are not known.

        It is a failure where a file changed after a worker began to read it.
        """
        if not wait and not all(self._found[key].done() for key, _ in result.stats):
            return None
        inputs = []
        for key, stat in result.stats:
            known = self._found[key].result()
            if known is None or known.stat != stat:
                _, _, path = key.partition(":")
                why = Failure.of(changed(path))
                return replace(result, status="failed", stats=(), error=result.error or why)
            inputs.append((key, known.sha256))
        return replace(result, inputs=tuple(inputs), stats=()) if inputs else result

    def close(self) -> None:
        self._hasher.shutdown(cancel_futures=True)


def _shared(task: Task, job: Job) -> tuple[InputFile, ...]:
    """Return the task's inputs that are hashed once for all; a worker hashes what it brings here itself."""
    return tuple(task.unit.files) if task.unit.pages is not None and not job.remote else ()


def _content(path: Path) -> Content | None:
    try:
        return content(path)
    except OSError:  # a worker meets the same error, and its result says what is wrong
        return None
