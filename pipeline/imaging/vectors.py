"""Vectors in space, in the unit of what they measure; the same bits on every machine.

Only + - * and the square root are used, and sums that are rounded once (see `deterministic`): `math.hypot`
may differ by a bit from Python to Python.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Vector = tuple[float, float, float]


def length(vector: Iterable[float]) -> float:
    """Return how long a vector is."""
    return math.sqrt(math.fsum(each * each for each in vector))


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the dot product; with a direction of length 1, how far the other one goes along it."""
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def cross(one: Sequence[float], other: Sequence[float]) -> Vector:
    """Return the cross product."""
    (a, b, c), (d, e, f) = one, other
    return b * f - c * e, c * d - a * f, a * e - b * d


def normal_of(orientation: Sequence[float]) -> Vector:
    """Return the normal of a plane from six direction cosines: its row's direction x its column's."""
    return cross(orientation[:3], orientation[3:])


def unit(vector: Sequence[float]) -> Vector:
    """Return the direction of a vector that is not 0, of length 1."""
    return scaled(vector, 1.0 / length(vector))


def scaled(vector: Sequence[float], factor: float) -> Vector:
    """Return a vector times a number, without a negative zero."""
    x, y, z = vector
    return x * factor + 0.0, y * factor + 0.0, z * factor + 0.0
