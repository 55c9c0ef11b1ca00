"""Resample a volume, slice by slice: few slices are in memory at a time, whatever the volume's size.

Where new slices are parallel to the old ones, each lies between two of these, which are read once and in
order. Where they are oblique, a block of new slices is filled while the old ones pass by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from ...errors import Note
from ...imaging.image import Image, Origin, SourceFile
from ...imaging.move import Move
from ...imaging.vectors import dot
from ..agreement import agreed_source
from ..common import computed, number
from ..filters import rounded
from .images import check_values, outside_value, phrase
from .interpolate import Values, between, in_plane, inside, snapped
from .lattice import Lattice

if TYPE_CHECKING:
    from ..operations import Resample

Slices = Callable[[range], Iterator[Image]]
"""Returns some slices of the source, from 0, in order."""

_BLOCK = 1 << 23
"""Voxels of oblique slices that are filled together."""
_BACK = 16
"""Slices that are read together where they are needed backwards."""
_AHEAD = 64
"""Slices that are passed over before the source is rather opened again."""
_LEVEL = 1e-9
"""mm by which the height of a new slice may vary over it, and count as none."""


class Resampling(Struct, frozen=True):
    """A source, the grid that it gets, and how."""

    source: Lattice
    target: Lattice
    options: Resample
    slices: Slices

    def images(self, wanted: Iterable[int]) -> Iterator[Image]:
        """Yield new slices by their numbers, from 0. Raises: ProcessError, SourceError."""
        pages = list(wanted)
        if self.level:
            yield from self._parallel(pages)
        else:
            size = max(1, min(32, _BLOCK // (self.target.rows * self.target.columns)))
            for start in range(0, len(pages), size):
                yield from self._oblique(pages[start : start + size])

    @property
    def level(self) -> bool:
        """Whether the new slices are parallel to the old ones."""
        rises = (_rise(self.source, self.target, axis) for axis in (0, 1))
        ends = (self.target.rows * self.target.spacing[0], self.target.columns * self.target.spacing[1])
        return all(abs(rise) * end <= _LEVEL for rise, end in zip(rises, ends, strict=True))

    def _parallel(self, pages: list[int]) -> Iterator[Image]:
        count = len(self.source.positions)
        heights = np.array([_height(self.source, self.target, page) for page in pages])
        places = _slice_places(self.source, heights).tolist()
        window = _Window(self.slices, count, falling=len(places) > 1 and places[0] > places[-1])
        for page, place in zip(pages, places, strict=True):
            within = place <= count
            held = min(place, count - 1.0)
            if self.options.order == 0:
                held = float(np.floor(held + 0.5))
            below = int(held)
            used = [window.get(each) for each in range(below, below + (2 if held > below else 1))]
            for image in used:
                check_values(image, self.options)
            pixels, lacking = self._between(page, below, used, held - below, within=within)
            yield self._image(page, pixels, used, lacking=lacking)

    def _between(
        self, page: int, below: int, used: list[Image], weight: float, *, within: bool
    ) -> tuple[npt.NDArray[Any], bool]:
        """Return the values of one new slice, and whether some lie outside of the source."""
        dtype, shape = used[0].pixels.dtype, (self.target.rows, self.target.columns)
        if not within:
            return np.full(shape, outside_value(used[0], self.options)), True
        found, within_all = [], np.ones(shape, bool)
        for index, image in enumerate(used, below):
            rows, columns = self._places(page, index)
            within_all &= inside(rows, self.source.rows) & inside(columns, self.source.columns)
            found.append(in_plane(image.pixels, rows, columns, self.options.order))
        values = found[0] if len(found) == 1 else between(found[0], found[1], weight)
        pixels = rounded(values, dtype) if self.options.order else values
        lacking = not within_all.all()
        if lacking:
            pixels = np.where(within_all, pixels, outside_value(used[0], self.options))
        return pixels, lacking

    def _places(self, page: int, index: int) -> tuple[Values, Values]:
        """Return the places of new pixels in an old slice: (n, 1) and (1, m), or both (n, m)."""
        matrix, (down, along) = self._move(page, index)
        rows = np.arange(self.target.rows, dtype=np.float64)[:, np.newaxis]
        columns = np.arange(self.target.columns, dtype=np.float64)[np.newaxis]
        if matrix[0][1] == 0 and matrix[1][0] == 0:
            return snapped(rows * matrix[0][0] + down), snapped(columns * matrix[1][1] + along)
        return (
            snapped(rows * matrix[0][0] + columns * matrix[0][1] + down),
            snapped(rows * matrix[1][0] + columns * matrix[1][1] + along),
        )

    def _move(
        self, page: int, index: int
    ) -> tuple[tuple[tuple[float, float], tuple[float, float]], tuple[float, float]]:
        """Return where new (row, column) lie in an old slice: matrix and offset, in its pixels."""
        source, target = self.source, self.target
        axes = (source.orientation[3:], source.orientation[:3])
        steps = ((target.orientation[3:], target.spacing[0]), (target.orientation[:3], target.spacing[1]))
        straight = source.positions[0]
        way = [b - a for a, b in zip(straight, target.positions[page], strict=True)]
        matrix, offset = [], []
        for axis, old, aside in zip(axes, source.spacing, source.offsets[index], strict=True):
            parts = [_clean(dot(step, axis)) * new / old for step, new in steps]
            matrix.append((parts[0], parts[1]))
            offset.append((dot(axis, way) - aside) / old)
        return (matrix[0], matrix[1]), (offset[0], offset[1])

    def _oblique(self, pages: list[int]) -> Iterator[Image]:
        source, target, count = self.source, self.target, len(self.source.positions)
        shape = (target.rows, target.columns)
        rows = np.arange(shape[0], dtype=np.float64)[:, np.newaxis]
        columns = np.arange(shape[1], dtype=np.float64)[np.newaxis]
        slope = [_rise(source, target, axis) * target.spacing[axis] for axis in (0, 1)]
        fills = []
        for page in pages:
            height = _height(source, target, page) + rows * slope[0] + columns * slope[1]
            fills.append(_Fill(page, _slice_places(source, height), shape, self.options.order))
        used: list[Image] = []
        first = min(fill.first for fill in fills)
        last = min(max(fill.last for fill in fills) + 1, count - 1)
        lower: Image | None = None
        for index, image in enumerate(self.slices(range(first, last + 1)), first):
            check_values(image, self.options)
            used.append(image.replace(pixels=image.pixels[:1, :1], stored=None))
            for fill in fills if lower is not None else ():
                assert lower is not None
                self._fill(fill, index - 1, lower, image)
            lower = image
            if index == last:
                for fill in fills:
                    self._fill(fill, index, image, image)
        assert lower is not None
        for fill in fills:
            pixels = fill.pixels(lower.pixels.dtype)
            lacking = not fill.within.all()
            if lacking:
                pixels[~fill.within] = outside_value(lower, self.options)
            yield self._image(fill.page, pixels.reshape(shape), used, lacking=lacking)

    def _fill(self, fill: _Fill, index: int, lower: Image, upper: Image) -> None:
        """Fill the voxels of a new slice that lie between two old ones."""
        chosen = fill.between(index)
        if not len(chosen):
            return
        places = np.divmod(chosen, self.target.columns)
        values = []
        for each, image in ((index, lower), (min(index + 1, len(self.source.positions) - 1), upper)):
            matrix, (down, along) = self._move(fill.page, each)
            row, column = (part.astype(np.float64) for part in places)
            old_rows = snapped(row * matrix[0][0] + column * matrix[0][1] + down)
            old_columns = snapped(row * matrix[1][0] + column * matrix[1][1] + along)
            within = inside(old_rows, self.source.rows) & inside(old_columns, self.source.columns)
            fill.within[chosen] &= within
            values.append(in_plane(image.pixels, old_rows, old_columns, self.options.order))
        weights = fill.weights[chosen]
        fill.put(chosen, values[0] if self.options.order == 0 else between(values[0], values[1], weights))

    def _image(self, page: int, pixels: npt.NDArray[Any], used: list[Image], *, lacking: bool) -> Image:
        """Return a new slice; what it says of its source is what the slices that it is made of have alike."""
        first, target = used[0], self.target
        if len({image.source.path for image in used}) > 1:
            file, notes = agreed_source(used)
        else:
            file, notes = first.source, ()
        file = replace(_straightened(file, self.source), page=page + 1, pages=len(target.positions))
        matrix, offset = self._move(page, 0)
        geometry = target.geometry(page)
        origin = Origin("derived", f"{self.options.op}, {self.options.like or 'spacing'}")
        geometry = replace(geometry, origins=dict.fromkeys(("spacing", "patient"), origin))
        seen = dict.fromkeys(note for image in used for note in image.notes)
        others = {each.source.path: each.source for each in used if each.source.path != file.path}
        image = replace(
            first,
            geometry=geometry,
            sources=(file, *others.values()),
            notes=(*seen, *notes),
            move=Move(matrix, offset),
        )
        image = image.replace(stored=None, pixels=pixels)
        spacing = (*target.spacing, round(target.gaps[0], 6))
        return computed(image, pixels, phrase(self.options, spacing)).noting(*self._notes(image, lacking))

    def _notes(self, image: Image, lacking: bool) -> Iterator[Note]:
        if lacking:
            value = number(float(outside_value(image, self.options)))
            meant = " HU (air)" if image.units == "HU" and self.options.outside is None else ""
            text = f"resample: parts of the new grid lie outside of the source; they are {value}{meant}"
            yield Note("resample-outside", text)
        source = self.source
        if not source.straight:
            text = f"resample: the slices were tilted by {source.tilt:.3g} degrees, and are straightened"
            yield Note("resample-straightened", text)
        if not source.even:
            text = (
                f"resample: the slices lay {min(source.gaps):.4g} to {max(source.gaps):.4g} mm apart and "
                "are evened; where they lay far apart, values are interpolated over that distance"
            )
            yield Note("resample-evened", text)


def _straightened(file: SourceFile, source: Lattice) -> SourceFile:
    """Return the file without what says that its slices are tilted, where they were."""
    if source.straight or file.dataset is None or "GantryDetectorTilt" not in file.dataset:
        return file
    from copy import copy

    dataset = copy(file.dataset)
    dataset._dict = dict(file.dataset._dict)
    del dataset["GantryDetectorTilt"]
    return replace(file, dataset=dataset)


class _Fill:
    """A new slice that lies across old ones, while these pass by."""

    def __init__(self, page: int, places: Values, shape: tuple[int, int], order: int) -> None:
        self.page, self._order = page, order
        flat = np.broadcast_to(places, shape).reshape(-1)
        self.within = np.ones(flat.shape, bool)
        self.within &= flat != np.inf
        held = np.where(self.within, flat, 0.0)
        if order == 0:
            held = np.floor(held + 0.5)
        below = np.floor(held)
        self.weights = held - below
        below[~self.within] = -1
        self._sorted = np.argsort(below, kind="stable").astype(np.int32)
        self._below = below[self._sorted]
        inner = self._below[self._below >= 0]
        self.first = int(inner[0]) if len(inner) else 0
        self.last = int(inner[-1]) if len(inner) else 0
        self._values: npt.NDArray[Any] | None = None

    def between(self, index: int) -> npt.NDArray[np.int32]:
        """Return the voxels between an old slice and the next."""
        start, stop = np.searchsorted(self._below, (index, index + 1))
        return self._sorted[start:stop]

    def put(self, chosen: npt.NDArray[np.int32], values: npt.NDArray[Any]) -> None:
        if self._values is None:
            self._values = np.zeros(self.within.shape, values.dtype)
        self._values[chosen] = values

    def pixels(self, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        if self._values is None:
            return np.zeros(self.within.shape, dtype)
        return rounded(self._values, dtype) if self._order else self._values


class _Window:
    """The slices of a source that are held, read in order as far as that goes."""

    def __init__(self, slices: Slices, count: int, *, falling: bool) -> None:
        self._slices, self._count, self._falling = slices, count, falling
        self._held: dict[int, Image] = {}
        self._coming: Iterator[Image] = iter(())
        self._next = count

    def get(self, index: int) -> Image:
        if index not in self._held:
            (self._backwards if self._falling else self._forwards)(index)
        return self._held[index]

    def _backwards(self, index: int) -> None:
        kept = {each: image for each, image in self._held.items() if each == index + 1}
        wanted = range(max(0, index - _BACK + 1), index + 1)
        self._held = kept | dict(zip(wanted, self._slices(wanted), strict=True))

    def _forwards(self, index: int) -> None:
        if not self._next <= index < self._next + _AHEAD:
            self._next, self._coming = index, self._slices(range(index, self._count))
        while self._next <= index:
            self._held[self._next] = next(self._coming)
            self._next += 1
        self._held = {each: image for each, image in self._held.items() if each >= index - 1}


def _clean(part: float) -> float:
    """Return a direction's part, without what rounding left of 0 or 1."""
    return round(part) + 0.0 if abs(part - round(part)) <= 1e-12 else part


def _rise(source: Lattice, target: Lattice, axis: int) -> float:
    """Return mm above the source's planes for each mm down (0) or along (1) a new slice."""
    return _clean(dot(source.normal, target.orientation[3:] if axis == 0 else target.orientation[:3]))


def _height(source: Lattice, target: Lattice, page: int) -> float:
    way = [b - a for a, b in zip(source.positions[0], target.positions[page], strict=True)]
    return dot(source.normal, way)


def _slice_places(source: Lattice, heights: Values) -> Values:
    """Return places counted in slices; infinity where they lie outside of the source."""
    known = np.array(source.heights)
    gaps = np.array(source.gaps)
    below = np.clip(np.searchsorted(known, heights, side="right") - 1, 0, len(gaps) - 1)
    places = snapped(below + (heights - known[below]) / gaps[below])
    within = inside(places, len(known))
    found: Values = np.where(within, np.clip(places, 0.0, len(known) - 1.0), np.inf)
    return found
