"""When an image was acquired, as ``{date}`` and ``{time}`` give it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import NamedTuple

from .render import SourceLookup

_DIGITS = re.compile(r"\d{4}[.\-]?\d{2}[.\-]?\d{2}")
_CLOCK = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(\.\d{1,6})?")
_DIFFERS = "it differs between the files of one group"


class Moment(NamedTuple):
    """Date (YYYYMMDD) and time (HHMMSS); empty where nobody says them."""

    date: str = ""
    time: str = ""


def moment_of(find: SourceLookup) -> Moment:
    """Return what a header says of the acquisition: Acquisition Date and Time, else Content Date and Time.

    Both are of one pair. A study's or a series' date is that of its first image, and is not taken.
    """
    date = _date(_text(find, "AcquisitionDate"))
    if date:
        return Moment(date, _time(_text(find, "AcquisitionTime")))
    whole = _text(find, "AcquisitionDateTime")
    date = _date(whole[:8])
    if date:
        return Moment(date, _time(re.split(r"[+\-]", whole[8:])[0]))
    date = _date(_text(find, "ContentDate"))
    return Moment(date, _time(_text(find, "ContentTime"))) if date else Moment()


def checked_moment(date: str, time: str) -> Moment:
    """Return what a sidecar says, in the form of DICOM's DA and TM."""
    return Moment(_date(date), _time(time)) if _date(date) else Moment()


def shared_moment(moments: Iterable[Moment]) -> tuple[Moment, dict[str, str]]:
    """Return what all files of a group share, and why the rest is not known."""
    dates, times = (set(parts) for parts in zip(*moments, strict=True))
    unknown = {name: _DIFFERS for name, found in (("date", dates), ("time", times)) if len(found) > 1}
    return Moment(*(found.pop() if len(found) == 1 else "" for found in (dates, times))), unknown


def _text(find: SourceLookup, keyword: str) -> str:
    try:
        return str(find(keyword) or "").strip()
    except KeyError:
        return ""


def _date(text: str) -> str:
    if not _DIGITS.fullmatch(text):
        return ""
    digits = re.sub(r"\D", "", text)
    try:
        datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return ""
    return digits


def _time(text: str) -> str:
    """Six digits; minutes and seconds that a TM leaves out are 00 (PS3.5 6.2), fractions go."""
    matched = _CLOCK.fullmatch(text)
    if matched is None:
        return ""
    parts = [part or "00" for part in matched.groups()[:3]]
    return "".join(parts) if parts[0] < "24" and parts[1] < "60" and parts[2] <= "60" else ""
