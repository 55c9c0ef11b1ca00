"""The command ``dicombake formats``."""

from __future__ import annotations

from typing import Annotated

import typer

from .common import Json, console, print_json, reporting


def formats(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The tables as Markdown, as they stand in the docs.")
    ] = False,
    json: Json = False,
) -> None:
    with reporting():
        from ..report.commands import formats as known

        if json:
            print_json({"schema_version": 1, **known.as_json()})
        elif markdown:
            typer.echo(known.markdown(), nl=False)
        else:
            console().print(known.tables())
