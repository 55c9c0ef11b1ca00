"""Let the geometry follow pixels that moved: spacing, position, orientation and patient plane."""

from __future__ import annotations

import math
from typing import Any

from msgspec import structs

from ..errors import Note
from ..imaging.image import Geometry, Image, Origin, PatientPlane
from ..imaging.move import Move
from .common import refusal

Vector = tuple[float, ...]


WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"


def moved(image: Image, move: Move, does: str) -> Image:
    """Return the image with its geometry moved along; the pixels are left to the caller.

    Where an unknown value would be needed (a spacing, an orientation) the values that depend on it become
    empty, with a note: a position is never kept once it stopped being true.

    Raises:
        ProcessError: for tiles of a whole-slide image, whose places in the slide depend on other tiles.
    """
    source = image.source.dataset
    if source is not None and source.get("SOPClassUID") == WHOLE_SLIDE:
        raise refusal(image, f"{does}: whole-slide images take no geometric operation")
    geometry = image.geometry
    lost: list[str] = []
    changes = _receptor(geometry, move, lost) | _spacing(geometry, move)
    if geometry.patient is not None:
        changes["patient"] = _plane(geometry.patient, geometry.spacing, move, lost)
    origins = dict(geometry.origins)
    for name, value in changes.items():
        if value is None:
            origins.pop(name, None)
        elif value != getattr(geometry, name) and name in origins:
            origins[name] = _derived(origins[name], does)
    following = structs.replace(geometry, origins=origins, **changes)
    if lost:
        reason = "cannot follow, since spacing or orientation is not known; left empty"
        image = image.noting(Note("position-lost", f"{does}: {' and '.join(lost)} {reason}"))
    return image.replace(geometry=following, move=move.after(image.move))


def _derived(origin: Origin, does: str) -> Origin:
    start = origin.detail if origin.kind == "derived" else str(origin)
    return Origin("derived", f"{start}, {does}")


def _spacing(geometry: Geometry, move: Move) -> dict[str, Any]:
    """Return the changed spacing: only quarter turns swap it (`rotate` takes square pixels only)."""
    if geometry.spacing is not None and move.on_axes and move.matrix[0][0] == 0:
        return {"spacing": (geometry.spacing[1], geometry.spacing[0])}
    return {}


def _receptor(geometry: Geometry, move: Move, lost: list[str]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if geometry.position is not None and any(move.offset):
        if geometry.orientation is None or geometry.spacing is None:
            changes["position"] = None
            lost.append("the image position")
        else:
            changes["position"] = point(geometry.position, geometry.orientation, geometry.spacing, move)
    if geometry.orientation is not None and move.turns:
        changes["orientation"] = turned(geometry.orientation, geometry.spacing, move)
        if changes["orientation"] is None:
            lost.append("the image orientation")
    return changes


def _plane(
    plane: PatientPlane, spacing: tuple[float, float] | None, move: Move, lost: list[str]
) -> PatientPlane | None:
    orientation = turned(plane.orientation, spacing, move)
    if orientation is None or (spacing is None and any(move.offset)):
        lost.append("the patient plane")
        return None
    x, y, z = point(plane.position, plane.orientation, spacing or (0, 0), move)
    return structs.replace(plane, position=(x, y, z), orientation=orientation)


def point(position: Vector, orientation: Vector, spacing: tuple[float, float], move: Move) -> Vector:
    """Return the position of the new pixel (0, 0): `offset` rows and columns from the old one.

    PS3.3 C.7.6.2.1.1.
    """
    down, along = move.offset[0] * spacing[0], move.offset[1] * spacing[1]
    return tuple(
        start + down * column + along * row
        for start, row, column in zip(position, orientation[:3], orientation[3:], strict=False)
    )


def turned(
    orientation: Vector, spacing: tuple[float, float] | None, move: Move
) -> tuple[float, float, float, float, float, float] | None:
    """Return the directions of a new row (towards higher columns) and a new column, of length 1."""
    if spacing is None and not move.on_axes:
        return None
    scale = spacing or (1.0, 1.0)
    row = _step(orientation, scale, (move.matrix[0][1], move.matrix[1][1]))
    column = _step(orientation, scale, (move.matrix[0][0], move.matrix[1][0]))
    return (row[0], row[1], row[2], column[0], column[1], column[2])


def _step(orientation: Vector, spacing: tuple[float, float], step: tuple[float, float]) -> Vector:
    down, along = step[0] * spacing[0], step[1] * spacing[1]
    length = math.sqrt(down * down + along * along)
    # "+ 0.0" turns -0.0 into 0.0, which a DS would show as "-0.0".
    return tuple(
        (down * column + along * row) / length + 0.0
        for row, column in zip(orientation[:3], orientation[3:], strict=True)
    )
