"""Each VR takes what the standard lets it hold (PS3.5 table 6.2-1), and writes it in DICOM's form."""

from __future__ import annotations

import datetime

import numpy as np
import pydicom.valuerep
import pytest
from dicombake.schemas.language.values import ValueFormError, normal_value
from hypothesis import given
from hypothesis import strategies as st

HELD = [
    ("AE", "STORE_SCP", "STORE_SCP"),
    ("AS", "045Y", "045Y"),
    ("AT", "(0010,0020)", "(0010,0020)"),
    ("CS", "RTIMAGE", "RTIMAGE"),
    ("DA", "20240229", "20240229"),
    ("DA", "2024-02-29", "20240229"),
    ("DS", "00123", "00123"),
    ("DS", "-1.5e3", "-1.5e3"),
    ("DS", "0.30000000000000000", "0.3"),
    ("DT", "2024", "2024"),
    ("DT", "202402", "202402"),
    ("DT", "20240102123000.5+0100", "20240102123000.5+0100"),
    ("FD", "1e300", "1e300"),
    ("FL", "3.4028235e38", "3.4028235e38"),
    ("IS", "-5", "-5"),
    ("LO", "Müller \u00b5", "Müller \u00b5"),
    ("LT", "two\nlines \\ and a backslash", "two\nlines \\ and a backslash"),
    ("PN", "QA^Daily=\u5c71\u7530=", "QA^Daily=\u5c71\u7530="),
    ("SH", "x" * 16, "x" * 16),
    ("SL", "-2147483648", "-2147483648"),
    ("SS", "-32768", "-32768"),
    ("SV", "-9223372036854775808", "-9223372036854775808"),
    ("TM", "12:30:00", "123000"),
    ("TM", "1230", "1230"),
    ("TM", "235960.000001", "235960.000001"),
    ("UC", "x" * 5000, "x" * 5000),
    ("UI", "1.2.840.0.1", "1.2.840.0.1"),
    ("UL", "4294967295", "4294967295"),
    ("UR", "https://a.org/b?c=%20#d", "https://a.org/b?c=%20#d"),
    ("US", " 65535 ", "65535"),
    ("US or SS", "-1", "-1"),
    ("US or SS or OW", "65535", "65535"),
    ("UT", "x" * 20000, "x" * 20000),
    ("UV", "18446744073709551615", "18446744073709551615"),
]

REFUSED = [
    ("AE", "seventeen letters", "has 17 characters; AE holds 16"),
    ("AS", "45", "is no AS value: an age such as 045Y"),
    ("AT", "PatientID", "is no AT value"),
    ("CS", "rtimage", "is no CS value: capitals, digits, blanks and _"),
    ("DA", "2024-13-01", "is no date such as 20240102 or 2024-01-02"),
    ("DA", "20230229", "is no date"),
    ("DA", "\u0662\u0660\u0662\u0664\u0660\u0661\u0660\u0662", "is no date"),
    ("DS", "1.23456789012345678", "has 19 characters; DS holds 16"),
    ("DS", "nan", "is no number"),
    ("DS", "1e999", "is no number"),
    ("DS", "1,5", "is no number"),
    ("DT", "202413", "is no date and time such as 20240102123000"),
    ("DT", "20240230", "is no date and time"),
    ("DT", "2024010225", "is no date and time"),
    ("DT", "20240102+9900", "is no date and time"),
    ("FL", "3.5e38", "does not fit FL, a 32-bit float"),
    ("IS", "2147483648", "does not fit IS"),
    ("IS", "1.0", "is no whole number, which IS holds"),
    ("LO", "a\\b", "has a backslash, which separates values; write a list"),
    ("LO", "a\tb", "has a control character, which LO cannot hold"),
    ("LO", "x" * 65, "has 65 characters; LO holds 64"),
    ("LT", "\x00", "has a control character"),
    ("OB", "00", "bytes (OB) are given as {base64: ..}, not as text"),
    ("OB or OW", "00", "bytes (OB or OW) are given as"),
    ("OW", "00", "bytes (OW) are given as"),
    ("UN", "00", "bytes (UN) are given as"),
    ("PN", "a=b=c=d", "has more than the three component groups of a PN"),
    ("PN", "x" * 65, "is longer than the 64 characters of a PN component group"),
    ("SH", "x" * 17, "has 17 characters; SH holds 16"),
    ("SS", "32768", "does not fit SS, which holds -32768 to 32767"),
    ("TM", "24:00:00", "is no time such as 123000 or 12:30:00"),
    ("TM", "1260", "is no time"),
    ("UI", "1..2", "is no UI value: numbers joined by dots"),
    ("UI", "1.02", "is no UI value"),
    ("UI", "1." + "2" * 63, "has 65 characters; UI holds 64"),
    ("UR", "https://a\\b", "is no UR value: a URI as RFC 3986 has it"),
    ("US", "-1", "does not fit US, which holds 0 to 65535"),
    ("US", "\u0663", "is no whole number"),
    ("US or OW", "65536", "does not fit"),
]


@pytest.mark.parametrize(("vr", "text", "written"), HELD)
def test_holds(vr: str, text: str, written: str) -> None:
    assert normal_value(vr, text) == written
    assert normal_value(vr, written) == written


@pytest.mark.parametrize(("vr", "text", "what"), REFUSED)
def test_refuses(vr: str, text: str, what: str) -> None:
    with pytest.raises(ValueFormError) as caught:
        normal_value(vr, text)
    assert what in str(caught.value)


@pytest.mark.parametrize("vr", ["CS", "DA", "DS", "IS", "LO", "OB", "TM", "UI", "US"])
def test_no_text_is_an_empty_element(vr: str) -> None:
    assert normal_value(vr, "") == ""


@given(st.dates(min_value=datetime.date(1000, 1, 1)))
def test_every_date_is_held_in_both_forms(date: datetime.date) -> None:
    assert normal_value("DA", date.isoformat()) == normal_value("DA", date.strftime("%Y%m%d"))
    assert normal_value("DT", date.strftime("%Y%m%d")) == date.strftime("%Y%m%d")


@given(st.times())
def test_every_time_is_held(time: datetime.time) -> None:
    assert normal_value("TM", time.isoformat()) == time.isoformat().replace(":", "")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_decimal_string_keeps_its_number_or_is_refused(number: float) -> None:
    try:
        written = normal_value("DS", repr(number))
    except ValueFormError:
        assert len(repr(number)) > 16
    else:
        assert len(written) <= 16
        assert float(written) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_single_float_is_refused_where_numpy_overflows(number: float) -> None:
    with np.errstate(over="ignore"):
        fits = bool(np.isfinite(np.float32(number)))
    try:
        normal_value("FL", repr(number))
    except ValueFormError:
        assert not fits
    else:
        assert fits


TEXTS = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "TM", "UC", "UI", "UR", "UT"}
)


@pytest.mark.parametrize(("vr", "written"), [(vr, written) for vr, _, written in HELD if vr in TEXTS])
def test_pydicom_finds_nothing_wrong_with_what_is_held(vr: str, written: str) -> None:
    pydicom.valuerep.validate_value(vr, written, pydicom.config.RAISE)
