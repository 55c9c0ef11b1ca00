"""Convert YBR_FULL to RGB in whole numbers (PS3.3 C.7.6.3.1.2, ITU-T T.871).

pydicom multiplies float32 matrices for it, in an order that the processor chooses: over all orders, fused or
not, a few of the 2^24 colours differ by one level. Here each colour is rounded once.
"""

from __future__ import annotations

import numpy as np

from ...imaging.image import Pixels

_GREEN_UNIT = 587_000
"""Y = 0.299 R + 0.587 G + 0.114 B, solved for G: the divisor of its two chroma weights."""


def rgb_of_ybr(pixels: Pixels) -> Pixels:
    """Return RGB, uint8, of (..., 3) samples of 8 bits in YBR_FULL, rounded half up and clipped to 0..255."""
    luma, blue, red = (pixels[..., sample].astype(np.int32) for sample in range(3))
    blue -= 128
    red -= 128
    rgb = np.empty(pixels.shape, np.uint8)
    green = _GREEN_UNIT * luma - 202_008 * blue - 419_198 * red + _GREEN_UNIT // 2
    rgb[..., 0] = np.clip((1000 * luma + 1402 * red + 500) // 1000, 0, 255)
    rgb[..., 1] = np.clip(green // _GREEN_UNIT, 0, 255)
    rgb[..., 2] = np.clip((1000 * luma + 1772 * blue + 500) // 1000, 0, 255)
    return rgb
