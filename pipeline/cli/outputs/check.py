"""The command ``dicombake check RECIPE...``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...confined import folders_of
from ..common import (
    Annotate,
    Annotations,
    Assignments,
    DataOrURL,
    Json,
    Junit,
    OutOrURL,
    Recipes,
    Untrusted,
    annotate,
    refuse_with_url,
    reporting,
    say,
    say_all,
    variables,
)
from ..program.each import EachRecipe, Shown
from ..program.reports import Reports

if TYPE_CHECKING:
    from ...check.compare import Checked
    from ...check.differences import Difference


def check(
    recipes: Recipes,
    *,
    out: OutOrURL = None,
    data: DataOrURL = None,
    assignments: Assignments = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Read no file whose size and times did not change.")
    ] = False,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="Make what is not fresh in memory, and show what differs, with values."),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="An output whose input is gone is a difference, too.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            min=1,
            help="Threads that read; default: one for each core.",
            show_default=False,
        ),
    ] = None,
    junit: Junit = None,
    annotations: Annotations = Annotate.AUTO,
    untrusted: Untrusted = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Tell nothing; the exit status does.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell of every output.")] = False,
) -> None:
    with reporting():
        from ...check.compare import check as compare
        from ...plan.build import plan
        from ...recipe.load import load_recipe
        from ...report.annotations import of_checked

        refuse_with_url((data, out), {"--diff": diff})
        reports = Reports(junit, confined_to=folders_of(recipes, data, out) if untrusted else ())
        reports.check(recipes)
        values = variables(assignments)

        def compared(path: Path) -> Shown:
            planned = plan(load_recipe(path, values, trusted=not untrusted), data=data, out=out)
            reports.spare(planned)
            checked = compare(planned, fast=fast, strict=strict, jobs=jobs)
            annotate(annotations, of_checked(checked))
            reports.checked(checked)
            return _show(checked, diff=diff, as_json=json, quiet=quiet, verbose=verbose), checked.exit_status

        each = EachRecipe(json, annotations, reports)
        each.run(recipes, compared)
        each.finish()


def _show(checked: Checked, *, diff: bool, as_json: bool, quiet: bool, verbose: bool) -> dict[str, Any]:
    """Print what was found; with `as_json` return the object for programs instead."""
    from ...report.commands.checked import checked_as_json, checked_lines, difference_lines

    told: dict[str, Difference] = {}
    if not as_json and not quiet:
        say_all(checked_lines(checked, verbose=verbose))
    if diff:
        from ...check.remake import differences

        for finding, difference in differences(checked):
            if as_json:
                told[finding.path] = difference
            elif not quiet:
                for line in difference_lines(finding, difference):
                    say(line)
    return checked_as_json(checked, told) if as_json else {}
