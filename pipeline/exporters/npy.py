"""Write npy: the values exactly, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ExportError
from ..imaging.image import Image
from ..output import Artifact, Context
from .base import Contents, Exporter
from .compare import reading_back, same_pixels

if TYPE_CHECKING:
    from .options import PlainOptions


def export(images: Sequence[Image], options: PlainOptions, context: Context) -> Artifact:
    """Return images as one array: (rows, columns) or (rows, columns, samples).

    Several stacked in a new first axis.

    Format version 1.0, C order, little endian.

    Raises:
        ExportError: no image, or images of different shapes or types.
    """
    if not images:
        raise ExportError("there is no image to write")
    first = images[0].pixels
    for number, image in enumerate(images, start=1):
        if image.pixels.shape != first.shape or image.pixels.dtype != first.dtype:
            raise ExportError(
                f"image {number} is {image.pixels.dtype} {image.pixels.shape}, the first one {first.dtype} "
                f"{first.shape}; one array holds one kind",
                hint="write a file per page, with {page} in its path",
            )
    little = first.dtype.newbyteorder("<")
    header = io.BytesIO()
    shape = first.shape if len(images) == 1 else (len(images), *first.shape)
    np.lib.format.write_array_header_1_0(
        header, {"descr": np.lib.format.dtype_to_descr(little), "fortran_order": False, "shape": shape}
    )
    arrays = [np.ascontiguousarray(image.pixels, dtype=little) for image in images]

    def check(path: Path) -> None:
        with reading_back(path):
            found = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
        stacked = found.reshape(len(arrays), *first.shape) if found.shape == shape else found[np.newaxis]
        for array, part in zip(arrays, stacked, strict=True):
            same_pixels(path, array, part)

    return Artifact((header.getvalue(), *(array.reshape(-1).view(np.uint8).data for array in arrays)), check)


def contents(content: bytes) -> Contents:
    """Return the array of an output."""
    return Contents(np.load(io.BytesIO(content), allow_pickle=False), {}, colour=False)


EXPORTER = Exporter(export, contents)
