"""Dates of a patient moved back by one number of days: intervals stay (PS3.15 E.3.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

_DATE = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")
_DATETIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d{0,6}(?:\.\d{1,6})?(?:[+-]\d{4})?)")


def parsed(text: str) -> date | None:
    """Return the day of a DA, or of the start of a DT; None for what is none, or less than a day."""
    found = _DATE.match(text.strip(" \0"))
    if found is None:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None


def shifted(vr: str, text: str, days: int) -> str | None:
    """Return a DA or DT so many days earlier; None where it has no day that could be moved.

    >>> shifted("DA", "20240301", 1)
    '20240229'
    """
    text = text.strip(" \0")
    found = (_DATE if vr == "DA" else _DATETIME).fullmatch(text)
    day = parsed(text)
    if found is None or day is None:
        return None
    try:
        moved = f"{day - timedelta(days):%Y%m%d}".rjust(8, "0")
    except OverflowError:
        return None
    return moved if vr == "DA" else moved + found[4]


def written_forms(day: date) -> Iterator[str]:
    """Yield how people and programs write a day, of 8 characters or more."""
    year, month, number = f"{day.year:04d}", f"{day.month:02d}", f"{day.day:02d}"
    yield year + month + number
    for mark in "-./":
        yield mark.join((year, month, number))
        yield mark.join((number, month, year))
        yield mark.join((month, number, year))
    yield f"{number}{month}{year}"


_AGE = re.compile(r"(\d{3})Y")


def capped_age(text: str) -> str:
    """Return an age (AS) that is not above 090Y: the few who are older would be known by it."""
    found = _AGE.fullmatch(text.strip())
    return "090Y" if found is not None and int(found[1]) > 89 else text
