"""Real values on their way into a page: little endian, as differences where they are whole, deflated, base64.

The page's script undoes it (``unpack`` in ``viewer.js``); every value comes out as it went in. Whole numbers
of one row are stored as differences, modulo their size, and bytes of one weight together: that halves noise.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from typing import Any

import numpy as np
from msgspec import Struct

from ...imaging.image import Image, Pixels

LEVEL = 6
_TYPES = {"b1": "u1", "f2": "f4", "f16": "f8"}


class Packed(Struct, frozen=True):
    """An image's values: ``stored x slope + intercept``, in doubles, is the value."""

    data: str
    rows: int
    columns: int
    samples: int
    dtype: str
    """``u1``, ``i2``, ``f4`` ... as numpy calls it."""
    slope: float
    intercept: float

    def described(self) -> dict[str, Any]:
        """Return what the script needs besides the data."""
        names = ("rows", "columns", "samples", "dtype", "slope", "intercept")
        return {name: getattr(self, name) for name in names}


def pack(image: Image) -> Packed:
    """Pack an image's modality values; as its file stores them where the rescale gives them exactly."""
    values, slope, intercept = _smallest(image)
    kind = f"{values.dtype.kind}{values.dtype.itemsize}"
    values = np.ascontiguousarray(values, dtype=f"<{_TYPES.get(kind, kind)}")
    samples = values.shape[2] if values.ndim == 3 else 1
    name = values.dtype.str[1:]
    rows = values.reshape(values.shape[0], -1)
    if values.dtype.kind in "iu" and rows.shape[1]:
        whole = rows.view(f"<u{values.dtype.itemsize}")
        before = np.zeros_like(whole)
        before[:, samples:] = whole[:, :-samples] if samples < whole.shape[1] else 0
        rows = whole - before
    planes = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).reshape(-1, values.dtype.itemsize)
    deflated = zlib.compress(np.ascontiguousarray(planes.T).tobytes(), LEVEL)
    return Packed(
        b64encode(deflated).decode("ascii"), image.rows, image.columns, samples, name, slope, intercept
    )


def _smallest(image: Image) -> tuple[Pixels, float, float]:
    stored = image.stored
    if stored is None or stored.pixels.shape != image.pixels.shape:
        return image.pixels, 1.0, 0.0
    if stored.pixels.dtype.kind not in "iu" or stored.pixels.dtype.itemsize > 4:
        return image.pixels, 1.0, 0.0
    made = stored.pixels.astype(np.float64) * stored.slope + stored.intercept
    if np.array_equal(made, image.pixels.astype(np.float64)):
        return stored.pixels, float(stored.slope), float(stored.intercept)
    return image.pixels, 1.0, 0.0
