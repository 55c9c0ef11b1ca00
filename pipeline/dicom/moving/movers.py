"""Let attributes follow the pixels. Each mover changes its attribute in place and returns what is left to do.

A mover takes (dataset, keyword, moving, walk) and returns ``holds`` when it is done, else ``dropped`` (with a
note) or ``refused``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pydicom import Dataset
from pydicom.multival import MultiValue

from ...decimal_string import ds_list
from ...imaging.tolerances import SPACING
from .detectors import detector_planes
from .grid import Moving, Walk
from .table import DROPPED, HOLDS, REFUSED
from .ultrasound import ultrasound_regions

_OPPOSITE = str.maketrans("APRLHF", "PALRFH")


def _values(dataset: Dataset, keyword: str) -> list[Any]:
    value = dataset[keyword].value
    return list(value) if isinstance(value, MultiValue | list) else [value]


def plane(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Leave the plane in the patient, which the exporter writes from the image's geometry."""
    return HOLDS if moving.images[0].geometry.patient is not None else REFUSED


def dose_planes(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Leave the offsets of the planes of a dose, which the exporter writes from their geometry."""
    known = all(image.geometry.patient is not None for image in moving.images)
    return HOLDS if known else REFUSED


def receptor(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Leave the place on a receptor to the exporter, which writes it from the geometry; else empty it."""
    return HOLDS


def spacing(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Swap a size between rows and one between columns by a quarter turn; scale them for another grid."""
    values = _values(dataset, keyword)
    if len(values) != 2:
        return DROPPED
    if moving.move.scales:
        (rows, _), (_, columns) = moving.move.matrix
        dataset[keyword].value = ds_list((float(values[0]) * rows, float(values[1]) * columns))
    elif moving.move.swaps:
        dataset[keyword].value = values[::-1]
    elif not moving.move.on_axes and not math.isclose(float(values[0]), float(values[1]), rel_tol=SPACING):
        return REFUSED
    return HOLDS


def aspect(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Swap the height and the width of a pixel by a quarter turn; another grid has a spacing instead."""
    return DROPPED if moving.move.scales else spacing(dataset, keyword, moving, walk)


def acquisition_matrix(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Swap frequency rows, frequency columns, phase rows and phase columns by a quarter turn."""
    values = _values(dataset, keyword)
    if len(values) != 4:
        return DROPPED
    if moving.move.swaps:
        dataset[keyword].value = [values[1], values[0], values[3], values[2]]
    return HOLDS


def phase_direction(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Swap ROW and COL by a quarter turn."""
    if moving.move.swaps:
        value = str(dataset[keyword].value)
        if value not in ("ROW", "COL"):
            return DROPPED
        dataset[keyword].value = "COL" if value == "ROW" else "ROW"
    return HOLDS


def directions(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Turn the anatomical directions of a row and of a column, in letters such as A and PL."""
    values = [str(value) for value in _values(dataset, keyword)]
    if len(values) != 2 or not set("".join(values)) <= set("APRLHF"):
        return DROPPED

    def along(rows: float, columns: float) -> str:
        """Return the letters of one step of the new grid, given in old rows and columns."""
        letters = values[0] if columns else values[1]
        return letters.translate(_OPPOSITE) if rows + columns < 0 else letters

    (a, b), (c, d) = moving.move.matrix
    dataset[keyword].value = [along(b, d), along(a, c)]
    return HOLDS


def row(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Shift the number of a row of the grid."""
    return _shifted(dataset, keyword, (moving.move.offset[0],))


def column(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Shift the number of a column of the grid."""
    return _shifted(dataset, keyword, (moving.move.offset[1],))


def points(dataset: Dataset, keyword: str, moving: Moving, walk: Walk) -> str:
    """Shift pairs of row and column."""
    return _shifted(dataset, keyword, moving.move.offset)


def _shifted(dataset: Dataset, keyword: str, offset: tuple[float, ...]) -> str:
    """Subtract the offsets from whole numbers in turn; half a pixel cannot be expressed."""
    values = _values(dataset, keyword)
    if len(values) % len(offset) or any(not float(part).is_integer() for part in offset):
        return DROPPED
    less = [int(part) for part in offset] * (len(values) // len(offset))
    dataset[keyword].value = [int(value) - part for value, part in zip(values, less, strict=True)]
    return HOLDS


Mover = Callable[[Dataset, str, Moving, Walk], str]

MOVERS: dict[str, Mover] = {
    "plane": plane,
    "dose_planes": dose_planes,
    "receptor": receptor,
    "spacing": spacing,
    "aspect": aspect,
    "acquisition_matrix": acquisition_matrix,
    "phase_direction": phase_direction,
    "directions": directions,
    "row": row,
    "column": column,
    "points": points,
    "ultrasound_regions": ultrasound_regions,
    "detector_planes": detector_planes,
}
