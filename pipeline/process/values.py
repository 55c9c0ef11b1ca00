"""Operations on each value for itself.

Each documents its resulting dtype; none wraps or rounds without a note.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..imaging.deterministic import extremes
from ..imaging.exact import above, below, dtype_range, not_exact, rescaled, shifted, value_range
from ..imaging.image import Image, Pixels
from .common import computed, finite, grey, number, refusal
from .known import Known

if TYPE_CHECKING:
    from .operations import Binary, BitInvert, Cast, Ground, Invert, Normalize, Rescale, Threshold


def value_ends(image: Image, known: Known) -> tuple[Any, Any]:
    """Return the lowest and the highest value, of a slice those of its volume; floats or Python integers."""
    if known.extremes is not None:
        return known.extremes
    return extremes(image.pixels) if image.pixels.dtype.kind == "f" else value_range(image.pixels)


def invert(image: Image, options: Invert, known: Known) -> Image:
    """Return max + min - value, in the same dtype; the constant goes into the history.

    The range stays the same, so nothing can overflow. Calibrated units are lost. MONOCHROME1 becomes
    MONOCHROME2: values and their meaning are inverted together, and the picture looks the same.
    """
    pixels = finite(image, options.op)
    if pixels.dtype.kind == "f":
        low, high = value_ends(image, known)
        constant = float(high) + float(low)
        if not np.isfinite(constant):
            raise refusal(image, "invert: maximum + minimum is beyond float64")
        turned = (constant - pixels.astype(np.float64)).astype(pixels.dtype)
        said = repr(constant)
    else:
        whole = sum(value_ends(image, known))
        turned = _integers(pixels, -1, whole, pixels.dtype)
        said = str(whole)
    phrase = f"inverted ({said} - value)"
    return computed(image, turned, phrase, units=None, photometric="MONOCHROME2", rising=-image.rising)


def _integers(pixels: Pixels, slope: int, intercept: int, dtype: np.dtype) -> Pixels:
    """Return `shifted` pixels, for bool as well."""
    if dtype == np.bool_:
        return shifted(pixels, slope, intercept, np.dtype(np.uint8)).view(np.bool_)
    return shifted(pixels, slope, intercept, dtype)


def bit_invert(image: Image, options: BitInvert) -> Image:
    """Apply bitwise not within the dtype; MONOCHROME1 becomes MONOCHROME2 as in `invert`."""
    pixels = grey(image, options.op)
    if pixels.dtype.kind == "f":
        raise refusal(image, f"bit_invert is for integers and the values are {pixels.dtype}", "use invert")
    return computed(
        image, np.invert(pixels), "bits inverted", units=None, photometric="MONOCHROME2", rising=-image.rising
    )


def ground(image: Image, options: Ground, known: Known) -> Image:
    """Subtract the minimum. Integers keep their dtype, or become unsigned where the range needs it."""
    pixels = finite(image, options.op)
    if pixels.dtype.kind == "f":
        low, _ = value_ends(image, known)
        with np.errstate(over="ignore"):
            lowered = pixels - low
        if not np.isfinite(lowered).all():
            raise refusal(image, f"ground: the range of the values is beyond {pixels.dtype}")
        return computed(image, lowered, f"grounded (value - {float(low)!r})", units=None)
    lowest, highest = value_ends(image, known)
    dtype = pixels.dtype
    if highest - lowest > dtype_range(dtype)[1]:
        dtype = np.dtype(f"uint{8 * dtype.itemsize}")
    return computed(image, _integers(pixels, 1, -lowest, dtype), f"grounded (value - {lowest})", units=None)


def normalize(image: Image, options: Normalize, known: Known) -> Image:
    """Divide by the maximum, or by a number; float32 stays float32, everything else becomes float64.

    Raises:
        ProcessError: a maximum that is not above 0, or a divisor of 0.
    """
    if options.to == "max":
        finite(image, options.op)
        divisor = float(value_ends(image, known)[1])
        if divisor <= 0:
            raise refusal(
                image, f"normalize: the maximum is {number(divisor)}, not above 0", "ground the image first"
            )
    else:
        divisor = options.to
        if divisor == 0:
            raise refusal(image, "normalize: division by 0")
    pixels = grey(image, options.op)
    dtype = np.dtype(np.float32 if pixels.dtype == np.float32 else np.float64)
    with np.errstate(over="ignore"):
        divided = (pixels.astype(np.float64) / divisor).astype(dtype)
    if np.isinf(divided).any():
        raise refusal(image, f"normalize: value / {number(divisor)} is beyond {dtype}")
    rising = image.rising if divisor > 0 else -image.rising
    return computed(image, divided, f"normalized (value / {number(divisor)})", units=None, rising=rising)


def threshold(image: Image, options: Threshold) -> Image:
    """Set values below `low` or above `high` to 0; the dtype stays, NaN stays NaN."""
    pixels = grey(image, options.op)
    beyond = np.zeros(pixels.shape, bool)
    phrases = []
    if options.low is not None:
        beyond |= below(pixels, options.low)
        phrases.append(f"below {number(options.low)}")
    if options.high is not None:
        beyond |= above(pixels, options.high)
        phrases.append(f"above {number(options.high)}")
    kept = np.where(beyond, pixels.dtype.type(0), pixels)
    return computed(image, kept, f"values {' or '.join(phrases)} set to 0", rising=0)


def binary(image: Image, options: Binary) -> Image:
    """Return 1 where the value is at least `at`, else 0; uint8. NaN is refused."""
    pixels = finite(image, options.op)
    ones = (~below(pixels, options.at)).astype(np.uint8)
    return computed(image, ones, f"binary (value >= {number(options.at)})", units=None, rising=0)


def cast(image: Image, options: Cast) -> Image:
    """Return every value unchanged in another dtype.

    Raises: ProcessError with the first that does not fit.
    """
    pixels = grey(image, options.op)
    dtype = np.dtype(options.dtype)
    wrong = not_exact(pixels, dtype)
    if wrong.any():
        row, column = (int(index) for index in np.unravel_index(int(wrong.argmax()), wrong.shape))
        value = pixels[row, column].item()
        raise refusal(
            image, f"cast to {dtype}: the value {value!r} in row {row}, column {column} does not fit exactly"
        )
    return computed(image, pixels.astype(dtype), f"cast to {dtype}")


def rescale(image: Image, options: Rescale) -> Image:
    """Return value x slope + intercept: exact integers where all are whole, else float64. Units are lost."""
    pixels = grey(image, options.op)
    if options.slope == 1 and options.intercept == 0:
        return image
    try:
        values = rescaled(pixels, options.slope, options.intercept)
    except OverflowError:
        raise refusal(image, "rescale: a result is beyond float64") from None
    phrase = f"rescaled (value x {number(options.slope)} + {number(options.intercept)})"
    sign = (options.slope > 0) - (options.slope < 0)
    return computed(image, values, phrase, units=None, rising=sign * image.rising)
