"""The table of fuzz targets in docs/reliability.md."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_MARKED = re.compile(r"(<!-- fuzz: begin.*?-->\n)(.*?)(<!-- fuzz: end -->)", re.S)
_HEAD = """| target | seconds | inputs tried | branches of ours reached | found, and mended |
|---|---|---|---|---|
"""


class Row(NamedTuple):
    """What was done of a target."""

    target: str
    seconds: int
    tries: int
    coverage: int
    """Branches of the project's code."""
    found: str = "-"
    """What was found and mended, in words; written by hand into the docs."""


def write_rows(rows: Iterable[Row]) -> None:
    """Put rows into the table in place of those of the same targets; what was found is kept."""
    page = PAGE.read_text(encoding="utf-8")
    marked = _MARKED.search(page)
    assert marked is not None
    known = {row.target: row for row in _rows(marked[2])}
    for row in rows:
        known[row.target] = row._replace(found=known[row.target].found if row.target in known else row.found)
    lines = (
        f"| {row.target} | {row.seconds} | {row.tries:,} | {row.coverage:,} | {row.found} |\n"
        for row in known.values()
    )
    table = f"{marked[1]}{_HEAD}{''.join(lines)}{marked[3]}"
    PAGE.write_text(page[: marked.start()] + table + page[marked.end() :], encoding="utf-8", newline="\n")


def _rows(table: str) -> Iterable[Row]:
    for line in table.splitlines()[2:]:
        target, seconds, tries, coverage, found = (part.strip() for part in line.strip("|").split("|"))
        yield Row(target, int(seconds), int(tries.replace(",", "")), int(coverage.replace(",", "")), found)
