"""List what can be read and written, from the registries and the recipe's models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from pydantic.fields import FieldInfo

from ....schemas.base import Model
from ....schemas.exports import EXPORT_TARGETS
from ....schemas.sources import SOURCE_FORMATS
from ...exporters.registry import TARGETS
from ...loaders.registry import FORMATS

if TYPE_CHECKING:
    from rich.console import RenderableType

_NO_OPTIONS = frozenset({"format", "to", "path", "keep", "deliver"})
"""Options of every format or target, which docs/recipe.md describes."""


class Row(Struct, frozen=True):
    """One source format or export target."""

    name: str
    describes: str
    options: tuple[str, ...]
    """``page``, ``quality: 90`` with its default, ``shape (required)``."""


def sources() -> tuple[Row, ...]:
    """Return every source format, in the order of the schema."""
    return tuple(
        Row(name, FORMATS[name].describes, _options(model)) for name, model in SOURCE_FORMATS.items()
    )


def targets() -> tuple[Row, ...]:
    """Return every export target, in the order of the schema."""
    return tuple(
        Row(name, TARGETS[name].describes, _options(model)) for name, model in EXPORT_TARGETS.items()
    )


def _options(model: type[Model]) -> tuple[str, ...]:
    return tuple(
        _option(name, field) for name, field in model.model_fields.items() if name not in _NO_OPTIONS
    )


def _option(name: str, field: FieldInfo) -> str:
    name = field.alias or name
    if field.is_required():
        return f"{name} (required)"
    default = field.get_default(call_default_factory=True)
    return name if default is None else f"{name}: {_shown(default)}"


def _shown(value: Any) -> str:
    """Return a default as a recipe would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(part) for part in value)}]"
    return str(value)


def tables() -> RenderableType:
    """Return both tables for a terminal."""
    from rich.console import Group
    from rich.text import Text

    return Group(Text("source", style="bold"), _grid(sources()), Text("\nto", style="bold"), _grid(targets()))


def _grid(rows: tuple[Row, ...]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for row in rows:
        grid.add_row(Text(f"  {row.name}"), Text(row.describes))
        if row.options:
            grid.add_row("", Text(", ".join(row.options), style="dim"))
    return grid


def markdown() -> str:
    """Return both tables in Markdown, for the docs."""
    lines = (*table("source", "reads", sources()), "", *table("to", "writes", targets()))
    return "\n".join(lines) + "\n"


def table(name: str, does: str, rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    yield f"| {name} | {does} | options |"
    yield "|---|---|---|"
    for row in rows:
        said = ", ".join(f"`{option}`" for option in row.options) or "none"
        yield f"| `{row.name}` | {_cell(row.describes)} | {said} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def as_json() -> Mapping[str, Any]:
    """Return both tables for programs: ``sources`` and ``exports``, lists of name, describes and options."""
    return {
        key: [{"name": row.name, "describes": row.describes, "options": list(row.options)} for row in rows]
        for key, rows in (("sources", sources()), ("exports", targets()))
    }
