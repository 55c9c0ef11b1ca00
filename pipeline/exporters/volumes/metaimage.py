"""MetaImage, ``.mha``: values and type exactly, in ITK's coordinates, which are DICOM's own (LPS, mm)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ExportError, SourceError, VerificationError
from ...imaging.image import Image
from ...imaging.vectors import Vector, length
from ...loaders.options import Limits
from ...loaders.volumes.metaimage import TYPES, fields_of, read_header
from ...output import Artifact, Context
from ..base import Contents, Exporter
from ..compare import reading_back
from .stack import Volume, volume_of

if TYPE_CHECKING:
    from ..options import PlainOptions

_NAMES = {code: name for name, code in TYPES.items()}
_PLACE = 1e-6
"""mm by which reading back may differ: direction and spacing are numbers of their own, each rounded."""


def export(images: Sequence[Image], options: PlainOptions, context: Context) -> Artifact:
    """Return slices in order, as one volume. Raises: ExportError, GeometryError."""
    if options.path.lower().endswith(".mhd"):
        raise ExportError("a .mhd has its values in a second file", hint="write one file, .mha")
    volume = volume_of(images, "a MetaImage volume")
    return Artifact((_header(volume), *volume.chunks), lambda path: _check(path, volume), volume.notes)


def _header(volume: Volume) -> bytes:
    lengths = [length(step) for step in volume.steps]
    directions = [part / length for step, length in zip(volume.steps, lengths, strict=True) for part in step]
    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": _numbers(directions),
        "Offset": _numbers(volume.origin),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": _numbers(lengths),
        "DimSize": " ".join(map(str, volume.sizes)),
        "ElementType": _NAMES[volume.dtype.str[1:]],
        "ElementDataFile": "LOCAL",
    }
    return "".join(f"{key} = {value}\n" for key, value in fields.items()).encode("ascii")


def _numbers(numbers: Sequence[float]) -> str:
    return " ".join(repr(float(number) + 0.0) for number in numbers)


def _check(path: Path, volume: Volume) -> None:
    """Read back with our own reader. Raises: VerificationError."""
    limits = Limits(image_pixels=max(2**28, math.prod(volume.sizes)))
    with reading_back(path):
        try:
            header = read_header(path, limits)
        except SourceError as error:
            raise VerificationError(f"cannot be read back: {error}", subject=str(path)) from error
        if header.shape != volume.sizes or header.dtype != volume.dtype or header.notes:
            raise VerificationError("reads back as another volume", subject=str(path))
        places: list[Sequence[Vector]] = [(volume.origin, *volume.steps)]
        if header.grid is not None:
            places.append((header.grid.origin, *header.grid.steps))
        if len(places) != 2 or any(math.dist(a, b) > _PLACE for a, b in zip(*places, strict=True)):
            raise VerificationError("its place reads back as another one", subject=str(path))
        shape = (volume.sizes[2], volume.sizes[1], volume.sizes[0])
        found = np.memmap(path, header.dtype, "r", header.offset, shape)
        volume.same(path, list(found))


def contents(content: bytes) -> Contents:
    """Return (slices, rows, columns), or (rows, columns) of one slice, and the header's fields."""
    fields, end = fields_of(content, Path("content"))
    dtype = np.dtype(TYPES[fields["ElementType"]]).newbyteorder("<")
    columns, rows, slices = map(int, fields["DimSize"].split())
    values = np.frombuffer(content, dtype, offset=end).reshape(slices, rows, columns)
    return Contents(values[0] if slices == 1 else values, fields, colour=False)


EXPORTER = Exporter(export, contents)
