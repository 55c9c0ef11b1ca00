"""Attempt one unit: see whether it is up to date, else do it. The answer is always a result."""

from __future__ import annotations

import traceback

from msgspec import structs

from ...errors import DicombakeError, SourceError
from ...plan.model import InputFile, Unit
from ...store.files import Written
from ..unit.contents import content_sha256, input_path, key_of, remember_content, sealed
from ..unit.results import Failure, Job, UnitResult, Work
from .schedule import Made, Task


def attempt(task: Task, job: Job, work: Work) -> UnitResult:
    """Return the result of one unit; only KeyboardInterrupt and SystemExit pass through."""
    unit = task.unit
    job = structs.replace(job, placed=[])
    try:
        if unit.problem:
            return UnitResult(unit.id, "failed", error=Failure(SourceError.__name__, unit.problem))
        for known in task.contents:
            remember_content(known)
        why = task.why
        if task.made is not None:
            current = _current(unit, task.made, job)
            if isinstance(current, UnitResult):
                return current
            why = current
        if task.hashed_apart:
            job = structs.replace(job, hashed_apart=True)
        if job.remote:
            from ..unit.brought import brought

            job = brought(unit, job, task.known)
        return structs.replace(work(unit, job), why=why)
    except DicombakeError as error:
        why_not = Failure.of(error)
    except MemoryError:
        why_not = NO_MEMORY
    except Exception as error:  # noqa: BLE001  a defect of ours must not take the other units along
        why_not = defect(error)
    return UnitResult(unit.id, "failed", tuple(job.placed), error=why_not)


def convert(unit: Unit, job: Job) -> UnitResult:
    """Carry out one unit; `work` is imported with the first one, so that a run without work does without."""
    from ..unit.work import do_unit

    return do_unit(unit, job)


NO_MEMORY = Failure("MemoryError", "needs more memory than there is", hint="give fewer --jobs")


def defect(error: Exception) -> Failure:
    """Return the failure for an exception that no code foresaw, with its traceback for the report."""
    text = "".join(traceback.format_exception(error))
    return Failure(
        type(error).__name__,
        "this is a defect of dicombake",
        hint="please report it with the traceback",
        traceback=text,
    )


def _sha256(item: InputFile, job: Job) -> str:
    """Return the sha256 (hex) of an input. Raises: OSError, StoreError."""
    if item.base in job.remote:
        return job.place(item.base).sha256(item.path)
    return content_sha256(input_path(item, job.data, job.out))


def _current(unit: Unit, made: Made, job: Job) -> UnitResult | str:
    """Return the result of a unit whose inputs and outputs match the lock; else the difference."""
    out = job.place("out")
    written = []
    for path, known in made.outputs:
        try:
            if out.sha256(path) != known:
                return f"{path} was altered"
            written.append(Written(path, out.stat(path).st_size, known))
        except OSError:
            return f"{path} cannot be read"
    inputs = dict(made.inputs)
    for item in unit.files:
        try:
            if sealed(item, _sha256(item, job)) != inputs[key_of(item)]:
                return f"{item.shown} changed"
        except OSError:
            return f"{item.shown} cannot be read"
    return UnitResult(unit.id, "current", tuple(written), made.inputs)
