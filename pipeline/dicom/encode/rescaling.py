"""Encode values as integers of 8 or 16 bits with a rescale: proven to be exact, or with a known error.

The proof and the error are computed on what a reader gets from the text in the file: ``stored * float(slope
text) + float(intercept text)`` in float64, cast to the source's dtype.

Why so much for two numbers: slope and intercept are text of 16 characters, so the obvious ``(max - min) /
65535`` is rounded when it is written, and every value read back is off by a little that nobody is told of.
Values on a grid (counts, steps of a power of two) have a slope that text holds exactly: that slope is tried
first, and proven by computing what a reader computes. Only where there is none, or the recipe asks, is the
text rounded, outwards so that no value leaves the range, and the largest error is measured and reported.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ....schemas.language.decimal_string import exact_ds
from ...decimal_string import ds
from ...errors import ExportError, Note
from ...imaging.deterministic import extremes
from ...imaging.image import Pixels
from .encoding import RT_IMAGE, Allowed, Encoded, Rescale, little

TOP = 65535
_EXACT = 2**53
"""Up to here every whole number is a float64."""
_LARGEST = 1e307
"""Beyond this the arithmetic of a rescale may overflow."""
_BLOCK = 2**15
"""Values that are processed together; their intermediate arrays stay in the cache."""


def portable(pixels: Pixels, allowed: Allowed) -> tuple[Encoded | None, str]:
    """Return 8 or 16 bits, with a rescale where needed, that are exact; or None and the reason."""
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8)
    if pixels.dtype.kind == "f":
        wrong = int(pixels.size - np.count_nonzero(np.isfinite(pixels)))
        if wrong:
            return None, f"{wrong} values are not finite numbers"
    low, high = (end.item() for end in extremes(pixels))
    direct = _direct(pixels, low, high, allowed)
    if direct is not None:
        return Encoded(little(direct), bits_stored=direct.dtype.itemsize * 8), ""
    if not allowed.rescale:
        return None, f"{allowed.name} has no rescale, and the values are not whole numbers from 0 to {TOP}"
    if max(abs(low), abs(high)) > _EXACT and pixels.dtype.kind in "iu":
        return None, f"values from {low} to {high} are beyond what the decimal text of a rescale can hold"
    return _with_rescale(pixels, low, high, allowed)


def _direct(pixels: Pixels, low: Any, high: Any, allowed: Allowed) -> Pixels | None:
    """Return the values as integers that need no rescale; None where they are none."""
    small = pixels.dtype.itemsize == 1 and "uint8" in allowed.dtypes
    wanted = [("uint8", 0, 255)] if small else [("uint16", 0, TOP)]
    if allowed is not RT_IMAGE:
        wanted.append(("int16", -32768, 32767))
    for name, least, most in wanted:
        if name in allowed.dtypes and least <= low and high <= most:
            cast = pixels.astype(name)
            return cast if pixels.dtype.kind != "f" or np.array_equal(cast, pixels) else None
    return None


def _with_rescale(pixels: Pixels, low: Any, high: Any, allowed: Allowed) -> tuple[Encoded | None, str]:
    fixed = {"int8": ("uint8", -128), "int16": ("uint16", -32768)}.get(pixels.dtype.name)
    if fixed and fixed[0] in allowed.dtypes:
        # the same offset for every image of a dtype, so that the stored values of a series can be compared
        name, offset = fixed
        candidates = [(float(offset), 1.0, name)]
    elif not allowed.intercept:
        candidates = [_from_zero(pixels, low, high)]
    else:
        exponent = _grid(pixels, 0.0 if low >= 0 else float(low))
        step = math.ldexp(1.0, exponent) if -1074 <= exponent <= 1023 else 0.0
        span = (float(high) - float(low)) if high != low else 0.0
        if step == 0 or not math.isfinite(span):
            return None, f"values from {low} to {high} span more than numbers can"
        candidates = [(0.0, min(step, 1.0) if high <= TOP else step, "uint16")] if low >= 0 else []
        step = _step_from(pixels, float(low))
        candidates.append((float(low), min(step, 1.0) if span <= TOP else step, "uint16"))
    reason = ""
    for intercept, slope, name in candidates:
        encoded, reason = _proven(pixels, slope, intercept, name)
        if encoded is not None:
            return encoded, ""
    return None, reason


def _from_zero(pixels: Pixels, low: Any, high: Any) -> tuple[float, float, str]:
    """Return the candidate whose intercept is 0: signed where values are below it."""
    name = "uint16" if low >= 0 else "int16"
    step, ends = _step_from(pixels, 0.0), np.iinfo(name)
    return 0.0, min(step, 1.0) if ends.min <= low and high <= ends.max else step, name


def _step_from(pixels: Pixels, start: float) -> float:
    exponent = _grid(pixels, start)
    return math.ldexp(1.0, max(-1074, min(exponent, 1023)))


def _grid(pixels: Pixels, start: float) -> int:
    """Return the largest k for which every value is `start` plus a whole multiple of 2^k (0 for none)."""
    flat = pixels.reshape(-1)
    blocks = (_grid_of(flat[first : first + _BLOCK], start) for first in range(0, flat.size, _BLOCK))
    return min((found for found in blocks if found is not None), default=0)


def _grid_of(values: Pixels, start: float) -> int | None:
    """Return the same for a block of values; None where every value is `start`."""
    away = values.astype(np.float64) - start
    mantissas, exponents = np.frexp(away[away != 0])
    if mantissas.size == 0:
        return None
    digits = np.ldexp(mantissas, 53).astype(np.int64)
    lowest = np.frexp((digits & -digits).astype(np.float64))[1] - 1
    return int((exponents.astype(np.int64) - 53 + lowest).min())


def _proven(pixels: Pixels, slope: float, intercept: float, name: str) -> tuple[Encoded | None, str]:
    """Return stored integers whose rescale gives every value back exactly; or None and the reason."""
    least, most = pixels.min().item(), pixels.max().item()
    steps = (float(most) - intercept) / slope
    if not (steps <= np.iinfo(name).max and (float(least) - intercept) / slope >= np.iinfo(name).min):
        return None, (
            f"values from {least} to {most} in steps of {slope:.6g} need {steps + 1:.0f} levels, "
            f"and 16 bits have {TOP + 1}"
        )
    slope_text = exact_ds(slope)
    if slope_text is None:
        return None, f"a slope of {slope!r} does not fit the 16 characters of a DICOM decimal string"
    stored = ((pixels.astype(np.float64) - intercept) / slope).astype(name)
    # a float32 intercept may be exact in a text that its float64 does not fit
    rescale = Rescale(slope_text, ds(intercept))
    back = rescale.apply(stored)
    whole = pixels.dtype.kind == "f" or np.array_equal(back, pixels)
    if not (whole and np.array_equal(back.astype(pixels.dtype), pixels)):
        return None, f"a rescale does not give the values from {least} to {most} back exactly"
    return Encoded(little(stored), bits_stored=stored.dtype.itemsize * 8, rescale=rescale), ""


def quantized(pixels: Pixels, allowed: Allowed) -> Encoded:
    """Return 16 bits with a rescale, and the largest error, computed on what a reader gets.

    Raises:
        ExportError: values that are no numbers, or a range that float64 cannot span.
    """
    if not allowed.rescale:
        raise ExportError(
            f"{allowed.name} has no rescale, which quantized values need", hint=f"use {allowed.alternative}"
        )
    wrong = int(pixels.size - np.count_nonzero(np.isfinite(pixels)))
    if wrong:
        raise ExportError(f"{wrong} values are not finite numbers, which integers cannot hold")
    values = pixels.astype(np.float64)
    low, high = (float(end) for end in extremes(values))
    if max(-low, high) > _LARGEST:
        raise _too_wide(low, high)
    kind = np.iinfo(np.uint16 if allowed.intercept or low >= 0 else np.int16)
    intercept = rounded(low, up=False) if allowed.intercept else "0"
    span = high - float(intercept)
    steps = max(span / kind.max, (low - float(intercept)) / kind.min if kind.min else 0.0)
    slope = rounded(steps, up=True) if steps > 0 else "1"
    if not math.isfinite(span) or float(slope) == 0 or not math.isfinite(float(slope) * TOP):
        raise _too_wide(low, high)
    levels = np.rint((values - float(intercept)) / float(slope))
    stored = np.clip(levels, kind.min, kind.max).astype(kind.dtype)
    rescale = Rescale(slope, intercept)
    error = _largest_error(pixels, rescale.apply(stored))
    text = f"stored in 16 bits with a largest error of {error:.3g} (values from {low:.6g} to {high:.6g})"
    return Encoded(
        little(stored), bits_stored=16, rescale=rescale, error=error, notes=(Note("quantized", text),)
    )


def _too_wide(low: float, high: float) -> ExportError:
    return ExportError(f"values from {low:g} to {high:g} cannot be told apart in 16 bits")


def _largest_error(pixels: Pixels, back: npt.NDArray[np.float64]) -> float:
    error = float(np.abs(back - pixels.astype(np.float64)).max())
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize == 8:
        # float64 rounded the values themselves: the error must not be understated
        error += float(np.spacing(np.abs(back).max()))
    return error


def rounded(value: float, *, up: bool) -> str:
    """Return DS text of a number that is not below it (`up`), or not above it."""
    text = ds(value)
    step = abs(value) * 1e-12
    while (float(text) < value) if up else (float(text) > value):
        text = ds(value + step if up else value - step)
        step *= 4
    return text
