"""Move the planes of a gamma camera's detectors (PS3.3 C.8.4.11): each item has a plane of its own."""

from __future__ import annotations

from pydicom import Dataset

from ...decimal_string import ds_list
from ...process.placement import point, turned
from .grid import Moving, Walk
from .table import HOLDS, REFUSED

_POSITION, _ORIENTATION = "ImagePositionPatient", "ImageOrientationPatient"


def detector_planes(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Move position and orientation of each detector's frames, as far as they are known.

    Slices of a reconstruction lie along the normal of the first one: a mirrored grid would turn it round.
    """
    items = dataset[keyword].value
    placed = any(item.get(_ORIENTATION) for item in items)
    slices = dataset.get("SliceVector") or dataset.get("SpacingBetweenSlices")
    if placed and slices and len(moving.images) > 1 and moving.move.mirrors:
        return REFUSED
    for index, item in enumerate(items):
        _move(item, moving, walk, f"{keyword}[{index}].")
    return HOLDS


def _move(item: Dataset, moving: Moving, walk: Walk, path: str) -> None:
    kept = _followed(item, moving) if item.get(_ORIENTATION) else {}
    for name in (_POSITION, _ORIENTATION):
        if item.get(name) and name not in kept and (moving.move.turns or name == _POSITION):
            walk.dropped.append(f"{path}{name}")
            del item[name]
    own = [item[name] for name in (_POSITION, _ORIENTATION) if name in item]
    for element in own:
        del item[element.tag]
    walk.dataset(item, path)
    for element in own:
        item.add(element)
    for name, values in kept.items():
        setattr(item, name, ds_list(values))


def _followed(item: Dataset, moving: Moving) -> dict[str, tuple[float, ...]]:
    """Return the attributes of a detector's plane that can follow, by keyword."""
    source = moving.images[0].source.dataset
    said = source.get("PixelSpacing") if source is not None else None
    spacing = (float(said[0]), float(said[1])) if said and len(said) == 2 else None
    orientation = tuple(float(part) for part in item[_ORIENTATION].value)
    if len(orientation) != 6:
        return {}
    found: dict[str, tuple[float, ...]] = {}
    direction = turned(orientation, spacing, moving.move)
    if direction is not None:
        found[_ORIENTATION] = direction
    position = item.get(_POSITION)
    if position and len(position) == 3 and (spacing is not None or not any(moving.move.offset)):
        start = tuple(float(part) for part in position)
        found[_POSITION] = point(start, orientation, spacing or (0.0, 0.0), moving.move)
    return found
