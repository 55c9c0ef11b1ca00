"""Interpolate between pixels by B-splines of order 0 to 5, in a defined order of operations.

The method is Unser's (M. Unser, A. Aldroubi, M. Eden, "B-spline signal processing", IEEE Trans. Signal
Processing 41, 1993), and that of scipy.ndimage; scipy's loops are C, whose last bit depends on compiler and
processor. Here every step is one operation of IEEE 754 over many pixels.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..imaging.move import Move

_BAND = 1 << 17
"""Pixels that are interpolated together."""
_MARGIN = 32
"""Edge pixels repeated around the image before its coefficients are computed: what lies at the margin's end
reaches the image weakened by 0.43^32 (order 5) or less."""
_BEYOND = 28
"""Places further outside than this many pixels give the same value."""
_NEGLIGIBLE = 2.0**-80

Values = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


def resampled(values: Values, move: Move, order: int) -> Values:
    """Return the image at the places where `move` says that its new pixels were; same shape, edges repeated.

    Args:
        values: (rows, columns), finite.
        order: 0 takes the nearest pixel, 1 is linear, 3 is the cubic spline.
    """
    margin, beyond = (_MARGIN, _BEYOND) if order > 1 else (1, 0)
    coefficients = np.pad(values, margin, mode="edge")
    for pole in _poles(order):
        _filter(coefficients, pole)
        turned = np.ascontiguousarray(coefficients.T)
        _filter(turned, pole)
        coefficients = np.ascontiguousarray(turned.T)
    result = np.empty_like(values)
    rows, columns = values.shape
    new_columns = np.arange(columns, dtype=np.float64)
    band = max(1, _BAND // columns)
    for start in range(0, rows, band):
        new_rows = np.arange(start, min(start + band, rows), dtype=np.float64)[:, np.newaxis]
        old = [
            np.clip(new_rows * along[0] + new_columns * along[1] + offset, -beyond, size - 1.0 + beyond)
            for along, offset, size in zip(move.matrix, move.offset, values.shape, strict=True)
        ]
        result[start : start + band] = _interpolated(coefficients, old[0] + margin, old[1] + margin, order)
    return result


def _interpolated(coefficients: Values, rows: Values, columns: Values, order: int) -> Values:
    first_row, down = _taps(rows, order)
    first_column, across = _taps(columns, order)
    width = coefficients.shape[1]
    flat = coefficients.reshape(-1)
    corner = first_row * width + first_column
    total = np.zeros(rows.shape)
    for row, weight in enumerate(down):
        line = np.zeros(rows.shape)
        for column, other in enumerate(across):
            line += flat.take(corner + (row * width + column)) * other
        total += line * weight
    return total


def _taps(places: Values, order: int) -> tuple[Indices, list[Values]]:
    """Return the first pixel that counts for each place, and the weights of it and the next `order` ones.

    The weights are those of the B-spline between its knots, by the recursion of de Boor and Cox.
    """
    shifted = places if order % 2 else places + 0.5
    knot = np.floor(shifted)
    along = shifted - knot
    weights = [np.ones(places.shape)]
    for degree in range(1, order + 1):
        higher = [np.zeros(places.shape)]
        for index, weight in enumerate(weights):
            part = weight / degree
            higher[-1] += (index + 1 - along) * part
            higher.append((degree - 1 - index + along) * part)
        weights = higher
    return knot.astype(np.intp) - order // 2, weights


def _poles(order: int) -> tuple[float, ...]:
    """Return the poles of the filter that turns values into coefficients (Unser et al., table I)."""
    root = math.sqrt
    match order:
        case 2:
            return (root(8.0) - 3.0,)
        case 3:
            return (root(3.0) - 2.0,)
        case 4:
            inner, outer = root(438976.0), root(304.0)
            return (root(664.0 - inner) + outer - 19.0, root(664.0 + inner) - outer - 19.0)
        case 5:
            inner, outer = root(4436.25), root(26.25)
            return (root(67.5 - inner) + outer - 6.5, root(67.5 + inner) - outer - 6.5)
        case _:
            return ()


def _filter(values: Values, pole: float) -> None:
    """Apply one pole of the filter along the first axis, in place, forwards and backwards.

    Beyond the ends the values count as mirrored.
    """
    values *= (1.0 - pole) * (1.0 - 1.0 / pole)
    values[0] += _mirrored(values, pole)
    step = np.empty_like(values[0])
    for row in range(1, len(values)):
        np.multiply(values[row - 1], pole, out=step)
        values[row] += step
    values[-1] *= pole / (pole - 1.0)
    for row in range(len(values) - 2, -1, -1):
        np.subtract(values[row + 1], values[row], out=values[row])
        values[row] *= pole


def _mirrored(values: Values, pole: float) -> Values:
    """Return what the endless mirrored signal before the first value adds to it."""
    count = len(values)
    whole = math.prod([pole] * count)
    total: Values = np.zeros_like(values[0])
    power = pole
    for row in range(count):
        if abs(power) < _NEGLIGIBLE:
            break
        total += (values[row] + values[count - 1 - row] * whole) * power
        power *= pole
    total /= 1.0 - whole * whole
    return total
