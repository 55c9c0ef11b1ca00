"""Move regions of an ultrasound image (PS3.3 C.8.5.5): rectangles of the grid, each with its own axes."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.sequence import Sequence

from .grid import Moving, Walk
from .table import DROPPED, HOLDS

_CORNERS = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
_AXES = ("PhysicalUnits{}Direction", "ReferencePixelPhysicalValue{}", "PhysicalDelta{}")
_LINES = (
    "DopplerSampleVolumeXPosition", "DopplerSampleVolumeYPosition", "TMLinePositionX0", "TMLinePositionY0",
    "TMLinePositionX1", "TMLinePositionY1", "DopplerSampleVolumeXPositionRetired",
    "DopplerSampleVolumeYPositionRetired", "TMLinePositionX0Retired", "TMLinePositionY0Retired",
    "TMLinePositionX1Retired", "TMLinePositionY1Retired",
)  # fmt: skip
"""Places relative to the reference pixel: they hold while the axes do."""


def ultrasound_regions(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Move each region, cut to the image; delete those that lie outside of it."""
    items = dataset[keyword].value
    if any(corner not in item for item in items for corner in _CORNERS):
        return DROPPED
    if any(not float(part).is_integer() for part in moving.move.offset):
        return DROPPED
    kept = [item for item in items if _moved(item, moving, walk)]
    if not kept:
        return DROPPED
    dataset[keyword].value = Sequence(kept)
    return HOLDS


def _moved(item: Dataset, moving: Moving, walk: Walk) -> bool:
    """Move a region, and tell whether a part of it is still in the image."""
    x0, y0, x1, y1 = (int(item[corner].value) for corner in _CORNERS)
    rows, columns = zip(moving.move.new(y0, x0), moving.move.new(y1, x1), strict=True)
    (top, bottom), (left, right) = sorted(map(round, rows)), sorted(map(round, columns))
    height, width = moving.after
    if bottom < 0 or right < 0 or top >= height or left >= width:
        walk.dropped.append("a region of SequenceOfUltrasoundRegions outside of the image")
        return False
    top, left, bottom, right = max(top, 0), max(left, 0), min(bottom, height - 1), min(right, width - 1)
    if "ReferencePixelX0" in item and "ReferencePixelY0" in item:
        row, column = moving.move.new(y0 + int(item.ReferencePixelY0), x0 + int(item.ReferencePixelX0))
        item.ReferencePixelX0, item.ReferencePixelY0 = round(column) - left, round(row) - top
    for corner, value in zip(_CORNERS, (left, top, right, bottom), strict=True):
        item[corner].value = value
    if moving.move.turns:
        _turn_axes(item, moving)
        for name in _LINES:
            if name in item:
                walk.dropped.append(f"SequenceOfUltrasoundRegions.{name}")
                del item[name]
    return True


def _turn_axes(item: Dataset, moving: Moving) -> None:
    """Turn the axes of a region: columns may become rows, and a scale may run the other way."""
    (a, b), (c, d) = moving.move.matrix
    old = {name: item[name].value for axis in "XY" for part in _AXES if (name := part.format(axis)) in item}
    for axis, (rows, columns) in (("X", (b, d)), ("Y", (a, c))):
        other = "X" if columns else "Y"
        for part in _AXES:
            name, before = part.format(axis), old.get(part.format(other))
            if before is None:
                if name in item:
                    del item[name]
                continue
            mirrored = part.startswith("PhysicalDelta") and rows + columns < 0
            setattr(item, name, -before if mirrored else before)
