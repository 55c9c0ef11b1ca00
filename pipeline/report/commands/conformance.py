"""Report what `check-dicom` found in a file, for people and for programs. No patient's value is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...dicom.standard.check import Report
from ...dicom.standard.findings import Finding
from ...errors import DicombakeError
from ...printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType


def headline(report: Report) -> str:
    """Return one line: ``dicom/a.dcm: RT Image: 2 errors, 1 warning``."""
    errors = len(report.errors)
    warnings = len(report.findings) - errors
    parts = [_count(errors, "error")] if errors else []
    parts += [_count(warnings, "warning")] if warnings else []
    return f"{report.path}: {report.kind}: {', '.join(parts) or 'conformant'}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def report_table(report: Report) -> RenderableType:
    """Return the file's line, and below it each finding: the attribute, what is wrong, how to correct it."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    head = Text(printable(headline(report)), style="bold" if report.errors else "")
    if not report.findings:
        return head
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    styles = {"error": "bold red", "warning": "yellow"}
    for finding in report.findings:
        severity = Text(f"  {finding.severity}", style=styles[finding.severity])
        grid.add_row(severity, Text(printable(_first(finding))))
        for line in (finding.required, finding.supply):
            if line:
                grid.add_row("", Text(printable(f"  {line}"), style="dim"))
    return Group(head, grid)


def _first(finding: Finding) -> str:
    return f"{finding.attribute}{f' {finding.tag}' if finding.tag else ''}: {finding.what}"


def as_json(report: Report) -> dict[str, Any]:
    """Return the report for programs."""
    return {
        "path": report.path.as_posix(),
        "kind": report.kind,
        "conformant": not report.errors,
        "findings": [
            {
                "severity": finding.severity,
                "attribute": finding.attribute,
                "tag": finding.tag or None,
                "module": finding.module or None,
                "type": finding.type or None,
                "what": finding.what,
                "supply": finding.supply or None,
            }
            for finding in report.findings
        ],
    }


def failed_as_json(path: Path, error: DicombakeError) -> dict[str, Any]:
    """Return the report on a file that is not DICOM."""
    return {"path": path.as_posix(), "error": error.what}
