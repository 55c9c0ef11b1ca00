"""The operations of a unit that need a whole volume: which slices they take, and which they give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ...imaging.image import Image
from ...process.common import finite
from ...process.known import Known
from ...process.resampling.grids import (
    compared,
    count_after,
    headers,
    lattice_of,
    resamplings,
    wanted,
)
from ...process.resampling.lattice import carried
from ...process.resampling.volumes import Resampling
from ...process.values import value_ends

if TYPE_CHECKING:
    from ...loaders.options import SourceOptions
    from ...process.operations import Operation, Resample


_KEPT = 16
_extremes: dict[object, tuple[Any, Any]] = {}


def checked(image: Image) -> Image:
    """Return a grey image of finite values. Raises: ProcessError."""
    finite(image, "an operation on the range of a volume")
    return image


class Volume(Struct, frozen=True):
    """One volume of some files."""

    paths: Sequence[Path]
    source: SourceOptions
    number: int
    """Which volume of a file of several, from 0; pages count the slices of all of them."""
    known: Known

    def extremes(
        self,
        slices: Callable[[range], Iterator[Image]],
        before: Sequence[Operation],
        stats: tuple[tuple[int, ...], ...],
    ) -> tuple[Any, Any]:
        """Return the lowest and the highest value of the volume, read once for all its ranges of slices.

        Args:
            slices: gives slices after the operations before this one; pages count from 0.
            before: these operations.
            stats: of the files, which tell one content from another.

        Raises: ProcessError for colour, and for NaN; SourceError.
        """
        key = (tuple(self.paths), stats, self.source, self.number, repr(before))
        if key not in _extremes:
            probes = headers(self.paths, self.source, self.known.limits)
            count = probes[0].pages
            if resamplings(before):
                named, limits = self.known.named, self.known.limits
                count = count_after(probes, before, named, limits, str(self.paths[0]))
            whole = range(self.number * count, (self.number + 1) * count)
            ends = [value_ends(checked(image), Known()) for image in slices(whole)]
            if len(_extremes) >= _KEPT:
                _extremes.clear()
            _extremes[key] = min(low for low, _ in ends), max(high for _, high in ends)
        return _extremes[key]

    def resampled(
        self,
        slices: Callable[[range], Iterator[Image]],
        before: Sequence[Operation],
        options: Resample,
        pages: range | None,
    ) -> Iterator[Image]:
        """Yield slices of the new grid.

        Args:
            slices: gives slices after the operations before this one; pages count from 0.
            before: these operations.
            options: of this one.
            pages: the new slices that are wanted.

        Raises: ProcessError, SourceError.
        """
        named, limits, subject = self.known.named, self.known.limits, str(self.paths[0])
        grid = lattice_of(headers(self.paths, self.source, limits), subject)
        for each in resamplings(before):
            grid = wanted(grid, each, named, limits, subject)
        start = self.number * len(grid.positions)
        first = next(slices(range(start, start + 1)))
        source = carried(grid, first.geometry, first.pixels.shape)
        target = compared(
            source, wanted(source, options, named, limits, subject), options.like or "", subject
        )
        self.known.check_size(first, target.rows, target.columns, options.op)

        def shifted(wanted_slices: range) -> Iterator[Image]:
            return slices(range(start + wanted_slices.start, start + wanted_slices.stop))

        count = len(target.positions)
        own = range(count) if pages is None else [page - self.number * count for page in pages]
        yield from Resampling(source, target, options, shifted).images(own)
