"""Draw known objects as arrays: fields, wedges, star shots, leaf patterns, cylinders, faces.

Pure functions of their arguments. They use nothing but sums, products and comparisons on the grid, so that
after rounding to integers they are the same on every machine. Shapes are (rows, columns); lengths are mm on
the grid's own plane; x runs towards higher columns and y towards lower rows, from the middle of the grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..imaging.deterministic import cosine_and_sine

Grid = npt.NDArray[np.float64]

_LETTER_F = ("11111", "10000", "10000", "11110", "10000", "10000", "10000")
_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_MASK = (1 << 64) - 1


def noise(shape: tuple[int, ...], seed: int) -> Grid:
    """Return noise of mean 0 and standard deviation 1, within +-3.5; the same for the same shape and seed.

    A hash of each position (the finaliser of SplitMix64) whose four 16-bit parts are added up: nearly
    normal, and the same on every machine and version of numpy, which a generator does not promise.
    """
    value = np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * np.uint64(_MIX[0])
    value += np.uint64(seed * _MIX[1] & _MASK)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(_MIX[1])
    value = (value ^ (value >> np.uint64(27))) * np.uint64(_MIX[2])
    value ^= value >> np.uint64(31)
    total = np.zeros(value.shape)
    for shift in (0, 16, 32, 48):
        total += ((value >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.float64)
    return ((total - 131070.0) / 37837.0).reshape(shape)


def axes(shape: tuple[int, int], spacing: tuple[float, float]) -> tuple[Grid, Grid]:
    """Return x of each column, (1, columns), and y of each row, (rows, 1), in mm from the middle."""
    rows, columns = shape
    x: Grid = (np.arange(columns, dtype=np.float64) - (columns - 1) / 2) * spacing[1]
    y: Grid = ((rows - 1) / 2 - np.arange(rows, dtype=np.float64)) * spacing[0]
    return x[np.newaxis, :], y[:, np.newaxis]


def edge(distance: Grid, width: float) -> Grid:
    """Return 1 well inside (distance above 0), 0 well outside, 0.5 on the edge; smooth over `width` mm."""
    t = np.clip(distance / width + 0.5, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def field(
    shape: tuple[int, int],
    spacing: tuple[float, float],
    jaws: tuple[float, float, float, float],
    *,
    penumbra: float = 6.0,
    horns: float = 0.0,
) -> Grid:
    """Draw a rectangular beam, 0 to 1.

    `jaws` are X1, X2, Y1, Y2 in mm, signed; `horns` raises it off axis.
    """
    x, y = axes(shape, spacing)
    left, right, low, high = jaws
    beam = edge(x - left, penumbra) * edge(right - x, penumbra)
    beam = beam * edge(y - low, penumbra) * edge(high - y, penumbra)
    reach = max(abs(left), abs(right), abs(low), abs(high)) ** 2
    shaped: Grid = beam * (1.0 + horns * np.minimum((x * x + y * y) / reach, 1.0)) / (1.0 + horns)
    return shaped


def comb(
    shape: tuple[int, int],
    spacing: tuple[float, float],
    *,
    leaf: float,
    long: float,
    short: float,
    penumbra: float = 3.0,
) -> Grid:
    """Draw leaves that end alternately at `long` and `short` mm, 0 to 1; the two sides are out of step."""
    x, y = axes(shape, spacing)
    even = np.floor(y / leaf).astype(np.int64) % 2 == 0
    right = np.where(even, long, short)
    left = np.where(even, -short, -long)
    beam = edge(x - left, penumbra) * edge(right - x, penumbra)
    return np.where(np.abs(y) <= 8 * leaf, beam, 0.0)


def star(
    shape: tuple[int, int],
    spacing: tuple[float, float],
    angles: Sequence[float],
    *,
    width: float = 5.0,
    length: float = 1e9,
) -> Grid:
    """Draw slits through the middle, 0 to 1: `angles` in degrees, counter-clockwise from the x axis."""
    x, y = axes(shape, spacing)
    total = np.zeros(shape)
    for angle in angles:
        c, s = cosine_and_sine(angle)
        across, along = np.abs(y * c - x * s), np.abs(x * c + y * s)
        total = np.maximum(total, edge(width / 2 - across, width / 2) * (along <= length))
    return total


def wedge(shape: tuple[int, int], steps: int, *, border: int = 0) -> Grid:
    """Return a step wedge along the columns, 0 to 1, within an unexposed `border` of pixels."""
    rows, columns = shape
    inside = columns - 2 * border
    values = (np.arange(inside) * steps // max(inside, 1) + 1) / steps
    picture = np.zeros(shape)
    picture[border : rows - border, border : columns - border] = values
    return picture


def cylinder(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    *,
    radius: float,
    inserts: Sequence[tuple[float, float, float, float]] = (),
) -> Grid:
    """Return a water cylinder in air along the slices, in HU; (rows, columns, slices).

    `inserts` are x, y, radius (mm) and HU of rods. The last slice has none of them, and the first has a
    wire of 3000 HU at the right edge, so that a turned or mirrored stack is seen.
    """
    rows, columns, slices = shape
    x, y = axes((rows, columns), spacing[:2])
    volume = np.full(shape, -1000.0)
    for index in range(slices):
        plane = np.where(x * x + y * y <= radius * radius, 0.0, -1000.0)
        for at_x, at_y, size, value in inserts if index < slices - 1 else ():
            plane = np.where((x - at_x) ** 2 + (y - at_y) ** 2 <= size * size, value, plane)
        if index == 0:
            wire = (np.abs(x - radius * 0.9) <= spacing[1]) & (np.abs(y) <= spacing[0])
            plane = np.where(wire, 3000.0, plane)
        volume[:, :, index] = plane
    return volume


def surface(shape: tuple[int, int]) -> Grid:
    """Draw a body's surface as a camera lights it, 0 to 1: a dome, brighter to the left, with dots."""
    x, y = axes(shape, (2.0 / shape[0], 2.0 / shape[0]))
    height = np.maximum(1.0 - (x / 1.3) ** 2 - (y / 0.9) ** 2, 0.0)
    lit: Grid = np.sqrt(height) * (0.7 - 0.2 * x / 1.6)
    speckle = (np.floor(x * 40) + np.floor(y * 40) * 7) % 11 == 0
    seen: Grid = lit + 0.08 * speckle * (height > 0)
    return seen


def marked(picture: Grid, value: float, *, size: int = 2, at: tuple[int, int] = (6, 6)) -> Grid:
    """Return the picture with a letter F near its upper left corner: no turn or flip leaves it as it is."""
    marked = picture.copy()
    letter = np.array([[int(dot) for dot in line] for line in _LETTER_F], dtype=bool)
    letter = letter.repeat(size, axis=0).repeat(size, axis=1)
    window = marked[at[0] : at[0] + letter.shape[0], at[1] : at[1] + letter.shape[1]]
    window[letter[: window.shape[0], : window.shape[1]]] = value
    return marked


def whole(picture: Grid, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Round and clip to an integer dtype."""
    bounds = np.iinfo(np.dtype(dtype))
    return np.clip(np.rint(picture), bounds.min, bounds.max).astype(dtype)
