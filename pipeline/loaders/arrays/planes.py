"""Compute the place of each slice of a 3D array in the patient (PS3.3 C.7.6.2)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import SourceError
from ...imaging.image import Geometry, Origin, PatientPlane
from ...imaging.tolerances import orthonormal
from ...imaging.vectors import normal_of

if TYPE_CHECKING:
    from ..options import VolumeOptions

_DECIMALS = 10
_ORIGINS = dict.fromkeys(("spacing", "patient"), Origin("conversion", "source"))


class Planes:
    """The plane of each slice."""

    def __init__(self, source: VolumeOptions, path: Path) -> None:
        self.source = source
        if not orthonormal(source.orientation):
            raise SourceError(
                "cannot be placed: 'orientation' is two directions of length 1 at a right angle",
                subject=str(path),
            )
        x, y, z = normal_of(source.orientation)
        length = math.sqrt(x * x + y * y + z * z)
        self.normal = (x / length, y / length, z / length)

    def geometry(self, index: int) -> Geometry:
        """Return the geometry of the slice with this index, from 0."""
        rows, columns, slices = self.source.spacing
        x, y, z = (
            round(start + index * slices * part, _DECIMALS)
            for start, part in zip(self.source.origin, self.normal, strict=True)
        )
        plane = PatientPlane((x, y, z), self.source.orientation, thickness=slices, spacing=slices)
        return Geometry(spacing=(rows, columns), patient=plane, origins=_ORIGINS)
