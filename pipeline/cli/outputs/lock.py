"""The command ``dicombake lock RECIPE``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import PlanError
from ..common import Json, print_json, reporting, say


def lock(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="The recipe, or its lock.", show_default=False)
    ],
    *,
    sums: Annotated[
        bool,
        typer.Option("--sums", help="Print the outputs for 'sha256sum -c', run in the output folder."),
    ] = False,
    json: Json = False,
) -> None:
    with reporting():
        from ...recipe.lock_path import lock_path
        from ...report.commands.locked import lock_as_json, lock_lines
        from ...store.lock import read_lock, sums_of

        path = lock_path(recipe)
        if not path.exists():
            raise PlanError("there is no lock", subject=str(path), hint="'dicombake run' makes it")
        found = read_lock(path)
        if sums:
            typer.echo(sums_of(found), nl=False)
        elif json:
            print_json(lock_as_json(found))
        else:
            for line in lock_lines(found):
                say(line)
