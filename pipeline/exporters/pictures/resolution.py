"""Pixel spacing as picture formats write it: pixels per length, in whole numbers or fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from msgspec import Struct

from ...imaging.tolerances import APPROXIMATE_DOTS, DOTS

MM_PER_INCH = Fraction(254, 10)
_LARGEST = 2**32 - 1

Ratio = tuple[int, int]


class Resolution(Struct, frozen=True):
    """Pixels per `unit` along a row (x) and along a column (y), as fractions of 32-bit numbers."""

    unit: Literal["inch", "centimetre"]
    x: Ratio
    y: Ratio


def resolution(spacing: tuple[float, float] | None) -> Resolution | None:
    """Return the resolution of a spacing (between rows, between columns; mm).

    In inches where that is a whole number (a scanner's 300 dpi), else in centimetres. None: unknown, or
    beyond what fractions can say.
    """
    if spacing is None:
        return None
    x, y = (_dots_per_inch(mm) for mm in (spacing[1], spacing[0]))
    if x is not None and y is not None:
        return Resolution("inch", x, y)
    x, y = (_per_centimetre(mm) for mm in (spacing[1], spacing[0]))
    return Resolution("centimetre", x, y) if x is not None and y is not None else None


def _dots_per_inch(mm: float) -> Ratio | None:
    dots = round(25.4 / mm)
    if not 0 < dots <= _LARGEST or abs(25.4 / dots - mm) > DOTS * mm:
        return None
    return dots, 1


def _per_centimetre(mm: float) -> Ratio | None:
    exact = 10 / Fraction(repr(float(mm)))
    bound = int(_LARGEST / max(Fraction(1), exact))
    dots = exact.limit_denominator(bound) if bound else Fraction(0)
    if not dots or abs(float(10 / dots) - mm) > APPROXIMATE_DOTS * mm:
        return None
    return dots.numerator, dots.denominator


def per_metre(spacing: tuple[float, float]) -> tuple[int, int] | None:
    """Return whole pixels per metre along a row and along a column (PNG pHYs).

    None where rounding is more than 0.1 % off or the number leaves 31 bits.
    """
    found = tuple(_whole(Fraction(1000) / Fraction(repr(float(mm)))) for mm in (spacing[1], spacing[0]))
    return (found[0], found[1]) if found[0] and found[1] else None


def whole_dpi(spacing: tuple[float, float]) -> tuple[int, int] | None:
    """Return whole dots per inch along a row and a column (JFIF); None where they are more than 0.1 % off."""
    found = tuple(_whole(MM_PER_INCH / Fraction(repr(float(mm))), 2**16 - 1) for mm in spacing[::-1])
    return (found[0], found[1]) if found[0] and found[1] else None


def _whole(exact: Fraction, largest: int = 2**31 - 1) -> int | None:
    whole = int(exact + Fraction(1, 2))
    return whole if 0 < whole <= largest and abs(whole - exact) <= exact * Fraction(1, 1000) else None
