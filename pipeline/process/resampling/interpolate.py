"""Values between pixels, linear or nearest: each step one operation of IEEE 754 over many pixels.

The order of operations is fixed: along a row, then between the two rows, then between the two slices. Pixels
reach half a pixel beyond their centres, as in ITK: the outermost value holds there; further out is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Inside = npt.NDArray[np.bool_]

_WHOLE = 1e-7
"""Pixels: a place this near to a pixel's centre is that centre, so that grids that coincide copy values."""
_HALF = 0.5 + _WHOLE


def snapped(places: Values) -> Values:
    """Return places in pixels, those at a centre exactly there."""
    near = np.rint(places)
    found: Values = np.where(np.abs(places - near) <= _WHOLE, near, places)
    return found


def inside(places: Values, count: int) -> Inside:
    """Return which places lie on an axis of so many pixels."""
    found: Inside = (places >= -_HALF) & (places <= count - 1 + _HALF)
    return found


def taps(places: Values, count: int, order: int) -> tuple[npt.NDArray[np.intp], Values]:
    """Return the pixel before each place, and the weight of the next one; of order 0 the nearest, and 0."""
    held = np.clip(places, 0.0, count - 1.0)
    if order == 0:
        return np.minimum(np.floor(held + 0.5), count - 1.0).astype(np.intp), np.zeros(held.shape)
    first = np.floor(held)
    return first.astype(np.intp), held - first


def in_plane(pixels: npt.NDArray[Any], rows: Values, columns: Values, order: int) -> npt.NDArray[Any]:
    """Return values at places in pixels, which lie inside: float64, or for order 0 the pixels' own.

    Args:
        pixels: (rows, columns).
        rows, columns: places of one shape; or (n, 1) and (1, m), for n rows of m places.
        order: 1 linear, 0 nearest.
    """
    (row, down), (column, along) = taps(rows, pixels.shape[0], order), taps(columns, pixels.shape[1], order)
    if order == 0:
        nearest: npt.NDArray[Any] = pixels[row, column]
        return nearest
    next_row = np.minimum(row + 1, pixels.shape[0] - 1)
    next_column = np.minimum(column + 1, pixels.shape[1] - 1)
    if rows.shape[1:] == (1,) and columns.shape[:1] == (1,):
        needed, (row, next_row) = _needed(row[:, 0], next_row[:, 0])
        lines = pixels[needed].astype(np.float64)
        lines = between(lines[:, column[0]], lines[:, next_column[0]], along)
        return between(lines[row], lines[next_row], down)
    first = between(pixels[row, column].astype(np.float64), pixels[row, next_column], along)
    second = between(pixels[next_row, column].astype(np.float64), pixels[next_row, next_column], along)
    return between(first, second, down)


def _needed(
    row: npt.NDArray[np.intp], next_row: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Return the rows that are used, and the places of both in them."""
    needed = np.unique(np.concatenate((row, next_row)))
    return needed, (np.searchsorted(needed, row), np.searchsorted(needed, next_row))


def between(one: Values, other: npt.NDArray[Any], weight: Values | float) -> Values:
    """Return one x (1 - weight) + other x weight."""
    if not np.any(weight):
        return one
    found: Values = one * (1.0 - weight)
    found += other * weight
    return found
