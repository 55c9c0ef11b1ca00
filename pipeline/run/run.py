"""Carry out a plan: find what is up to date, do the rest, and note in lock and database what was written."""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from functools import partial

from msgspec.structs import replace

from ..errors import Note, PlanError, StoreError
from ..places.place import LocalPlace
from ..plan.build import collector_paused
from ..plan.model import Plan
from ..reading import fingerprint_of
from ..store.database import Database, Remembered
from ..store.lock import Lock
from ..store.running import held
from ..store.state import State, Stateless, journal_lines
from ..store.temporary import remove_leftovers
from .crosswalks import keep_crosswalks
from .forecast import Forecaster
from .kept_results import Chosen, Reached, Results
from .lock_facts import Facts, replaced
from .memory import RunMemory
from .orphans import files_of, orphans_of
from .ownership import existing_of_ours
from .preflight import RunOptions, check_locked
from .seen_files import SeenFiles
from .study_hint import separate_studies
from .unit.results import Failure, Job, Outcome, UnitResult, Watching, Work
from .workers.attempt import convert
from .workers.executor import Executor, local_executor
from .workers.in_process import interrupts
from .workers.schedule import Schedule, Stream, Task, unreached

OF_A_UNIT = ("input", "output", "unit")
"""The lines of a lock that the journal has for each unit."""


class Unwatched:
    """A `Watching` for runs that nobody follows."""

    def start(self, units: int) -> None:
        """Do nothing."""

    def finished(self, unit: object, result: UnitResult) -> None:
        """Do nothing."""

    def stopping(self) -> None:
        """Do nothing."""

    def told(self, line: str) -> None:
        """Do nothing."""


def run_plan(
    plan: Plan,
    options: RunOptions | None = None,
    watching: Watching | None = None,
    work: Work | None = None,
    *,
    state: State | None = None,
) -> Outcome:
    """Carry out a plan, and bring the lock up to date with what was written, also after Ctrl-C.

    `state`: where lock and database are kept; default: next to the recipe.

    Raises:
        PlanError: files in the way, or another run of the recipe going on; nothing was written.
        DifferenceError: with `locked`, where the lock does not name the plan's outputs.
        StoreError: the lock cannot be written, or workers cannot be started.
    """
    if state is None:
        state = State(plan.loaded.path) if plan.loaded.trusted else Stateless(plan.loaded.path)
    return _Run(plan, options or RunOptions(), watching or Unwatched(), work or convert, state).carry_out()


class _Run:
    def __init__(self, plan: Plan, options: RunOptions, watching: Watching, work: Work, state: State) -> None:
        self.plan = plan
        self.out = plan.place("out")
        self.chained = plan.chained
        self.options = options
        self.watching = watching
        self.work = work
        self.state = state
        self.rest = Chosen(plan.units, ())
        self.facts = Facts(plan)
        self.results = Results(len(plan.units))
        self.reached = Reached(self.rest, self.results)
        """What became of those units that were not known to be up to date by stat() alone."""
        self.current: set[str] = set()
        """The conversions of the others."""
        self.notes = list(plan.notes)
        self.interrupted = False
        self.lock = Lock()
        """The lock as it was before the run."""
        self.unended = False
        """Whether the previous run did not come to its end."""
        self.trouble: StoreError | None = None
        """The reason why no further unit is started: the database can no longer be written."""

    def carry_out(self) -> Outcome:
        with ExitStack() as stack:
            database = stack.enter_context(self._memory())
            with collector_paused():
                memory = self.state.recall()
                lock = self.lock = self.state.lock(memory)
                if self.options.locked:
                    check_locked(self.plan, lock, self.state.lock_file, partial=self.options.partial)
                run_memory = RunMemory(self.plan, self.state, memory, database)
                self.out.look(self._outputs())
                schedule = self._schedule(lock, run_memory.seen_files)
                self.reached = Reached(self.rest, self.results)
            ours = existing_of_ours(
                self.plan, self.rest, lock.outputs, memory, overwrite=self.options.overwrite
            )
            if self.unended:
                self._remove_leftovers()
                self.state.remove_leftovers()
            stack.callback(lambda: run_memory.remember(self.reached.results()))
            if not self.options.locked:
                stack.callback(self._settle, lock, memory, database)
            keep_crosswalks(self.plan, self.plan.units)
            if self.rest:
                executor = self._executor()
                stack.callback(executor.end)
                job = self._job(lock, ours, run_memory)
                if executor.remote:
                    job = self._named(job)
                    stack.callback(self.state.end_run)
                executor.begin(job)
                self._begin(lock, run_memory, memory, database)
                self._go(executor, schedule, job, run_memory)
                self._miss()
                if self.chained:
                    keep_crosswalks(self.plan, (unit for unit in self.rest if unit.needs))
        if self.trouble is not None:
            raise self.trouble
        return self._outcome()

    @contextlib.contextmanager
    def _memory(self) -> Iterator[Database | None]:
        """Open the database for writing, held for this run alone; give None where nothing can be kept."""
        folder = self.state.unwritable()
        if folder is not None:
            if not self.options.locked and self.state.kept:
                self.notes.append(Note("no-lock", f"no lock is kept: {folder} cannot be written to"))
            yield None
            return
        self.state.prepare()
        with held(self.state.running_file) as holder:
            if holder.by:
                raise PlanError(
                    f"another run of it is going on ({holder.by})",
                    subject=str(self.plan.loaded.path),
                    hint="wait for its end",
                )
            # after a power cut, what the last run had written into its file may be missing
            self.unended = holder.unended or self.state.has_claims()
            self.state.end_run()
            with contextlib.closing(self.state.open()) as database:
                yield database

    def _outputs(self) -> Iterator[str]:
        return (output.path for unit in self.plan.units for output in unit.outputs)

    def _schedule(self, lock: Lock, seen_files: SeenFiles) -> Schedule:
        """Return the tasks; units that are up to date by their files' stat() have their results already."""
        tasks: list[Task] = []
        done: set[str] = set()
        positions = array("q")
        forecaster = Forecaster(
            self.plan, lock, seen_files, force=self.options.force, options=self.facts.options
        )
        for number, item in enumerate(map(forecaster.tell, self.plan.units)):
            if item.current is not None:
                self.results.note(number, item.current)
                self.current.add(item.unit.conversion)
            else:
                positions.append(number)
            if self.chained and item.current is None:
                tasks.append(self._listed(item.task, number))
            elif self.chained:
                done.add(item.unit.id)
        self.rest = Chosen(self.plan.units, positions)
        if self.chained:
            return Schedule(tasks, done)
        forecaster.seen_files = None  # these were asked already
        return Stream(self._tasks(forecaster), len(self.rest))

    def _tasks(self, forecaster: Forecaster) -> Iterator[Task]:
        """Make each task when it is to be done: those of a million units are never there at once."""
        for number, unit in zip(self.rest.positions, self.rest, strict=True):
            yield self._listed(forecaster.tell(unit).task, number)

    def _listed(self, task: Task, number: int) -> Task:
        """Return the task of a unit, with the states of its files as they were listed in an object store."""
        if "data" not in self.plan.remote:
            return replace(task, number=number)
        place = self.plan.remote["data"]
        states = [fingerprint_of(place.stat(item.path)) for item in task.unit.files if item.base == "data"]
        return replace(task, number=number, known=tuple(states))

    def _job(self, lock: Lock, ours: frozenset[str], run_memory: RunMemory) -> Job:
        return Job(
            self.plan.lowered,
            self.plan.data,
            self.plan.out,
            overwrite=self.options.overwrite,
            durable=self.options.durable,
            ours=ours,
            expected=lock.outputs if self.options.locked else {},
            claims=run_memory.claims and replace(run_memory.claims, durable=self.options.durable),
            keep=self.options.keep,
            links=self.plan.links,
            planned_on={f"data:{path}": stat for path, stat in self.plan.stats.items()},
            remote=self.plan.remote,
        )

    def _named(self, job: Job) -> Job:
        """Return the job for workers that may be elsewhere, and may outlive the run."""
        data, out = self.plan.data.absolute(), self.plan.out.absolute()
        claims = job.claims and replace(
            job.claims,
            start=job.claims.start.absolute(),
            out=self.plan.remote.get("out") or LocalPlace(out.resolve()),
            run=self.state.name_run(),
        )
        return replace(job, data=data, out=out, shared=True, claims=claims)

    def _begin(
        self, lock: Lock, run_memory: RunMemory, memory: Remembered, database: Database | None
    ) -> None:
        """Check that what is written can be noted, however this run ends. Raises: StoreError."""
        run_memory.begin(self.rest)
        if self.options.locked or database is None:
            return
        if memory.journal and lock.outputs:
            self.state.save_lock(lock, durable=self.options.durable)
        database.begin_journal(journal_lines(self.facts.origin(self.plan.loaded.recipe.conversions)))
        run_memory.refuse_full()

    def _settle(self, before: Lock, memory: Remembered, database: Database | None) -> None:
        """Write into the lock what was written, and delete the journal, which is of no use any more."""
        if database is None:
            return
        news = {unit.conversion for unit, result in self.reached if result.status in ("written", "current")}
        made = self.facts.of(self.reached, self.facts.origin(self.current | news))
        after = (before if self.options.partial else self._still(before)).updated(made)
        if after.outputs and (after != before or memory.journal or not self.state.lock_file.is_file()):
            self.state.save_lock(after, durable=self.options.durable)
        if self.rest or memory.journal:
            database.end_journal()

    def _still(self, before: Lock) -> Lock:
        """Return what the lock said of files that are still there, and of conversions."""
        inputs: Collection[str] = ()
        outputs: Collection[str] = ()
        if before.inputs or before.outputs:
            inputs, outputs = files = files_of(self.plan)
            orphans = [path for path in orphans_of(self.plan, before, files) if self._is_there(path)]
            if orphans:
                inputs, outputs = before.inputs, {*outputs, *orphans}
        return before.only(inputs, outputs, self.plan.loaded.recipe.conversions)

    def _executor(self) -> Executor:
        settings = self.options.cluster
        if settings is not None:
            from .needs_of_workers import needs_of_workers
            from .workers.cluster.executor import Cluster

            wanted = partial(needs_of_workers, self.plan)
            return Cluster(settings, wanted, self.watching.told)
        return local_executor(self.plan, self.rest, self.options.jobs, self.notes.append)

    def _go(self, executor: Executor, schedule: Schedule, job: Job, run_memory: RunMemory) -> None:
        self.watching.start(len(self.rest))
        results = executor.results(schedule, job, self.work)
        try:
            with interrupts(self._stop(schedule), graceful=executor.graceful), contextlib.closing(results):
                for result in results:
                    self._take(result, schedule, run_memory)
        except KeyboardInterrupt:
            self.interrupted = True
            self._remove_leftovers()

    def _take(self, result: UnitResult, schedule: Schedule, run_memory: RunMemory) -> None:
        task = schedule.task(result.unit)
        result = replace(result, replaced=replaced(result, self.lock))
        self.results.note(task.number, result)
        if result.written and result.status != "current":
            facts = self.facts.of([(task.unit, result)], Lock())
            run_memory.note(result, [] if self.options.locked else journal_lines(facts, *OF_A_UNIT))
            try:
                run_memory.refuse_full()
            except StoreError as error:
                self.trouble = error
                schedule.stop()
        self.watching.finished(task.unit, result)
        if self.options.fail_fast and result.status == "failed":
            schedule.stop()

    def _is_there(self, path: str) -> bool:
        return self.out.exists(path)

    def _remove_leftovers(self) -> None:
        """Remove what a killed process left beside the outputs; an object store shows nothing half-sent."""
        if "out" not in self.plan.remote:
            remove_leftovers(self.plan.out, self._outputs())

    def _miss(self) -> None:
        """Let units fail of which an output was removed while the run went on."""
        reached = self.reached
        self.out.look(file.path for result in reached.results() for file in result.written)
        for number in self.rest.positions:
            result = self.results[number]
            if result is None:
                continue
            there = tuple(file for file in result.written if self._is_there(file.path))
            if len(there) < len(result.written):
                gone = next(file.path for file in result.written if file not in there)
                why = StoreError("was removed while the run went on", subject=gone, hint="run again")
                failed = replace(
                    result, status="failed", written=there, error=result.error or Failure.of(why)
                )
                self.results.note(number, failed)

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
        for number in self.results.missing():
            self.results.note(number, unreached(self.plan.units[number].id, why))
        results = self.results.all()
        return Outcome(
            self.plan, results, (*self.notes, *separate_studies(self.plan, results)), self.interrupted
        )
