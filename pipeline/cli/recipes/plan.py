"""The command ``dicombake plan RECIPE...``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import ExitStatus
from ..common import (
    Annotate,
    Annotations,
    Assignments,
    DataOrURL,
    Json,
    Only,
    OutOrURL,
    Recipes,
    Untrusted,
    annotate,
    complain,
    reporting,
    say,
    say_all,
    variables,
)
from ..program.each import EachRecipe, Shown

if TYPE_CHECKING:
    from ...plan.model import Plan
    from ...run.preflight import RunOptions


def plan(
    recipes: Recipes,
    *,
    out: OutOrURL = None,
    data: DataOrURL = None,
    assignments: Assignments = None,
    only: Only = None,
    annotations: Annotations = Annotate.AUTO,
    untrusted: Untrusted = False,
    json: Json = False,
    brief: Annotated[bool, typer.Option("--brief", help="Units only, without their steps.")] = False,
) -> None:
    with reporting():
        from ...plan.build import plan as make
        from ...recipe.load import load_recipe
        from ...run.preflight import RunOptions

        values = variables(assignments)

        def planned(path: Path) -> Shown:
            made = make(
                load_recipe(path, values, trusted=not untrusted), data=data, out=out, only=tuple(only or ())
            )
            return show(made, RunOptions(), as_json=json, brief=brief, annotations=annotations)

        each = EachRecipe(json, annotations)
        each.run(recipes, planned)
        each.finish()


def show(
    planned: Plan,
    options: RunOptions,
    *,
    as_json: bool,
    brief: bool = False,
    annotations: Annotate = Annotate.NONE,
) -> Shown:
    """Print what a run with these options would do (or return it as an object), and what would stop it."""
    from ...report.annotations import of_plan
    from ...report.commands.planned import plan_as_json, plan_lines
    from ...report.outcome import error_as_json
    from ...run.forecast import forecast
    from ...run.preflight import preflight

    lock, obstacle = preflight(planned, options)
    annotate(annotations, of_plan(planned, obstacle))
    forecasts = partial(forecast, planned, lock, force=options.force)
    if as_json:
        found = plan_as_json(planned, list(forecasts()))
        if obstacle:
            found["error"] = error_as_json(planned.loaded.path, obstacle)["error"]
        return found, obstacle.status if obstacle else ExitStatus.DONE
    say_all(plan_lines(planned, forecasts, verbose=not brief))
    for note in planned.notes:
        say(f"note: {note}")
    if obstacle:
        complain(obstacle)
    return {}, obstacle.status if obstacle else ExitStatus.DONE
