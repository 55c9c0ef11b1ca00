"""Operations that use neighbouring pixels: `filter` and `rotate`. The median needs scipy.

Integers keep their dtype: results are rounded half to even and clipped to the dtype (a spline of higher order
overshoots). Beyond the edge the nearest pixel is repeated.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..errors import Note
from ..imaging.deterministic import cosine_and_sine
from ..imaging.image import Image, Pixels
from ..imaging.move import Move, shift
from ..imaging.tolerances import SPACING
from .common import computed, finite, number, refusal, refuse_not_finite
from .placement import moved
from .smoothing import gaussian
from .splines import resampled

if TYPE_CHECKING:
    from .operations import Filter, Rotate

EXACT_IN_FLOAT = 2**53


def smooth(image: Image, options: Filter) -> Image:
    """Apply a median over a window of `size` pixels, or a Gaussian whose sigma is `size`.

    `size` in mm is divided by the spacing, rows and columns each for itself; a median's window is then the
    nearest odd number of pixels. A median window of an even number of pixels lies half a pixel towards row 0
    and column 0 (as in scipy), so the image's position moves by that half pixel and a note says so.

    Raises:
        ProcessError: a size in mm without a spacing; a median of a broken number of pixels; NaN.
    """
    pixels = finite(image, options.op)
    sizes = _sizes(image, options)
    if options.kind == "gaussian":
        said = " x ".join(number(round(size, 6)) for size in dict.fromkeys(sizes))
        return computed(image, _gaussian(image, pixels, sizes), f"Gaussian filter (sigma {said} pixels)")
    window = _window(image, sizes, options)
    if window == (1, 1):
        return image
    phrase = f"median filter ({window[0]} x {window[1]} pixels)"
    smoothed = computed(image, _median(image, pixels, window), phrase)
    halves = tuple(0.0 if size % 2 else -0.5 for size in window)
    if not any(halves):
        return smoothed
    note = Note(
        "even-window", "filter: a median window of an even size lies half a pixel off; the position follows"
    )
    return moved(smoothed, shift(*halves), options.op).noting(note)


def _sizes(image: Image, options: Filter) -> tuple[float, float]:
    if options.size.unit == "pixels":
        return options.size.value, options.size.value
    spacing = image.geometry.spacing
    if spacing is None:
        raise refusal(
            image,
            f"filter: a size of {number(options.size.value)} mm needs a spacing, and nobody gives one",
            "give geometry.dpi or geometry.pixel_spacing, or a size in pixels",
        )
    return options.size.value / spacing[0], options.size.value / spacing[1]


def _window(image: Image, sizes: tuple[float, float], options: Filter) -> tuple[int, int]:
    if options.size.unit == "mm":
        return _odd(sizes[0]), _odd(sizes[1])
    if not sizes[0].is_integer():
        raise refusal(image, f"filter: a median takes whole pixels, not {sizes[0]!r}")
    return int(sizes[0]), int(sizes[1])


def _odd(size: float) -> int:
    """Return the nearest odd number, at least 1."""
    return max(1, 2 * round((size - 1) / 2) + 1)


def _median(image: Image, pixels: Pixels, window: tuple[int, int]) -> Pixels:
    from scipy import ndimage

    if window[0] > 2 * image.rows or window[1] > 2 * image.columns:
        raise refusal(image, f"filter: a window of {window[0]} x {window[1]} pixels is larger than the image")
    refuse_large(image, pixels, "filter")
    working = pixels.astype(np.float64) if pixels.dtype.kind in "fb" else pixels
    return np.asarray(ndimage.median_filter(working, size=window, mode="nearest")).astype(pixels.dtype)


def _gaussian(image: Image, pixels: Pixels, sigma: tuple[float, float]) -> Pixels:
    if max(sigma[0] / image.rows, sigma[1] / image.columns) > 1:
        raise refusal(image, "filter: sigma is larger than the image")
    refuse_large(image, pixels, "filter")
    return rounded(gaussian(pixels.astype(np.float64), sigma), pixels.dtype)


def rotate(image: Image, options: Rotate) -> Image:
    """Turn an image counter-clockwise as displayed, about its middle; same shape, edges repeated.

    Raises:
        ProcessError: pixels that are not square, NaN, alpha.
    """
    if options.degrees % 360 == 0:
        return image
    if image.photometric == "RGBA":
        raise refusal(image, "rotate cannot interpolate transparency")
    if image.pixels.dtype.kind == "f":
        refuse_not_finite(image, image.pixels, options.op)
    spacing = image.geometry.spacing
    if spacing is not None and not math.isclose(spacing[0], spacing[1], rel_tol=SPACING):
        raise refusal(image, f"rotate needs square pixels, and these are {spacing[0]!r} x {spacing[1]!r} mm")
    refuse_large(image, image.pixels, options.op)
    move = _turn(image, options.degrees)
    pixels = rounded(_resampled(image.pixels, move, options.order), image.pixels.dtype)
    phrase = (
        f"rotated by {number(options.degrees)} degrees counter-clockwise (spline of order {options.order})"
    )
    return computed(moved(image, move, options.op), pixels, phrase)


def _turn(image: Image, degrees: float) -> Move:
    cosine, sine = cosine_and_sine(degrees)
    middle = ((image.rows - 1) / 2, (image.columns - 1) / 2)
    offset = (
        middle[0] - cosine * middle[0] - sine * middle[1],
        middle[1] + sine * middle[0] - cosine * middle[1],
    )
    return Move(((cosine, sine), (-sine, cosine)), offset)


def _resampled(pixels: Pixels, move: Move, order: int) -> Pixels:
    planes = pixels.astype(np.float64)[..., np.newaxis] if pixels.ndim == 2 else pixels.astype(np.float64)
    turned = np.empty_like(planes)
    for sample in range(planes.shape[2]):
        turned[..., sample] = resampled(np.ascontiguousarray(planes[..., sample]), move, order)
    return turned.reshape(pixels.shape)


def refuse_large(image: Image, pixels: Pixels, does: str) -> None:
    """Refuse integers that float64, in which is computed, cannot hold exactly. Raises: ProcessError."""
    if pixels.dtype.itemsize == 8 and pixels.dtype.kind in "iu":
        low, high = int(pixels.min()), int(pixels.max())
        if max(abs(low), abs(high)) > EXACT_IN_FLOAT:
            raise refusal(image, f"{does} is exact up to 2^53, and the values go from {low} to {high}")


def rounded(values: Pixels, dtype: np.dtype) -> Pixels:
    """Return float64 results in the dtype that the image had."""
    if dtype.kind == "f":
        return values.astype(dtype)
    if dtype == np.bool_:
        return values >= 0.5
    limits = np.iinfo(dtype)
    if dtype.itemsize == 8:
        # 2^63 - 1 is no float64; values are about 2^53 at most, so only the limit 0 of uint64 can be passed
        return np.maximum(np.rint(values), limits.min).astype(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
