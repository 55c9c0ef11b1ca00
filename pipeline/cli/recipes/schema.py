"""The command ``dicombake schema``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..common import reporting


def schema(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write it there instead."),
    ] = None,
) -> None:
    with reporting():
        from ....schemas.describe.json_schema import schema_text
        from ...store.files import write_named

        if out is None:
            typer.echo(schema_text(), nl=False)
        else:
            write_named(out, schema_text().encode("ascii"))
