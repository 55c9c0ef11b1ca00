"""Turn values into grey levels: the window of a picture.

A curve maps modality values to levels 0 (black) to 255 (white). All arithmetic is float64 in a fixed order
and rounds with ``floor(y + 0.5)``, so that every machine draws the same picture. The following holds for
every window:

- NaN is black and stays out of ranges that are computed from the image; so do infinities, which are drawn
black
  or white.
- MONOCHROME1 is shown as it is meant: low values are bright (PS3.3 C.7.6.3.1.2).
- Pixel padding of a DICOM source (PS3.3 C.7.5.1.1.2) is black background and stays out of ranges.
- Transparency is not windowed: it is kept, at 8 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from msgspec import Struct

from ...errors import ExportError, Note
from ...imaging.image import Image, Pixels
from ..padding import padding_of
from .voi import Curve, Ramp, voi_curve

if TYPE_CHECKING:
    pass

Window = Literal["full", "auto"] | tuple[float, float]

LEVELS = 255
_TABLE_BYTES = 2
_BLOCK = 1 << 18
_CUT_PER_MILLE = 5


class Picture(Struct, frozen=True):
    """The picture that a window gives: levels, uint8, shaped as the image's pixels."""

    levels: Pixels
    notes: tuple[Note, ...] = ()


def picture(image: Image, window: Window) -> Picture:
    """Return the image as 8-bit levels.

    ``full`` runs from this image's minimum (black) to its maximum. ``[low, high]`` are modality values shown
    black and white (white and black in a MONOCHROME1 image). ``auto`` is the VOI of a DICOM source whose
    values were not computed on; for colour of unsigned integers the range of their type; for everything
    else the image's values between its 0.5 and 99.5 percentiles (nearest rank). A constant image is black.

    Raises:
        ExportError: ``full`` or ``auto`` of an image without a finite value, or transparency that is no
            unsigned integer.
    """
    values, alpha = _without_alpha(image)
    padding = padding_of(image)
    curve, notes = _curve(image, values, padding, window)
    levels = _levels(values, curve, inverted=image.photometric == "MONOCHROME1")
    if padding is not None:
        levels[padding] = 0
    if alpha is not None:
        levels = np.concatenate([levels, alpha[..., np.newaxis]], axis=2)
    return Picture(levels, notes)


def _without_alpha(image: Image) -> tuple[Pixels, Pixels | None]:
    if image.photometric != "RGBA":
        return image.pixels, None
    alpha = image.pixels[..., 3]
    if alpha.dtype.kind != "u":
        raise ExportError(
            f"its transparency is of type {alpha.dtype}, whose range is not defined",
            hint="pick colours with 'channel'",
        )
    highest = int(np.iinfo(alpha.dtype).max)
    return image.pixels[..., :3], _levels(alpha, Ramp(0.0, float(highest)), inverted=False)


def _curve(
    image: Image, values: Pixels, padding: Pixels | None, window: Window
) -> tuple[Curve, tuple[Note, ...]]:
    if isinstance(window, tuple):
        return Ramp(*window), _not_finite(values)
    if window == "auto":
        if image.photometric in ("RGB", "RGBA") and values.dtype.kind == "u":
            return Ramp(0.0, float(np.iinfo(values.dtype).max)), ()
        curve, notes = voi_curve(image)
        if curve is not None:
            return curve, (*notes, *_not_finite(values))
    else:
        notes = ()
    counted = _counted(values, padding)
    low, high = _percentiles(counted) if window == "auto" else (counted.min(), counted.max())
    if low == high:
        low, high = counted.min(), counted.max()
    if low == high:
        notes = (*notes, Note("constant-image", f"every value is {low}: the picture is one shade"))
    return _ramp_of(low, high), (*notes, *_not_finite(values))


def _ramp_of(low: np.generic, high: np.generic) -> Ramp:
    """Return a ramp between two values of the image; integers of 64 bits keep their last digits."""
    if low.dtype.kind in "iu":
        return Ramp(0.0, float(int(high) - int(low)), offset=int(low))
    return Ramp(float(low), float(high))


def _counted(values: Pixels, padding: Pixels | None) -> Pixels:
    """Return the values that decide a range: finite, no padding."""
    if padding is not None:
        values = values[~padding]
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        values = values if finite.all() else values[finite]
    if values.size == 0:
        raise ExportError(
            "holds no value that could decide the range of a picture (all NaN, infinite or padding)",
            hint="give 'window: [low, high]'",
        )
    return values


def _percentiles(values: Pixels) -> tuple[np.generic, np.generic]:
    """Return the values of the image at the 0.5 and 99.5 percentiles (nearest rank, none interpolated)."""
    count = values.size
    ranks = [max(0, -(-count * part // 1000) - 1) for part in (_CUT_PER_MILLE, 1000 - _CUT_PER_MILLE)]
    ordered = np.partition(values, ranks, axis=None)
    return ordered[ranks[0]], ordered[ranks[1]]


def _not_finite(values: Pixels) -> tuple[Note, ...]:
    if values.dtype.kind != "f":
        return ()
    count = int(values.size - np.count_nonzero(np.isfinite(values)))
    if not count:
        return ()
    return (
        Note("not-finite", f"{count} values are NaN or infinite; NaN is drawn black, infinities at the ends"),
    )


def _levels(values: Pixels, curve: Curve, *, inverted: bool) -> Pixels:
    """Return every value's level. Types of 8 and 16 bits go through a table of all their values."""
    if values.dtype.itemsize <= _TABLE_BYTES:
        index = np.uint8 if values.dtype.itemsize == 1 else np.uint16
        every = np.arange(np.iinfo(index).max + 1, dtype=index).view(values.dtype)
        table = _shade(every, curve, inverted=inverted)
        looked_up: Pixels = table[np.ascontiguousarray(values).view(index)]
        return looked_up
    flat = np.ascontiguousarray(values).reshape(-1)
    levels = np.empty(flat.shape, np.uint8)
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        levels[start : start + _BLOCK] = _shade(block, curve, inverted=inverted)
    return levels.reshape(values.shape)


def _shade(values: Pixels, curve: Curve, *, inverted: bool) -> Pixels:
    missing = np.isnan(values) if values.dtype.kind == "f" else None
    levels = curve(values if missing is None else np.where(missing, values.dtype.type(0), values))
    if inverted:
        levels = LEVELS - levels
    if missing is not None:
        levels[missing] = 0
    return levels
