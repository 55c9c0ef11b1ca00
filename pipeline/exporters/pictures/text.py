"""Write a source's properties as the text entries of a PNG (PNG 3rd edition, 11.3.3)."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...imaging.image import Image

ODD_NAMES = "dicombake:properties"
"""The entry that holds, as one JSON object, the properties whose names PNG cannot take as keywords."""

_KEYWORD_LENGTH = 79


def text_entries(image: Image) -> tuple[tuple[str, str], ...]:
    """Return keyword and text of every property: text unchanged, anything else as JSON.

    This is the form of pylinac's XIM export. An image that was made of several files has the properties that
    all of them share.
    """
    entries: list[tuple[str, str]] = []
    odd: dict[str, Any] = {}
    for name, value in shared_properties(image).items():
        if is_keyword(name):
            entries.append((name, _text(value)))
        else:
            odd[name] = plain(value)
    if odd:
        entries.append((ODD_NAMES, json.dumps(odd)))
    return tuple(entries)


def shared_properties(image: Image) -> Mapping[str, Any]:
    """Return the properties of the image's source; of several sources, those that all have with one value."""
    first = image.source.properties
    others = [{name: plain(value) for name, value in s.properties.items()} for s in image.sources[1:]]
    if not others:
        return first
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == plain(value) for other in others)
    }


def is_keyword(name: str) -> bool:
    """Tell whether a name is a keyword of PNG: 1 to 79 printable Latin-1 characters, single blanks inside."""
    return (
        0 < len(name) <= _KEYWORD_LENGTH
        and all(" " <= char <= "~" or "\xa1" <= char <= "\xff" for char in name)
        and "  " not in name
        and name == name.strip(" ")
        and name != ODD_NAMES
    )


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str) and _fits_text(value) else json.dumps(plain(value))


def _fits_text(value: str) -> bool:
    """Check that text has no NUL, which ends a text, and no half surrogate pair, which UTF-8 cannot hold."""
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def plain(value: Any) -> Any:
    """Return a property in the types of JSON.

    Arrays become lists, bytes ``{"base64": ...}``, NaN and infinities their names, DICOM's own types the
    numbers and texts that they are.
    """
    if value is None or isinstance(value, bool | np.bool_):
        return None if value is None else bool(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        if math.isnan(value):
            return "NaN"
        return float(value) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, bytes | bytearray | memoryview):
        return {"base64": base64.b64encode(bytes(value)).decode("ascii")}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(inner) for inner in value]
    return str(value)
