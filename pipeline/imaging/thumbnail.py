"""Make a small picture of an image for a notebook.

It is never an output: it skips pixels, and the values themselves decide its window.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

SIDE = 256
"""The longest side of a thumbnail, in pixels."""


def thumbnail(pixels: Any, *, inverted: bool = False, side: int = SIDE) -> bytes:
    """Return a PNG of at most `side` pixels a side; grey from the 0.5 to the 99.5 percentile of the values.

    Args:
        pixels: (rows, columns) or (rows, columns, samples) of any type. Colour of other than 8 bits is shown
            over the range of its values; what is no finite number does not decide the window, NaN is black.
        inverted: whether low values are bright, as in MONOCHROME1.
        side: the longest side, in pixels.
    """
    import numpy as np
    from PIL import Image as Picture

    step = max(1, -(-max(pixels.shape[:2]) // side))
    values = pixels[::step, ::step]
    colour = values.ndim == 3
    if not (colour and values.dtype == np.uint8):
        values = values.astype(np.float64)
        finite = values[np.isfinite(values)]
        low, high = np.percentile(finite, [0, 100] if colour else [0.5, 99.5]) if finite.size else (0.0, 0.0)
        scaled = (np.nan_to_num(values, nan=low) - low) / ((high - low) or 1.0)
        values = np.round(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    if inverted:
        values = 255 - values
    content = BytesIO()
    Picture.fromarray(np.ascontiguousarray(values)).save(content, "PNG")
    return content.getvalue()
