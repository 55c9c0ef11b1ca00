"""The command ``dicombake config RECIPE``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..common import Assignments, Json, Untrusted, print_json, reporting, variables

Recipe = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe file.", show_default=False)]


def config(
    recipe: Recipe, *, assignments: Assignments = None, untrusted: Untrusted = False, json: Json = False
) -> None:
    with reporting():
        from ...recipe.merged_text import config as merged

        found = merged(recipe, variables(assignments), trusted=not untrusted)
        if json:
            print_json(
                {
                    "schema_version": 1,
                    "exit_status": 0,
                    "recipe": str(recipe),
                    "digest": found.loaded.digest,
                    "config": found.content,
                    "origins": found.origins,
                }
            )
        else:
            typer.echo(found.text(), nl=False)
