"""Turn stored values into modality values: rescale, modality LUT, dose grid scaling, palette."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from ...errors import Note, SourceError
from ...imaging.exact import rescaled
from ...imaging.image import Image, Photometric, Pixels, Stored
from ..files import in_float64
from .frames import Frame
from .layout import Layout

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
        return Modality(_number(path, dataset, "DoseGridScaling", None), 0.0, _text(dataset, "DoseUnits"))
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
        return ()
    text = "ModalityLUTSequence holds no table (LUTDescriptor or LUTData is empty); it is passed over"
    return (Note("modality-lut-empty", text),)


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
    entries, first, bits = _descriptor(path, dataset, item["LUTDescriptor"].value)
    data = item["LUTData"].value
    table = _words(dataset, data, entries) if isinstance(data, bytes) else np.asarray(data, np.int64)
    if len(table) < entries or bits not in (8, 16):
        raise SourceError(
            f"has a modality LUT of {len(table)} entries that claims {entries}", subject=str(path)
        )
    kept = (table[:entries] & ((1 << bits) - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    return Modality(units=_text(item, "ModalityLUTType"), lut=kept, first=first)


def _descriptor(path: Path, dataset: Dataset, value: Any) -> tuple[int, int, int]:
    """Return entries, first mapped value and bits of a LUT (0 entries are 65536; PS3.3 C.11.1.1)."""
    if value is None or len(value) != 3:
        raise SourceError("has an invalid LUT descriptor", subject=str(path))
    entries, first, bits = (int(part) for part in value)
    if dataset.get("PixelRepresentation") == 0:
        first %= 1 << 16
    return entries % (1 << 16) or 1 << 16, first, bits


def _words(dataset: Dataset, data: bytes, entries: int) -> Pixels:
    """Return LUT entries: 16-bit words in the file's order, or bytes where there is one for each entry."""
    if len(data) in (entries, entries + entries % 2) and len(data) < 2 * entries:
        values = np.frombuffer(data, np.uint8)
        return values.astype(np.int64)
    order = ">" if dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.2" else "<"
    return np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2").astype(np.int64)


def _looked_up(pixels: Pixels, table: Pixels, first: int) -> Pixels:
    """Return each value's entry; below the first the first one, beyond the last the last (PS3.3 C.11.1.1)."""
    index = np.clip(pixels.astype(np.int64) - first, 0, len(table) - 1)
    return table[index]


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
        return _coloured(path, dataset, pixels)
    if layout.samples == 3:
        return Image(pixels, photometric="RGB")
    photometric: Photometric = "MONOCHROME1" if layout.photometric == "MONOCHROME1" else "MONOCHROME2"
    if modality is None:
        modality = Modality() if raw else read_modality(path, dataset, frame.index)
    # Single bits are stored as bytes.
    bits = max(8, frame.stored) if layout.allocated == 1 else frame.stored
    if modality.lut is not None:
        values = _looked_up(pixels, modality.lut, modality.first)
        return Image(values, photometric=photometric, units=modality.units)
    stored = None
    if pixels.dtype.kind in "iu":
        stored = Stored(pixels, modality.slope, modality.intercept, modality.units, bits)
    with in_float64(path):
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


def _coloured(path: Path, dataset: Dataset, pixels: Pixels) -> Image:
    """Return PALETTE COLOR as RGB by its three tables; 16-bit entries stay 16 bits (PS3.3 C.7.6.3.1.5)."""
    if "SegmentedRedPaletteColorLookupTableData" in dataset:
        from ...pydicom_versions.frames import apply_color_lut

        if dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.2":
            raise SourceError(
                "has a segmented palette in big endian, which cannot be read", subject=str(path)
            )
        return Image(np.ascontiguousarray(apply_color_lut(pixels, dataset)[..., :3]), photometric="RGB")
    planes = []
    for colour in ("Red", "Green", "Blue"):
        value = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
        entries, first, bits = _descriptor(path, dataset, value)
        table = _words(dataset, dataset[f"{colour}PaletteColorLookupTableData"].value, entries)
        if len(table) < entries or bits not in (8, 16):
            raise SourceError(
                f"has a palette of {len(table)} entries that claims {entries}", subject=str(path)
            )
        if bits == 8 and table.max() > 255:
            raise SourceError("has a palette of 8 bits with larger values in it", subject=str(path))
        planes.append(_looked_up(pixels, table[:entries].astype(np.uint8 if bits == 8 else np.uint16), first))
    return Image(np.stack(planes, axis=-1), photometric="RGB")
