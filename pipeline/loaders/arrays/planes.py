"""Where each slice of a 3D array lies in the patient (PS3.3 C.7.6.2)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import SourceError
from ...imaging.image import Geometry, Origin, PatientPlane

if TYPE_CHECKING:
    from ....schemas.sources import VolumeSource

_TOLERANCE = 1e-4
"""How far direction cosines may be from unit length and from a right angle."""
_DECIMALS = 10
_ORIGINS = dict.fromkeys(("spacing", "patient"), Origin("conversion", "source"))


class Planes:
    """The plane of each slice."""

    def __init__(self, source: VolumeSource, path: Path) -> None:
        self.source = source
        row, column = source.orientation[:3], source.orientation[3:]
        if abs(math.hypot(*row) - 1) > _TOLERANCE or abs(math.hypot(*column) - 1) > _TOLERANCE:
            raise SourceError(
                "cannot be placed: 'orientation' is two direction cosines, each of length 1",
                subject=str(path),
            )
        if abs(sum(r * c for r, c in zip(row, column, strict=True))) > _TOLERANCE:
            raise SourceError(
                "cannot be placed: the direction cosines of 'orientation' are not at a right angle",
                subject=str(path),
            )
        self.normal = (
            row[1] * column[2] - row[2] * column[1],
            row[2] * column[0] - row[0] * column[2],
            row[0] * column[1] - row[1] * column[0],
        )

    def geometry(self, index: int) -> Geometry:
        """Of the slice with this index, from 0."""
        rows, columns, slices = self.source.spacing
        x, y, z = (
            round(start + index * slices * part, _DECIMALS)
            for start, part in zip(self.source.origin, self.normal, strict=True)
        )
        plane = PatientPlane((x, y, z), self.source.orientation, thickness=slices, spacing=slices)
        return Geometry(spacing=(rows, columns), patient=plane, origins=_ORIGINS)
