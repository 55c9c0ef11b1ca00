"""Encode pixel values by `retain`, `portable` or `quantize` (docs/dicom-output.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from ....schemas.language.decimal_string import exact_ds
from ...errors import ExportError, Note
from ...imaging.image import Image, Pixels
from .encoding import RT_IMAGE, Allowed, Element, Encoded, Rescale, little, one_channel
from .rescaling import portable, quantized

if TYPE_CHECKING:
    from ....schemas.exports import Pixels as How


def encode(image: Image, how: How, allowed: Allowed) -> Encoded:
    """Return the pixels of one image as this kind of DICOM stores them.

    Raises:
        ExportError: what cannot be stored so, with the reason and an alternative.
    """
    if image.pixels.size == 0:
        raise ExportError("the image has no pixels")
    if how == "auto":
        how = "retain" if not image.computed else "auto"
    if image.stored is not None and not image.computed:
        # the source's own integers and rescale are exact, while quantizing anew would lose up to half a step
        kept = _kept(image, "portable" if how == "quantize" else how, allowed)
        if kept is not None:
            return replace(kept, error=0.0) if how == "quantize" else kept
    if image.pixels.ndim == 3:
        if image.pixels.dtype not in (np.uint8, np.uint16):
            raise ExportError(
                f"colour of type {image.pixels.dtype} has no place in DICOM, which knows 8 and 16 bits",
                hint=one_channel(image),
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
        way_out = "'pixels: quantize'" if allowed.rescale else allowed.alternative
        raise ExportError(f"cannot be stored exactly in 16 bits: {reason}", hint=f"use {way_out}")
    return quantized(image.pixels, allowed)


def _kept(image: Image, how: How, allowed: Allowed) -> Encoded | None:
    """Return the integers of a DICOM source with its own rescale; None where the kind cannot hold them."""
    source = image.stored
    assert source is not None
    name = source.pixels.dtype.name
    slope, intercept = exact_ds(source.slope), exact_ds(source.intercept)
    identity = source.slope == 1 and source.intercept == 0
    if slope is None or intercept is None or not (identity or allowed.rescale):
        return None
    if source.intercept != 0 and not allowed.intercept:
        return None
    if how == "portable" and name not in allowed.dtypes:
        return None
    bits = max(source.bits_stored, min(allowed.least_bits, source.pixels.dtype.itemsize * 8))
    meant = source.rescale_type not in (None, "", "US")
    return Encoded(
        little(source.pixels),
        bits_stored=bits,
        rescale=Rescale(slope, intercept, source.rescale_type) if not identity or meant else None,
        notes=_disallowed(name, allowed, image.pixels),
    )


def retained(pixels: Pixels, allowed: Allowed) -> Encoded:
    """Return the array's own dtype and values, bit for bit.

    Float16 as float32, bool as uint8, with a note.
    """
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
        little(pixels),
        element=elements.get(name, "PixelData"),
        bits_stored=pixels.dtype.itemsize * 8,
        notes=notes + _disallowed(name, allowed, pixels),
    )


def _disallowed(name: str, allowed: Allowed, pixels: Pixels) -> tuple[Note, ...]:
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
            f"use {_way_out(pixels, allowed)} for one that all do",
        ),
    )


def _way_out(pixels: Pixels, allowed: Allowed) -> str:
    """Return a hint on what works for these values."""
    if allowed.alternative != "'pixels: portable'" or pixels.ndim != 2:
        return allowed.alternative
    if portable(pixels, allowed)[0] is not None:
        return allowed.alternative
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        return "'to: parametric-map'"
    return "'pixels: quantize'"
