"""The values of a source by which somebody could be known: what the proof looks for in what was written.

Names in every representation and in parts, identifiers, days in each written form, UIDs, institutions,
people, addresses, telephone numbers. Not what only describes (a protocol's name), and nothing that an option
keeps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydicom import DataElement
from pydicom.multival import MultiValue

from .dates import parsed, written_forms
from .table import DATES, Row

LONG = 8
"""Bytes from which on a value is looked for in every byte."""
SHORT = 3
"""Characters from which on a value is looked for at all."""
_TEXT = frozenset({"AE", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_PLACEHOLDERS = frozenset(
    [
        "none",
        "unknown",
        "anonymous",
        "anonymized",
        "removed",
        "unspecified",
        "undefined",
        "default",
        "n/a",
        "not",
        "null",
        "empty",
        "other",
    ]
)
_DEVICE = re.compile(r"Serial|ID$|Identifier$")


@dataclass
class Identifying:
    """What was found so far: each value with the name of the element that it stands in."""

    values: dict[str, str] = field(default_factory=dict)

    def words(self) -> frozenset[str]:
        """Return every word of the values, in small letters."""
        return frozenset(
            word.lower()
            for value in self.values
            for word in re.findall(r"[^\W_]+", value)
            if len(word) >= SHORT
        )

    def add(self, element: DataElement, vr: str, name: str, row: Row | None) -> None:
        """Take the values of an element that does not stay as it is."""
        for text in _texts(element):
            for form in _forms(text, vr, name, row):
                plain = form.strip(" \0")
                if (
                    len(plain) >= SHORT
                    and plain.lower() not in _PLACEHOLDERS
                    and not set(plain) <= set("0. -")
                ):
                    self.values.setdefault(plain, name)


def _texts(element: DataElement) -> Iterator[str]:
    value = element.value
    if value is None:
        return
    for each in value if isinstance(value, MultiValue | list) else (value,):
        if isinstance(each, bytes):
            yield each.decode("utf-8", "replace").strip("\0 ")
        else:
            yield str(each)


def _forms(text: str, vr: str, name: str, row: Row | None) -> Iterator[str]:
    if vr == "PN":
        yield from _name_forms(text)
    elif vr in DATES:
        day = parsed(text) if vr != "TM" else None
        if day is not None:
            yield from written_forms(day)
    elif vr == "UI":
        if not text.startswith("1.2.840.10008."):
            yield text
    elif vr in _TEXT and row is not None and _names_somebody(name, row):
        yield text


def _names_somebody(name: str, row: Row) -> bool:
    """Tell whether text is of somebody or some place: no description, of a device its number alone."""
    if "clean_descriptors" in row.cleans:
        return False
    return "retain_device" not in row.keeps | row.cleans or _DEVICE.search(name) is not None


def _name_forms(text: str) -> Iterator[str]:
    """Yield a name as it stands, with its parts in other orders, and each part; of all representations."""
    for group in text.split("="):
        parts = [part.strip() for part in group.split("^") if part.strip()]
        yield group.rstrip("^ ")
        yield from parts
        if len(parts) > 1:
            family, given = parts[0], parts[1]
            for between in (" ", ", ", "_", ""):
                yield f"{family}{between}{given}"
                yield f"{given}{between}{family}"
        for part in parts:
            yield from part.split()
