"""The result of reading a file's headers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from .image import Geometry

if TYPE_CHECKING:
    from pydicom import Dataset


class Probe(Struct, frozen=True):
    """Shape, type, pages, geometry and properties by the headers of a file, no pixel read."""

    format: str
    shape: tuple[int, ...]
    """(rows, columns), or (rows, columns, samples); of the first page."""
    dtype: str
    pages: int
    """Pages, frames or slices."""
    geometry: Geometry = field(default_factory=Geometry)
    properties: Mapping[str, Any] = field(default_factory=dict)
    attributes: Dataset | None = None
    """DICOM attributes that the properties imply, where the file is no DICOM."""
    volumes: int = 1
    """Volumes of one file, each of `pages` slices."""
    in_ranges: bool = True
    """Whether some pages can be read without those before them: not where values are packed."""
    parts: tuple[Path, ...] = ()
    """Files beside this one that hold its values."""
