"""Give TIFF tags by name, as text and numbers; tables that only say where the pixels lie are left out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tifffile import TiffPage

_TABLES = frozenset({273, 279, 288, 289, 301, 320, 324, 325, 330, 347, 513, 514, 519, 520, 521, 529, 532})
_EXIF = 34665
_RATIONALS = frozenset({5, 10})
_LONGEST_LIST = 64


def properties_of(page: TiffPage) -> dict[str, Any]:
    """Return text, numbers and short lists of numbers by the tag's name; EXIF's own tags by theirs."""
    found: dict[str, Any] = {}
    for tag in page.tags:
        if tag.code == _EXIF and isinstance(tag.value, dict):
            found |= {str(name): plain(value) for name, value in tag.value.items()}
        elif tag.code not in _TABLES:
            is_rational = int(tag.dtype) in _RATIONALS
            value = rational(tag.value) if is_rational and tag.count == 1 else plain(tag.value)
            found[str(tag.name)] = value
    return {name: value for name, value in found.items() if value is not None}


def plain(value: Any) -> Any:
    """Return text, a number or a short list of numbers; None for bytes and tables."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple | list) and len(value) <= _LONGEST_LIST:
        items = [plain(item) for item in value]
        return items if all(isinstance(item, int | float) for item in items) else None
    return None


def rational(value: Any) -> float | None:
    """Return a rational above 0 as a number; None for anything else."""
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, int) for part in value):
        return value[0] / value[1] if value[1] > 0 and value[0] > 0 else None
    if isinstance(value, int | float) and value > 0:
        return float(value)
    return None
