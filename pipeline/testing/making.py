"""Make the input files of a test, as bytes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from ...schemas.testing.made_inputs import (
    AnyInput,
    CylinderInput,
    FieldInput,
    NoiseInput,
    StarInput,
    WedgeInput,
)
from ..dicom.build.overrides import apply_overrides
from ..errors import ExportError
from ..inputs.render import Scope, render
from ..loaders.options import Limits
from ..samples import files, phantoms, volume_files, xim
from ..samples.phantoms import Grid, noise, whole

Pixels = npt.NDArray[Any]
COLOURS = (1.0, 0.9, 0.55)
_HALF_SPREAD = 3.5
"""`noise` lies within so many standard deviations."""


def made_files(made: AnyInput, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Yield path (with /) and content of each file of an input.

    Raises: ExportError, for a tag's value and for a file that `limits` would not let the recipe read.
    """
    _check_size(made, limits)
    for index in range(1, made.count + 1):
        pixels = pixels_of(made, made.seed + index - 1)
        parts = _slices(pixels) if made.format == "ct-series" else [pixels]
        for number, part in enumerate(parts, 1):
            name = render(made.name, Scope(path="", index=index, page=number)).replace("\\", "/")
            yield name, encoded(made, part, name, (index, number))


def _check_size(made: AnyInput, limits: Limits) -> None:
    """Refuse sizes before memory is taken for them. Raises: ExportError."""
    values = math.prod(made.shape) * made.pages * (len(COLOURS) if made.colour else 1)
    for what, claimed, name in (
        ("values", values, "image_pixels"),
        ("bytes of header", made.header_bytes, "header_bytes"),
    ):
        if claimed > getattr(limits, name):
            raise ExportError(
                f"would have {claimed} {what}, more than the limit of {getattr(limits, name)}",
                subject=made.name,
                hint=f"make it smaller, or raise limits.{name} in the recipe",
            )


def pixels_of(made: AnyInput, seed: int) -> Pixels:
    """Return the pixels of a made file: (rows, columns) and, after them, slices or the samples of colour."""
    low, high = made.values
    picture = low + (high - low) * picture_of(made, seed)
    if made.sigma:
        picture = picture + made.sigma * noise(made.shape, seed)
    if made.colour:
        picture = np.stack([picture * factor for factor in COLOURS], axis=-1)
    return _typed(picture, made.holds)


def _typed(picture: Grid, dtype: str) -> Pixels:
    return picture.astype(dtype) if dtype.startswith("float") else whole(picture, dtype)


def picture_of(made: AnyInput, seed: int = 0) -> Grid:
    """Return the phantom, from 0 to 1 but for a volume's wire; in the shape of the file."""
    plane, slices = (made.shape[0], made.shape[1]), made.shape[2:]
    match made:
        case FieldInput():
            rows, columns = made.size[0] / 2, made.size[1] / 2
            jaws = (-columns, columns, -rows, rows)
            picture = phantoms.field(plane, made.pitch, jaws, penumbra=made.penumbra)
        case WedgeInput():
            picture = phantoms.wedge(plane, made.steps, border=made.border)
        case StarInput():
            picture = phantoms.star(plane, made.pitch, made.angles, width=made.width)
        case NoiseInput():
            return 0.5 + noise(made.shape, seed) / (2 * _HALF_SPREAD)
        case CylinderInput():
            return _cylinder(made)
        case _:
            assert_never(made)
    return np.repeat(picture[:, :, np.newaxis], slices[0], axis=2) if slices else picture


def _cylinder(made: CylinderInput) -> Grid:
    count = made.shape[2] if len(made.shape) == 3 else 2
    shape = (made.shape[0], made.shape[1], count)
    volume = (phantoms.cylinder(shape, (*made.pitch, 1.0), radius=made.radius) + 1000.0) / 1000.0
    return volume if len(made.shape) == 3 else volume[:, :, 1]


def encoded(made: AnyInput, pixels: Pixels, name: str, place: tuple[int, int]) -> bytes:
    """Return a file of the input's format, or one slice of a CT series.

    `place`: which file it is, and which slice of it, from 1. Raises: ExportError (a tag's value).
    """
    match made.format:
        case "xim":
            return xim.encode(pixels, _properties(made))
        case "dicom":
            return _dicom(made, pixels, name)
        case "tiff":
            return files.tiff(*[pixels] * made.pages, dpi=made.dpi)
        case "png" | "jpeg" | "bmp":
            return files.picture(pixels, made.format.upper(), dpi=made.dpi)
        case "npy":
            return files.npy(pixels)
        case "npz":
            return files.npz(**{made.key: pixels})
        case "nifti" | "metaimage":
            return _volume(made, pixels)
        case "ct-series":
            return _ct_slice(made, pixels, *place)
        case "cyberknife-raw":
            return files.cyberknife(pixels)
        case "visionrt-raw":
            return files.visionrt(pixels)
        case "raw":
            header = b"made".ljust(made.header_bytes, b"\0")[: made.header_bytes]
            return files.flat(pixels, byte_order=made.byte_order, header=header)
        case _:
            assert_never(made.format)


def _volume(made: AnyInput, pixels: Pixels) -> bytes:
    """Return a volume whose first voxel lies at 0, 0, 0, and whose axes are x, y and z (LPS)."""
    if made.format == "metaimage":
        return volume_files.metaimage(_slices(pixels), (0.0, 0.0, 0.0), (*made.pitch[::-1], 1.0))
    rows, columns = made.pitch  # counted to the right and to the front
    affine = ((-columns, 0.0, 0.0, 0.0), (0.0, -rows, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0))
    return volume_files.nifti(_slices(pixels), affine)


def _ct_slice(made: AnyInput, plane: Pixels, index: int, number: int) -> bytes:
    """Return a slice at the place that `_volume` gives it. Raises: ExportError."""
    place = (0.0, 0.0, number - 1.0)
    scan = f"test {made.name} {index}"
    dataset = files.ct_image(plane, number=number, position=place, spacing=(*made.pitch, 1.0), scan=scan)
    apply_overrides(dataset, made.tags)
    return files.dicom(dataset)


def _slices(pixels: Pixels) -> Pixels:
    """Return (slices, rows, columns) of rows and columns, with slices or without."""
    return np.moveaxis(np.atleast_3d(pixels), 2, 0)


def _properties(made: AnyInput) -> dict[str, xim.Property]:
    return xim.mv_properties(
        gantry=made.gantry or 0.0,
        collimator=made.collimator or 0.0,
        couch=made.couch or 0.0,
        sid=made.sid or 1500.0,
        pixel=made.pitch,
        tag="test",
    )


def _dicom(made: AnyInput, pixels: Pixels, name: str) -> bytes:
    dataset = files.rt_image(
        pixels,
        name=name,
        spacing=made.pitch,
        sid=made.sid or 1500.0,
        sad=made.sad or 1000.0,
        gantry=made.gantry or 0.0,
        collimator=made.collimator or 0.0,
        couch=made.couch or 0.0,
        machine=made.machine or "TB1",
        rescale=made.rescale,
    )
    apply_overrides(dataset, made.tags)
    return files.dicom(dataset)
