"""``dicombake validate RECIPE...``"""

from __future__ import annotations

from typing import Any

import typer

from ..errors import ExitStatus, RecipeError
from .common import (
    Annotate,
    Annotations,
    Assignments,
    Json,
    Recipes,
    annotate,
    print_json,
    reporting,
    say,
    tell_problems,
    variables,
    worst,
)


def validate(
    recipes: Recipes,
    *,
    assignments: Assignments = None,
    annotations: Annotations = Annotate.AUTO,
    json: Json = False,
) -> None:
    with reporting():
        from ..recipe.load import load_recipe
        from ..report.annotations import of_error

        values = variables(assignments)
        found: list[dict[str, Any]] = []
        statuses: list[ExitStatus] = []
        for path in recipes:
            try:
                load_recipe(path, values)
            except RecipeError as error:
                statuses.append(error.status)
                problems = error.problems
                if not json:
                    tell_problems(error)
                annotate(annotations, of_error(path, error))
            else:
                problems = ()
                if not json:
                    say(f"{path}: ok")
            found.append(
                {
                    "recipe": str(path),
                    "ok": not problems,
                    "problems": [
                        {key: getattr(problem, key) for key in ("file", "line", "column", "where", "what")}
                        for problem in problems
                    ],
                }
            )
        status = worst(statuses)
        if json:
            print_json({"schema_version": 1, "exit_status": int(status), "recipes": found})
        if status is not ExitStatus.DONE:
            raise typer.Exit(int(status))
