"""Move the planes of a dose (PS3.3 C.8.8.3.2): frames along the normal of the first one."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import Dataset

from ...decimal_string import ds_list
from ...errors import ExportError
from ...imaging.image import Image
from ...imaging.vectors import normal_of


def along_normal(images: Sequence[Image], *, turned: bool) -> list[Image]:
    """Return the frames in the order in which their offsets rise; a turn may have reversed the normal."""
    offsets = _offsets(images) if turned and len(images) > 1 else None
    return list(images) if offsets is None or offsets[-1] >= 0 else list(images)[::-1]


def write_offsets(dataset: Dataset, images: Sequence[Image]) -> dict[str, tuple[float, ...]]:
    """Write GridFrameOffsetVector of these frames, relative to the first one; return the numbers, in mm.

    Raises:
        ExportError: where the file does not say where each frame lies.
    """
    if "GridFrameOffsetVector" not in dataset:
        return {}
    offsets = _offsets(images)
    if offsets is None:
        raise ExportError(
            "the file does not say where each plane of its dose lies, so none can be moved or left out"
        )
    dataset.GridFrameOffsetVector = ds_list(offsets)
    return {"GridFrameOffsetVector": offsets}


def _offsets(images: Sequence[Image]) -> tuple[float, ...] | None:
    planes = [image.geometry.patient for image in images]
    first = planes[0]
    if first is None:
        return None
    normal = normal_of(first.orientation)
    found = []
    for plane in planes:
        if plane is None:
            return None
        way = zip(plane.position, first.position, normal, strict=True)
        # positions carry the errors of their decimal texts; a nanometre is below all of them
        found.append(round(sum((here - start) * part for here, start, part in way), 6) + 0.0)
    return tuple(found)
