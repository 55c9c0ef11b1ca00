"""Convert angles in degrees between the scales of makers and IEC 61217, and compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ...schemas.geometry import Scale

Axis = Literal["gantry", "collimator", "couch"]

DECIMALS = 6
"""Places to which a converted angle is rounded: below what any encoder resolves, above float noise."""


def wrapped(angle: float) -> float:
    """Return the angle in [0, 360), rounded first: 359.9999999 gives 0, and 360 is never returned."""
    if 0 <= angle < 360 and round(angle, DECIMALS) < 360:
        return angle + 0.0
    return round(angle, DECIMALS) % 360 + 0.0


def to_iec(angle: float, axis: Axis, scale: Scale) -> float:
    """Return an angle of a maker's scale in IEC 61217, in [0, 360).

    Varian IEC and Elekta differ from IEC 61217 in the sense of the couch; Varian's standard scale has 180
    where IEC has 0 and runs the other way, for all three axes (measured: docs/formats/xim.md).
    """
    if scale == "varian_standard":
        angle = round(180 - angle, DECIMALS)
    elif scale in ("varian_iec", "elekta_iec") and axis == "couch":
        angle = -angle
    return wrapped(angle)


def apart(one: float, other: float) -> float:
    """Return the degrees between two angles, the short way round: 359.95 and 0.05 are 0.1 apart."""
    difference = abs(one - other) % 360
    return min(difference, 360 - difference)
