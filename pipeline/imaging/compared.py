"""How two arrays of values differ: exactly, whatever their types are."""

from __future__ import annotations

import math
from typing import Any

from msgspec import Struct

from .image import Pixels

_EXACT = 2**53
"""Whole numbers up to this size are doubles without rounding."""


class PixelChange(Struct, frozen=True):
    """How many values of how many differ, by how much at most, and where that is (rows from 0)."""

    count: int
    total: int
    largest: float | int
    """Infinite where a number meets none."""
    place: tuple[tuple[str, int], ...]
    """``(("row", 3), ("column", 7))``, with ``page`` and ``sample`` where there are several."""
    before: str
    after: str


def pixel_change(a: Pixels, b: Pixels, *, colour: bool, tolerance: float = 0.0) -> PixelChange | None:
    """Compare arrays of one shape, value by value; NaN is the same as NaN. None: they agree.

    Args:
        a, b: (rows, columns), with pages before and samples of colour after them; of any two types.
        colour: whether the last axis is one of samples.
        tolerance: by how much values may differ and count as the same.
    """
    import numpy as np

    a, b = _comparable(a, b)
    differ = np.asarray(a != b, dtype=bool)
    if a.dtype.kind == "f":
        differ &= ~(np.isnan(a) & np.isnan(b))
    if not differ.any():
        return None
    sizes = np.where(differ, _distance(a, b), 0)
    if tolerance:
        differ &= np.asarray(sizes > tolerance, dtype=bool)
    count = int(np.count_nonzero(differ))
    if not count:
        return None
    index = tuple(int(part) for part in np.unravel_index(int(np.argmax(sizes)), sizes.shape))
    if not sizes[index]:
        index = tuple(int(part) for part in np.argwhere(differ)[0])
    largest: Any = sizes[index]
    return PixelChange(
        count,
        a.size,
        largest.item() if isinstance(largest, np.generic) else largest,
        _place(index, colour=colour),
        str(a[index]),
        str(b[index]),
    )


def _comparable(a: Pixels, b: Pixels) -> tuple[Pixels, Pixels]:
    """Return the arrays in one type that holds the values of both."""
    import numpy as np

    if a.dtype == b.dtype:
        return a, b
    if a.dtype.kind in "ib" and b.dtype.kind in "ib":
        return a.astype(np.int64), b.astype(np.int64)
    if _wide(a) or _wide(b):
        return a.astype(object), b.astype(object)
    return a.astype(np.float64), b.astype(np.float64)


def _wide(values: Pixels) -> bool:
    """Tell whether some whole number is no double."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize < 8 or not values.size:
        return False
    return max(abs(int(values.min())), abs(int(values.max()))) > _EXACT


def _distance(a: Pixels, b: Pixels) -> Pixels:
    """Say how far values are apart; exact for every integer, infinite where a number meets none."""
    import numpy as np

    if a.dtype == object:
        return np.asarray(np.frompyfunc(_apart, 2, 1)(a, b))
    if a.dtype.kind in "iub":
        low, high = np.minimum(a, b).astype(np.int64), np.maximum(a, b).astype(np.int64)
        return np.subtract(high.view(np.uint64), low.view(np.uint64))
    with np.errstate(invalid="ignore"):
        apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
    return np.where(np.isnan(apart), np.inf, apart)


def _apart(a: float, b: float) -> float:
    size = abs(a - b)
    return math.inf if math.isnan(size) else size


def _place(index: tuple[int, ...], *, colour: bool) -> tuple[tuple[str, int], ...]:
    names = ("row", "column", "sample") if colour else ("row", "column")
    names = ("page", *names) if len(index) > len(names) else names
    return tuple(zip(names, index, strict=False))
