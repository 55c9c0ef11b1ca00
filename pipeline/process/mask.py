"""`mask`: rectangles of an image are blanked, in its values, its stored integers, its overlays and icons.

What is masked is gone: overlays lose the bits that lie over it (PS3.3 C.9.2), icons are taken out at any
depth, since they are small copies of the image (PS3.3 C.7.6.1.1.6). Everything else stays as it was stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import structs

from ..imaging.exact import dtype_range
from ..imaging.image import Image, Pixels, SourceFile, Stored
from .common import number, plural, refusal

if TYPE_CHECKING:
    from pydicom import Dataset

    from .operations import Area, Mask, MaskRule

_ICON = 0x00880200
"""IconImageSequence."""
_CORNERS = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
_Box = tuple[int, int, int, int]
"""First row, first column, one past the last row, one past the last column."""


def mask(image: Image, options: Mask) -> Image:
    """Blank the areas of each rule that holds for the image; `masked` says whether one did.

    `value` is a modality value; where the image is stored as integers with a rescale, the nearest one.

    Raises: ProcessError, where an area is not within the image, where there are no ultrasound regions to go
        by, and where the pixels cannot hold the value.
    """
    for rule in options.rules:
        if holds_for(rule, image.source):
            image = _masked(image, rule)
    return image


def holds_for(rule: MaskRule, source: SourceFile) -> bool:
    """Tell whether a file says all that the `when` of a rule asks."""
    return all(_says(source, keyword, wanted) for keyword, wanted in rule.when.items())


def _says(source: SourceFile, keyword: str, wanted: tuple[str, ...]) -> bool:
    found = source.properties.get(keyword)
    if found is None and source.dataset is not None:
        found = source.dataset.get(keyword)
    several = hasattr(found, "__iter__") and not isinstance(found, str | bytes)
    text = "\\".join(str(each) for each in found) if several and found is not None else str(found or "")
    return any(_is(text.strip(), each.strip()) for each in wanted)


def _is(text: str, wanted: str) -> bool:
    try:
        return float(text) == float(wanted)
    except ValueError:
        return fnmatchcase(text, wanted.replace("[", "[[]"))


def _masked(image: Image, rule: MaskRule) -> Image:
    if image.without_pixels:
        return image
    boxes = [_box(image, area) for area in rule.areas]
    inverse = rule.regions == "ultrasound"
    kept = _regions(image) if inverse else []
    blank = (
        np.ones((image.rows, image.columns), bool) if inverse else np.zeros((image.rows, image.columns), bool)
    )
    for top, left, bottom, right in kept:
        blank[top:bottom, left:right] = False
    for top, left, bottom, right in boxes:
        blank[top:bottom, left:right] = True
    stored = image.stored
    if stored is None or stored.pixels is image.pixels:
        pixels = _blanked(image, image.pixels, blank, rule.value)
        stored = stored and structs.replace(stored, pixels=pixels)
    else:
        nearest = _stored_value(stored, rule.value)
        own = _blanked(image, stored.pixels, blank, nearest)
        stored = structs.replace(stored, pixels=own)
        pixels = _blanked(image, image.pixels, blank, nearest * stored.slope + stored.intercept)
    phrase = "masked " + (
        "outside of the ultrasound regions" if inverse else f"in {plural(len(boxes), 'area')}"
    )
    return image.replace(
        pixels=pixels,
        stored=stored,
        masked=True,
        sources=tuple(_without_copies(source, blank) for source in image.sources),
        history=(*image.history, phrase),
    )


def _box(image: Image, area: Area) -> _Box:
    bottom, right = area.top + area.height, area.left + area.width
    if bottom > image.rows or right > image.columns:
        raise refusal(
            image,
            f"mask: the area from row {area.top}, column {area.left} of {area.height} rows and {area.width} "
            f"columns is not within {image.rows} rows and {image.columns} columns",
            "say of which images it is: when: {Rows: ..., Columns: ...}",
        )
    return area.top, area.left, bottom, right


def _regions(image: Image) -> list[_Box]:
    """Return the regions of an ultrasound image; their corners are pixels that belong to them (C.8.5.5)."""
    dataset = image.source.dataset
    items = (dataset.get("SequenceOfUltrasoundRegions") if dataset is not None else None) or ()
    boxes = []
    for item in items:
        corners = [item.get(name) for name in _CORNERS]
        if any(corner is None for corner in corners):
            continue
        x0, y0, x1, y1 = (int(corner) for corner in corners)
        boxes.append((max(y0, 0), max(x0, 0), y1 + 1, x1 + 1))
    if not boxes:
        raise refusal(
            image,
            "mask: the image has no SequenceOfUltrasoundRegions that says where its picture is",
            "name areas in place of regions",
        )
    return boxes


def _blanked(image: Image, pixels: Pixels, blank: np.ndarray[Any, Any], value: float) -> Pixels:
    if pixels.dtype.kind in "iu":
        low, high = dtype_range(pixels.dtype)
        if not float(value).is_integer() or not low <= value <= high:
            raise refusal(image, f"mask: pixels of {pixels.dtype} cannot hold the value {number(value)}")
        value = int(value)
    changed = pixels.copy()
    changed[blank] = value
    return changed


def _stored_value(stored: Stored, value: float) -> float:
    """Return the stored integer whose modality value is nearest, within what the stored bits can say."""
    low, high = dtype_range(stored.pixels.dtype)
    if low < 0:
        low, high = -(1 << (stored.bits_stored - 1)), (1 << (stored.bits_stored - 1)) - 1
    else:
        high = (1 << stored.bits_stored) - 1
    return float(min(max(round((value - stored.intercept) / stored.slope), low), high))


def _without_copies(source: SourceFile, blank: np.ndarray[Any, Any]) -> SourceFile:
    """Return the file's record without what else shows the masked pixels."""
    if source.dataset is None:
        return source
    from pydicom import Dataset

    from ..pydicom_versions.elements import set_original_encoding

    dataset = Dataset(dict(source.dataset._dict))
    dataset.file_meta = source.dataset.file_meta
    set_original_encoding(dataset, source.dataset)
    for group in range(0x6000, 0x6020, 2):
        if (group, 0x3000) in dataset:
            _mask_overlay(dataset, group, blank)
    _drop_icons(dataset)
    return structs.replace(source, dataset=dataset)


def _mask_overlay(dataset: Dataset, group: int, blank: np.ndarray[Any, Any]) -> None:
    """Clear the bits of an overlay that lie over masked pixels; an overlay that is not sound goes (C.9.2)."""
    from pydicom import DataElement

    element = dataset[group, 0x3000]
    try:
        rows, columns = int(dataset[group, 0x0010].value), int(dataset[group, 0x0011].value)
        frames = int(dataset[group, 0x0015].value) if (group, 0x0015) in dataset else 1
        first_row, first_column = (int(each) - 1 for each in dataset[group, 0x0050].value)
        bits = np.unpackbits(np.frombuffer(element.value, np.uint8), bitorder="little")
        planes = bits[: frames * rows * columns].reshape(frames, rows, columns)
    except (KeyError, TypeError, ValueError):
        for tag in [each for each in dataset.keys() if each.group == group]:  # noqa: SIM118
            del dataset[tag]
        return
    over = np.zeros((rows, columns), bool)
    top, left = max(-first_row, 0), max(-first_column, 0)
    part = blank[max(first_row, 0) :, max(first_column, 0) :][: rows - top, : columns - left]
    over[top : top + part.shape[0], left : left + part.shape[1]] = part
    planes[:, over] = 0
    packed = np.packbits(bits, bitorder="little").tobytes()
    dataset[group, 0x3000] = DataElement((group << 16) | 0x3000, element.VR, packed)


def _drop_icons(dataset: Dataset) -> None:
    """Take out icons, at any depth."""
    for tag in list(dataset.keys()):
        if tag == _ICON:
            del dataset[tag]
            continue
        raw = dataset.get_item(tag)
        if raw is not None and raw.VR in ("SQ", "UN", None):
            element = dataset[tag]
            if element.VR == "SQ" and _holds_icon(element.value):
                dataset[tag] = deepcopy(element)  # what other images share stays as it is
                for item in dataset[tag].value:
                    _drop_icons(item)


def _holds_icon(items: Iterable[Dataset]) -> bool:
    return any(
        _ICON in item or any(each.VR == "SQ" and _holds_icon(each.value) for each in item) for item in items
    )
