"""Turn stored values into modality values: rescale, modality LUT, dose grid scaling, palette."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from ...errors import Note, SourceError
from ...imaging.exact import rescaled, rescaling
from ...imaging.image import Image, Photometric, Pixels, Stored
from .frames import Frame
from .layout import Layout
from .palettes import coloured
from .tables import descriptor, looked_up, words

if TYPE_CHECKING:
    from pydicom import Dataset

CT_IMAGES = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")


class Modality(Struct, frozen=True):
    """The transformation from stored to modality values (PS3.3 C.11.1)."""

    slope: float = 1.0
    intercept: float = 0.0
    units: str | None = None
    lut: Pixels | None = None
    first: int = 0
    """Stored value of the first entry of `lut`."""

    @property
    def identity(self) -> bool:
        return self.lut is None and self.slope == 1 and self.intercept == 0


def read_modality(path: Path, dataset: Dataset, index: int) -> Modality:
    """Return the modality transformation of a frame (from 0).

    Raises: SourceError where it is contradictory.
    """
    sequence = dataset.get("ModalityLUTSequence")
    if sequence and not _is_empty_lut(sequence[0]):
        return _modality_lut(path, dataset, sequence[0])
    if dataset.get("Modality") == "RTDOSE" or "DoseGridScaling" in dataset:
        scaling = _number(path, dataset, "DoseGridScaling", None)
        if scaling <= 0:
            raise SourceError(
                f"has a DoseGridScaling of {scaling:g}, which leaves no dose", subject=str(path)
            )
        return Modality(scaling, 0.0, _text(dataset, "DoseUnits"))
    holder = _transformation(dataset, index) or dataset
    slope = _number(path, holder, "RescaleSlope", 1.0)
    intercept = _number(path, holder, "RescaleIntercept", 0.0)
    if slope == 0:
        raise SourceError("has a RescaleSlope of 0, which leaves no values", subject=str(path))
    return Modality(slope, intercept, _text(holder, "RescaleType") or _implied_units(dataset))


def _is_empty_lut(item: Dataset) -> bool:
    return not item.get("LUTDescriptor") or not item.get("LUTData")


def modality_notes(dataset: Dataset) -> tuple[Note, ...]:
    """Return notes on the modality transformation of a dataset."""
    sequence = dataset.get("ModalityLUTSequence")
    if not sequence or not _is_empty_lut(sequence[0]):
        return _dose_notes(dataset)
    text = "ModalityLUTSequence holds no table (LUTDescriptor or LUTData is empty); it is passed over"
    return (Note("modality-lut-empty", text),)


def _dose_notes(dataset: Dataset) -> tuple[Note, ...]:
    """Return notes on a dose grid that does not say what its values are, or says it twice."""
    if dataset.get("Modality") != "RTDOSE" or "DoseGridScaling" not in dataset:
        return ()
    notes: tuple[Note, ...] = ()
    units = _text(dataset, "DoseUnits")
    if units not in ("GY", "RELATIVE"):
        text = f"DoseUnits says {units or 'nothing'}; DICOM knows GY and RELATIVE"
        notes += (Note("dose-units-unknown", text, contradiction=True),)
    neutral = {"RescaleSlope": 1, "RescaleIntercept": 0}
    if any(dataset.get(name) not in (None, "", number) for name, number in neutral.items()):
        text = "has a RescaleSlope or RescaleIntercept, which no dose has: DoseGridScaling alone counts"
        notes += (Note("dose-rescaled", text, contradiction=True),)
    return notes


def _transformation(dataset: Dataset, index: int) -> Dataset | None:
    """Return the frame's item of PixelValueTransformationSequence, of enhanced kinds (PS3.3 C.7.6.16.2.9)."""
    for groups, place in (("PerFrameFunctionalGroupsSequence", index), ("SharedFunctionalGroupsSequence", 0)):
        items = dataset.get(groups) or ()
        found = items[place].get("PixelValueTransformationSequence") if place < len(items) else None
        if found:
            item: Dataset = found[0]
            return item
    return None


def _number(path: Path, dataset: Dataset, name: str, default: float | None) -> float:
    value = dataset.get(name)
    if value is None or value == "":
        if default is None:
            raise SourceError(f"has no {name}, so its values have no meaning", subject=str(path))
        return default
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise SourceError(f"has a {name} that is no number", subject=str(path))
    return number


def _text(dataset: Dataset, name: str) -> str | None:
    value = dataset.get(name)
    return str(value).strip() or None if value else None


def _implied_units(dataset: Dataset) -> str | None:
    """Return HU for CT where RescaleType says nothing else, localizers excepted (PS3.3 C.8.2.1)."""
    if dataset.get("SOPClassUID") in CT_IMAGES and "RescaleSlope" in dataset:
        kind = list(dataset.get("ImageType") or ())
        return None if len(kind) > 2 and kind[2] == "LOCALIZER" else "HU"
    return _text(dataset, "Units")


def _modality_lut(path: Path, dataset: Dataset, item: Dataset) -> Modality:
    entries, first, bits = descriptor(path, dataset, item["LUTDescriptor"].value)
    data = item["LUTData"].value
    table = words(dataset, data, entries) if isinstance(data, bytes) else np.asarray(data, np.int64)
    if len(table) < entries or bits not in (8, 16):
        raise SourceError(
            f"has a modality LUT of {len(table)} entries that claims {entries}", subject=str(path)
        )
    kept = (table[:entries] & ((1 << bits) - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    return Modality(units=_text(item, "ModalityLUTType"), lut=kept, first=first)


def to_image(
    path: Path,
    dataset: Dataset,
    layout: Layout,
    frame: Frame,
    *,
    raw: bool,
    modality: Modality | None = None,
) -> Image:
    """Return the image of a frame: pixels, photometric, stored values, units.

    `modality`: its transformation, where that is known.

    Geometry and source are not set yet. Raises: SourceError, where the values cannot be told.
    """
    pixels = frame.pixels
    if layout.photometric == "PALETTE COLOR" and not raw:
        return coloured(path, dataset, pixels)
    if layout.samples == 3:
        return Image(pixels, photometric="RGB")
    photometric: Photometric = "MONOCHROME1" if layout.photometric == "MONOCHROME1" else "MONOCHROME2"
    if modality is None:
        modality = Modality() if raw else read_modality(path, dataset, frame.index)
    # Single bits are stored as bytes.
    bits = max(8, frame.stored) if layout.allocated == 1 else frame.stored
    if modality.lut is not None:
        values = looked_up(pixels, modality.lut, modality.first)
        return Image(values, photometric=photometric, units=modality.units)
    stored = None
    if pixels.dtype.kind in "iu":
        stored = Stored(pixels, modality.slope, modality.intercept, modality.units, bits)
    with rescaling(path):
        values = pixels if modality.identity else _modality_values(pixels, modality, layout, bits)
    return Image(
        values,
        photometric=photometric,
        stored=stored,
        units=modality.units,
    )


def _modality_values(pixels: Pixels, modality: Modality, layout: Layout, bits: int) -> Pixels:
    """Return value x slope + intercept.

    Whole numbers in the smallest dtype for all possible stored values.
    """
    bounds = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if layout.signed else (0, (1 << bits) - 1)
    return rescaled(
        pixels, modality.slope, modality.intercept, bounds=bounds if pixels.dtype.kind in "iu" else None
    )
