"""Text cleaned by a list of words that may stay; nothing is guessed (PS3.15 E.3.5, Clean Descriptors)."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from pathlib import Path

_PIECE = re.compile(r"[^\W_]+")
_MEASURE = re.compile(r"\d{1,3}(mm|cm|kv|mv|mev|ma|mas|gy|cgy|hz|ms|s|x|d|fx|t|b|f)?", re.IGNORECASE)


@cache
def allowed() -> frozenset[str]:
    """Return the words that may stay, in small letters."""
    text = Path(__file__).with_name("words.txt").read_text(encoding="utf-8")
    lines = (line.partition("#")[0] for line in text.splitlines())
    return frozenset(word for line in lines for word in line.split())


def cleaned_text(text: str, identifying: Collection[str]) -> tuple[str, int]:
    """Return the text with its allowed words and short numbers only, and how many words were cut.

    `identifying`: words of the patient, of people and places, in small letters; they are cut in any case.
    """
    kept, cut = [], 0
    for piece in _PIECE.findall(text):
        word = piece.lower()
        if word not in identifying and (word in allowed() or _MEASURE.fullmatch(word)):
            kept.append(piece)
        else:
            cut += 1
    return " ".join(kept), cut
