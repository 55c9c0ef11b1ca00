"""Slices as one volume: the values in their order, and where its voxels lie (LPS, mm)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from ...errors import ExportError, GeometryError, Note
from ...imaging.image import Image, PatientPlane, Pixels
from ...imaging.tolerances import POSITION, SERIES_DIRECTION, SERIES_SPACING
from ...imaging.vectors import Vector, cross, scaled
from ..compare import same_pixels


class Volume(Struct, frozen=True):
    """A volume of slices (rows, columns), little endian and contiguous."""

    slices: tuple[Pixels, ...]
    origin: Vector
    """Centre of the first pixel of the first slice."""
    steps: tuple[Vector, Vector, Vector]
    """From one column, one row and one slice to the next."""
    notes: tuple[Note, ...] = ()

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.slices[0].dtype

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Columns, rows, slices."""
        rows, columns = self.slices[0].shape
        return columns, rows, len(self.slices)

    @property
    def chunks(self) -> tuple[memoryview, ...]:
        """Return the bytes of the values, columns fastest."""
        return tuple(pixels.reshape(-1).view(np.uint8).data for pixels in self.slices)

    def same(self, path: Path, found: Iterable[Pixels]) -> None:
        """Compare with what was read back. Raises: VerificationError."""
        for meant, read in zip(self.slices, found, strict=True):
            plain = meant.dtype.newbyteorder("=")
            same_pixels(path, meant.astype(plain, copy=False), read.astype(plain, copy=False))


def volume_of(images: Sequence[Image], what: str) -> Volume:
    """Return the volume that slices make up.

    Raises:
        ExportError: no image, colour, slices of different shapes or types.
        GeometryError: slices whose places are not known, or do not make up a box.
    """
    if not images:
        raise ExportError("there is no image to write")
    first = images[0]
    for number, image in enumerate(images, 1):
        if image.pixels.ndim != 2:
            raise ExportError(f"{what} has one value in a voxel, and the source is {image.photometric}")
        if image.pixels.shape != first.pixels.shape or image.pixels.dtype != first.pixels.dtype:
            raise ExportError(
                f"slice {number} is {image.pixels.dtype} {image.pixels.shape}, the first one "
                f"{first.pixels.dtype} {first.pixels.shape}; a volume holds one kind"
            )
    kind, notes = _kind(first.pixels.dtype)
    origin, steps, more = _placed(images, what)
    slices = tuple(np.ascontiguousarray(image.pixels, dtype=kind) for image in images)
    return Volume(slices, origin, steps, notes + more)


def _kind(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], tuple[Note, ...]]:
    """Return the type in the file, which holds every value."""
    if dtype == np.bool_:
        return np.dtype("u1"), (Note("bool-as-uint8", "bool is stored as uint8, 0 and 1"),)
    if dtype == np.float16:
        text = "float16 is stored as float32, with the same values"
        return np.dtype("<f4"), (Note("float16-as-float32", text),)
    return dtype.newbyteorder("<"), ()


def _placed(
    images: Sequence[Image], what: str
) -> tuple[Vector, tuple[Vector, Vector, Vector], tuple[Note, ...]]:
    planes = [image.geometry.patient for image in images]
    spacing = images[0].geometry.spacing
    if spacing is None or any(plane is None for plane in planes):
        raise GeometryError(
            f"{what} needs the place of its slices, which this source does not have",
            hint="'to: npy' and 'to: tiff' keep values without a place; a volume of numpy takes its place "
            "from 'source: {format: volume, spacing: ..., origin: ...}'",
        )
    known = [plane for plane in planes if plane is not None]
    first, last = known[0], known[-1]
    row, column = first.orientation[:3], first.orientation[3:]
    notes: tuple[Note, ...] = ()
    if len(known) > 1:
        way = [(b - a) / (len(known) - 1) for a, b in zip(first.position, last.position, strict=True)]
        if not any(way):
            raise GeometryError("its slices lie in one place, which is no volume")
    else:
        length = first.spacing or first.thickness
        if length is None:
            notes = (Note("thickness-unknown", "nobody says how thick its one slice is; 1 mm is written"),)
        way = [part * (length or 1.0) for part in cross(row, column)]
    step = (way[0], way[1], way[2])
    for number, (image, plane) in enumerate(zip(images, known, strict=True)):
        _check(number, image, plane, images[0], step)
    steps = (scaled(row, spacing[1]), scaled(column, spacing[0]), step)
    return first.position, steps, notes


def _check(number: int, image: Image, plane: PatientPlane, first: Image, step: Vector) -> None:
    """Refuse a slice that is not where it would be in a box. Raises: GeometryError."""
    start, spacing = first.geometry.patient, first.geometry.spacing
    assert start is not None and spacing is not None and image.geometry.spacing is not None
    meant = [a + number * b for a, b in zip(start.position, step, strict=True)]
    apart = math.dist(meant, plane.position)
    turned = max(abs(a - b) for a, b in zip(start.orientation, plane.orientation, strict=True))
    wider = max(abs(a - b) for a, b in zip(spacing, image.geometry.spacing, strict=True))
    if apart > POSITION:
        raise GeometryError(
            f"slice {number + 1} lies {apart:.4g} mm from where slices at equal distances would have it",
            hint="a volume in one file has slices at equal distances",
        )
    if turned > SERIES_DIRECTION or wider > SERIES_SPACING * max(spacing):
        raise GeometryError(f"slice {number + 1} has another orientation or spacing than the first one")
