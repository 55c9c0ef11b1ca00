"""Angles: scales, wrapping, distance."""

from __future__ import annotations

import pytest
from dicombake.pipeline.imaging.angles import apart, to_iec, wrapped
from hypothesis import given
from hypothesis import strategies as st

AXES = ("gantry", "collimator", "couch")


@pytest.mark.parametrize(
    ("angle", "axis", "scale", "iec"),
    [
        # Measured on TrueBeam files (XIM mapping): Varian standard to IEC.
        (179.99337, "gantry", "varian_standard", 0.00663),
        (89.967, "gantry", "varian_standard", 90.033),
        (269.9995, "collimator", "varian_standard", 270.0005),
        (225, "collimator", "varian_standard", 315),
        (185.994, "couch", "varian_standard", 354.006),
        (180.00195, "couch", "varian_standard", 359.99805),
        (180, "gantry", "varian_standard", 0),
        (180.0000000001, "gantry", "varian_standard", 0),
        (10, "couch", "varian_iec", 350),
        (350, "couch", "elekta_iec", 10),
        (0, "couch", "elekta_iec", 0),
        (10, "gantry", "varian_iec", 10),
        (-10, "collimator", "elekta_iec", 350),
        (-90, "couch", "iec61217", 270),
        (360, "gantry", "iec61217", 0),
        (359.99999999, "gantry", "iec61217", 0),
        (359.9, "gantry", "iec61217", 359.9),
    ],
)
def test_to_iec(angle: float, axis: str, scale: str, iec: float) -> None:
    assert to_iec(angle, axis, scale) == iec  # type: ignore[arg-type]


@given(
    st.floats(-1e6, 1e6),
    st.sampled_from(AXES),
    st.sampled_from(("varian_standard", "varian_iec", "elekta_iec")),
)
def test_scales_are_their_own_inverse(angle: float, axis: str, scale: str) -> None:
    there = to_iec(angle, axis, scale)  # type: ignore[arg-type]
    back = to_iec(there, axis, scale)  # type: ignore[arg-type]
    assert 0 <= there < 360
    assert apart(back, angle) < 1e-5


@given(st.floats(-1e6, 1e6))
def test_wrapped_is_never_360_and_changes_nothing_but_turns(angle: float) -> None:
    once = wrapped(angle)
    assert 0 <= once < 360
    assert f"{once:.6f}" != "360.000000" and repr(once) != "-0.0"
    assert wrapped(once) == once
    assert apart(once, angle) < 1e-5


@given(st.floats(0, 359.9999))
def test_an_angle_in_range_keeps_every_digit(angle: float) -> None:
    assert wrapped(angle) == angle


@pytest.mark.parametrize(
    ("one", "other", "degrees"),
    [(359.95, 0.05, 0.1), (0, 180, 180), (10, 350, 20), (-10, 350, 0), (720, 0, 0)],
)
def test_apart_is_the_short_way_round(one: float, other: float, degrees: float) -> None:
    assert apart(one, other) == pytest.approx(degrees, abs=1e-9)
    assert apart(other, one) == apart(one, other)
