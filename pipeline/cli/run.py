"""``dicombake run RECIPE...``"""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import DicombakeError, ExitStatus
from .common import (
    Annotate,
    Annotations,
    Assignments,
    Data,
    Json,
    Junit,
    Only,
    Out,
    Recipes,
    annotate,
    complain,
    console,
    print_json,
    reporting,
    say,
    variables,
    worst,
)
from .reports import Reports

if TYPE_CHECKING:
    from ..recipe.loaded import LoadedRecipe
    from ..report.progress import Bar, Lines
    from ..run.preflight import RunOptions
    from ..run.unit.results import Outcome


def run(
    recipes: Recipes,
    *,
    out: Out = None,
    data: Data = None,
    assignments: Assignments = None,
    only: Only = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", min=1, help="Worker processes; default: one for each core.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and do nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Do what is up to date, too.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that the recipe did not write.")
    ] = False,
    locked: Annotated[
        bool, typer.Option("--locked", help="Put nothing in place that is not what the lock says.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going/--fail-fast", help="After a failure, do the rest or stop.")
    ] = True,
    durable: Annotated[bool, typer.Option("--durable", help="Wait for the disk after every file.")] = False,
    junit: Junit = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write what came from what, as W3C PROV JSON."),
    ] = None,
    annotations: Annotations = Annotate.AUTO,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Tell failures only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell each note and failure.")] = False,
) -> None:
    with reporting():
        from ..run.preflight import RunOptions
        from ..run.workers.malloc import keep_freed_memory

        options = RunOptions(
            jobs=jobs,
            overwrite=overwrite,
            force=force,
            locked=locked,
            fail_fast=not keep_going,
            durable=durable,
            partial=bool(only),
        )
        reports = Reports(junit, report)
        reports.check(dry_run=dry_run)
        if jobs in (None, 1):
            keep_freed_memory()
        talk = _Talk(json=json, quiet=quiet, verbose=verbose, annotations=annotations, reports=reports)
        request = _Request(out, data, tuple(only or ()), options, dry_run=dry_run)
        talk.finish(_run_all(recipes, variables(assignments), request, talk))


@dataclass(frozen=True)
class _Request:
    out: Path | None
    data: Path | None
    only: tuple[str, ...]
    options: RunOptions
    dry_run: bool


def _run_all(paths: list[Path], values: dict[str, str], request: _Request, talk: _Talk) -> list[ExitStatus]:
    """Read every recipe first, so that a mistake in the last one does not show after an hour."""
    from ..recipe.load import load_recipe

    loaded: list[LoadedRecipe] = []
    statuses: list[ExitStatus] = []
    for path in paths:
        try:
            loaded.append(load_recipe(path, values))
        except DicombakeError as error:
            statuses.append(talk.refused(path, error))
    if statuses:
        return statuses
    for recipe in loaded:
        statuses.append(_run_one(recipe, request, talk))
        stop = statuses[-1] is not ExitStatus.DONE and request.options.fail_fast
        if stop or statuses[-1] is ExitStatus.INTERRUPTED:
            break
    return statuses


def _run_one(recipe: LoadedRecipe, request: _Request, talk: _Talk) -> ExitStatus:
    from ..plan.build import plan
    from ..run.run import run_plan

    try:
        planned = plan(recipe, data=request.data, out=request.out, only=request.only)
        if request.dry_run:
            from .plan import show

            return talk.planned(
                show(planned, request.options, as_json=talk.json, annotations=talk.annotations)
            )
        gc.freeze()  # recipe and plan stay to the end
        gc.enable()
        with talk.watching() as watching:
            outcome = run_plan(planned, request.options, watching)
    except DicombakeError as error:
        return talk.refused(recipe.path, error)
    return talk.done(outcome)


@dataclass
class _Talk:
    """How a run speaks: to people, or as JSON at its end."""

    json: bool
    quiet: bool
    verbose: bool
    annotations: Annotate
    reports: Reports
    runs: list[dict[str, Any]] = field(default_factory=list)

    def watching(self) -> _Closing:
        from ..report.progress import Bar, Lines

        if sys.stderr.isatty() and not self.quiet and not self.json:
            screen = console(err=True)
            if screen.is_terminal:
                return _Closing(Bar(screen))
        return _Closing(Lines((lambda line: None) if self.json or self.quiet else complain))

    def planned(self, found: tuple[dict[str, Any], ExitStatus]) -> ExitStatus:
        self.runs.append(found[0])
        return found[1]

    def refused(self, path: Path, error: DicombakeError) -> ExitStatus:
        from ..report.annotations import of_error
        from ..report.outcome import error_as_json

        if not self.json:
            complain(error)
        annotate(self.annotations, of_error(path, error))
        self.reports.refused(path, error)
        self.runs.append(error_as_json(path, error))
        return error.status

    def done(self, outcome: Outcome) -> ExitStatus:
        from ..report.annotations import of_outcome
        from ..report.outcome import outcome_as_json
        from ..report.table import failure_lines, headline, note_lines, table, why_lines

        annotate(self.annotations, of_outcome(outcome))
        self.reports.done(outcome)
        if self.json:
            self.runs.append(outcome_as_json(outcome))
            return outcome.exit_status
        if not self.quiet:
            if outcome.count("current") < len(outcome.results):
                console().print(table(outcome))
            for line in why_lines(outcome, verbose=self.verbose):
                say(line)
            for line in note_lines(outcome, verbose=self.verbose):
                say(line)
        for line in failure_lines(outcome, verbose=self.verbose):
            say(line, err=True)
        if not self.quiet:
            say(headline(outcome))
        return outcome.exit_status

    def finish(self, statuses: list[ExitStatus]) -> None:
        from ..report.outcome import runs_as_json

        status = worst(statuses)
        self.reports.write()
        if self.json:
            print_json(runs_as_json(self.runs, status))
        if status is not ExitStatus.DONE:
            raise typer.Exit(int(status))


class _Closing:
    """Takes the progress away when the run ends, however it ends."""

    def __init__(self, watching: Bar | Lines) -> None:
        self._watching = watching

    def __enter__(self) -> Bar | Lines:
        return self._watching

    def __exit__(self, *error: object) -> None:
        self._watching.close()
