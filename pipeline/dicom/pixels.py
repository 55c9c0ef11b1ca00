"""How pixel values are stored: `retain`, `portable` and `quantize` of RECIPE.md.

What a kind of DICOM allows is in `Allowed`; where the standard is the reason, its section is named there.
Every encoding with a rescale is proven on the values that a reader computes from the text in the file:
``stored * float(slope text) + float(intercept text)`` in float64, cast to the source's dtype.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ...schemas.exports import Pixels as How
from ..errors import ExportError, Note
from ..image import Image, Pixels
from .numbers import ds, exact_ds

Element = Literal["PixelData", "FloatPixelData", "DoubleFloatPixelData"]
TOP = 65535
_EXACT = 2**53
"""Up to here every whole number is a float64."""


@dataclass(frozen=True, slots=True)
class Rescale:
    """Modality value = stored value x slope + intercept; both as the text of their DS elements."""

    slope: str = "1"
    intercept: str = "0"
    kind: str | None = None
    """RescaleType; None: the caller's units, or US."""

    @property
    def identity(self) -> bool:
        return float(self.slope) == 1 and float(self.intercept) == 0

    def apply(self, stored: Pixels) -> npt.NDArray[np.float64]:
        """What a reader computes, in float64."""
        values: npt.NDArray[np.float64] = stored.astype(np.float64)
        values *= float(self.slope)
        values += float(self.intercept)
        return values


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a kind of DICOM may hold."""

    name: str
    dtypes: frozenset[str]
    """numpy names of the dtypes that the kind's IOD allows."""
    rescale: bool = True
    """Whether a rescale other than 1 and 0 may be written."""
    least_bits: int = 1
    """Fewest bits stored of 16 allocated."""
    alternative: str = "'pixels: portable'"
    """What to name where a dtype is not allowed."""


RT_IMAGE = Allowed("an RT Image", frozenset({"uint8", "uint16", "int16"}), least_bits=12)
"""PS3.3 C.8.8.2.2; signed 16 bit since 2020 (dciodvfy of 2022 still reports it)."""
CT_IMAGE = Allowed("a CT Image", frozenset({"uint16", "int16"}), least_bits=12)
"""PS3.3 C.8.2.1.1.2."""
SECONDARY_CAPTURE = Allowed(
    "a Secondary Capture", frozenset({"uint8", "int8", "uint16", "int16", "uint32", "int32"})
)
MULTI_FRAME = Allowed(
    "a multi-frame Secondary Capture",
    frozenset({"uint8", "uint16"}),
    rescale=False,
    alternative="one file per page ({page} in 'path')",
)
"""PS3.3 A.8.3 and A.8.4: unsigned, and an identity Modality LUT (C.8.6.3)."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Pixels ready for a dataset.

    `stored` has the image's shape (rows, columns[, samples]), little endian, contiguous. `error` is the
    largest difference between a value and what a reader computes; None where nothing was quantized.
    """

    stored: Pixels
    element: Element = "PixelData"
    bits_stored: int = 0
    rescale: Rescale | None = None
    error: float | None = None
    notes: tuple[Note, ...] = ()

    @property
    def bits_allocated(self) -> int:
        return self.stored.dtype.itemsize * 8


def encode(image: Image, how: How, allowed: Allowed) -> Encoded:
    """The pixels of one image as this kind of DICOM stores them.

    Raises:
        ExportError: what cannot be stored so, with the reason and the way out.
    """
    if image.pixels.size == 0:
        raise ExportError("the image has no pixels")
    if how == "auto":
        how = "retain" if not image.computed else "auto"
    if how != "quantize" and image.stored is not None and not image.computed:
        kept = _kept(image, how, allowed)
        if kept is not None:
            return kept
    if image.pixels.ndim == 3:
        if image.pixels.dtype not in (np.uint8, np.uint16):
            raise ExportError(
                f"colour of type {image.pixels.dtype} has no place in DICOM, which knows 8 and 16 bits",
                hint="say which channel to use, as in 'source: {format: image, channel: red}'",
            )
        return retained(image.pixels, allowed)
    if how == "retain":
        return retained(image.pixels, allowed)
    exact, reason = portable(image.pixels, allowed)
    if exact is not None:
        if how == "quantize":
            return Encoded(exact.stored, exact.element, exact.bits_stored, exact.rescale, 0.0, exact.notes)
        return exact
    if how == "portable":
        raise ExportError(f"cannot be stored exactly in 16 bits: {reason}", hint="use 'pixels: quantize'")
    return quantized(image.pixels, allowed)


def _kept(image: Image, how: How, allowed: Allowed) -> Encoded | None:
    """The integers of a DICOM source with its own rescale; None where the kind cannot hold them."""
    source = image.stored
    assert source is not None
    name = source.pixels.dtype.name
    slope, intercept = exact_ds(source.slope), exact_ds(source.intercept)
    identity = source.slope == 1 and source.intercept == 0
    if slope is None or intercept is None or not (identity or allowed.rescale):
        return None
    if how == "portable" and name not in allowed.dtypes:
        return None
    bits = source.bits_stored
    if source.pixels.dtype.itemsize == 2:
        bits = max(bits, allowed.least_bits)
    meant = source.rescale_type not in (None, "", "US")
    return Encoded(
        _little(source.pixels),
        bits_stored=bits,
        rescale=Rescale(slope, intercept, source.rescale_type) if not identity or meant else None,
        notes=_disallowed(name, allowed),
    )


def retained(pixels: Pixels, allowed: Allowed) -> Encoded:
    """The array's own dtype and values, bit for bit; float16 as float32 and bool as uint8, and said so."""
    notes: tuple[Note, ...] = ()
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8)
        notes = (Note("bool-as-uint8", "bool is stored as uint8, 0 and 1"),)
    elif pixels.dtype == np.float16:
        pixels = pixels.astype(np.float32)
        notes = (Note("float16-as-float32", "float16 is stored as float32, with the same values"),)
    elements: dict[str, Element] = {"float32": "FloatPixelData", "float64": "DoubleFloatPixelData"}
    name = pixels.dtype.name
    return Encoded(
        _little(pixels),
        element=elements.get(name, "PixelData"),
        bits_stored=pixels.dtype.itemsize * 8,
        notes=notes + _disallowed(name, allowed),
    )


def _disallowed(name: str, allowed: Allowed) -> tuple[Note, ...]:
    if name in allowed.dtypes:
        if name == "int16" and allowed is RT_IMAGE:
            return (
                Note(
                    "signed-rt-image",
                    "int16 in an RT Image is allowed since 2020, and older programs may refuse it; "
                    "'pixels: portable' stores uint16 with a rescale",
                ),
            )
        return ()
    return (
        Note(
            "dtype-not-allowed",
            f"{allowed.name} may not hold {name}, and few programs read it there; "
            f"use {allowed.alternative} for one that all do",
        ),
    )


def portable(pixels: Pixels, allowed: Allowed) -> tuple[Encoded | None, str]:
    """8 or 16 bits, with a rescale where needed, exactly; or None and the reason why not."""
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8)
    if pixels.dtype.kind == "f":
        wrong = int(pixels.size - np.count_nonzero(np.isfinite(pixels)))
        if wrong:
            return None, f"{wrong} values are not finite numbers"
    low, high = pixels.min().item(), pixels.max().item()
    direct = _direct(pixels, low, high, allowed)
    if direct is not None:
        return Encoded(_little(direct), bits_stored=direct.dtype.itemsize * 8), ""
    if not allowed.rescale:
        return None, f"{allowed.name} has no rescale, and the values are not whole numbers from 0 to {TOP}"
    if max(abs(low), abs(high)) > _EXACT and pixels.dtype.kind in "iu":
        return None, f"values from {low} to {high} are beyond what the decimal text of a rescale can hold"
    return _with_rescale(pixels, low, high, allowed)


def _direct(pixels: Pixels, low: Any, high: Any, allowed: Allowed) -> Pixels | None:
    """The values as integers that need no rescale, or None."""
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
        # the same offset for every image of a dtype, so that the stored values of a series compare
        name, offset = fixed
        candidates = [(float(offset), 1.0, name)]
    else:
        exponent = _grid(pixels, 0.0 if low >= 0 else float(low))
        step = math.ldexp(1.0, exponent) if -1074 <= exponent <= 1023 else 0.0
        span = (float(high) - float(low)) if high != low else 0.0
        if step == 0 or not math.isfinite(span):
            return None, f"values from {low} to {high} span more than numbers can"
        candidates = [(0.0, step, "uint16")] if low >= 0 and high / step <= TOP else []
        candidates.append((float(low), _step_from(pixels, float(low)), "uint16"))
    reason = ""
    for intercept, slope, name in candidates:
        encoded, reason = _proven(pixels, slope, intercept, name)
        if encoded is not None:
            return encoded, ""
    return None, reason


def _step_from(pixels: Pixels, start: float) -> float:
    exponent = _grid(pixels, start)
    return math.ldexp(1.0, max(-1074, min(exponent, 1023)))


def _grid(pixels: Pixels, start: float) -> int:
    """The largest k for which every value is `start` plus a whole multiple of 2^k (0 for none)."""
    away = pixels.astype(np.float64) - start
    mantissas, exponents = np.frexp(away[away != 0])
    if mantissas.size == 0:
        return 0
    digits = np.ldexp(mantissas, 53).astype(np.int64)
    lowest = np.frexp((digits & -digits).astype(np.float64))[1] - 1
    return int((exponents.astype(np.int64) - 53 + lowest).min())


def _proven(pixels: Pixels, slope: float, intercept: float, name: str) -> tuple[Encoded | None, str]:
    """Stored integers whose rescale gives every value back exactly, or the reason why there are none."""
    least, most = pixels.min().item(), pixels.max().item()
    steps = (float(most) - intercept) / slope
    if not steps <= np.iinfo(name).max:
        return None, (
            f"values from {least} to {most} in steps of {slope:.6g} need {steps + 1:.0f} levels, "
            f"and 16 bits have {TOP + 1}"
        )
    slope_text = exact_ds(slope)
    if slope_text is None:
        return None, f"a slope of {slope!r} does not fit the 16 characters of a DICOM decimal string"
    stored = ((pixels.astype(np.float64) - intercept) / slope).astype(name)
    # a float32 intercept may come back exactly from a text that its float64 does not fit
    rescale = Rescale(slope_text, ds(intercept))
    back = rescale.apply(stored)
    whole = pixels.dtype.kind == "f" or np.array_equal(back, pixels)
    if not (whole and np.array_equal(back.astype(pixels.dtype), pixels)):
        return None, f"a rescale does not give the values from {least} to {most} back exactly"
    return Encoded(_little(stored), bits_stored=stored.dtype.itemsize * 8, rescale=rescale), ""


def quantized(pixels: Pixels, allowed: Allowed) -> Encoded:
    """16 bits with a rescale, the largest error computed on what a reader gets.

    Raises:
        ExportError: values that are no numbers, or a range that float64 cannot span.
    """
    if not allowed.rescale:
        raise ExportError(f"{allowed.name} has no rescale, which quantized values need")
    wrong = int(pixels.size - np.count_nonzero(np.isfinite(pixels)))
    if wrong:
        raise ExportError(f"{wrong} values are not finite numbers, which integers cannot hold")
    values = pixels.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    intercept = _rounded(low, up=False)
    slope = _rounded((high - float(intercept)) / TOP, up=True) if high > float(intercept) else "1"
    if not math.isfinite(high - float(intercept)) or float(slope) == 0:
        raise ExportError(f"values from {low:g} to {high:g} cannot be told apart in 16 bits")
    levels = np.rint((values - float(intercept)) / float(slope))
    stored = np.clip(levels, 0, TOP).astype(np.uint16)
    rescale = Rescale(slope, intercept)
    error = _largest_error(pixels, rescale.apply(stored))
    text = f"stored in 16 bits with a largest error of {error:.3g} (values from {low:.6g} to {high:.6g})"
    return Encoded(
        _little(stored), bits_stored=16, rescale=rescale, error=error, notes=(Note("quantized", text),)
    )


def _largest_error(pixels: Pixels, back: npt.NDArray[np.float64]) -> float:
    error = float(np.abs(back - pixels.astype(np.float64)).max())
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize == 8:
        # float64 rounded the values themselves; say no less than the truth
        error += float(np.spacing(np.abs(back).max()))
    return error


def _rounded(value: float, *, up: bool) -> str:
    """DS text of a number that is not below it (`up`), or not above it."""
    text = ds(value)
    step = abs(value) * 1e-12
    while (float(text) < value) if up else (float(text) > value):
        text = ds(value + step if up else value - step)
        step *= 4
    return text


def _little(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
