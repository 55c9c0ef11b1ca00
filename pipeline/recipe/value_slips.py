"""Guess what a person meant by a value of the wrong form: a unit, a decimal comma, a bare number.

The sentence on the mistake itself comes from `problems`; these functions add what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from ...schemas.language.template import is_template
from .tree import Part

_WITH_UNIT = (
    r"(?i)(?P<number>[+-]?(?:\d{1,15}(?:[.,]\d{0,15})?|[.,]\d{1,15}))\s*"
    r"(?P<unit>mm|cm|m|\u00b5m|\u03bcm|in|inch|inches|\"|dpi|px|pixels?|deg|degrees?|\u00b0|%|hu|gy)\.?"
)
_NOBODY_KNOWS = ("none", "null", "nil", "na", "n/a", "nan", "-", "?", "??", "tbd", "empty")
_THOUSANDS = r"[+-]?[1-9]\d{0,2}(,\d{3})+"
_DECIMAL_COMMA = r"[+-]?\d{1,15},\d{1,15}"
_LENGTHS = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4, "inch": 25.4, "inches": 25.4, '"': 25.4}
EQUALS = "; a colon and a blank stand between a key and its value: "
_PAIRS = {
    "shape": "rows, columns",
    "pixel_spacing": "mm between rows, between columns",
    "center": "row, column",
    "window": "lowest, highest value",
}
_TRIPLES = {
    "spacing": "mm between rows, columns, slices",
    "origin": "x, y, z in mm",
}


def number_meant(text: str, *, lengths: bool = True) -> str:
    """Return what to write in place of a text that is no number: ``; write 1000 (mm)``; empty if unknown.

    `lengths`: whether the number may be a length, which one that counts pixels or bytes is not.
    """
    text = text.strip()
    if re.fullmatch(_THOUSANDS, text):
        return f"; a number has no comma: {text.replace(',', '')}, or {text.replace(',', '.')}"
    if re.fullmatch(_DECIMAL_COMMA, text):
        return f"; a decimal number has a point: {text.replace(',', '.')}"
    if text.lower() in _NOBODY_KNOWS:
        return "; 'unknown' leaves it empty on purpose"
    found = re.fullmatch(_WITH_UNIT, text)
    if found is None:
        return ""
    number, unit = found["number"].replace(",", "."), found["unit"].lower()
    if unit in _LENGTHS and not lengths:
        return "; it is a count, such as of pixels, and no length"
    if unit in _LENGTHS:
        return f"; lengths are in mm, without a unit: {float(number) * _LENGTHS[unit]:.10g}"
    if unit in ("deg", "degree", "degrees", "\u00b0"):
        return f"; angles are in degrees, without a unit: {number}"
    return f"; write the number alone: {number}"


def list_meant(key: str, value: object, count: int | None = None) -> str:
    """Return the form of the expected list: ``, as in [512, 512] (rows, columns)``; empty if unknown.

    `count` is how many values the place takes, where the mistake says it.
    """
    if key == "process" and isinstance(value, dict):
        return "; begin each operation with '- '"
    one = value.strip("() ") if isinstance(value, str) and not is_template(value) else ""
    one = one or "..."
    parts = [part for part in re.split(r"[\s,;x\u00d7*()]+", one) if part]
    if len(parts) == (count or 2) and all(re.fullmatch(r"[0-9.+-]+", part) for part in parts):
        meaning = _PAIRS.get(key) or _TRIPLES.get(key)
        return f", as in [{', '.join(parts)}]" + (f" ({meaning})" if meaning else "")
    if key in _PAIRS and count in (None, 2):
        return f", as in [{one}, {one}] ({_PAIRS[key]})"
    if key in _TRIPLES and count in (None, 3):
        return f", as in [{one}, {one}, {one}] ({_TRIPLES[key]})"
    return f", as in [{one}]" if key == "process" and one != "..." else ""


def comma_meant(part: Part, parent: Part) -> str:
    """Return what to do where a key of a ``{...}`` has no value: text with a comma that has no quotes."""
    if part is parent or not parent.flow or part.value is not None:
        return ""
    return "; inside braces a comma ends a value: put text in quotes, and write decimals with a point"


def blank_after_colon(name: str, known: Collection[str]) -> str:
    """Return ``; a blank is missing after 'sid:'`` for a key such as ``sid:1000``; else empty."""
    key, equals, value = name.partition("=")
    if equals and key.strip() in known:
        return f"{EQUALS}{key.strip()}: {value.strip()}"
    key, colon, value = name.partition(":")
    key = key.strip()
    return f"; a blank is missing after '{key}:', as in {key}: {value}" if colon and key in known else ""
