"""The result of encoding pixels, and what each kind of DICOM allows.

Where the standard is the reason, its section is named.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from ...errors import Note
from ...imaging.image import Image, Pixels

Element = Literal["PixelData", "FloatPixelData", "DoubleFloatPixelData"]


class Rescale(Struct, frozen=True):
    """Modality value = stored value x slope + intercept; both as the text of their DS elements."""

    slope: str = "1"
    intercept: str = "0"
    kind: str | None = None
    """RescaleType; None: the units that the caller gives, or US."""

    @property
    def identity(self) -> bool:
        return float(self.slope) == 1 and float(self.intercept) == 0

    def apply(self, stored: Pixels) -> npt.NDArray[np.float64]:
        """Return what a reader computes, in float64; infinity where that overflows."""
        values: npt.NDArray[np.float64] = stored.astype(np.float64)
        with np.errstate(over="ignore"):
            values *= float(self.slope)
            values += float(self.intercept)
        return values


class Allowed(Struct, frozen=True):
    """The types and the rescale that a kind of DICOM may hold."""

    name: str
    dtypes: frozenset[str]
    """numpy names of the dtypes that the kind's IOD allows."""
    rescale: bool = True
    """Whether a rescale other than 1 and 0 may be written."""
    intercept: bool = True
    """Whether the rescale may have an intercept other than 0."""
    least_bits: int = 1
    """Fewest bits stored of 16 allocated; of 8 allocated all 8 where this is more."""
    alternative: str = "'pixels: portable'"
    """The alternative that messages name where a dtype is not allowed."""


RT_IMAGE = Allowed("an RT Image", frozenset({"uint8", "uint16", "int16"}), least_bits=12)
"""PS3.3 C.8.8.2.2; signed 16 bit since 2020 (dciodvfy of 2022 still reports it)."""
CT_IMAGE = Allowed("a CT Image", frozenset({"uint16", "int16"}), least_bits=12)
"""PS3.3 C.8.2.1.1.2."""
MR_IMAGE = Allowed("an MR Image", frozenset({"uint16", "int16"}))
"""PS3.3 C.8.3.1.1.4."""
PET_IMAGE = Allowed("a PET Image", frozenset({"uint16", "int16"}), least_bits=16, intercept=False)
"""PS3.3 C.8.9.4.1.4 and C.8.9.4."""
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

DIGITAL_XRAY = Allowed(
    "a digital X-ray image",
    frozenset({"uint8", "uint16"}),
    rescale=False,
    alternative="another 'to'",
)
"""PS3.3 C.8.11.3: unsigned, and a rescale of 1 and 0."""

PARAMETRIC_MAP = Allowed(
    "a Parametric Map",
    frozenset({"uint16", "int16", "float32", "float64"}),
    rescale=False,
    alternative="'pixels: auto'",
)
"""PS3.3 A.75 and C.8.32.2: 16 bits allocated, or Floating Point and Double Floating Point Image Pixel."""


class Encoded(Struct, frozen=True):
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


def one_channel(image: Image) -> str:
    """Return the way out for colour that a target cannot hold; only pictures have channels to choose from."""
    if image.source.dataset is not None:
        target = "secondary-capture" if image.pixels.dtype.itemsize <= 2 else "npy"
        return f"'to: {target}' keeps its colours"
    return "say which channel it is: 'source: {format: image, channel: red}'"


def little(pixels: Pixels) -> Pixels:
    """Return the same values as DICOM files have them: little endian, contiguous."""
    return np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
