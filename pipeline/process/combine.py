"""Combine several images of one thing into one image, in modality units.

Images are taken one after the other and none is kept; a median goes by bands of rows, and reads the images
again for each band where they are too many to hold. Integers are added exactly in 64 bits, floats in float64
in the order of the files, which is the same on every machine. The result keeps the metadata that all its
sources have alike: where they differ, the value is left empty and reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..errors import ProcessError
from ..imaging.deterministic import extremes, settled
from ..imaging.exact import dtype_range, holding, not_exact, shifted, value_range
from ..imaging.image import Image, Pixels
from ..imaging.tolerances import SPACING
from .agreement import agreed_geometry, agreed_source, units_note

if TYPE_CHECKING:
    from .operations import Combine

ADDITIVE_UNITS = frozenset({"GY"})
"""Units in which the sum of values is a value again: dose is one, Hounsfield units are not."""

BAND = 1 << 22
"""Values of all images together that a median sorts in one band."""

HELD = 256 * 2**20
"""Bytes of all images that a median holds, if it can read them again."""

_SMALL = 2
"""Bytes of an integer type whose values are not looked at before they are added."""

Again = Callable[[], Iterable[Image]]
"""Returns the same images once more."""


def combine(images: Iterable[Image], options: Combine, again: Again | None = None) -> Image:
    """Return one image of a group; without `again`, a median holds all images at once.

    `max` and `min` keep the dtype; a `sum` of integers is the smallest integer dtype that holds as many of
    the images' dtypes; `mean`, `median` and whatever is stretched are float64. NaN in one image is NaN in the
    result. Images of one spacing may have SIDs and angles of their own: see `agreement`.

    Raises:
        ProcessError: no image, colour, another shape, spacing or photometric than the first, a sum beyond 64
            bits, an image without contrast to stretch.
    """
    values: _Median | _Extreme | _Total

    def pixels_of(image: Image) -> Pixels:
        return _stretched(image) if options.stretch else image.pixels

    if options.method == "median":
        values = _Median(None if again is None else lambda: map(pixels_of, again()))
    elif options.method in ("max", "min"):
        values = _Extreme(options.method)
    else:
        values = _Total(mean=options.method == "mean")
    seen: list[Image] = []
    for image in images:
        _check(seen[0] if seen else image, image)
        try:
            values.add(pixels_of(image))
        except (FloatingPointError, OverflowError) as error:
            raise ProcessError(f"{options.method}: {error}", subject=str(image.source.path)) from error
        seen.append(_emptied(image))
    if not seen:
        raise ProcessError("there is no image to combine")
    return _joined(seen, values.result(), options)


def _emptied(image: Image) -> Image:
    """Return the image's metadata, with pixels of its shape that take no memory."""
    return image.replace(pixels=np.broadcast_to(image.pixels.dtype.type(0), image.pixels.shape), stored=None)


def _check(first: Image, image: Image) -> None:
    """Refuse an image that cannot be combined with the first of its group. Raises: ProcessError."""
    path = str(image.source.path)
    if image.without_pixels:
        raise ProcessError("is a DICOM object without pixels, and combining is for images", subject=path)
    if image.photometric in ("RGB", "RGBA"):
        raise ProcessError(
            f"combining is for grey images and this one is {image.photometric}",
            subject=path,
            hint="choose a channel of the source",
        )
    if image.pixels.shape != first.pixels.shape:
        raise ProcessError(
            f"has {image.rows} rows and {image.columns} columns, and {first.source.path}, with which it is to"
            f" be combined, has {first.rows} and {first.columns}",
            subject=path,
        )
    if image.photometric != first.photometric:
        raise ProcessError(
            f"is {image.photometric}, and {first.source.path}, with which it is to be combined,"
            f" {first.photometric}",
            subject=path,
        )
    spacings = (first.geometry.spacing, image.geometry.spacing)
    if not _same_spacing(*spacings):
        raise ProcessError(
            f"has {_spacing(spacings[1])}, and {first.source.path}, with which it is to be combined,"
            f" {_spacing(spacings[0])}",
            subject=path,
            hint="give geometry.pixel_spacing if they are the same",
        )


def _same_spacing(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(abs(first - second) <= SPACING * first for first, second in zip(one, other, strict=True))


def _spacing(spacing: tuple[float, float] | None) -> str:
    return "no spacing" if spacing is None else f"a spacing of {spacing[0]:.6g} x {spacing[1]:.6g} mm"


def _stretched(image: Image) -> Pixels:
    """Return the pixels scaled to 0..1. Raises: ProcessError where all are equal."""
    pixels, path = image.pixels, str(image.source.path)
    if pixels.dtype.kind == "f":
        wide = pixels.astype(np.float64)
        if not np.isfinite(wide).all():
            raise ProcessError("stretch needs numbers, and some values are NaN or infinite", subject=path)
        grounded = wide - float(extremes(wide)[0])
    else:
        unsigned = np.dtype(f"uint{8 * pixels.dtype.itemsize}")
        grounded = shifted(pixels, 1, -value_range(pixels)[0], unsigned).astype(np.float64)
    span = float(grounded.max())
    if span == 0 or not np.isfinite(span):
        raise ProcessError("stretch: every value is the same, there is nothing to stretch", subject=path)
    return np.asarray(grounded / span)


class _Total:
    """A sum or mean. Integers are added modulo 2^32, or 2^64, within known bounds, so exactly.

    Half the width is half the memory that each image goes through.
    """

    def __init__(self, *, mean: bool) -> None:
        self.mean = mean
        self.count = 0
        self.whole: Pixels | None = None
        self.broken: Pixels | None = None
        self.bounds = (0, 0)
        self.dtype_bounds = (0, 0)

    def add(self, pixels: Pixels) -> None:
        self.count += 1
        if pixels.dtype.kind == "f":
            start = np.zeros(pixels.shape) if self.broken is None else self.broken
            with np.errstate(over="raise", invalid="ignore"):
                self.broken = start + pixels
            return
        # of small types as many as there ever are fit 32 bits, whatever their values
        low, high = dtype_range(pixels.dtype) if pixels.dtype.itemsize <= _SMALL else value_range(pixels)
        bounds = (self.bounds[0] + low, self.bounds[1] + high)
        name = holding(*bounds)
        if name is None:
            raise OverflowError("the sum is beyond 64 bits")
        if self.whole is None:
            self.whole = np.zeros(pixels.shape, np.uint32)
        if np.dtype(name).itemsize > self.whole.itemsize:
            self.whole = self._wide()
        np.add(self.whole, pixels, out=self.whole, dtype=self.whole.dtype, casting="unsafe")
        self.bounds = bounds
        low, high = dtype_range(pixels.dtype)
        self.dtype_bounds = (self.dtype_bounds[0] + low, self.dtype_bounds[1] + high)

    def _wide(self) -> Pixels:
        """Return the sums so far modulo 2^64."""
        assert self.whole is not None
        if self.whole.itemsize == 8:
            return self.whole
        true = self.whole.view(np.int32) if self.bounds[0] < 0 else self.whole
        return true.astype(np.int64).view(np.uint64)

    def result(self) -> Pixels:
        whole = None
        if self.whole is not None:
            signed = self.dtype_bounds[0] < 0 and self.bounds[1] < 2**63
            whole = self._wide().view(np.int64) if signed else self._wide()
        if self.broken is not None:
            total = self.broken if whole is None else self.broken + whole
            return total / self.count if self.mean else total
        if whole is None:
            raise AssertionError("nothing was added")
        if self.mean:
            return np.asarray(whole / self.count)
        return whole.astype(holding(*self.dtype_bounds) or whole.dtype)


class _Extreme:
    """The largest or smallest value of each pixel, in the dtype of the images."""

    def __init__(self, method: Literal["max", "min"]) -> None:
        self.choose = np.maximum if method == "max" else np.minimum
        self.extreme: Pixels | None = None

    def add(self, pixels: Pixels) -> None:
        if self.extreme is None:
            self.extreme = pixels
            return
        joint = np.result_type(self.extreme, pixels)
        for part in (self.extreme, pixels):
            if not_exact(part, joint).any():
                raise OverflowError(f"{self.extreme.dtype} and {pixels.dtype} have no dtype that holds both")
        self.extreme = self.choose(self.extreme, pixels)

    def result(self) -> Pixels:
        if self.extreme is None:
            raise AssertionError("nothing was added")
        # of +0 and -0 the processor's vector unit takes either
        return self.extreme + self.extreme.dtype.type(0) if self.extreme.dtype.kind == "f" else self.extreme


class _Median:
    """The median of each pixel. A band of rows of every image is held; all rows if the images are few."""

    def __init__(self, again: Callable[[], Iterable[Pixels]] | None) -> None:
        self.again = again
        self.held: list[Pixels] = []
        self.shape = (0, 0)
        self.band = 0
        self.count = 0

    def add(self, pixels: Pixels) -> None:
        if not self.count:
            self.shape, self.band = pixels.shape, pixels.shape[0]
        self.count += 1
        self.held.append(self._rows(pixels, 0))
        while self.again and self.band > 1 and sum(part.nbytes for part in self.held) > HELD:
            self.band //= 2
            self.held = [self._rows(part, 0) for part in self.held]

    def result(self) -> Pixels:
        median = np.empty(self.shape)
        for first in range(0, self.shape[0], self.band):
            if first and self.again:
                self.held.clear()
                self.held.extend(self._rows(pixels, first) for pixels in self.again())
            if [part.shape for part in self.held] != [median[first : first + self.band].shape] * self.count:
                raise ProcessError("median: the images changed while they were read")
            _medians(self.held, median[first : first + self.band])
        return median

    def _rows(self, pixels: Pixels, first: int) -> Pixels:
        """Return a copy of the band that begins at this row, so that the rest of the image is freed."""
        part = pixels[first : first + self.band]
        return part if part.shape == pixels.shape else part.copy()


def _medians(every: Sequence[Pixels], out: Pixels) -> None:
    rows, columns = out.shape
    band = max(1, BAND // (columns * len(every)))
    with np.errstate(invalid="ignore"):
        for row in range(0, rows, band):
            stack = np.stack([pixels[row : row + band] for pixels in every])
            out[row : row + band] = np.median(stack, axis=0)


def _joined(seen: Sequence[Image], pixels: Pixels, options: Combine) -> Image:
    first = seen[0]
    geometry, differences = agreed_geometry(seen)
    source, remarks = agreed_source(seen)
    units = {image.units for image in seen}
    kept = first.units if len(units) == 1 and not options.stretch else None
    if options.method == "sum" and kept not in ADDITIVE_UNITS:
        kept = None
    phrase = f"{options.method} of {len(seen)} image{'s' if len(seen) > 1 else ''}"
    if options.stretch:
        phrase += ", each stretched to 0..1"
    before = first.history if all(image.history == first.history for image in seen) else ()
    own = (note for image in seen for note in image.notes)
    notes = tuple(dict.fromkeys((*own, *differences, *remarks, *units_note(seen))))
    sources = tuple(file for image in seen for file in image.sources)
    return first.replace(
        pixels=settled(np.ascontiguousarray(pixels)),
        geometry=geometry,
        stored=None,
        units=kept,
        computed=True,
        sources=(source, *sources[1:]) if sources else (),
        history=(*before, phrase),
        notes=notes,
    )
