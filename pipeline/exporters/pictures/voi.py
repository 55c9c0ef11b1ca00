"""Curves from modality values to grey levels, and the one that a DICOM source specifies (PS3.3 C.11.2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from ...errors import Note, SourceError
from ...imaging.image import Image, Pixels
from ...loaders.dicom.values import read_modality
from ..padding import quiet

if TYPE_CHECKING:
    from pydicom import Dataset

Curve = Callable[[Pixels], Pixels]
"""Values without NaN, any shape and dtype -> levels, uint8."""

_WHITE = 255
_MAX_LUT_BITS = 16


class Ramp(Struct, frozen=True):
    """Black at `low` and below, white at `high` and above, linear between; a step where they are equal.

    `offset` is subtracted first; from integers without rounding.
    """

    low: float
    high: float
    offset: int = 0

    def __call__(self, values: Pixels) -> Pixels:
        x = _minus(values, self.offset) if self.offset else values.astype(np.float64)
        if self.low == self.high:
            return np.where(x > self.low, np.uint8(_WHITE), np.uint8(0))
        x = np.clip(x, self.low, self.high)
        scale = 1.0 if math.isfinite(self.high - self.low) else 0.5
        y = (x * scale - self.low * scale) / (self.high * scale - self.low * scale)
        levels: Pixels = np.floor(y * _WHITE + 0.5).astype(np.uint8)
        return levels


def _minus(values: Pixels, offset: int) -> Pixels:
    """Return values - offset as float64, computed exactly before for integers, which may be 64 bits wide."""
    if values.dtype.kind not in "iu":
        return values.astype(np.float64) - offset
    above = (values.astype(np.uint64) - np.uint64(offset % 2**64)).astype(np.float64)
    return np.where(values >= offset, above, -1.0)


class Steps(Struct, frozen=True):
    """Level k from `edges`[k-1] on; edges rise."""

    edges: Pixels

    def __call__(self, values: Pixels) -> Pixels:
        return np.searchsorted(self.edges, values.astype(np.float64), side="right").astype(np.uint8)


class Table(Struct, frozen=True):
    """A look-up table: up to `first` the first entry holds, beyond the last one the last (C.11.2.1.1)."""

    first: int
    entries: Pixels
    """Levels, uint8."""

    def __call__(self, values: Pixels) -> Pixels:
        index = np.floor(np.clip(values.astype(np.float64) - self.first + 0.5, 0, self.entries.size - 1))
        return self.entries[index.astype(np.intp)]


class Rescaled(Struct, frozen=True):
    """Applies `curve` to values x slope + intercept: for stored values under a window of modality values."""

    curve: Curve
    slope: float
    intercept: float

    def __call__(self, values: Pixels) -> Pixels:
        return self.curve(values.astype(np.float64) * self.slope + self.intercept)


def sigmoid(center: float, width: float) -> Steps:
    """Compute the SIGMOID function of C.11.2.1.3.1.

    As edges from its inverse, computed in decimal: `exp` differs between machines in the last digit,
    and this does not.
    """
    with localcontext() as context:
        context.prec = 40
        edges = [
            Decimal(center)
            + Decimal(width) / 4 * ((Decimal(k) - Decimal("0.5")) / (_WHITE - k + Decimal("0.5"))).ln()
            for k in range(1, _WHITE + 1)
        ]
    return Steps(np.array([float(edge) for edge in edges]))


def voi_curve(image: Image) -> tuple[Curve | None, tuple[Note, ...]]:
    """Return the curve of an image's DICOM source: its first VOI LUT, else its first window.

    None where it has neither, or where values were computed and the source's window no longer applies.
    """
    dataset = image.source.dataset
    if dataset is None:
        return None, ()
    try:
        with quiet():
            curve = _first_curve(image, dataset)
            if curve is None:
                return None, ()
            if image.computed:
                text = "values were computed: the source's VOI no longer applies and percentiles are used"
                return None, (Note("voi-computed", text),)
            return _on_pixels(image, dataset, curve), ()
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError, SourceError) as error:
        why = error.what if isinstance(error, SourceError) else "its elements hold no numbers of a VOI"
        return None, (Note("voi-invalid", f"the source's VOI is not usable ({why}); percentiles are used"),)


def _first_curve(image: Image, dataset: Dataset) -> Curve | None:
    holders = list(_holders(dataset, image.source.frame))
    signed = bool(image.pixels.size and image.pixels.min() < 0)
    for holder in holders:
        lut = _lut(holder, signed=signed, little=_little(dataset))
        if lut is not None:
            return lut
    return next(filter(None, map(_window, holders)), None)


def _on_pixels(image: Image, dataset: Dataset, curve: Curve) -> Curve:
    """Return the curve for this image's pixels, which are stored values if the recipe says `raw_values`."""
    stored = image.stored
    if stored is None or (stored.slope, stored.intercept) != (1.0, 0.0):
        return curve
    modality = read_modality(image.source.path, dataset, image.source.frame - 1)
    if modality.lut is not None:
        raise ValueError("it is about the values of a modality LUT that was not applied")
    return curve if modality.identity else Rescaled(curve, modality.slope, modality.intercept)


def _holders(dataset: Dataset, page: int) -> Iterator[Dataset]:
    """Yield the datasets that may hold a VOI: the frame's functional group, the shared one, the top level."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if len(per_frame) >= page:
        yield from per_frame[page - 1].get("FrameVOILUTSequence") or []
    for shared in dataset.get("SharedFunctionalGroupsSequence") or []:
        yield from shared.get("FrameVOILUTSequence") or []
    yield dataset


def _little(dataset: Dataset) -> bool:
    from ...pydicom_versions.elements import original_encoding

    return original_encoding(dataset)[1] is not False


def _window(dataset: Dataset) -> Curve | None:
    """Return the first window of a dataset.

    LINEAR asks for a width of at least 1 (C.11.2.1.2.1), and portal images in calibrated units have less all
    the same (0.1 to 0.8 in Varian files): such a window can only be meant exactly.
    """
    center, width = _number(dataset, "WindowCenter"), _number(dataset, "WindowWidth")
    if center is None or width is None:
        return None
    function = str(dataset.get("VOILUTFunction") or "LINEAR")
    if not (math.isfinite(center) and math.isfinite(width)) or width <= 0:
        raise ValueError(f"a window of width {width} at {center}")
    if function == "SIGMOID":
        return sigmoid(center, width)
    if function not in ("LINEAR", "LINEAR_EXACT"):
        raise ValueError(f"VOILUTFunction {function} is none of the standard's")
    if function == "LINEAR_EXACT" or width < 1:
        return Ramp(center - width / 2, center + width / 2)
    return Ramp(center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2)


def _lut(dataset: Dataset, *, signed: bool, little: bool) -> Curve | None:
    """Return the VOI LUT of a dataset.

    `signed`: whether values below 0 occur, which a first value of VR US cannot express.
    """
    luts = dataset.get("VOILUTSequence")
    if not luts:
        return None
    count, first, bits = (int(part) for part in luts[0].LUTDescriptor)
    count = count or 2**16
    if signed and first >= 2**15:
        first -= 2**16
    if not 1 <= bits <= _MAX_LUT_BITS:
        raise ValueError(f"a VOI LUT of {bits} bits")
    data = _lut_data(luts[0].LUTData, count, "<u2" if little else ">u2")
    if data.size != count:
        raise ValueError(f"a VOI LUT of {data.size} entries that should be {count}")
    top = 2**bits - 1
    if int(data.max()) > top:
        raise ValueError(f"a VOI LUT with an entry of {int(data.max())}, above its {bits} bits")
    return Table(first, np.floor(data * _WHITE / top + 0.5).astype(np.uint8))


def _lut_data(data: Any, count: int, words: str) -> Pixels:
    """Return LUT entries as float64: from numbers, words, or bytes where there are too few for words."""
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data, dtype=np.float64))
    return np.frombuffer(data, words if len(data) >= 2 * count else "u1")[:count].astype(np.float64)


def _number(dataset: Dataset, keyword: str) -> float | None:
    """Return the first value of an element as a number; None where there is none."""
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    if not isinstance(value, str) and hasattr(value, "__len__"):
        if len(value) == 0:
            return None
        value = value[0]
    return float(value)
