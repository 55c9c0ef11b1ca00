"""Load pictures of one size as the slices of a volume, in the order of their files; or the pages of one file.

Nothing is sorted here: files come in natural order (or as `sort` says). What the pictures do not say of
where they lie the recipe must: the distance of slices is known to ImageJ alone. Pictures that differ in size,
type or spacing are no volume, and the first one that does is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from ....schemas.language.decimal_string import exact_ds
from ...errors import Note, SourceError
from ...imaging.exact import native, rescaled, rescaling
from ...imaging.image import Geometry, Image, SourceFile, Stored
from ...imaging.probe import Probe
from ...imaging.tolerances import SPACING
from ..arrays.planes import Planes
from ..base import Loader, SeriesLoader
from ..options import ImageStackOptions, Limits, VolumeOptions
from ..remembered import remembered
from .attributes import attributes_of
from .channels import choose
from .loader import open_picture
from .page import Page
from .stack_headers import Slice, shown, slices_of

_UNITS = {"hu": "HU", "none": None}
_SAY = "say it with 'source: {format: image-stack, spacing: [ROW, COLUMN, SLICE]}' (mm between their centres)"


class Stack(Struct, frozen=True, dict=True):
    """Pictures that make a volume, in the order of slices."""

    slices: tuple[Slice, ...]
    source: ImageStackOptions

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(each.path for each in self.slices))

    @cached_property
    def probes(self) -> tuple[Probe, ...]:
        """One for each file."""
        starts = {each.path: index for index, each in reversed(list(enumerate(self.slices)))}
        return tuple(self._probe(starts[path]) for path in self.paths)

    def _probe(self, index: int) -> Probe:
        each = self.slices[index]
        dtype = np.dtype(each.dtype)
        if each.rescale is not None:
            dtype = rescaled(np.zeros(1, dtype), *each.rescale).dtype
        properties = each.properties
        return Probe(
            "image-stack", each.shape, dtype.name, len(self.slices), self.geometry(index), properties,
            attributes_of(properties),
        )  # fmt: skip

    @cached_property
    def _said(self) -> tuple[float, float, float] | None:
        """What the files say of the spacing: between rows, columns, slices."""
        first = self.slices[0]
        pixel = first.pixel.spacing
        return None if pixel is None or first.step is None else (*pixel, first.step)

    @cached_property
    def _planes(self) -> Planes:
        """Raises: SourceError, where nobody says how far apart voxels are."""
        source = self.source
        spacing = source.spacing or self._said
        path = self.paths[0]
        if spacing is None:
            pixel = self.slices[0].pixel.spacing
            known = "" if pixel is None else f" (rows and columns: {pixel[0]:.6g} x {pixel[1]:.6g} mm)"
            what = "voxels" if pixel is None else "slices"
            raise SourceError(
                f"is a slice of a stack, and nobody says how far apart its {what} are{known}",
                subject=str(path),
                hint=_SAY,
            )
        placed = VolumeOptions(
            slice_axis=0, spacing=spacing, origin=source.origin, orientation=source.orientation
        )
        return Planes(placed, path)

    def geometry(self, index: int) -> Geometry:
        """Return that of a slice, from 0. Raises: SourceError."""
        geometry = self._planes.geometry(index)
        if self.source.spacing is not None:
            return geometry
        return replace(geometry, origins={**geometry.origins, **self.slices[0].pixel.origins})

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """Where the recipe's spacing is not the files'."""
        stated, first = self.source.spacing, self.slices[0]
        if stated is None:
            return ()
        pairs = [*zip(stated, first.pixel.spacing or (), strict=False)]
        if first.step is not None:
            pairs.append((stated[2], first.step))
        if all(abs(one - other) <= SPACING * one for one, other in pairs):
            return ()
        said = " x ".join(f"{other:.6g}" for _, other in pairs)
        text = (
            f"the recipe says a spacing of {shown(stated)} mm and the files say {said}; the recipe's counts"
        )
        return (Note("spacing-differs", text, contradiction=True),)


@remembered
def survey(paths: Sequence[Path], source: ImageStackOptions, limits: Limits) -> Stack:
    """Return the slices that some files are, in their order, from headers only.

    Raises:
        SourceError: what is no picture; colour; several files of several pages; pictures that differ; a
            spacing that nobody says.
    """
    slices = slices_of(paths, source, limits)
    if len(slices) > limits.frames:
        raise SourceError(
            f"is one of {len(slices)} slices, more than the limit of {limits.frames}",
            subject=str(paths[0]),
            hint="raise limits.frames in the recipe if that is right",
        )
    stack = Stack(slices, source)
    stack.geometry(0)
    return stack


def load_series(
    paths: Sequence[Path], source: ImageStackOptions, limits: Limits, pages: range | None = None
) -> Iterator[tuple[Path, Image]]:
    """Yield the slices in the order of files, each with its file; `pages` picks some, from 0.

    Raises: SourceError, as `survey`; and for pixels that cannot be decoded truly.
    """
    stack = survey(paths, source, limits)
    count = len(stack.slices)
    opened: Path | None = None
    with ExitStack() as files:
        for index in range(count) if pages is None else pages:
            if not 0 <= index < count:
                continue
            each = stack.slices[index]
            if each.path != opened:
                files.close()
                found = files.enter_context(open_picture(each.path, limits))
                opened = each.path
            yield each.path, _image(stack, index, found.page(each.index))


def _image(stack: Stack, index: int, page: Page) -> Image:
    each, source = stack.slices[index], stack.source
    pixels, photometric, notes = choose(page.decode(), page, source.channel, each.path)
    pixels = native(pixels)
    if (pixels.shape, pixels.dtype.name) != (each.shape, each.dtype):
        raise SourceError("is another picture than when its header was read", subject=str(each.path))
    attributes = attributes_of(page.properties)
    file = SourceFile(
        each.path,
        "image-stack",
        page.properties,
        attributes=attributes if len(attributes) else None,
        page=index + 1,
        pages=len(stack.slices),
        lossy=page.lossy,
        in_volume=each.pages == 1,
    )
    own = tuple(note for note in page.notes if note.code != "resolution-ignored")
    image = Image(
        pixels,
        geometry=stack.geometry(index),
        photometric=photometric,
        units=_UNITS[source.units],
        sources=(file,),
        notes=(*own, *each.notes, *notes, *stack.notes),
    )
    return image if each.rescale is None else _calibrated(image, *each.rescale)


def _calibrated(image: Image, slope: float, intercept: float) -> Image:
    """Return the values that ImageJ shows; its stored integers stay known."""
    stored = image.pixels
    with rescaling(image.source.path):
        values = rescaled(stored, slope, intercept)
    known: dict[str, Any] = {}
    if stored.dtype.kind in "iu" and None not in (exact_ds(slope), exact_ds(intercept)):
        bits = stored.dtype.itemsize * 8
        known["stored"] = Stored(stored, slope, intercept, image.units or "US", bits)
    text = f"ImageJ's calibration is applied: value = stored x {slope:.10g} + {intercept:.10g}"
    return image.replace(pixels=values, **known).noting(Note("imagej-calibrated", text))


def load(
    path: Path, source: ImageStackOptions, limits: Limits, pages: range | None = None
) -> Iterator[Image]:
    """Load a single file: its pages are the slices. Raises: SourceError."""
    for _, image in load_series((path,), source, limits, pages):
        yield image


def probe(path: Path, source: ImageStackOptions, limits: Limits) -> Probe:
    """Return what the headers of a single file say. Raises: SourceError."""
    return survey((path,), source, limits).probes[0]


LOADER = Loader(load, probe, series=SeriesLoader(survey, load_series))
