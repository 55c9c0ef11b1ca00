"""Check whether a text is a value of a VR (PS3.5 section 6.2), and return the form that DICOM writes."""

from __future__ import annotations

import datetime
import math
import re

from .decimal_string import MAX_DS, exact_ds
from .numbers import NUMBER
from .vr import BYTES, PARAGRAPHS, WITH_BACKSLASH

_LENGTHS = {"AE": 16, "CS": 16, "LO": 64, "SH": 16, "LT": 10240, "ST": 1024, "UI": 64}
_PATTERNS = {  # compiled when they are asked for: a start pays for none of them
    "AS": r"[0-9]{3}[DWMY]",
    "CS": r"[A-Z0-9_ ]*",
    "UI": r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*",
    "UR": r"[A-Za-z0-9_:/?#\[\]@!$&'()*+,;=%\-.~]* *",
    "AT": r"\(?\s*[0-9A-Fa-f]{4}\s*,?\s*[0-9A-Fa-f]{4}\s*\)?",
}
_FORMS = {
    "AS": "an age such as 045Y",
    "CS": "capitals, digits, blanks and _",
    "UI": "numbers joined by dots",
    "UR": "a URI as RFC 3986 has it",
    "AT": "a tag such as (0010,0020)",
}
_INTEGERS = {
    "SS": (-(2**15), 2**15 - 1),
    "US": (0, 2**16 - 1),
    "SL": (-(2**31), 2**31 - 1),
    "UL": (0, 2**32 - 1),
    "SV": (-(2**63), 2**63 - 1),
    "UV": (0, 2**64 - 1),
    "US or SS": (-(2**15), 2**16 - 1),
    "US or OW": (0, 2**16 - 1),
    "US or SS or OW": (0, 2**16 - 1),
}
_IS_RANGE = (-(2**31), 2**31 - 1)
_ISO_DATE = r"([0-9]{4})-([0-9][0-9])-([0-9][0-9])"
_ISO_TIME = r"([0-9][0-9]):([0-9][0-9])(?::([0-9][0-9])(\.[0-9]{1,6})?)?"
_DATE_TIME = (
    r"(?P<date>[0-9]{4}(?:[0-9]{2}){0,2})(?P<time>(?<=[0-9]{8})[0-9]{2,6}(?:\.[0-9]{1,6})?)?"
    r"(?P<zone>[+-][0-9]{4})?"
)
_LARGEST_SINGLE = (2 - 2**-24) * 2.0**127
"""The largest number that a 32-bit float can round."""
_CONTROL = r"[\x00-\x1f\x7f]"
_TIME = r"([0-9][0-9])(?:([0-9][0-9])(?:([0-9][0-9])(\.[0-9]{1,6})?)?)?"
_LINE_ENDS = {10: None, 12: None, 13: None, 9: None}


class ValueFormError(ValueError):
    """The text is no value of the VR; the message says what is.

    `unseen` is the message without the text: a value from a patient's file must not reach a log.
    """

    def __init__(self, what: str, text: str | None = None) -> None:
        super().__init__(what if text is None else f"'{_shown(text)}' {what}")
        self.unseen = what if text is None else f"its value {what}"


def normal_value(vr: str, text: str) -> str:
    """Return the text as DICOM writes it in an element of this VR (one value of several, never empty VM).

    A date as ``2024-01-02`` and a time as ``12:30:00`` lose their marks; a DS longer than 16 characters
    is shortened only where its number stays the same.

    Raises:
        ValueFormError: what is no value of the VR.
    """
    if text == "":
        return text
    if vr in BYTES or vr.startswith("OB"):
        raise ValueFormError(f"bytes ({vr}) are given as {{base64: ..}}, not as text")
    if vr in _INTEGERS:
        return _whole(vr, text, _INTEGERS[vr])
    if vr in _FORMERS:
        return _FORMERS[vr](text)
    return _text(vr, text)


def _text(vr: str, text: str) -> str:
    control = re.search(_CONTROL, text.translate(_LINE_ENDS) if vr in PARAGRAPHS else text)
    if control:
        raise ValueFormError(f"has a control character, which {vr} cannot hold", text)
    if "\\" in text and vr not in WITH_BACKSLASH:
        raise ValueFormError("has a backslash, which separates values; write a list", text)
    pattern = _PATTERNS.get(vr)
    if pattern and not re.fullmatch(pattern, text):
        raise ValueFormError(f"is no {vr} value: {_FORMS[vr]}", text)
    if vr == "PN" and text.count("=") > 2:
        raise ValueFormError("has more than the three component groups of a PN", text)
    if vr == "PN" and any(len(part) > 64 for part in text.split("=")):
        raise ValueFormError("is longer than the 64 characters of a PN component group", text)
    limit = _LENGTHS.get(vr)
    if limit and len(text) > limit:
        raise ValueFormError(f"has {len(text)} characters; {vr} holds {limit}", text)
    return text


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _whole(vr: str, text: str, bounds: tuple[int, int]) -> str:
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", text):
        raise ValueFormError(f"is no whole number, which {vr} holds", text)
    number = int(text)
    if not bounds[0] <= number <= bounds[1]:
        raise ValueFormError(f"does not fit {vr}, which holds {bounds[0]} to {bounds[1]}", str(number))
    return str(number)


def _decimal(text: str) -> str:
    text = text.strip()
    if not NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueFormError("is no number", text)
    return text


def _single(text: str) -> str:
    text = _decimal(text)
    if abs(float(text)) > _LARGEST_SINGLE:
        raise ValueFormError("does not fit FL, a 32-bit float", text)
    return text


def _decimal_string(text: str) -> str:
    text = _decimal(text)
    if len(text) <= MAX_DS:
        return text
    short = exact_ds(float(text))
    if short is None:
        raise ValueFormError(f"has {len(text)} characters; DS holds {MAX_DS}", text)
    return short


def _date(text: str) -> str:
    matched = re.fullmatch(_ISO_DATE, text) or re.fullmatch(r"([0-9]{4})([0-9][0-9])([0-9][0-9])", text)
    try:
        if matched:
            year, month, day = matched.groups()
            datetime.date(int(year), int(month), int(day))
            return year + month + day
    except ValueError:
        pass
    raise ValueFormError("is no date such as 20240102 or 2024-01-02", text)


def _date_time(text: str) -> str:
    """Return a DT (PS3.5 table 6.2-1): a date, as far as it is known, a time, the offset from UTC."""
    matched = re.fullmatch(_DATE_TIME, text)
    if matched:
        date, time, zone = matched["date"], matched["time"], matched["zone"]
        try:
            full = date + "0001-01-01".replace("-", "")[len(date) :]
            datetime.date(int(full[:4]), int(full[4:6]), int(full[6:]))
            if time:
                _time(time)
            if not zone or (int(zone[1:3]) <= 14 and int(zone[3:]) <= 59):
                return text
        except ValueError:
            pass
    raise ValueFormError("is no date and time such as 20240102123000", text)


def _time(text: str) -> str:
    matched = re.fullmatch(_ISO_TIME, text)
    plain = "".join(part or "" for part in matched.groups()) if matched else text
    parts = re.fullmatch(_TIME, plain)
    if parts is None or any(
        int(part or 0) > limit for part, limit in zip(parts.groups()[:3], (23, 59, 60), strict=True)
    ):
        raise ValueFormError("is no time such as 123000 or 12:30:00", text)
    return plain


_FORMERS = {
    "IS": lambda text: _whole("IS", text, _IS_RANGE),
    "DS": _decimal_string,
    "FL": _single,
    "FD": _decimal,
    "DA": _date,
    "TM": _time,
    "DT": _date_time,
}
