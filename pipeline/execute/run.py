"""Plan -> Outcome: look, write, note what was written."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Collection
from contextlib import ExitStack

from ..errors import Note, PlanError
from ..lock import Lock, format_lock
from ..plan import Plan, Unit
from ..state import State
from ..store import held, remove_leftovers
from .fingerprint import fingerprint
from .forecast import forecast
from .here import interrupts, run_here, workers
from .look import RunOptions, check_locked
from .ownership import absolute, existing_of_ours
from .pool import run_pool
from .results import Job, Outcome, UnitResult, Watching, Work
from .schedule import Schedule, unreached
from .versions import codecs, program_version


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
        jobs = workers(self.plan, self.options.jobs)
        try:
            if jobs == 1:
                results = run_here(schedule, job, self.work)
            else:
                results = run_pool(schedule, job, self.work, jobs)
            with interrupts(self._stop(schedule), graceful=jobs > 1), contextlib.closing(results):
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
