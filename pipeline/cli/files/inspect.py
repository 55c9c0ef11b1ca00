"""The command ``dicombake inspect FILE...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..common import Json, complain, console, print_json, reporting


def inspect(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files of any format.", show_default=False)
    ],
    source: Annotated[
        str,
        typer.Option(
            "--source",
            metavar="SOURCE",
            help="What the files are, as a recipe says it: cyberknife-raw, or "
            "'{format: raw, shape: [rows, columns], dtype: uint16}'. Raw files need it.",
        ),
    ] = "auto",
    headers: Annotated[
        bool, typer.Option("--headers", help="Read headers only: quick, but no range of values.")
    ] = False,
    json: Json = False,
) -> None:
    with reporting():
        from ...errors import DicombakeError, ExitStatus
        from ...report.commands.inspect import Failure, Inspection, as_json, inspect_file
        from ...report.commands.source_option import source_of

        wanted = source_of(source)
        results: list[Inspection | Failure] = []
        failed = False
        for path in files:
            result: Inspection | Failure
            try:
                result = inspect_file(path, wanted, headers=headers)
            except DicombakeError as error:
                failed = True
                result = Failure(path, f"{error.what}; {error.hint}" if error.hint else error.what)
            if json:
                results.append(result)
            else:
                _show(result)
        status = ExitStatus.FAILED if failed else ExitStatus.DONE
        if json:
            found = [as_json(result) for result in results]
            print_json({"schema_version": 1, "exit_status": int(status), "files": found})
        if failed:
            raise typer.Exit(int(status))


def _show(result: object) -> None:
    from ...report.commands.inspect import Inspection
    from ...report.commands.inspect_table import table

    if isinstance(result, Inspection):
        console().print(table(result))
    else:
        complain(str(result))
