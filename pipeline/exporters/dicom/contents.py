"""Read a DICOM output by pydicom: every element but the pixels, by path, and the pixels."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...dicom.encode.pixel_element import PIXEL_TAGS
from ..base import Contents

if TYPE_CHECKING:
    from pydicom import Dataset

_PIXELS = frozenset(PIXEL_TAGS.values())


def contents(content: bytes) -> Contents:
    """Return the elements and pixels of a DICOM file, also one without preamble."""
    from pydicom import dcmread

    from ...pydicom_versions.frames import pixel_array

    dataset = dcmread(io.BytesIO(content), force=True)
    tags = dict(elements(dataset.file_meta, "")) | dict(elements(dataset, ""))
    return Contents(pixel_array(dataset), tags, dataset.get("SamplesPerPixel", 1) != 1)


def elements(dataset: Dataset, start: str) -> Iterator[tuple[str, object]]:
    """Yield every element below a dataset but the pixels, by path; with its VR where its value is no text."""
    for element in dataset:
        if element.tag in _PIXELS:
            continue
        name = f"{start}{element.keyword or _number(dataset, element)}"
        if element.VR == "SQ":
            yield f"{name}", f"{len(element.value)} items"
            for number, item in enumerate(element.value):
                yield from elements(item, f"{name}[{number}].")
        else:
            yield name, element.value if isinstance(element.value, bytes) else str(element.value)


def _number(dataset: Dataset, element: Any) -> str:
    """Return a tag without keyword, as a recipe writes it."""
    group, number = element.tag.group, element.tag.element
    if element.tag.is_private and number > 0xFF:
        creator = element.private_creator or dataset.get((group, number >> 8), "")
        return f"({group:04X},{getattr(creator, 'value', creator)},{number & 0xFF:02X})"
    return f"({group:04X},{number:04X})"
