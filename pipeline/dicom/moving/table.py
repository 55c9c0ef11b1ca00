"""Read ``attributes.csv``: what becomes of each attribute when pixels move."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from .candidates import is_candidate
from .grid import Class

HOLDS, DROPPED, REFUSED = "holds", "dropped", "refused"
PATH = Path(__file__).with_name("attributes.csv")


@cache
def table() -> dict[str, dict[str, str]]:
    """Return the rows by keyword (or repeating group)."""
    with PATH.open(encoding="utf-8", newline="") as file:
        return {row["attribute"]: row for row in csv.DictReader(file)}


def decision(keyword: str, what: Class) -> str:
    """Return ``holds``, ``dropped``, ``refused`` or the name of a mover.

    An attribute without a row that might say where pixels are, or that is not in the dictionary, is refused.
    """
    row = table().get(keyword)
    if row is not None:
        return row[what]
    return REFUSED if not keyword or is_candidate(keyword) else HOLDS
