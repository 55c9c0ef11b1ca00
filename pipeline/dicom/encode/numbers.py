"""Numbers as DICOM text: DS holds at most 16 characters (PS3.5 table 6.2-1)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal

from ...errors import ExportError

MAX_DS = 16


def exact_ds(value: float) -> str | None:
    """The plainest text of at most 16 characters that reads back as exactly this number, or None.

    pydicom's own formatting loses powers of two below 2^-15, since it writes two-digit exponents.
    """
    if not math.isfinite(value):
        return None
    if value == 0:
        return "0"
    text = _fitting(Decimal(repr(float(value))))
    return text if text is not None and float(text) == value else None


def ds(value: float) -> str:
    """The text of a number in a DS element: exact where 16 characters can hold it, else rounded to fit.

    At least nine significant digits always fit, eleven for what has no exponent of three digits.

    Raises:
        ExportError: for what is no finite number.
    """
    if not math.isfinite(value):
        raise ExportError(f"{value} is no number that a DICOM decimal string can hold")
    text = exact_ds(value)
    if text is not None:
        return text
    for digits in range(17, 0, -1):
        text = _fitting(Decimal(f"{value:.{digits - 1}e}"))
        if text is not None and math.isfinite(float(text)):
            return text
    raise ExportError(f"{value!r} does not fit the 16 characters of a DICOM decimal string")


def ds_list(values: tuple[float, ...] | list[float]) -> list[str]:
    """`ds` of each value, for elements with several."""
    return [ds(value) for value in values]


def _fitting(number: Decimal) -> str | None:
    """The plainest spelling of at most 16 characters, if there is one."""
    return next((text for text in _spellings(number) if len(text) <= MAX_DS), None)


def _spellings(number: Decimal) -> Iterator[str]:
    """A decimal written plainly, with a point and an exponent, and with an exponent alone."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    minus = "-" if sign else ""
    body = "".join(map(str, digits)).lstrip("0")
    stripped = body.rstrip("0")
    if not stripped:
        yield "0"
        return
    exponent += len(body) - len(stripped)
    point = len(stripped) + exponent
    if 0 < point <= len(stripped):
        yield minus + stripped[:point] + ("." + stripped[point:] if stripped[point:] else "")
    elif 0 < point <= MAX_DS:
        yield minus + stripped + "0" * exponent
    elif -MAX_DS <= point <= 0:
        yield minus + "0." + "0" * -point + stripped
    mantissa = stripped[0] + ("." + stripped[1:] if stripped[1:] else "")
    yield f"{minus}{mantissa}E{point - 1}"
    yield f"{minus}{stripped}E{exponent}"
