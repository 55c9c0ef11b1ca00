"""The header of a NIfTI-1 file (nifti1.h), with arithmetic that is the same on every machine.

It is written here since nibabel finds the quaternion by LAPACK, whose last bits depend on the processor, and
takes longer to be imported than a volume to be converted.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...imaging.vectors import Vector, cross, dot, length, scaled
from ...loaders.volumes.nifti import TYPES

if TYPE_CHECKING:
    import numpy as np

BYTES = 352
"""Bytes before the values: the header, and four that say that no extension follows."""
_FORM = struct.Struct("<i10s18sihcb8h3f4h8f3fhbb4f2i80s24s2h6f12f16s4s4x")
_SCANNER = 1
_MM = 2
_CODES = {name: code for code, name in TYPES.items()}


def header_of(
    sizes: Sequence[int], dtype: np.dtype[Any], origin: Vector, steps: tuple[Vector, Vector, Vector]
) -> bytes:
    """Return 352 bytes; sform and qform say one place, in RAS and mm, both with code 1 (scanner).

    Args:
        sizes: voxels along i, j and k.
        dtype: of the values.
        origin, steps: centre of the first voxel, and the ways to its neighbours; LPS.
    """
    ways = [_ras(step) for step in steps]
    start = _ras(origin)
    lengths = [length(way) for way in ways]
    hand, quaternion = _quaternion([scaled(way, 1 / size) for way, size in zip(ways, lengths, strict=True)])
    rows = [(*(way[axis] for way in ways), start[axis]) for axis in range(3)]
    return _FORM.pack(
        348, b"", b"", 0, 0, b"\0", 0, 3, *sizes, 1, 1, 1, 1, 0.0, 0.0, 0.0,
        0, _CODES[dtype.str[1:]], 8 * dtype.itemsize, 0, hand, *lengths, 1.0, 1.0, 1.0, 1.0,
        float(BYTES), 1.0, 0.0, 0, 0, _MM, 0.0, 0.0, 0.0, 0.0, 0, 0, b"", b"", _SCANNER, _SCANNER,
        *quaternion, *start, *rows[0], *rows[1], *rows[2], b"", b"n+1",
    )  # fmt: skip


def _ras(vector: Vector) -> Vector:
    """Turn LPS into RAS."""
    return -vector[0] + 0.0, -vector[1] + 0.0, vector[2] + 0.0


def _quaternion(axes: Sequence[Vector]) -> tuple[float, tuple[float, float, float]]:
    """Return qfac (-1 for a left-handed grid), and b, c, d of the turn (nifti1.h, method 2)."""
    x, y, z = axes
    hand = -1.0 if dot(cross(x, y), z) < 0 else 1.0
    z = scaled(z, hand)
    trace = x[0] + y[1] + z[2]
    if trace + 1 > 0.5:
        a = 0.5 * math.sqrt(trace + 1)
        return hand, (0.25 * (y[2] - z[1]) / a, 0.25 * (z[0] - x[2]) / a, 0.25 * (x[1] - y[0]) / a)
    squares = (1 + x[0] - y[1] - z[2], 1 + y[1] - x[0] - z[2], 1 + z[2] - x[0] - y[1])
    largest = squares.index(max(squares))
    part = 0.5 * math.sqrt(squares[largest])
    across = ((x[1] + y[0]), (x[2] + z[0]), (y[2] + z[1]))
    if largest == 0:
        found, a = (part, 0.25 * across[0] / part, 0.25 * across[1] / part), 0.25 * (y[2] - z[1]) / part
    elif largest == 1:
        found, a = (0.25 * across[0] / part, part, 0.25 * across[2] / part), 0.25 * (z[0] - x[2]) / part
    else:
        found, a = (0.25 * across[1] / part, 0.25 * across[2] / part, part), 0.25 * (x[1] - y[0]) / part
    return hand, scaled(found, -1.0) if a < 0 else found
