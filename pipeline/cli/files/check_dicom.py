"""The command ``dicombake check-dicom FILE...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..common import Json, complain, console, print_json, reporting


def check_dicom(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="DICOM files, whoever wrote them.", show_default=False),
    ],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Name only files with errors.")] = False,
    json: Json = False,
) -> None:
    with reporting():
        from ...dicom.standard.check import Report, check_file
        from ...errors import DicombakeError, ExitStatus
        from ...report.commands.conformance import as_json, failed_as_json, report_table

        failed, found = False, []
        for path in files:
            try:
                report: Report = check_file(path)
            except DicombakeError as error:
                failed = True
                found.append(failed_as_json(path, error))
                if not json:
                    complain(error)
                continue
            failed = failed or bool(report.errors)
            found.append(as_json(report))
            if not json and (report.errors or not quiet):
                console().print(report_table(report))
        status = ExitStatus.FAILED if failed else ExitStatus.DONE
        if json:
            print_json({"schema_version": 1, "exit_status": int(status), "files": found})
        if failed:
            raise typer.Exit(int(status))
