"""Where the voxels of a grid lie in the patient, and its slices as planes (PS3.3 C.7.6.2).

All coordinates are DICOM's own, mm: x to the patient's left, y to the back, z to the head (LPS).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from ...errors import SourceError
from ...imaging.image import Geometry, Origin, PatientPlane
from ...imaging.tolerances import POSITION
from ...imaging.vectors import Vector, cross, dot, length, scaled, unit

_DECIMALS = 10


class Grid(Struct, frozen=True):
    """The centre of voxel (0, 0, 0), and the way from one voxel to the next along each stored axis."""

    origin: Vector
    steps: tuple[Vector, Vector, Vector]

    def at(self, index: Sequence[float]) -> Vector:
        """Return the centre of a voxel by its indices (i, j, k)."""
        x, y, z = (
            math.fsum((start, *(count * step[part] for count, step in zip(index, self.steps, strict=True))))
            for part, start in enumerate(self.origin)
        )
        return x, y, z

    def apart(self, other: Grid, shape: Sequence[int]) -> float:
        """Return mm between the places that two grids give the same voxel, at most (which is at a corner)."""
        return max(math.dist(self.at(corner), other.at(corner)) for corner in _corners(shape))


class Axes(Struct, frozen=True):
    """Which stored axis (0, 1 or 2 for i, j, k) is what in a slice."""

    column: int
    """Counts the columns: the pixels along a row."""
    row: int
    slice: int

    @classmethod
    def sliced(cls, axis: int) -> Axes:
        """Return those whose slices `axis` counts; of the other two the faster one counts the columns."""
        column, row = (each for each in range(3) if each != axis)
        return cls(column, row, axis)


def backwards(grid: Grid, axes: Axes) -> bool:
    """Tell whether the grid is left-handed: its slices run against the normal of their planes."""
    return dot(grid.steps[axes.slice], cross(grid.steps[axes.column], grid.steps[axes.row])) < 0


class Planes:
    """The plane of each slice, in the order of slices along the normal."""

    def __init__(
        self, grid: Grid, axes: Axes, shape: Sequence[int], path: Path, *, thickness: float | None
    ) -> None:
        """Refuse a grid that is no box of slices, with steps of 0 or axes not square. Raises: SourceError."""
        self.grid, self.axes, self.count = grid, axes, shape[axes.slice]
        self.backwards = backwards(grid, axes)
        steps = [grid.steps[each] for each in (axes.column, axes.row)]
        lengths = [length(step) for step in steps]
        if min(lengths) == 0:
            raise SourceError("has a grid whose pixels are 0 mm apart", subject=str(path))
        self.spacing = (lengths[1], lengths[0])
        row = unit(steps[0])
        normal = cross(row, unit(steps[1]))
        if length(normal) < math.sqrt(0.5):
            raise _sheared(path, math.degrees(math.asin(min(length(normal), 1.0))))
        normal = unit(normal)
        column = cross(normal, row)
        self.orientation = (*row, *column)
        way = grid.steps[axes.slice]
        along = dot(way, normal)
        single = self.count == 1
        if not single and along == 0:
            raise SourceError("has a grid whose slices are 0 mm apart", subject=str(path))
        self.thickness = abs(along) if along else thickness
        square = {
            axes.column: steps[0],
            axes.row: scaled(column, lengths[1]),
            axes.slice: way if single else scaled(normal, along),
        }
        meant = Grid(grid.origin, (square[0], square[1], square[2]))
        if grid.apart(meant, shape) > POSITION:
            raise _sheared(path, _least_angle(grid.steps))

    def stored(self, index: int) -> int:
        """Return the stored index of a slice, both from 0."""
        return self.count - 1 - index if self.backwards else index

    def geometry(self, index: int) -> Geometry:
        """Return that of the slice with this index, from 0."""
        voxel = [0, 0, 0]
        voxel[self.axes.slice] = self.stored(index)
        x, y, z = (round(part, _DECIMALS) + 0.0 for part in self.grid.at(voxel))
        plane = PatientPlane((x, y, z), self.orientation, thickness=self.thickness, spacing=self.thickness)
        return Geometry(spacing=self.spacing, patient=plane, origins=_ORIGINS)


_ORIGINS = dict.fromkeys(("spacing", "patient"), Origin("file", "the geometry of its header"))


def _sheared(path: Path, degrees: float) -> SourceError:
    return SourceError(
        f"has axes that are not at right angles ({degrees:.4g} degrees between two of them), and slices are "
        "rectangles on a straight line",
        subject=str(path),
        hint="resample it to a straight grid in the program that made it",
    )


def _least_angle(steps: Sequence[Vector]) -> float:
    """Return the degrees between the two axes that are furthest from a right angle, at most 90."""
    angles = []
    for one, other in itertools.combinations(steps, 2):
        lengths = length(one) * length(other)
        if lengths:
            angles.append(math.degrees(math.acos(min(1.0, abs(dot(one, other)) / lengths))))
    return min(angles, default=90.0)


def _corners(shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return itertools.product(*((0, max(length - 1, 0)) for length in shape[:3]))
