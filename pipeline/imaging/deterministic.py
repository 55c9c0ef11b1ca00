"""Compute in floating point so that the last bit is the same on every machine.

IEEE 754 defines + - * / and the square root to the last bit; numpy applies them element by element, with or
without vector units. Sines and exponentials depend on the C library, the order of a sum or a dot product on
the vector unit, and a compiler may fuse x * y + z. So none of these makes a value of an output: functions of
single numbers come from this module, sums run image by image or tap by tap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, localcontext

import numpy as np

from .image import Pixels

_DIGITS = 50
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def exponential(power: float, *, divided_by: float = 1.0) -> float:
    """Return e to the power / divided_by, rounded once."""
    with localcontext() as context:
        context.prec = _DIGITS
        return float((Decimal(power) / Decimal(divided_by)).exp())


def cosine_and_sine(degrees: float) -> tuple[float, float]:
    """Return cosine and sine of an angle in degrees, each rounded once; exact for quarter turns."""
    with localcontext() as context:
        context.prec = _DIGITS
        turned = Decimal(math.fmod(degrees, 360.0))
        quarters = int((turned / 90).to_integral_value())
        rest = (turned - 90 * quarters) * _PI / 180
        cosine, sine = _series(rest, even=True), _series(rest, even=False)
    for _ in range(quarters % 4):
        cosine, sine = -sine, cosine
    return float(cosine) + 0.0, float(sine) + 0.0


def _series(angle: Decimal, *, even: bool) -> Decimal:
    """Return the cosine (`even`) or sine of up to an eighth of a turn, from its Taylor series."""
    order = 0 if even else 1
    term = total = Decimal(1) if even else angle
    while abs(term) > Decimal(10) ** -_DIGITS * abs(total):
        order += 2
        term *= -angle * angle / (order * (order - 1))
        total += term
    return total


def piecewise_linear(values: Pixels, inputs: Sequence[float], outputs: Sequence[float]) -> Pixels:
    """Return values mapped by the line between their two neighbours in a table, in float64.

    Args:
        values: those beyond the table become those of its ends.
        inputs: of the table, rising; at least two.
        outputs: of the table, as many.
    """
    knots, ends = np.array(inputs), np.array(outputs)
    inside = np.clip(values, inputs[0], inputs[-1])
    index = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, len(knots) - 2)
    steps = inside - knots[index]
    steps /= np.diff(knots)[index]
    steps *= np.diff(ends)[index]
    steps += ends[index]
    # the last knot is the table's own number, not the end of a rounded line
    found: Pixels = np.where(inside == knots[-1], ends[-1], steps)
    return found


def settled(pixels: Pixels) -> Pixels:
    """Return computed values with one and the same bit pattern of NaN.

    Which one results from NaN + NaN or 0 / 0 depends on the processor.
    """
    if pixels.dtype.kind != "f":
        return pixels
    missing = np.isnan(pixels)
    return np.where(missing, pixels.dtype.type(np.nan), pixels) if missing.any() else pixels


def extremes(pixels: Pixels) -> tuple[np.generic, np.generic]:
    """Return minimum and maximum, a zero as +0: whether -0 or +0 is found depends on the vector unit."""
    low, high = pixels.min(), pixels.max()
    return (low + low.dtype.type(0), high + high.dtype.type(0)) if pixels.dtype.kind == "f" else (low, high)
