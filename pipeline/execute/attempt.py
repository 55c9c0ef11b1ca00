"""One unit, on whatever worker: see whether it is up to date, else do it; always a result."""

from __future__ import annotations

import dataclasses
import traceback
from pathlib import Path

from ..errors import DicombakeError, SourceError
from ..store import Written, file_sha256
from .fingerprint import content_sha256, fingerprint, input_path, key_of
from .results import Failure, Job, UnitResult, Work
from .schedule import Made, Task


def attempt(task: Task, job: Job, work: Work) -> UnitResult:
    """The result of one unit; only KeyboardInterrupt and SystemExit pass through."""
    unit = task.unit
    try:
        if unit.problem:
            return UnitResult(unit.id, "failed", error=Failure(SourceError.__name__, unit.problem))
        current = _current(task, task.made, job) if task.made else None
        if current is not None:
            return current
        if task.again:
            job = dataclasses.replace(job, ours=job.ours | {output.path for output in unit.outputs})
        return work(unit, job)
    except DicombakeError as error:
        return UnitResult(unit.id, "failed", error=Failure.of(error))
    except MemoryError:
        return UnitResult(unit.id, "failed", error=NO_MEMORY)
    except Exception as error:  # noqa: BLE001  a defect of ours must not take the other units along
        return UnitResult(unit.id, "failed", error=defect(error))


NO_MEMORY = Failure("MemoryError", "needs more memory than there is", hint="give fewer --jobs")


def defect(error: Exception) -> Failure:
    """An exception that no code foresaw; its traceback is kept for the report."""
    text = "".join(traceback.format_exception(error))
    return Failure(
        type(error).__name__,
        "this is a defect of dicombake",
        hint="please report it with the traceback",
        traceback=text,
    )


def _current(task: Task, made: Made, job: Job) -> UnitResult | None:
    """The result of a unit whose inputs, options and outputs are those that the lock knows, else None."""
    try:
        written = tuple(_known(job.out, path, known) for path, known in made.outputs)
        if None in written:
            return None
        inputs = {
            key_of(item): content_sha256(input_path(item, job.data, job.out)) for item in task.unit.inputs
        }
    except OSError:
        return None
    if fingerprint(task.options, inputs) != made.fingerprint:
        return None
    return UnitResult(
        task.unit.id, "current", tuple(file for file in written if file is not None), tuple(inputs.items())
    )


def _known(out: Path, path: str, known: str) -> Written | None:
    file = out.joinpath(*path.split("/"))
    return Written(path, file.stat().st_size, known) if file_sha256(file) == known else None
