"""Plan -> Outcome: look, write, note what was written."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from ..errors import DicombakeError, DifferenceError, Note, PlanError
from ..lock import Lock, format_lock
from ..plan import Plan, Unit
from ..state import State
from ..store import held, remove_leftovers
from .attempt import attempt
from .fingerprint import fingerprint
from .forecast import forecast
from .ownership import SHOWN, absolute, existing_of_ours
from .pool import run_pool
from .results import Job, Outcome, UnitResult, Watching, Work
from .schedule import Schedule, unreached
from .versions import codecs, program_version

SMALL_RUN = 16 * 2**20
"""Bytes of input below which starting workers costs more than it saves."""


@dataclass(frozen=True)
class RunOptions:
    """How a plan is carried out."""

    jobs: int | None = 1
    """Worker processes; 1: this process; None: as many as there are cores, this one for a small run."""
    overwrite: bool = False
    """Replace files that the recipe did not write."""
    force: bool = False
    """Do units that are up to date, too."""
    locked: bool = False
    """Put nothing in place that is not what the lock says."""
    fail_fast: bool = False
    durable: bool = False
    """Wait for the disk after every file."""
    partial: bool = False
    """The plan leaves conversions out (``--only``): what the lock says of others is kept."""


class Unwatched:
    """Nobody follows the run."""

    def start(self, units: int) -> None:
        """Nothing."""

    def finished(self, unit: object, result: UnitResult) -> None:
        """Nothing."""

    def stopping(self) -> None:
        """Nothing."""


def run_plan(
    plan: Plan, options: RunOptions | None = None, watching: Watching | None = None, work: Work | None = None
) -> Outcome:
    """Carry out a plan; the lock is brought up to date with what was written, also after Ctrl-C.

    Raises:
        PlanError: files in the way, or another run of the recipe going on; nothing was written.
        DifferenceError: with `locked`, where the lock does not name the plan's outputs.
        StoreError: the lock cannot be written, or workers cannot be started.
    """
    return _Run(plan, options or RunOptions(), watching or Unwatched(), work or convert).carry_out()


def convert(unit: Unit, job: Job) -> UnitResult:
    """The real unit of work, loaded when the first unit needs it; where all is up to date, none does."""
    from .work import do_unit

    return do_unit(unit, job)


def look(plan: Plan, options: RunOptions) -> tuple[Lock, DicombakeError | None]:
    """What a run would find: the lock, and what would stop it before anything is written.

    Raises: PlanError, where the lock cannot be read.
    """
    state = State(plan.loaded.path)
    lock = state.lock()
    try:
        if options.locked:
            check_locked(plan, lock, state.lock_file, partial=options.partial)
        existing_of_ours(plan, lock.outputs, state.written(), overwrite=options.overwrite)
    except DicombakeError as error:
        return lock, error
    return lock, None


def check_locked(plan: Plan, lock: Lock, file: Path, *, partial: bool) -> None:
    """The outputs of the plan are those of the lock. Raises: DifferenceError."""
    planned = {output.path for unit in plan.units for output in unit.outputs}
    if planned and not lock.outputs:
        raise DifferenceError("there is no lock", subject=str(file), hint="run without --locked to make one")
    missing = sorted(planned - set(lock.outputs))
    surplus = [] if partial else sorted(set(lock.outputs) - planned)
    for paths, what in ((missing, "does not know"), (surplus, "names what would not be made:")):
        if paths:
            more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
            raise DifferenceError(f"{what} {', '.join(paths[:SHOWN])}{more}", subject=str(file))


class _Run:
    def __init__(self, plan: Plan, options: RunOptions, watching: Watching, work: Work) -> None:
        self.plan = plan
        self.options = options
        self.watching = watching
        self.work = work
        self.state = State(plan.loaded.path)
        self.units = {unit.id: unit for unit in plan.units}
        self.described: dict[str, str] = {}
        self.results: dict[str, UnitResult] = {}
        self.notes = list(plan.notes)
        self.interrupted = False
        self.origin = Lock(plan.loaded.digest, program_version(), codecs(plan.loaded.recipe))

    def carry_out(self) -> Outcome:
        with ExitStack() as stack:
            keeping = not self.options.locked and self._may_keep()
            if keeping:
                self.state.prepare()
                if not stack.enter_context(held(self.state.running_file)):
                    raise PlanError("another run of it is going on", subject=str(self.plan.loaded.path))
            lock = self.state.lock()
            written = self.state.written()
            if self.options.locked:
                check_locked(self.plan, lock, self.state.lock_file, partial=self.options.partial)
            ours = existing_of_ours(self.plan, lock.outputs, written, overwrite=self.options.overwrite)
            remove_leftovers(self.plan.out, self._outputs())
            schedule = self._schedule(lock)
            if keeping:
                self._claim(lock, written)
                stack.callback(self._settle, lock)
                journal = self.state.journal(self.origin)
                stack.callback(journal.close)
                self._go(schedule, self._job(lock, ours), journal.add)
            else:
                self._go(schedule, self._job(lock, ours), lambda facts: None)
        return self._outcome()

    def _may_keep(self) -> bool:
        if self.state.writable:
            return True
        self.notes.append(
            Note("no-lock", f"no lock is kept: {self.state.lock_file.parent} cannot be written to")
        )
        return False

    def _outputs(self) -> list[str]:
        return [output.path for unit in self.plan.units for output in unit.outputs]

    def _schedule(self, lock: Lock) -> Schedule:
        tasks = []
        for item in forecast(self.plan, lock, force=self.options.force):
            self.described[item.unit.id] = item.task.options
            tasks.append(item.task)
        return Schedule(tasks)

    def _job(self, lock: Lock, ours: frozenset[str]) -> Job:
        return Job(
            self.plan.loaded,
            self.plan.data,
            self.plan.out,
            overwrite=self.options.overwrite,
            durable=self.options.durable,
            ours=ours,
            expected=lock.outputs if self.options.locked else {},
        )

    def _claim(self, lock: Lock, written: Collection[str]) -> None:
        """Note, before the first is written, that these files are ours, however this run ends."""
        base = self.plan.out.resolve()
        planned = {absolute(base, path) for path in self._outputs()}
        if not planned <= set(written):
            self.state.save_written({*written, *planned})
        if lock.outputs:
            self.state.save_lock(lock)

    def _settle(self, before: Lock) -> None:
        """What was written goes into the lock; what was claimed and is not there is given up."""
        made = self._facts(self.results.values())
        if not self.options.partial:
            inputs = {item.path for unit in self.plan.units for item in unit.inputs if item.base == "data"}
            before = before.only(inputs, set(self._outputs()))
        if made.outputs or before.outputs:
            self.state.save_lock(before.updated(made))
        absent = {path for path in self.state.written() if not os.path.lexists(path)}
        if absent:
            self.state.save_written(self.state.written() - absent)

    def _facts(self, results: Collection[UnitResult]) -> Lock:
        """What these results are worth in a lock."""
        inputs: dict[str, str] = {}
        outputs: dict[str, str] = {}
        units: dict[str, str] = {}
        for result in results:
            if result.status not in ("written", "current"):
                continue
            inputs |= {
                key.removeprefix("data:"): known for key, known in result.inputs if key.startswith("data:")
            }
            outputs |= {file.path: file.sha256 for file in result.written}
            first = self.units[result.unit].outputs[0].path
            units[first] = fingerprint(self.described[result.unit], dict(result.inputs))
        return dataclasses.replace(self.origin, inputs=inputs, outputs=outputs, units=units)

    def _go(self, schedule: Schedule, job: Job, note: Callable[[str], object]) -> None:
        self.watching.start(len(self.units))
        jobs = self._jobs()
        try:
            if jobs == 1:
                results = run_here(schedule, job, self.work)
            else:
                results = run_pool(schedule, job, self.work, jobs)
            with _interrupts(self._stop(schedule), graceful=jobs > 1), contextlib.closing(results):
                for result in results:
                    self._take(result, schedule, note)
        except KeyboardInterrupt:
            self.interrupted = True
            remove_leftovers(self.plan.out, self._outputs())

    def _take(self, result: UnitResult, schedule: Schedule, note: Callable[[str], object]) -> None:
        self.results[result.unit] = result
        if result.status == "written":
            facts = format_lock(self._facts([result]))
            note(
                "".join(
                    line
                    for line in facts.splitlines(keepends=True)
                    if line[:5] in ("input", "outpu", "unit ")
                )
            )
        self.watching.finished(self.units[result.unit], result)
        if self.options.fail_fast and result.status == "failed":
            schedule.stop()

    def _stop(self, schedule: Schedule) -> Callable[[], None]:
        def stop() -> None:
            self.interrupted = True
            schedule.stop()
            self.watching.stopping()

        return stop

    def _jobs(self) -> int:
        """How many processes are worth it."""
        jobs = self.options.jobs
        if jobs is None:
            jobs = 1 if self._is_small() else cores()
        return max(1, min(jobs, len(self.units)))

    def _is_small(self) -> bool:
        total = 0
        for unit in self.plan.units:
            for item in unit.inputs:
                if item.base == "data":
                    with contextlib.suppress(OSError):
                        total += self.plan.data.joinpath(*item.path.split("/")).stat().st_size
            if total > SMALL_RUN:
                return False
        return True

    def _outcome(self) -> Outcome:
        why = (
            "not done: the run was interrupted"
            if self.interrupted
            else "not done: the run stopped at a failure"
        )
        rest = unreached((name for name in self.units if name not in self.results), why)
        results = self.results | {result.unit: result for result in rest}
        return Outcome(
            self.plan,
            tuple(results[unit.id] for unit in self.plan.units),
            tuple(self.notes),
            self.interrupted,
        )


def cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_here(schedule: Schedule, job: Job, work: Work) -> Generator[UnitResult, None, None]:
    """Every result as it comes, from this process."""
    while tasks := schedule.take():
        yield from schedule.finish(attempt(tasks[0], job, work))


@contextlib.contextmanager
def _interrupts(stop: Callable[[], None], *, graceful: bool) -> Iterator[None]:
    """The first Ctrl-C lets workers finish what they write, the second is a KeyboardInterrupt."""
    if not graceful or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def first(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop()

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
