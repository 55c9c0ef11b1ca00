"""Film scans of a known dose, and the response of their batch: three films between the slabs of a phantom."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..imaging.deterministic import piecewise_linear
from .phantoms import Grid, field, marked, noise, whole

SHAPE, DPI = (120, 144), 75.0
DEPTHS = {50: 4.0, 100: 3.0, 150: 2.25}
"""Dose in the middle of the field, Gy, by the film's depth in mm."""
RESPONSE = (
    (8000.0, 10.0), (12000.0, 6.0), (17000.0, 3.5), (23000.0, 2.0), (31000.0, 0.8), (42000.0, 0.0),
    (60000.0, 0.0),
)  # fmt: skip
"""Reading of the red channel and dose in Gy: film darkens with dose; what is brighter has none."""
_PITCH = (25.4 / DPI, 25.4 / DPI)
_MARK = 9.0
"""Gy of the letter that shows how a film lay."""


def dose(depth: int) -> Grid:
    """Return the dose of a film, Gy: a field of 24 mm x 30 mm, off its middle to the right and upwards."""
    plane = field(SHAPE, _PITCH, (-12.0, 18.0, -10.0, 14.0), penumbra=5.0)
    return marked(DEPTHS[depth] * plane, _MARK)


def scan(depth: int) -> npt.NDArray[Any]:
    """Return the film as a scanner of 48 bits reads it, (rows, columns, 3)."""
    readings, doses = zip(*RESPONSE[:-1], strict=True)
    red = piecewise_linear(dose(depth), doses[::-1], readings[::-1]) + 20 * noise(SHAPE, 200 + depth)
    return np.stack([whole(red * factor, np.uint16) for factor in (1.0, 0.9, 0.55)], axis=-1)


def table() -> bytes:
    """Return the response as a CSV."""
    lines = ["red reading,dose in Gy", *(f"{reading:g},{gray:g}" for reading, gray in RESPONSE)]
    return ("\n".join(lines) + "\n").encode("ascii")
