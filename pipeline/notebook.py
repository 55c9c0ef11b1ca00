"""Write small pieces of HTML for notebooks: `_repr_html_` of plans, outcomes and images is made of them.

Everything that is shown (names, messages) may come from others and is escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from .printable import printable

ROWS = 50
"""A longer table is cut, with a note."""


def text(value: object) -> str:
    """Return a value as text escaped for HTML."""
    return escape(printable(str(value)))


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table with a caption; without a head it is one of names and values."""
    shown = [_row("td", row) for row in rows[:ROWS]]
    if len(rows) > ROWS:
        shown.append(_row("td", [f"and {len(rows) - ROWS} more"]))
    top = f"<thead>{_row('th', head)}</thead>" if head else ""
    return f"<table><caption>{text(title)}</caption>{top}<tbody>{''.join(shown)}</tbody></table>"


def _row(cell: str, values: Iterable[object]) -> str:
    return f"<tr>{''.join(f'<{cell}>{text(value)}</{cell}>' for value in values)}</tr>"


def details(title: str, items: Sequence[object]) -> str:
    """Return a list that opens when it is clicked on; nothing for an empty one."""
    if not items:
        return ""
    more = [f"and {len(items) - ROWS} more"] if len(items) > ROWS else []
    lines = "".join(f"<li>{text(item)}</li>" for item in [*items[:ROWS], *more])
    return f"<details><summary>{text(title)}</summary><ul>{lines}</ul></details>"


def png(content: bytes, description: str) -> str:
    """Return a picture that needs no file."""
    return f'<img alt="{text(description)}" src="data:image/png;base64,{b64encode(content).decode()}">'
