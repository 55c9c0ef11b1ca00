"""Tolerances: how far two numbers may differ and still count as equal, each once, with its reason."""

from __future__ import annotations

import math
from collections.abc import Sequence

STATED_DISTANCE = 0.5
"""mm between what a recipe and a file say of a length or a position: encoders of SID and couch repeat within
that, and a wrong SID (1000 for 1500) is far beyond."""

COMBINED_DISTANCE = 0.1
"""mm between files that become one image: they came from one machine in one session, so they agree better."""

ANGLE = 0.1
"""Degrees between two statements of an angle, the short way round: what encoders show."""

SPACING = 1e-3
"""Relative difference of two statements of a spacing: 0.4 mm over a field of 400 mm."""

SERIES_SPACING = 1e-4
"""Relative difference of the pixel spacing of slices of one series: one scan writes one number."""

DIRECTION = 1e-3
"""How far direction cosines may be from length 1 and a right angle, or two of them from each other: writers
round to three digits and more, and it is 0.06 degrees."""

SERIES_DIRECTION = 1e-4
"""How far direction cosines of two slices of a series may differ, and by how much of its way a slice may lie
sideways: one scan writes one orientation, with four digits and more, and it is 0.006 degrees."""

POSITION = 0.01
"""mm: how far a slice may lie from where its series puts it; positions are written to a hundredth."""

STEP = 0.01
"""Relative difference of the distance of two neighbouring slices from the median one."""

PLANE_OFFSET = 1e-3
"""mm: how far the planes of a dose grid may be from even (PS3.3 C.8.8.3.2 gives offsets in mm)."""

INVERTIBLE = 1e-6
"""Below this determinant, two direction cosines are no plane and cannot be inverted."""

DECIMAL_STRING = 1e-9
"""Relative difference of a number read back: 16 characters of a DS keep more of a length or an angle."""

DOTS = 1e-12
"""Relative difference of a spacing from that of whole dots per inch: only the rounding of doubles."""

APPROXIMATE_DOTS = 1e-3
"""Relative difference of a spacing where a format has only whole dots."""

EXPECTED = 1e-6
"""Relative difference of a number from the one that a recipe's test states."""


def orthonormal(orientation: Sequence[float]) -> bool:
    """Tell whether six direction cosines are two directions of length 1 at a right angle."""
    row, column = orientation[:3], orientation[3:]
    return (
        abs(math.hypot(*row) - 1) <= DIRECTION
        and abs(math.hypot(*column) - 1) <= DIRECTION
        and abs(sum(one * other for one, other in zip(row, column, strict=True))) <= DIRECTION
    )
