"""The images of a volume: its slices, in order along the normal of their planes; and what its probe tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from ....schemas.language.decimal_string import exact_ds
from ...errors import Note, SourceError
from ...imaging.exact import rescaled, rescaling
from ...imaging.image import Geometry, Image, Origin, SourceFile, Stored
from ...imaging.probe import Probe
from ..base import Loader, Sniff
from ..options import VolumeFileOptions
from .grid import Axes, Planes
from .header import Header, in_file
from .values import slices

if TYPE_CHECKING:
    from ..options import Limits

_UNITS = {"hu": "HU", "none": None}


class Sliced(Struct, frozen=True, dict=True):
    """A volume, cut into slices as a recipe says."""

    header: Header
    source: VolumeFileOptions

    @cached_property
    def axes(self) -> Axes:
        return Axes.sliced(self.source.slice_axis)

    @cached_property
    def planes(self) -> Planes | None:
        """Raises: SourceError for a grid that is no box of slices."""
        header = self.header
        if header.grid is None:
            return None
        thickness = None if header.spacing is None else header.spacing[self.axes.slice]
        return Planes(header.grid, self.axes, header.shape, header.path, thickness=thickness)

    @property
    def count(self) -> int:
        """Slices of one volume."""
        return self.header.shape[self.axes.slice]

    def geometry(self, index: int) -> Geometry:
        """Return that of the slice with this index along the normal, from 0. Raises: SourceError."""
        if self.planes is not None:
            return self.planes.geometry(index)
        if self.header.spacing is None:
            return Geometry()
        rows, columns = (self.header.spacing[each] for each in (self.axes.row, self.axes.column))
        return Geometry(
            spacing=(rows, columns), origins={"spacing": Origin("file", "the spacing of its header")}
        )

    @property
    def in_ranges(self) -> bool:
        """Whether some slices can be read without the others."""
        return self.header.packing == "raw"

    @property
    def frames(self) -> range:
        """The volumes that are meant, from 0. Raises: SourceError for one that is not there."""
        picked, count = self.source.frame, self.header.volumes
        if picked is None:
            return range(count)
        if picked > count:
            held = f"{count} volumes" if count > 1 else "one volume"
            raise SourceError(f"holds {held}, and 'frame' is {picked}", subject=str(self.header.path))
        return range(picked - 1, picked)

    def images(self, pages: range | None) -> Iterator[Image]:
        """Yield slices of all volumes in order; `pages` picks some, from 0. Raises: SourceError."""
        chosen = self.frames
        total = self.count * len(chosen)
        wanted = [page for page in (range(total) if pages is None else pages) if 0 <= page < total]
        for number, frame in enumerate(chosen):
            own = [page - number * self.count for page in wanted if page // self.count == number]
            if own:
                yield from self._of_volume(frame, own)

    def _of_volume(self, frame: int, wanted: list[int]) -> Iterator[Image]:
        planes = self.planes
        stored = wanted if planes is None else [planes.stored(index) for index in wanted]
        found = slices(self.header, self.axes, frame, stored)
        for index, (_, pixels) in zip(wanted, found, strict=True):
            yield self._image(frame, index, pixels)

    def _image(self, frame: int, index: int, pixels: np.ndarray) -> Image:
        header = self.header
        source = SourceFile(
            header.path,
            header.format,
            header.properties,
            page=index + 1,
            pages=self.count,
            volume=frame - self.frames.start + 1,
            volumes=len(self.frames),
        )
        units = _UNITS[self.source.units]
        image = Image(pixels, self.geometry(index), units=units, sources=(source,), notes=header.notes)
        slope, intercept = header.slope, header.intercept
        if (slope, intercept) != (1.0, 0.0):
            with rescaling(header.path):
                image = image.replace(pixels=rescaled(pixels, slope, intercept))
            if pixels.dtype.kind in "iu" and None not in (exact_ds(slope), exact_ds(intercept)):
                bits = pixels.dtype.itemsize * 8
                image = image.replace(stored=Stored(pixels, slope, intercept, units or "US", bits))
        return image.noting(*_not_finite(image))

    def probe(self) -> Probe:
        """Return shape, type and count of slices, and where the first one lies. Raises: SourceError."""
        header = self.header
        dtype = header.dtype.newbyteorder("=")
        if (header.slope, header.intercept) != (1.0, 0.0):
            dtype = rescaled(np.zeros(1, dtype), header.slope, header.intercept).dtype
        return Probe(
            header.format,
            (header.shape[self.axes.row], header.shape[self.axes.column]),
            dtype.name,
            self.count,
            self.geometry(0),
            header.properties,
            volumes=len(self.frames),
            in_ranges=self.in_ranges,
            parts=() if header.data == header.path else (header.data,),
        )


def loader_of(
    name: str,
    described: Callable[[Path], Header],
    sniff: Sniff,
    own_parts: Callable[[Path], tuple[Path, ...]] | None = None,
) -> Loader:
    """Return the loader of a format of volumes, whose own is only how a header is read and recognised.

    `own_parts`: as `Loader.parts`, where `described` opens the file of the values.
    """

    def sliced(path: Path, source: VolumeFileOptions, limits: Limits) -> Sliced:
        return Sliced(in_file(described(path), limits), source)

    def load(
        path: Path, source: VolumeFileOptions, limits: Limits, pages: range | None = None
    ) -> Iterator[Image]:
        """Yield slices in order, (rows, columns) each; `pages` picks some, from 0.

        Raises: SourceError; UsageError, where the extra is not installed.
        """
        yield from sliced(path, source, limits).images(pages)

    def probe(path: Path, source: VolumeFileOptions, limits: Limits) -> Probe:
        """Return what the header says. Raises: as `load`."""
        return sliced(path, source, limits).probe()

    def parts(path: Path) -> tuple[Path, ...]:
        """Return the file of the values, where it is another one. Raises: as `load`."""
        found = described(path).data
        return () if found == path else (found,)

    return Loader(load, probe, sniff=sniff, defaults=VolumeFileOptions(name), parts=own_parts or parts)


def _not_finite(image: Image) -> tuple[Note, ...]:
    if image.pixels.dtype.kind != "f" or np.isfinite(image.pixels).all():
        return ()
    return (Note("not-finite", "some values are NaN or infinite, and stay so"),)
