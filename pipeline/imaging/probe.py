"""What a file's headers say of its image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .image import Geometry


@dataclass(frozen=True, slots=True)
class Probe:
    """What the headers of a file say, no pixel read."""

    format: str
    shape: tuple[int, ...]
    """(rows, columns), or (rows, columns, samples); of the first page."""
    dtype: str
    pages: int
    """Pages, frames or slices."""
    geometry: Geometry = field(default_factory=Geometry)
    properties: Mapping[str, Any] = field(default_factory=dict)
