"""Apply the Gaussian filter in an order of operations that no compiler and no vector unit changes.

scipy's is a loop in C, where a compiler may fuse multiplication and addition: its last bit differs between
processors. Here each tap is one multiplication and one addition over a band of the image.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..imaging.deterministic import exponential

TRUNCATE = 4.0
"""The weights end at this many sigma, as in scipy."""

_BAND = 1 << 15
"""Values that are computed together; with their sum they stay in the cache."""

Values = npt.NDArray[np.float64]


def gaussian(values: Values, sigma: tuple[float, float]) -> Values:
    """Return values smoothed along the columns, then along the rows; the edge is repeated.

    Args:
        values: (rows, columns), finite.
        sigma: of rows and of columns, in pixels.
    """
    down = _smoothed(values, _weights(sigma[0]))
    across = _smoothed(np.ascontiguousarray(down.T), _weights(sigma[1]))
    return np.ascontiguousarray(across.T)


def _weights(sigma: float) -> list[float]:
    """Return the weights of the middle and of the pixels 1, 2... away; the whole window's sum is 1."""
    reach = int(TRUNCATE * sigma + 0.5)
    parts = [exponential(-0.5 * away * away, divided_by=sigma * sigma) for away in range(1, reach + 1)]
    total = math.fsum([1.0, *parts, *parts])
    return [part / total for part in (1.0, *parts)]


def _smoothed(values: Values, weights: list[float]) -> Values:
    """Return values smoothed along the first axis, from the outermost pair of taps to the innermost."""
    reach = len(weights) - 1
    if reach == 0:
        return values
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    result = np.empty_like(values)
    rows = max(1, _BAND // values.shape[1])
    for start in range(0, values.shape[0], rows):
        count = min(rows, values.shape[0] - start)
        middle = start + reach
        total = padded[middle : middle + count] * weights[0]
        pair = np.empty_like(total)
        for away in range(reach, 0, -1):
            before, after = middle - away, middle + away
            np.add(padded[before : before + count], padded[after : after + count], out=pair)
            pair *= weights[away]
            total += pair
        result[start : start + count] = total
    return result
