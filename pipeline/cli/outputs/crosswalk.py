"""The command ``dicombake crosswalk FILE``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ...errors import PlanError
from ..common import Json, print_json, reporting


def crosswalk(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The crosswalk that a recipe names.", show_default=False)
    ],
    *,
    password: Annotated[
        str,
        typer.Option(
            "--password-env",
            metavar="NAME",
            help="The variable of the environment that holds the password; else it is asked for.",
            show_default=False,
        ),
    ] = "",
    json: Json = False,
) -> None:
    with reporting():
        from ...deidentify.crosswalk import opened
        from ...extras import require
        from ...reading import content_of
        from ...report.commands.crosswalk import crosswalk_as_json, crosswalk_lines

        require("deidentify", str(file))
        try:
            content = content_of(file)
        except OSError as error:
            raise PlanError(f"cannot be read: {error.strerror}", subject=str(file)) from None
        found = opened(content, _password(password), str(file))
        if json:
            print_json(crosswalk_as_json(found))
        else:
            for line in crosswalk_lines(found):
                typer.echo(line)  # its parts are made safe one by one, since tabs part them


def _password(variable: str) -> str:
    if not variable:
        return str(typer.prompt("Password", hide_input=True, err=True))
    if not os.environ.get(variable):
        raise PlanError(f"the environment has no variable '{variable}', which holds the password")
    return os.environ[variable]
