"""What ImageJ writes into a TIFF's ImageDescription: how many images of what, spacing, unit, calibration.

The first line is ``ImageJ=VERSION``, then ``key=value`` lines (ij.io.TiffEncoder and FileOpener, public
domain). XResolution and YResolution count pixels per ``unit``, whatever ResolutionUnit says; ``spacing`` is
the distance of slices; a negative one is read as positive. ``cf=0`` is a straight line from stored to
calibrated values: that is how ImageJ stores signed 16 bits (``c0=-32768``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from ...errors import SourceError

_MILLIMETRES = {
    "nm": 1e-6, "nanometer": 1e-6,
    "um": 1e-3, "\u00b5m": 1e-3, "\u03bcm": 1e-3, "\\u00b5m": 1e-3, "micron": 1e-3, "microns": 1e-3,
    "micrometer": 1e-3,
    "mm": 1.0, "millimeter": 1.0, "millimetre": 1.0,
    "cm": 10.0, "centimeter": 10.0, "centimetre": 10.0,
    "m": 1000.0, "meter": 1000.0, "metre": 1000.0,
    "in": 25.4, "inch": 25.4, "inches": 25.4,
}  # fmt: skip
_DECIMALS = 10
_STRAIGHT = 0


class ImageJ(Struct, frozen=True):
    """The parts of a description that a volume needs; lengths in mm, None where it does not say them."""

    pixel: tuple[float, float] | None
    """Between rows, between columns."""
    step: float | None
    """Between slices."""
    images: int
    channels: int
    times: int
    rescale: tuple[float, float] | None
    """Slope and intercept of calibrated values."""


def imagej_of(properties: Mapping[str, Any], path: Path) -> ImageJ | None:
    """Return what ImageJ says in a TIFF's tags; None where the file is not from it.

    Raises: SourceError for a calibration that is no straight line.
    """
    text = str(properties.get("ImageDescription") or "")
    if not text.startswith("ImageJ="):
        return None
    found = dict(line.strip().split("=", 1) for line in text.splitlines() if "=" in line)
    unit = found.get("unit", "")
    down = _length(properties.get("YResolution"), found.get("yunit", unit), inverse=True)
    across = _length(properties.get("XResolution"), unit, inverse=True)
    return ImageJ(
        pixel=None if down is None or across is None else (down, across),
        step=_length(found.get("spacing"), found.get("zunit", unit)),
        images=_count(found, "images"),
        channels=_count(found, "channels"),
        times=_count(found, "frames"),
        rescale=_rescale(found, path),
    )


def _length(text: Any, unit: str, *, inverse: bool = False) -> float | None:
    scale, number = _MILLIMETRES.get(unit.strip().lower()), _number(text)
    if scale is None or number is None or number == 0:
        return None
    return round(scale / abs(number) if inverse else scale * abs(number), _DECIMALS) or None


def _number(text: Any) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _count(found: Mapping[str, str], key: str) -> int:
    text = found.get(key, "1")
    return int(text) if text.isdecimal() and len(text) < 10 else 1


def _rescale(found: Mapping[str, str], path: Path) -> tuple[float, float] | None:
    if "cf" not in found:
        return None
    intercept, slope = (_number(found.get(key)) for key in ("c0", "c1"))
    if found["cf"] != str(_STRAIGHT) or intercept is None or slope is None or slope == 0:
        raise SourceError(
            f"has values that ImageJ calibrates by its function {found['cf']}, which is no straight line",
            subject=str(path),
            hint="clear it in ImageJ (Analyze > Calibrate, None), or save the calibrated values as 32 bits",
        )
    return slope, intercept
