"""Show the line of a recipe that a problem is in, with a caret under the place."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ..errors import Problem
from ..printable import printable
from ..reading import start_of
from ..recipe.syntax_slips import BREAK
from ..recipe.yaml_nodes import MAX_BYTES

_SECRET = re.compile(r"^destinations\.[^.]+\.(token|password|url)$")
WIDTH = 100
"""Characters of a line that are shown, around the place."""


def excerpt(problem: Problem) -> tuple[str, ...]:
    """Return the line and the line with the caret; empty where the file cannot be shown."""
    if _SECRET.search(problem.where):  # the line may hold one, and logs keep what is printed
        return ()
    lines = _lines(problem.file)
    if not 0 < problem.line <= len(lines):
        return ()
    text, at = lines[problem.line - 1].replace("\t", " "), max(problem.column - 1, 0)
    if not text.strip():
        return ()
    start = max(0, at - WIDTH // 2) if len(text) > WIDTH else 0
    shown, before = printable(text[start : start + WIDTH]), printable(text[start:at])
    gutter = f"{problem.line:>5} | "
    return f"{gutter}{shown}", f"{'|':>{len(gutter) - 1}} {' ' * _cells(before)}^"


@lru_cache(maxsize=8)
def _lines(file: str) -> tuple[str, ...]:
    try:
        data = start_of(file, MAX_BYTES)
    except (OSError, ValueError):
        return ()
    return tuple(BREAK.split(data.decode("utf-8-sig", "replace")))


def _cells(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for wide East Asian letters, none for marks."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(bool(unicodedata.combining(char)) for char in text)
