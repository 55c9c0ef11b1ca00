"""Operations with another image: dark field, flood field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..imaging.exact import dtype_range, holding
from ..imaging.image import Image, Pixels
from .common import computed, grey, number, refusal
from .known import Known

if TYPE_CHECKING:
    from .operations import Divide, Subtract


def subtract(image: Image, options: Subtract, known: Known) -> Image:
    """Subtract another image; results below `floor` become it.

    Integers are subtracted exactly, in the smallest dtype for every difference of their dtypes, so that the
    images of a series agree; anything else in float64.

    Raises: ProcessError for another shape, or a difference beyond 64 bits.
    """
    one, other = _both(image, options.op, options.by, known)
    phrase = f"'{known.path(image, options.by).name}' subtracted"
    if options.floor is not None:
        phrase += f", values below {number(options.floor)} set to it"
    floor = options.floor
    whole = one.dtype.kind != "f" and other.dtype.kind != "f"
    if not whole or not (floor is None or float(floor).is_integer()):
        values = one.astype(np.float64) - other.astype(np.float64)
        return computed(image, values if floor is None else np.maximum(values, floor), phrase)
    lowest, highest = _bounds(one, other)
    wide = holding(lowest, highest)
    if wide is None:
        raise refusal(image, f"subtract: differences of {one.dtype} and {other.dtype} are beyond 64 bits")
    values = one.astype(wide) - other.astype(wide)
    if floor is not None and floor > lowest:
        values = _floored(values, int(floor), highest)
    return computed(image, values, phrase)


def _floored(values: Pixels, floor: int, highest: int) -> Pixels:
    """Return integers that are not below `floor`, in the smallest dtype for what is left of their range."""
    dtype = holding(floor, max(floor, highest))
    assert dtype is not None  # its range is a part of one that fits, or the floor alone
    if floor >= highest:
        return np.full(values.shape, floor, dtype)
    found: Pixels = np.maximum(values, values.dtype.type(floor)).astype(dtype)
    return found


def _bounds(one: Pixels, other: Pixels) -> tuple[int, int]:
    (low, high), (least, most) = dtype_range(one.dtype), dtype_range(other.dtype)
    return low - most, high - least


def divide(image: Image, options: Divide, known: Known) -> Image:
    """Divide by another image, giving float64; its values below `floor` count as that. Units end.

    Raises: ProcessError for another shape, or a divisor of 0.
    """
    one, other = _both(image, options.op, options.by, known)
    divisor = other.astype(np.float64)
    phrase = f"divided by '{known.path(image, options.by).name}'"
    if options.floor is not None:
        divisor = np.maximum(divisor, options.floor)
        phrase += f", its values below {number(options.floor)} taken as that"
    zeros = divisor == 0
    if zeros.any():
        row, column = (int(index) for index in np.unravel_index(int(zeros.argmax()), zeros.shape))
        raise refusal(
            image,
            f"divide: '{options.by}' is 0 in {int(zeros.sum())} pixels, first in row {row}, column {column}",
            "'floor' gives the smallest divisor",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        values = one.astype(np.float64) / divisor
    return computed(image, values, phrase, units=None)


def _both(image: Image, does: str, name: str, known: Known) -> tuple[Pixels, Pixels]:
    """Return the pixels of both images. Raises: ProcessError for colour, or another shape."""
    one, operand = grey(image, does), known.operand(image, name)
    other = grey(operand, f"{does} by '{name}'")
    if one.shape != other.shape:
        raise refusal(
            image,
            f"{does}: '{name}' has {operand.rows} rows and {operand.columns} columns, and this image "
            f"{image.rows} and {image.columns}",
        )
    return one, other
