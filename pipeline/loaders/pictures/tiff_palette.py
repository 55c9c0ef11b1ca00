"""Read the colour table of a TIFF palette picture (TIFF 6.0, section 5)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import Note, SourceError
from ...imaging.image import Pixels

if TYPE_CHECKING:
    from tifffile import TiffPage

_COLOR_MAP = 320
_STRETCH = 257
"""16-bit full scale / 8-bit full scale."""


def palette_of(page: TiffPage, path: Path) -> tuple[Pixels, tuple[Note, ...]]:
    """Return colours by index, (entries, 3): uint16, or uint8 where every entry is an 8-bit value times 257.

    Raises:
        SourceError: no table, or one of another length than 3 x 2^bits.
    """
    entries = 2 ** int(page.bitspersample)
    table = np.asarray(page.tags.valueof(_COLOR_MAP, ()), dtype=np.uint16)
    if int(page.bitspersample) > 16 or table.size != 3 * entries:
        raise SourceError(
            f"is a damaged TIFF: a palette of {table.size} values, where {page.bitspersample} bits need "
            f"{3 * entries}",
            subject=str(path),
        )
    colours = np.ascontiguousarray(table.reshape(3, entries).T)
    if not (colours % _STRETCH).any():
        return (colours // _STRETCH).astype(np.uint8), ()
    if int(colours.max()) < 256:
        note = Note("palette-8bit", "the palette runs to 255 of 65535; it is read as one of 8 bits")
        return colours.astype(np.uint8), (note,)
    return colours, ()
