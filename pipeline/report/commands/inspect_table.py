"""Show an inspection to people: tables that fit a terminal of 80 columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...exporters.pictures.text import plain
from ...imaging.image import Origin
from ...printable import printable
from .inspect import Fact, Inspection, facts

MAX_TEXT = 240
"""Longer values are cut here; --json prints them whole."""

_NAMES = {
    "spacing": "pixel spacing",
    "sid": "SID",
    "sad": "SAD",
    "receptor_angle": "receptor angle",
    "patient.position": "slice position",
    "patient.orientation": "slice orientation",
    "patient.thickness": "slice thickness",
    "patient.spacing": "slice spacing",
    "patient.frame_of_reference": "frame of reference",
}
_MM, _DEGREES = "mm", "°"
_UNITS = {
    "spacing": _MM, "sid": _MM, "sad": _MM, "position": _MM, "translation": _MM,
    "gantry": _DEGREES, "collimator": _DEGREES, "couch": _DEGREES, "receptor_angle": _DEGREES,
    "patient.position": _MM, "patient.thickness": _MM, "patient.spacing": _MM,
}  # fmt: skip


def table(found: Inspection) -> RenderableType:
    """Return everything that is known of one file, under its name."""
    parts: list[RenderableType] = [Text(printable(str(found.path)), style="bold"), _grid(_overview(found))]
    geometry = [_geometry_row(fact) for fact in facts(found.geometry)]
    if geometry:
        parts += [Text("geometry", style="dim"), _grid(geometry)]
    if found.properties:
        parts += [
            Text("properties", style="dim"),
            _grid((printable(name), shown(value)) for name, value in found.properties.items()),
        ]
    return Group(*parts, Text(""))


def _geometry_row(fact: Fact) -> tuple[str, str, str]:
    name = _NAMES.get(fact.name, fact.name)
    if fact.blank is not None:
        return name, "empty on purpose", printable(fact.blank)
    return name, _value(fact.value, _UNITS.get(fact.name, "")), _origin(fact.origin)


def _overview(found: Inspection) -> Iterator[tuple[str, str]]:
    yield "format", found.format
    if found.pages > 1:
        yield "pages", str(found.pages)
    for kind in found.kinds:
        rows, columns, *samples = kind.shape
        pixels = f"{rows} rows x {columns} columns" + (f" x {samples[0]} samples" if samples else "")
        many = f" ({kind.pages} of them)" if len(found.kinds) > 1 else ""
        yield "pixels", f"{pixels}, {kind.dtype}{f', {kind.photometric}' if kind.photometric else ''}{many}"
    if found.minimum is not None:
        yield "values", f"{found.minimum} to {found.maximum}{f' {found.units}' if found.units else ''}"
    if found.not_finite:
        yield "not finite", f"{found.not_finite} values are NaN or infinite"
    if found.lossy:
        yield "lossy", f"{found.lossy.method}, ratio {found.lossy.ratio:.3g}"
    for note in found.notes:
        yield "note", printable(note.text)


def _grid(rows: Iterable[tuple[str, ...]]) -> Table:
    """Return names, then values; no column is wider than it must be, and long words are folded."""
    rows = list(rows)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(overflow="fold", min_width=min(12, max((len(row[0]) for row in rows), default=0)))
    for _ in range(max((len(row) for row in rows), default=1) - 1):
        grid.add_column(overflow="fold")
    for name, *values in rows:
        grid.add_row(Text(f"  {name}"), *(Text(value) for value in values))
    return grid


def _value(value: Any, unit: str) -> str:
    text = ", ".join(f"{part:.10g}" if isinstance(part, float) else str(part) for part in _parts(value))
    return f"{text}{unit if unit == _DEGREES else f' {unit}' if unit else ''}"


def _parts(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _origin(origin: Origin | None) -> str:
    return printable(str(origin)) if origin else ""


def shown(value: Any) -> str:
    """Return a property on one line: text as it is, anything else as JSON, cut where it is long."""
    value = plain(value)
    text = printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}... ({len(text)} characters)"
