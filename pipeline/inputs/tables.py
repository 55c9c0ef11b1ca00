"""Read CSV tables of metadata, check them as a whole, and find the row of a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ...schemas.language.numbers import NUMBER
from ...schemas.language.suggest import did_you_mean
from ...schemas.language.tags import TagPath, TagValue, keywords, path_of, problem_of, vr_of
from ...schemas.language.template import ACQUIRED
from ...schemas.language.vr import WITH_BACKSLASH
from ...schemas.language.words import POSITIVE, TABLE_GEOMETRY, UNKNOWN
from ..errors import PlanError
from ..first_of import first_of
from ..places.names import nfc
from ..reading import start_of

if TYPE_CHECKING:
    from ...schemas.companions import Metadata

_MOST_PROBLEMS = 20
_MOST_NAMES = 40

Row = tuple[tuple[str, str], ...]


class Table(Struct, frozen=True):
    """Rows by the text that finds them; each with its line, from 1."""

    name: str
    columns: tuple[str, ...]
    rows: Mapping[object, tuple[int, Row]]


def key_of(text: str, kind: str = "") -> object:
    """Return what is compared: a number where the capture is one, else text in NFC."""
    try:
        return {"d": int, "f": float}.get(kind, nfc)(text.strip())
    except ValueError:
        return nfc(text)


def read_table(path: Path, options: Metadata, asked: Sequence[str], limit: int, kind: str = "") -> Table:
    """Return the table, every cell that has a meaning checked.

    Args:
        path: of the file.
        options: the recipe's `metadata`.
        asked: columns that templates name.
        limit: the most bytes.
        kind: of the capture that `match` names: ``d`` and ``f`` are compared as numbers.

    Raises:
        PlanError: with each mistake and its line.
    """
    text = _text(path, options.csv, limit)
    lines = _lines(text, options.csv)
    header = next(lines, None)
    if header is None:
        raise PlanError(f"{options.csv}: is empty; its first line names the columns")
    columns = tuple(cell.strip() for cell in header[1])
    problems = [f"{options.csv}:{header[0]}: {what}" for what in _wrong_columns(columns, options, asked)]
    if problems:
        raise PlanError(_first_of(problems))
    rows: dict[object, tuple[int, Row]] = {}
    for line, cells in lines:
        problems += [
            f"{options.csv}:{line}: {what}" for what in _enter(rows, columns, line, cells, options, kind)
        ]
    if problems:
        raise PlanError(_first_of(problems))
    return Table(options.csv, columns, rows)


def _first_of(problems: Sequence[str]) -> str:
    more = len(problems) - _MOST_PROBLEMS
    return "; ".join([*problems[:_MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else [])])


def _text(path: Path, name: str, limit: int) -> str:
    try:
        data = start_of(path, limit + 1)
    except OSError as error:
        raise PlanError(f"{name}: cannot be read in the data folder: {error.strerror or error}") from error
    if len(data) > limit:
        raise PlanError(f"{name}: has more than {limit} bytes; raise limits.header_bytes if that is right")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PlanError(f"{name}: byte {error.start} is no UTF-8; save it as 'CSV UTF-8'") from None


def _lines(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row that is not empty, and the line that it begins in."""
    start = 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise PlanError(f"{name}:{start}: is no CSV: {error}") from None


def _delimiter(text: str) -> str:
    """Return the comma or semicolon that comes first outside of quotes."""
    header = re.sub(r'"[^"]*"', "", text.lstrip().partition("\n")[0])
    found = re.search("[,;]", header)
    return found[0] if found else ","


def _wrong_columns(columns: tuple[str, ...], options: Metadata, asked: Sequence[str]) -> Iterator[str]:
    before: set[str] = set()
    for number, column in enumerate(columns, 1):
        if not column:
            yield f"column {number} has no name"
        elif column in before:
            yield f"the column '{column}' stands twice"
        before.add(column)
    wanted = {options.column or options.match: "the column that 'match' asks for"}
    wanted |= dict.fromkeys(asked, "a column that a template asks for")
    used = {*TABLE_GEOMETRY, *ACQUIRED, *wanted, *options.ignore}
    unknown = [column for column in columns if column and column not in used and column not in keywords()]
    for column, what in wanted.items():
        if column not in columns:
            named = f"; if that is '{unknown[0]}', add 'column: {unknown[0]}'" if unknown else ""
            hint = named if column == options.match and not options.column else ""
            there = first_of([*filter(None, columns)], _MOST_NAMES)
            yield f"has no column '{column}', {what}; it has {there}{hint}"
            if hint:
                unknown = unknown[1:]
    names = (*TABLE_GEOMETRY, *keywords())
    for number, column in enumerate(unknown):
        hint = did_you_mean(column, names) if number < _MOST_PROBLEMS else ""  # a search through 5,000 names
        yield (
            f"the column '{column}' is no key of geometry and no DICOM keyword, and no template uses it; "
            f"{f'{hint} Else ' if hint else ''}name it under 'metadata.ignore'"
        )


def _enter(  # noqa: PLR0917
    rows: dict[object, tuple[int, Row]],
    columns: tuple[str, ...],
    line: int,
    cells: list[str],
    options: Metadata,
    kind: str,
) -> Iterator[str]:
    """Add one row to the table; yield what is wrong with it."""
    if len(cells) != len(columns):
        yield f"has {len(cells)} cells, and the first line has {len(columns)}"
        return
    row = tuple((column, cell.strip()) for column, cell in zip(columns, cells, strict=True))
    own = options.column or options.match
    text = dict(row)[own]
    if not text:
        yield f"'{own}' is empty"
        return
    key = key_of(text, kind)
    if key in rows:
        yield f"'{text}' stands in line {rows[key][0]} already"
    rows[key] = (line, row)
    for column, cell in row:
        what = _wrong_cell(column, cell) if column not in (own, *options.ignore) else None
        if what:
            yield what


def _wrong_cell(column: str, cell: str) -> str | None:
    if not cell:
        return None
    if column in TABLE_GEOMETRY:
        if cell == UNKNOWN:
            return None
        if not NUMBER.fullmatch(cell):
            return f"{column}: '{cell}' is no number such as 90.5"
        return f"{column}: must be greater than 0" if column in POSITIVE and float(cell) <= 0 else None
    if column not in keywords():
        return None
    path = path_of(column)
    return problem_of(path, tag_value(path, cell), literal=True)


def tag_value(path: TagPath, cell: str) -> TagValue:
    """Return a cell as the value of an element; several values are separated by backslashes, as in DICOM."""
    vr = vr_of(path.last)
    return TagValue(items=(cell,) if vr in WITH_BACKSLASH else tuple(cell.split("\\")))


def geometry_cells(row: Row) -> dict[str, str]:
    """Return the cells that are geometry, by key."""
    return {column: cell for column, cell in row if column in TABLE_GEOMETRY and cell}


def tag_cells(row: Row, others: Collection[str]) -> dict[TagPath, TagValue]:
    """Return the cells that are elements; `others` are columns that are none, whatever their names."""
    return {
        path_of(column): tag_value(path_of(column), cell)
        for column, cell in row
        if cell and column in keywords() and column not in others
    }
