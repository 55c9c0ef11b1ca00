"""Compute on pixels without wrapping or unreported rounding: ranges, dtypes, value x slope + intercept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..errors import SourceError
from .image import Pixels

DTYPES = frozenset(
    np.dtype(name)
    for name in (
        "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
        "float16", "float32", "float64",
    )
)  # fmt: skip
"""What pixels may be made of; anything else is refused by name."""
INTEGER_DTYPES = tuple(
    np.dtype(name) for name in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
)


def holding(low: int, high: int, *, smallest: int = 1) -> np.dtype | None:
    """Return the smallest integer dtype that holds low..high; None if there is none.

    `smallest`: the fewest bytes that it may have.
    """
    for dtype in INTEGER_DTYPES:
        limits = np.iinfo(dtype)
        if dtype.itemsize >= smallest and limits.min <= low and high <= limits.max:
            return dtype
    return None


def dtype_range(dtype: np.dtype) -> tuple[int, int]:
    """Return the lowest and highest value of an integer dtype, or of bool."""
    if dtype == np.bool_:
        return 0, 1
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def value_range(pixels: Pixels) -> tuple[int, int]:
    """Return the lowest and highest value of integer pixels, as Python integers."""
    return int(pixels.min()), int(pixels.max())


def shifted(pixels: Pixels, slope: int, intercept: int, dtype: np.dtype) -> Pixels:
    """Return pixels x slope + intercept in an integer dtype that is known to hold every result.

    Computed modulo 2^bits, so that intermediate results may leave the dtype and the final ones are exact.
    """
    unsigned = np.dtype(f"uint{8 * dtype.itemsize}")
    modulus = 1 << (8 * dtype.itemsize)
    values = pixels.astype(unsigned)
    values *= np.array(slope % modulus, unsigned)
    values += np.array(intercept % modulus, unsigned)
    return values.view(dtype)


def rescaled(
    pixels: Pixels, slope: float, intercept: float, *, bounds: tuple[int, int] | None = None
) -> Pixels:
    """Return pixels x slope + intercept: exact integers where all three are whole, else float64.

    The integer dtype follows from `bounds`, what the pixels can hold (default: what their dtype can), and not
    from the values, so that the slices of a series agree; only where that takes more than 64 bits do the
    values decide. Integers keep at least the size of their dtype.

    Raises: OverflowError where finite values have a result beyond float64.
    """
    whole = float(slope).is_integer() and float(intercept).is_integer()
    if whole and pixels.dtype.kind in "iub":
        for low, high in (bounds or dtype_range(pixels.dtype), value_range(pixels)):
            ends = (low * int(slope) + int(intercept), high * int(slope) + int(intercept))
            dtype = holding(min(ends), max(ends), smallest=pixels.dtype.itemsize)
            if dtype is not None:
                return shifted(pixels, int(slope), int(intercept), dtype)
    values = pixels.astype(np.float64)
    try:
        with np.errstate(over="raise", invalid="ignore"):
            values *= slope
            values += intercept
    except FloatingPointError:
        raise OverflowError(
            f"values x {slope:g} + {intercept:g}, its rescale, are beyond what float64 holds"
        ) from None
    return values


@contextmanager
def rescaling(path: Path) -> Iterator[None]:
    """Turn the OverflowError of `rescaled` into a SourceError of the file with the pixels."""
    try:
        yield
    except OverflowError as error:
        raise SourceError(f"cannot be read: {error}", subject=str(path)) from None


def below(pixels: Pixels, limit: float) -> Pixels:
    """Return where pixels < limit, compared exactly (a 64-bit integer is not rounded to a float first)."""
    if pixels.dtype.kind in "iu":
        return np.asarray(pixels < math.ceil(limit))
    return np.asarray(pixels.astype(np.float64, copy=False) < limit)


def above(pixels: Pixels, limit: float) -> Pixels:
    """Return where pixels > limit, compared exactly."""
    if pixels.dtype.kind in "iu":
        return np.asarray(pixels > math.floor(limit))
    return np.asarray(pixels.astype(np.float64, copy=False) > limit)


def not_exact(pixels: Pixels, dtype: np.dtype) -> Pixels:
    """Return where a value does not survive the conversion to `dtype` unchanged.

    NaN and infinity survive in floats.
    """
    kinds = (pixels.dtype.kind, dtype.kind)
    if kinds[0] == "b" or pixels.dtype == dtype:
        return np.zeros(pixels.shape, bool)
    if kinds == ("f", "f"):
        with np.errstate(over="ignore"):
            narrowed = pixels.astype(dtype)
        return np.asarray(~((narrowed == pixels) | np.isnan(pixels)))
    if kinds[1] in "iub":
        low, high = dtype_range(dtype)
        if kinds[0] in "iu":
            return np.asarray((pixels < low) | (pixels > high))
        wide = pixels.astype(np.float64)
        return np.asarray(~((wide == np.floor(wide)) & (wide >= low) & (wide < float(high + 1))))
    return _not_float(pixels, dtype)


def _not_float(pixels: Pixels, dtype: np.dtype) -> Pixels:
    with np.errstate(over="ignore"):
        wide = pixels.astype(dtype).astype(np.float64)
    fits = np.abs(wide) < 2.0 ** (63 if pixels.dtype.kind == "i" else 64)
    if pixels.dtype.kind == "i":
        fits |= wide == -(2.0**63)
    return np.asarray(~(fits & (np.where(fits, wide, 0.0).astype(pixels.dtype) == pixels)))


def native(pixels: Pixels) -> Pixels:
    """Return the same values in the machine's byte order, contiguous in rows; copied only if needed.

    Raises:
        TypeError: for a dtype that is not in `DTYPES`, with its name.
    """
    plain = pixels.dtype.newbyteorder("=")
    if plain not in DTYPES:
        raise TypeError(f"dtype {pixels.dtype} cannot be converted")
    return np.ascontiguousarray(pixels, dtype=plain)
