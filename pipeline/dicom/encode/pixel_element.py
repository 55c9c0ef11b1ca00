"""The element that holds the pixels of a DICOM file."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from ...imaging.image import Codestream, Pixels

PIXEL_TAGS = {"PixelData": 0x7FE00010, "FloatPixelData": 0x7FE00008, "DoubleFloatPixelData": 0x7FE00009}


class PixelElement(Struct, frozen=True):
    """The pixels of a file: the array as stored, and the element that holds it.

    `array`: (rows, columns), (rows, columns, samples) or with frames before them; little endian, contiguous.
    """

    array: Pixels
    element: str = "PixelData"
    streams: tuple[Codestream, ...] = ()
    """Of each frame, where the file holds them in place of `array`, which they decode to."""

    @property
    def tag(self) -> int:
        return PIXEL_TAGS[self.element]

    @property
    def vr(self) -> str:
        """The VR: OF and OD for floats, OB for 8 bits, OW above (PS3.5 section 8)."""
        if self.element != "PixelData":
            return {"FloatPixelData": "OF", "DoubleFloatPixelData": "OD"}[self.element]
        return "OB" if self.array.dtype.itemsize == 1 else "OW"

    def view(self) -> memoryview:
        """Return the bytes, without a copy."""
        return self.array.reshape(-1).view(np.uint8).data
