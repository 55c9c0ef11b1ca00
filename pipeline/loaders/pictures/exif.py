"""Read EXIF of JPEG and PNG files by Pillow: tags by name, orientation and resolution."""

from __future__ import annotations

import math
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import SourceError

if TYPE_CHECKING:
    from PIL import Image as Pillow

_EXIF_IFD = 0x8769
_UNIT = {2: 25.4, 3: 10.0}
_FAILURES = (OSError, ValueError, TypeError, KeyError, IndexError, SyntaxError, struct.error, UserWarning)


def read_exif(image: Pillow.Image, path: Path) -> dict[str, Any]:
    """Return text and numbers of the main and the Exif directory, by their EXIF names.

    Raises:
        SourceError: where there is EXIF that cannot be read, since the orientation would be unknown.
    """
    from PIL import ExifTags

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            exif = image.getexif()
            pairs = [*exif.items(), *exif.get_ifd(_EXIF_IFD).items()]
    except _FAILURES:
        raise SourceError(
            "has EXIF that cannot be read, so that its orientation is unknown",
            subject=str(path),
            hint="save it again without EXIF",
        ) from None
    named = ((ExifTags.TAGS.get(tag), _plain(value)) for tag, value in pairs)
    return {name: value for name, value in named if name and value is not None}


def _plain(value: Any) -> Any:
    """Return text, or a number; None for anything else."""
    if isinstance(value, str):
        return value.rstrip("\0 ").strip() or None
    if isinstance(value, int):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def exif_resolution(exif: dict[str, Any]) -> tuple[float | None, float | None, float | None]:
    """Return columns and rows per unit, and the mm of the unit; None for what is not given."""
    across, down = exif.get("XResolution"), exif.get("YResolution")
    numbers = [
        float(value) if isinstance(value, int | float) and value > 0 else None for value in (across, down)
    ]
    return numbers[0], numbers[1], _UNIT.get(exif.get("ResolutionUnit", 2))
