"""Spacings that come back out of the fractions they were written as."""

from __future__ import annotations

import pytest
from dicombake.pipeline.exporters.pictures.resolution import Resolution, per_metre, resolution, whole_dpi
from hypothesis import given
from hypothesis import strategies as st


@given(st.floats(1e-4, 1e4), st.floats(1e-4, 1e4))
def test_a_spacing_comes_back(row: float, column: float) -> None:
    found = resolution((row, column))
    assert found is not None
    unit = 25.4 if found.unit == "inch" else 10.0
    for ratio, meant in ((found.x, column), (found.y, row)):
        assert max(ratio) < 2**32
        assert unit * ratio[1] / ratio[0] == pytest.approx(meant, rel=1e-9)


@given(st.integers(1, 9600))
def test_a_scanner_s_dpi_comes_back_as_a_whole_number(dpi: int) -> None:
    spacing = (25.4 / dpi, 25.4 / dpi)
    assert resolution(spacing) == Resolution("inch", (dpi, 1), (dpi, 1))
    assert whole_dpi(spacing) == (dpi, dpi)


def test_whole_numbers_are_within_a_thousandth_or_nothing() -> None:
    assert per_metre((0.5, 0.336)) == (2976, 2000)
    assert per_metre((30.0, 0.5)) is None
    assert per_metre((1e-7, 1e-7)) is None
    assert per_metre((5000.0, 5000.0)) is None
    assert whole_dpi((0.336, 0.336)) is None


def test_what_nobody_can_say() -> None:
    assert resolution(None) is None
    assert resolution((1e-300, 1.0)) is None
    assert resolution((1e300, 1.0)) is None
