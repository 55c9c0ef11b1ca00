"""Find values that a recipe may have and hardly means: notes, and mistakes under `strict`."""

from __future__ import annotations

from collections.abc import Iterator

from ..language.plausible import doubtful_number, doubtful_tag
from ..recipe import Conversion
from .checks import Found

_NUMBERS = ("sid", "sad", "dpi", "pixel_spacing", "gantry", "collimator", "couch")


def doubts(name: str, conversion: Conversion) -> Found:
    """Yield each doubtful value of a conversion that is a literal, with its place."""
    for key in _NUMBERS:
        for number in _literal(getattr(conversion.geometry, key)):
            what = doubtful_number(key, number)
            if what:
                yield ("conversions", name, "geometry", key), f"{key} {what}"
                break
    for path, value in conversion.tags.items():
        what = doubtful_tag(path, value)
        if what:
            yield ("conversions", name, "tags", str(path)), what


def _literal(value: object) -> Iterator[float]:
    """Yield the numbers of a value of `geometry`; none of a template or a word."""
    for part in value if isinstance(value, tuple) else (value,):
        if isinstance(part, int | float):
            yield float(part)
