"""Carry out ``dicombake deliver RECIPE...``: send what is fresh."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..common import (
    Assignments,
    Data,
    Json,
    Out,
    Recipes,
    Untrusted,
    refuse_with_untrusted,
    reporting,
    say,
    variables,
)
from ..program.each import EachRecipe, Shown

if TYPE_CHECKING:
    from ...deliver.model import Delivered


def deliver(
    recipes: Recipes,
    *,
    out: Out = None,
    data: Data = None,
    assignments: Assignments = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="NAME", help="Deliver to this destination only.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent; ask nobody and send nothing.")
    ] = False,
    untrusted: Untrusted = False,
    json: Json = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Tell only what is not where it should be.")
    ] = False,
) -> None:
    with reporting():
        from ...deliver.deliver import DeliverOptions, deliver_plan
        from ...plan.build import plan
        from ...recipe.load import load_recipe

        refuse_with_untrusted({"deliver": untrusted})
        values = variables(assignments)

        def delivered(path: Path) -> Shown:
            planned = plan(load_recipe(path, values), data=data, out=out)
            result = deliver_plan(planned, DeliverOptions(to=to, dry_run=dry_run))
            shown = show(result, as_json=json, quiet=quiet)
            return {"recipe": str(path), **shown}, result.exit_status

        each = EachRecipe(json)
        each.run(recipes, delivered)
        outputs = [entry for found in each.found for entry in found.pop("outputs", ())]
        each.finish("recipes", outputs=outputs)


def show(result: Delivered, *, as_json: bool, quiet: bool) -> dict[str, Any]:
    """Print what became of each output; the object for programs where that is asked for."""
    from ...report.commands.delivered import delivered_as_json, delivered_lines, headline

    if not as_json:
        for line in delivered_lines(result, quiet=quiet):
            say(line)
        if not quiet:
            say(headline(result))
    return delivered_as_json(result) if as_json else {}
