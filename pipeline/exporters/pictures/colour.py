"""Turn colour into what a target can hold."""

from __future__ import annotations

import numpy as np

from ...errors import ExportError, Note
from ...imaging.image import Image

COLOUR_NOTES = frozenset({"luminance", "alpha-dropped"})
"""Codes of the notes that these functions put on an image."""

_LUMINANCE = np.array([299, 587, 114], dtype=np.uint32)
"""ITU-R BT.601, in thousandths."""


def without_alpha(image: Image) -> Image:
    """Return an RGBA image whose every pixel is opaque as RGB; any other image unchanged.

    Raises:
        ExportError: where a pixel is not opaque.
    """
    if image.photometric != "RGBA":
        return image
    alpha = image.pixels[..., 3]
    opaque = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "iu" else 1
    count = int(np.count_nonzero(alpha != opaque))
    if count:
        raise ExportError(
            f"{count} pixels are transparent, which DICOM cannot hold",
            hint="say which channel to use: 'source: {format: image, channel: luminance}'",
        )
    plain = image.replace(pixels=np.ascontiguousarray(image.pixels[..., :3]), photometric="RGB")
    return plain.noting(Note("alpha-dropped", "the alpha channel is opaque everywhere and was left out"))


def luminance(image: Image) -> Image:
    """Return an 8-bit RGB image in grey: ITU-R BT.601, rounded half up to uint8."""
    weighted = (image.pixels.astype(np.uint32) * _LUMINANCE).sum(axis=-1, dtype=np.uint32)
    grey = ((weighted + 500) // 1000).astype(np.uint8)
    text = "colour became luminance (ITU-R 601)"
    return image.replace(
        pixels=grey, photometric="MONOCHROME2", history=(*image.history, "luminance (ITU-R 601)")
    ).noting(Note("luminance", text))


def polarity(image: Image, kind: str) -> tuple[Note, ...]:
    """Return a note where a kind that shows low values black gets an image that shows them white."""
    if image.photometric != "MONOCHROME1":
        return ()
    text = (
        f"the source shows its lowest value white (MONOCHROME1); {kind} shows it black, and the values are "
        "kept. 'process: [invert]' turns them round"
    )
    return (Note("polarity", text, contradiction=True),)
