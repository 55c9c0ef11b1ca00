"""Write a number as text of a DS element: at most 16 characters (PS3.5 section 6.2). No other module does.

It keeps as much as 16 characters can: 1/3 is ``0.33333333333333``, and what they hold reads back exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

MAX_DS = 16


def exact_ds(value: float) -> str | None:
    """Return a number plainly in at most 16 characters that read back as exactly it; None where none do.

    pydicom's own formatting loses powers of two below 2^-15, since it writes two-digit exponents.
    """
    if not math.isfinite(value):
        return None
    if value == 0:
        return "0"
    text = _fitting(Decimal(repr(float(value))))
    return text if text is not None and float(text) == value else None


@lru_cache(4096)  # leaves of a collimator and spacings are the same in file after file
def nearest_ds(value: float) -> str:
    """Return a number in at most 16 characters: exactly where they can hold it, else rounded to fit.

    At least nine significant digits always fit, eleven for what has no exponent of three digits.

    Raises:
        ValueError: for what is no finite number.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number that a DICOM decimal string can hold")
    text = exact_ds(value)
    if text is not None:
        return text
    for digits in range(17, 0, -1):
        text = _fitting(Decimal(f"{value:.{digits - 1}e}"))
        if text is not None and math.isfinite(float(text)):
            return text
    raise ValueError(f"{value!r} does not fit the 16 characters of a DICOM decimal string")


def _fitting(number: Decimal) -> str | None:
    """Return the plainest spelling of at most 16 characters; None where there is none."""
    return next((text for text in _spellings(number) if len(text) <= MAX_DS), None)


def _spellings(number: Decimal) -> Iterator[str]:
    """Yield spellings of a decimal: plainly, with a point and an exponent, and with an exponent alone."""
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
