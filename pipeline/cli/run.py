"""The command ``dicombake run RECIPE...``."""

from __future__ import annotations

import gc
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from ..confined import folders_of
from ..errors import ExitStatus, UsageError
from .common import (
    Annotate,
    Annotations,
    Assignments,
    DataOrURL,
    Json,
    Junit,
    Only,
    OutOrURL,
    Recipes,
    Untrusted,
    WithTags,
    annotate,
    complain,
    console,
    refuse_with_untrusted,
    refuse_with_url,
    reporting,
    say,
    variables,
    worst,
)
from .outputs.report import Pictures, ShownPictures, page_writer
from .program.cluster import ChosenExecutor, Executor, Insecure, Scheduler, cluster_settings
from .program.each import EachRecipe, Shown
from .program.reports import Reports

if TYPE_CHECKING:
    from ..places.url import Where
    from ..plan.model import Plan
    from ..recipe.loaded import LoadedRecipe
    from ..report.progress import Bar, Lines
    from ..run.preflight import RunOptions
    from ..run.unit.results import Outcome


def run(
    recipes: Recipes,
    *,
    out: OutOrURL = None,
    data: DataOrURL = None,
    assignments: Assignments = None,
    only: Only = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            metavar="N",
            help="Worker processes; default: one for each core.",
            show_default=False,
        ),
    ] = None,
    executor: ChosenExecutor = Executor.LOCAL,
    scheduler: Scheduler = None,
    insecure: Insecure = False,
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
    prune: Annotated[
        Prune | None,
        typer.Option(
            "--prune",
            metavar="[=all]",
            help="List outputs whose input is gone, and delete and forget them where that is confirmed; "
            "=all: also where more than half of the inputs are gone.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm what --prune lists.")] = False,
    deliver: Annotated[
        bool, typer.Option("--deliver", help="Then send what is fresh to the recipe's destinations.")
    ] = False,
    junit: Junit = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write what came from what, as W3C PROV JSON."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page that shows what was done, as 'report' does."
        ),
    ] = None,
    pictures: ShownPictures = Pictures.ALL,
    with_tags: WithTags = False,
    annotations: Annotations = Annotate.AUTO,
    untrusted: Untrusted = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Tell failures only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell each note and failure.")] = False,
) -> None:
    with reporting():
        from ..run.preflight import RunOptions
        from ..run.workers.malloc import keep_freed_memory

        if untrusted:
            refuse_with_untrusted(
                {"--overwrite": overwrite, "--locked": locked, "--prune": bool(prune), "--deliver": deliver}
            )
        cluster = cluster_settings(executor, scheduler, jobs, insecure=insecure, untrusted=untrusted)
        refuse_with_url((data, out), {"--html": bool(html), "--deliver": deliver})
        options = RunOptions(
            jobs=jobs,
            cluster=cluster,
            overwrite=overwrite,
            force=force,
            locked=locked,
            fail_fast=not keep_going,
            durable=durable,
            partial=bool(only),
        )
        if prune and (only or locked):
            raise UsageError(f"--prune does not go with {'--only' if only else '--locked'}")
        values = variables(assignments)
        page = None if html is None else page_writer(html, values, pictures, with_tags=with_tags)
        confined_to = folders_of(recipes, data, out) if untrusted else ()
        reports = Reports(junit, report, page=page, confined_to=confined_to)
        reports.check(recipes, dry_run=dry_run)
        if jobs in (None, 1):
            keep_freed_memory()
        each = EachRecipe(json, annotations, reports)
        request = _Request(
            out,
            data,
            tuple(only or ()),
            options,
            dry_run=dry_run,
            trusted=not untrusted,
            prune=prune,
            yes=yes,
            deliver=deliver,
        )
        _run_all(recipes, values, request, _Talk(each, quiet, verbose))
        each.finish()


class Prune(StrEnum):
    """How far ``--prune`` goes."""

    ORPHANS = "orphans"
    ALL = "all"


class _Request(Struct, frozen=True):
    out: Where | None
    data: Where | None
    only: tuple[str, ...]
    options: RunOptions
    dry_run: bool
    trusted: bool
    prune: Prune | None = None
    yes: bool = False
    deliver: bool = False


def _run_all(paths: list[Path], values: dict[str, str], request: _Request, talk: _Talk) -> None:
    """Read every recipe first, so that a mistake in the last one shows at once and not after an hour."""
    from ..recipe.load import load_recipe

    loaded: list[LoadedRecipe] = []
    talk.each.run(paths, lambda path: loaded.append(load_recipe(path, values, trusted=request.trusted)))
    if request.deliver and not talk.each.statuses:
        from ..deliver.deliver import require_extra

        for recipe in loaded:
            talk.each.one(recipe.path, partial(require_extra, recipe.recipe))
    if talk.each.statuses:
        return
    for recipe in loaded:
        status = talk.each.one(recipe.path, partial(_run_one, recipe, request, talk))
        stop = status is not ExitStatus.DONE and request.options.fail_fast
        if stop or status is ExitStatus.INTERRUPTED:
            return


def _run_one(recipe: LoadedRecipe, request: _Request, talk: _Talk) -> Shown:
    from ..plan.build import plan
    from ..run.run import run_plan

    planned = plan(recipe, data=request.data, out=request.out, only=request.only)
    if request.dry_run:
        from .recipes.plan import show

        return show(planned, request.options, as_json=talk.each.json, annotations=talk.each.annotations)
    talk.each.reports.spare(planned)
    gc.freeze()  # recipe and plan stay to the end
    gc.enable()
    with talk.watching() as watching:
        outcome = run_plan(planned, request.options, watching)
    shown = talk.done(outcome)
    try:
        if request.prune and not outcome.interrupted:
            shown[0]["orphans"] = talk.pruned(planned, most=request.prune is Prune.ALL, yes=request.yes)
        if request.deliver and not outcome.interrupted:
            shown = _delivered(planned, talk, shown)
    finally:
        talk.each.reports.done(outcome)
    return shown


def _delivered(planned: Plan, talk: _Talk, shown: Shown) -> Shown:
    """Deliver what is fresh; what failed to be converted has no part in it."""
    from ..deliver.deliver import DeliverOptions, deliver_plan
    from .network.deliver import show

    result = deliver_plan(planned, DeliverOptions(fast=True))
    told = show(result, as_json=talk.each.json, quiet=talk.quiet)
    return {**shown[0], **({"delivery": told} if told else {})}, worst([shown[1], result.exit_status])


class _Talk(Struct, frozen=True):
    """The output of a run: text for people, or JSON at its end."""

    each: EachRecipe
    quiet: bool
    verbose: bool

    def watching(self) -> _Closing:
        from ..report.progress import Bar, Lines

        if sys.stderr.isatty() and not self.quiet and not self.each.json:
            screen = console(err=True)
            if screen.is_terminal:
                return _Closing(Bar(screen))
        return _Closing(Lines((lambda line: None) if self.each.json or self.quiet else complain))

    def done(self, outcome: Outcome) -> Shown:
        from ..report.annotations import of_outcome
        from ..report.outcome import outcome_as_json
        from ..report.table import failure_lines, headline, note_lines, replaced_lines, table, why_lines

        annotate(self.each.annotations, of_outcome(outcome))
        if self.each.json:
            return outcome_as_json(outcome), outcome.exit_status
        if not self.quiet:
            if outcome.count("current") < len(outcome.results):
                console().print(table(outcome))
            for line in why_lines(outcome, verbose=self.verbose):
                say(line)
            for line in replaced_lines(outcome, verbose=self.verbose):
                say(line)
            for line in note_lines(outcome, verbose=self.verbose):
                say(line)
        failures = failure_lines(outcome, verbose=self.verbose)
        for line in failures:
            say(line, err=True)
        if not self.quiet:
            say(headline(outcome))
        elif outcome.interrupted and not failures:  # when all was done: the status is to be explained
            complain("interrupted")
        return {}, outcome.exit_status

    def pruned(self, plan: Plan, *, most: bool, yes: bool) -> list[dict[str, object]]:
        """Report the outputs whose input is gone, and delete them if the user confirms it."""
        from ..run.orphans import prunable, prune

        found = prunable(plan, most=most)
        paths = [orphan.path for orphan in found if not orphan.why]
        if not self.each.json:
            for orphan in found:
                say(f"orphan: {orphan.path}{f': stays: {orphan.why}' if orphan.why else ''}")
            if paths and not yes and sys.stdin.isatty():
                yes = typer.confirm(f"Delete {len(paths)} of them?")
            if paths:
                say(f"{len(paths)} deleted" if yes else f"{len(paths)} would be deleted with --yes")
        if paths and yes:
            prune(plan, paths)
        return [
            {"path": orphan.path, "pruned": yes and not orphan.why, "why": orphan.why or None}
            for orphan in found
        ]


class _Closing:
    """Remove the progress display when the run ends, however it ends."""

    def __init__(self, watching: Bar | Lines) -> None:
        self._watching = watching

    def __enter__(self) -> Bar | Lines:
        return self._watching

    def __exit__(self, *error: object) -> None:
        self._watching.close()
