"""Grids of volumes: where the slices of a source lie, and those of a new grid over the same place.

Lengths are mm, coordinates those of the patient (LPS). Only what is the same on every machine is used (see
`imaging.vectors`), since places decide values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from ...imaging.image import Geometry, PatientPlane
from ...imaging.tolerances import POSITION, STEP
from ...imaging.vectors import Vector, dot, normal_of, scaled, unit

_DECIMALS = 10
_SAME = 1e-6
"""mm between two distances of slices that are one."""


class GridError(ValueError):
    """A grid that cannot be made of another one, with the reason."""


class Lattice(Struct, frozen=True, dict=True):
    """Parallel slices of one shape, in their order; they may lie unevenly, and not above each other."""

    rows: int
    columns: int
    spacing: tuple[float, float]
    """Between rows, between columns."""
    orientation: tuple[float, float, float, float, float, float]
    """Direction cosines of a row, then of a column."""
    positions: tuple[Vector, ...]
    """Centre of the first pixel of each slice."""
    thickness: float | None = None
    """SliceThickness."""
    frame_of_reference: str | None = None

    @cached_property
    def normal(self) -> Vector:
        """Towards later slices."""
        normal = unit(normal_of(self.orientation))
        way = dot(normal, _between(self.positions[0], self.positions[-1]))
        return scaled(normal, -1.0) if way < 0 else normal

    @cached_property
    def heights(self) -> tuple[float, ...]:
        """Of each slice above the first one, along `normal`; rising."""
        return tuple(dot(self.normal, _between(self.positions[0], place)) for place in self.positions)

    @cached_property
    def gaps(self) -> tuple[float, ...]:
        """Between each slice and the next; of a single slice its thickness.

        Raises: GridError for slices in one place, and for a single slice of unknown thickness.
        """
        gaps = tuple(after - before for before, after in pairwise(self.heights))
        if not gaps:
            if not self.thickness:
                raise GridError("nobody says how thick its one slice is")
            return (self.thickness,)
        if min(gaps) <= POSITION:
            raise GridError("two of its slices lie in one place")
        return gaps

    @cached_property
    def offsets(self) -> tuple[tuple[float, float], ...]:
        """How far each slice lies down and along from above the first one; 0 where they lie straight."""
        row, column = self.orientation[:3], self.orientation[3:]
        ways = [_between(self.positions[0], place) for place in self.positions]
        found = tuple((dot(column, way), dot(row, way)) for way in ways)
        straight = all(math.sqrt(down * down + along * along) <= POSITION for down, along in found)
        return ((0.0, 0.0),) * len(found) if straight else found

    @cached_property
    def even(self) -> bool:
        """Whether the slices lie at equal distances."""
        usual = self.gaps[len(self.gaps) // 2]
        return all(abs(gap - usual) <= max(POSITION, STEP * usual) for gap in self.gaps)

    @cached_property
    def straight(self) -> bool:
        """Whether the slices lie above each other."""
        return not any(map(any, self.offsets))

    @property
    def tilt(self) -> float:
        """Degrees between the normal and the line from the first slice to the last."""
        aside = math.sqrt(sum(each * each for each in self.offsets[-1]))
        return math.degrees(math.atan2(aside, self.heights[-1]))

    def geometry(self, index: int) -> Geometry:
        """Return that of a slice."""
        step = round(self.gaps[0], _DECIMALS)
        plane = PatientPlane(
            self.positions[index],
            self.orientation,
            thickness=self.thickness or step,
            spacing=step if len(self.positions) > 1 else None,
            frame_of_reference=self.frame_of_reference,
        )
        return Geometry(spacing=self.spacing, patient=plane)


def _between(one: Sequence[float], other: Sequence[float]) -> Vector:
    x, y, z = (b - a for a, b in zip(one, other, strict=True))
    return x, y, z


def stack(first: Geometry, shape: Sequence[int], count: int) -> Lattice:
    """Return the grid of slices at equal distances, of which the first one is known.

    Raises: GridError where its place is not known.
    """
    plane = _plane(first)
    step = plane.spacing or plane.thickness or 0.0
    normal = unit(normal_of(plane.orientation))
    places = [_moved(plane.position, (normal, step * index)) for index in range(count)]
    return _lattice(first, shape, places)


def slices(each: Sequence[Geometry], shape: Sequence[int]) -> Lattice:
    """Return the grid of slices that are all known, in order. Raises: GridError."""
    return _lattice(each[0], shape, [_plane(geometry).position for geometry in each])


def _lattice(first: Geometry, shape: Sequence[int], places: Sequence[Vector]) -> Lattice:
    plane = _plane(first)
    assert first.spacing is not None  # _plane has seen to it
    return Lattice(
        shape[0],
        shape[1],
        first.spacing,
        plane.orientation,
        tuple(places),
        plane.thickness or plane.spacing,
        plane.frame_of_reference,
    )


def _plane(geometry: Geometry) -> PatientPlane:
    if geometry.patient is None or geometry.spacing is None:
        raise GridError("its place in the patient is not known")
    return geometry.patient


def carried(source: Lattice, first: Geometry, shape: Sequence[int]) -> Lattice:
    """Return the grid after every slice was moved as the first one was (crop, quarter turns, flips)."""
    plane = _plane(first)
    assert first.spacing is not None
    way = _between(source.positions[0], plane.position)
    places = tuple(_moved(place, (way, 1.0)) for place in source.positions)
    return replace(
        source,
        rows=shape[0],
        columns=shape[1],
        spacing=first.spacing,
        orientation=plane.orientation,
        positions=places,
    )


def spaced(source: Lattice, spacing: Sequence[float]) -> Lattice:
    """Return a grid with this spacing (row, column, slice) over the same place, straight and even.

    Its edges are the source's, as far as whole pixels allow: what is left over is shared by both ends. Of
    slices that do not lie above each other it takes in all. One number is for all axes; of two, slices stay.

    Raises: GridError.
    """
    if len(spacing) == 1:
        spacing = (spacing[0],) * 3
    if len(spacing) == 2 and not source.even:
        raise GridError("its slices lie unevenly, and 'spacing' has no third number for their distance")
    row, column = source.orientation[:3], source.orientation[3:]
    down, along = ([each[axis] for each in source.offsets] for axis in (0, 1))
    rows, top = _axis(source.rows, source.spacing[0], spacing[0], min(down), max(down))
    columns, left = _axis(source.columns, source.spacing[1], spacing[1], min(along), max(along))
    count, low, step, thickness = _across(source, spacing[2] if len(spacing) == 3 else None)
    places = tuple(
        _moved(source.positions[0], (column, top), (row, left), (source.normal, low + step * index))
        for index in range(count)
    )
    return replace(
        source,
        rows=rows,
        columns=columns,
        spacing=(spacing[0], spacing[1]),
        positions=places,
        thickness=thickness,
    )


def _axis(count: int, old: float, new: float, lowest: float, highest: float) -> tuple[int, float]:
    """Return how many pixels a new axis has, and where its first centre is from the old first one."""
    if abs(old - new) <= _SAME and lowest == highest:
        return count, lowest
    whole = count * old + (highest - lowest)
    pixels = whole_count(whole / new)
    return pixels, lowest - old / 2 + (whole - pixels * new) / 2 + new / 2


def whole_count(ratio: float) -> int:
    """Return the nearest whole number, at least 1; without what rounding of places adds to it."""
    return max(1, math.floor(round(ratio, 6) + 0.5))


def _across(source: Lattice, new: float | None) -> tuple[int, float, float, float | None]:
    """Return the number of slices, the height of the first one, their distance and thickness.

    Raises: GridError.
    """
    gaps, heights = source.gaps, source.heights
    usual = heights[-1] / len(gaps) if len(heights) > 1 else gaps[0]
    if new is None or (source.even and abs(usual - new) <= _SAME):
        return len(heights), 0.0, usual, source.thickness
    usual = median(gaps)
    low, high = -min(gaps[0], usual) / 2, heights[-1] + min(gaps[-1], usual) / 2
    count = whole_count((high - low) / new)
    return count, low + (high - low - count * new) / 2 + new / 2, new, new


def _moved(start: Vector, *ways: tuple[Sequence[float], float]) -> Vector:
    x, y, z = (
        round(math.fsum((part, *(way[axis] * far for way, far in ways))), _DECIMALS) + 0.0
        for axis, part in enumerate(start)
    )
    return x, y, z
