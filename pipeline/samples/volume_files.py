"""The bytes of small volume files: NIfTI, NRRD and MetaImage, made without their packages."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]
Rows = Sequence[Sequence[float]]

_NIFTI_TYPES = {"int16": 4, "uint16": 512, "float32": 16}
_NRRD_TYPES = {"int16": "int16", "uint16": "uint16", "float32": "float"}
_META_TYPES = {"int16": "MET_SHORT", "uint16": "MET_USHORT", "float32": "MET_FLOAT"}


def nifti(values: Pixels, affine: Rows) -> bytes:
    """Return a NIfTI-1 file of (slices, rows, columns); `affine`: three rows, voxel (i, j, k, 1) to RAS."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *values.shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, _NIFTI_TYPES[values.dtype.name], 8 * values.dtype.itemsize)
    steps = [sum(row[axis] ** 2 for row in affine) ** 0.5 for axis in range(3)]
    struct.pack_into("<8f", header, 76, 1, *steps, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    header[123] = 2
    struct.pack_into("<2h", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, *(part for row in affine for part in row))
    header[344:348] = b"n+1\0"
    return bytes(header) + _little(values)


def nrrd(values: Pixels, origin: Sequence[float], steps: Rows) -> bytes:
    """Return a NRRD file of (slices, rows, columns); LPS, mm."""
    vectors = [f"({','.join(map(repr, vector))})" for vector in (origin, *steps)]
    lines = [
        "NRRD0004",
        f"type: {_NRRD_TYPES[values.dtype.name]}",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {_text(values.shape[::-1])}",
        f"space directions: {' '.join(vectors[1:])}",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: raw",
        f"space origin: {vectors[0]}",
    ]
    return "\n".join([*lines, "", ""]).encode() + _little(values)


def metaimage(values: Pixels, origin: Sequence[float], spacing: Sequence[float]) -> bytes:
    """Return a MetaImage file of (slices, rows, columns), its axes along x, y and z; LPS, mm."""
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "TransformMatrix = 1 0 0 0 1 0 0 0 1",
        f"Offset = {_text(origin)}",
        f"ElementSpacing = {_text(spacing)}",
        f"DimSize = {_text(values.shape[::-1])}",
        f"ElementType = {_META_TYPES[values.dtype.name]}",
        "ElementDataFile = LOCAL",
    ]
    return "\n".join([*lines, ""]).encode() + _little(values)


def _text(numbers: Sequence[float]) -> str:
    return " ".join(map(str, numbers))


def _little(values: Pixels) -> bytes:
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
