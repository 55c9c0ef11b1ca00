"""Where a pixel is, as numbers that the page's script multiplies with row and column; mm throughout.

RT Image: PS3.3 C.8.8.2 gives x and y in the image receptor's system; turned by the receptor's angle and moved
by its translation they are in the IEC GANTRY system, seen from the source. Slices: PS3.3 C.7.6.2.1.1.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ...imaging.deterministic import cosine_and_sine
from ...imaging.geometry import STANDARD_ORIENTATION
from ...imaging.image import Geometry
from ...imaging.tolerances import INVERTIBLE

Vector = tuple[float, ...]

_DIRECTIONS = (("R", "L"), ("A", "P"), ("F", "H"))
"""Towards lower and higher x, y and z of the patient (PS3.3 C.7.6.1.1.1)."""
_OBLIQUE = 0.2
"""A direction cosine below this has no letter."""


class Place(Struct, frozen=True):
    """An affine map from (row, column) to mm: first + row x down + column x along."""

    first: Vector
    """Of the centre of the pixel in row 0, column 0: x and y of the receptor, or x, y, z of the patient."""
    down: Vector
    """From a row to the next."""
    along: Vector
    """From a column to the next."""

    def at(self, row: float, column: float) -> Vector:
        """Return the mm of a pixel."""
        steps = zip(self.first, self.down, self.along, strict=True)
        return tuple(first + row * down + column * along for first, down, along in steps)

    def pixel(self, x: float, y: float) -> tuple[float, float] | None:
        """Return the (row, column) of a point of a plane with two coordinates; None if that is undefined."""
        (a, b), (c, d) = (self.down[0], self.along[0]), (self.down[1], self.along[1])
        determinant = a * d - b * c
        if abs(determinant) < INVERTIBLE:
            return None
        dx, dy = x - self.first[0], y - self.first[1]
        return (d * dx - b * dy) / determinant, (a * dy - c * dx) / determinant


def receptor_place(geometry: Geometry) -> Place | None:
    """Return where the pixels of a projection image are, in the receptor's system; None: nobody knows."""
    position, spacing = geometry.position, geometry.spacing
    if position is None or spacing is None or geometry.patient is not None:
        return None
    row = geometry.orientation or STANDARD_ORIENTATION
    return Place(
        position,
        (row[3] * spacing[0], row[4] * spacing[0]),
        (row[0] * spacing[1], row[1] * spacing[1]),
    )


def gantry_place(geometry: Geometry) -> Place | None:
    """Return where they are in the IEC GANTRY system, at the image plane; the beam's axis is at 0, 0."""
    place = receptor_place(geometry)
    if place is None:
        return None
    x, y, _ = geometry.translation or (0.0, 0.0, 0.0)
    cosine, sine = cosine_and_sine(geometry.receptor_angle or 0.0)

    def turned(vector: Vector) -> tuple[float, float]:
        return vector[0] * cosine - vector[1] * sine, vector[0] * sine + vector[1] * cosine

    first = turned(place.first)
    return Place((first[0] + x, first[1] + y), turned(place.down), turned(place.along))


def patient_place(geometry: Geometry) -> Place | None:
    """Return where the pixels of a slice are in the patient."""
    plane, spacing = geometry.patient, geometry.spacing
    if plane is None or spacing is None:
        return None
    row = plane.orientation
    return Place(
        plane.position,
        tuple(cosine * spacing[0] for cosine in row[3:]),
        tuple(cosine * spacing[1] for cosine in row[:3]),
    )


def at_isocentre(geometry: Geometry) -> float | None:
    """Return the factor from the image plane to the plane of the isocentre: SAD / SID."""
    return geometry.sad / geometry.sid if geometry.sad and geometry.sid else None


def letters(direction: Vector) -> str:
    """Return a direction in the patient as letters, the strongest first: ``L``, ``PH``."""
    order = sorted(range(3), key=lambda axis: -abs(direction[axis]))
    return "".join(
        _DIRECTIONS[axis][direction[axis] > 0] for axis in order if abs(direction[axis]) >= _OBLIQUE
    )


def described(geometry: Geometry) -> dict[str, Any]:
    """Return what the script needs to tell the place of a pixel; ``kind`` says which systems there are."""
    told: dict[str, Any] = {"spacing": geometry.spacing}
    if (patient := patient_place(geometry)) is not None and geometry.patient is not None:
        row, column = geometry.patient.orientation[:3], geometry.patient.orientation[3:]
        edges = [letters(tuple(-each for each in row)), letters(row)]
        edges += [letters(tuple(-each for each in column)), letters(column)]
        return {**told, "kind": "patient", "main": _plain(patient), "edges": edges}
    receptor, gantry = receptor_place(geometry), gantry_place(geometry)
    if receptor is not None and gantry is not None:
        return {
            **told,
            "kind": "receptor",
            "main": _plain(receptor),
            "gantry": _plain(gantry),
            "isocentre": at_isocentre(geometry),
            "sid": geometry.sid,
        }
    return {**told, "kind": "spacing" if geometry.spacing else "none"}


def _plain(place: Place) -> list[Vector]:
    return [place.first, place.down, place.along]
