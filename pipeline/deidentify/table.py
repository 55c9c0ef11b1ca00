"""The table of PS3.15 E.1-1 as rows: the action of the profile, and what each option does instead.

Which of the actions of a conditional code is due hangs on the Type of the attribute in the object's IOD.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

Action = Literal["D", "Z", "X", "U", "K", "C", "S"]
"""Dummy, zero length, removed, UID replaced, kept, cleaned, and date shifted."""
Code = Literal["D", "Z", "X", "U", "Z/D", "X/Z", "X/D", "X/Z/D", "X/Z/U*"]

DATES = frozenset({"DA", "DT", "TM"})
_LETTERS = {
    "i": "retain_uids", "d": "retain_device", "h": "retain_institution",
    "p": "retain_patient_characteristics",
    "t": "clean_descriptors", "s": "clean_structured_content", "g": "clean_graphics",
}  # fmt: skip


class Row(Struct, frozen=True):
    """What the table says of one attribute."""

    code: Code
    keeps: frozenset[str] = frozenset()
    """Options that keep it."""
    cleans: frozenset[str] = frozenset()
    """Options that clean it."""
    temporal: bool = False
    """Whether it tells a time, which the options for dates keep or change."""


@cache
def _data() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(
        Path(__file__).with_name("profile.json").read_text(encoding="utf-8")
    )
    return found


def edition() -> str:
    """Return the edition of PS3.15 that the table is of: ``2026c``."""
    return str(_data()["edition"])


@cache
def rows() -> Mapping[int, Row]:
    """Return every row by tag."""
    return {int(tag, 16): _row(text) for tag, text in _data()["rows"].items()}


def _row(text: str) -> Row:
    code, _, letters = text.partition(" ")
    return Row(
        code,  # type: ignore[arg-type]
        frozenset(_LETTERS[letter.lower()] for letter in letters if letter.isupper() and letter != "L"),
        frozenset(_LETTERS[letter] for letter in letters if letter.islower()),
        "L" in letters,
    )


def type_of(sop_class: str, keyword: str, inside: str) -> str | None:
    """Return the Type of an attribute in the IOD of a SOP class, at its top or inside of a sequence.

    ``""`` for Type 3 and for what the IOD does not have; None where the SOP class is of no IOD that is known.
    """
    data = _data()
    if inside:
        return str(data["inside"].get(f"{inside}.{keyword}", ""))
    kind = data["classes"].get(sop_class)
    return None if kind is None else str(data["top"].get(kind, {}).get(keyword, ""))


def resolved(code: Code, of_type: str | None) -> Action:
    """Return the one action that a code means for an attribute of a Type (PS3.15 table E.1-1a).

    What must have a value gets a dummy, what must be there is emptied, else the first code that stands there.
    Where nobody knows the Type, the last one: the object stays one of its kind either way.
    """
    if code == "U":
        return "U"
    allowed = code.split("/")
    if "U*" in allowed:
        return "U"
    if of_type is None:
        return allowed[-1]  # type: ignore[return-value]
    if allowed == ["D"] or of_type in ("1", "1C"):
        return "D"
    if "Z" in allowed[:1] or of_type in ("2", "2C"):
        return "Z"
    return "X"
