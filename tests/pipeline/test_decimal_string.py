from __future__ import annotations

import math

import pytest
from dicombake.pipeline.decimal_string import ds
from dicombake.pipeline.errors import ExportError
from dicombake.schemas.language.decimal_string import exact_ds
from hypothesis import example, given
from hypothesis import strategies as st

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite)
@example(-214.87199999999999)
@example(5e-324)
@example(-1.7976931348623157e308)
@example(9.9999999999999995e22)
def test_ds_fits_and_is_the_nearest_that_does(value):
    text = ds(value)
    assert len(text) <= 16
    assert math.isclose(float(text), value, rel_tol=5e-9)
    if exact_ds(value) is not None:
        assert float(text) == value


@given(st.floats(min_value=1e-6, max_value=1e9))
def test_lengths_and_angles_lose_less_than_the_verification_sees(value):
    assert math.isclose(float(ds(-value)), -value, rel_tol=1e-9)


@given(st.integers(-(10**15), 10**15), st.integers(0, 10))
def test_a_decimal_that_fits_is_exact(number, places):
    value = number / 10**places
    written = repr(value)
    if len(written) <= 16:
        assert float(exact_ds(value)) == value


def test_powers_of_two_go_further_than_pydicom_writes_them():
    exact = [k for k in range(60) if exact_ds(2.0**-k) is not None]
    assert exact == list(range(18))
    assert exact_ds(2.0**-16) == "1.52587890625E-5"
    assert exact_ds(2.0**53) == "9007199254740992"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "0"), (1000.0, "1000"), (0.336, "0.336"), (-0.381, "-0.381"), (1e-300, "1E-300")],
)
def test_numbers_are_written_as_people_do(value, text):
    assert ds(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(value):
    assert exact_ds(value) is None
    with pytest.raises(ExportError, match="no number that a DICOM decimal string can hold"):
        ds(value)
