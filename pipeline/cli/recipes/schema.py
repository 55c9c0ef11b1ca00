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
        from ...errors import UsageError
        from ...store.files import write_named

        if out is None:
            typer.echo(schema_text(), nl=False)
            return
        content = schema_text().encode("ascii")
        if out.is_file() and out.stat().st_size and not _is_schema(out, content):
            raise UsageError(
                "exists and is no JSON Schema of recipes", subject=str(out), hint="name another file"
            )
        write_named(out, content)


def _is_schema(path: Path, schema: bytes) -> bool:
    """Tell whether a file is a schema that was written here before: it begins with the same title."""
    begun = schema[: schema.index(b"\n", schema.index(b'"title"'))]
    with path.open("rb") as file:
        return file.read(2 * len(begun)).replace(b"\r\n", b"\n").startswith(begun)  # git may write CRLF
