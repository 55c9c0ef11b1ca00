"""Read a picture by Pillow, imagecodecs and tifffile: its properties, and its pixels."""

from __future__ import annotations

import io

import numpy as np

from ..base import Contents

_WHERE_IT_LIES = frozenset({"StripOffsets", "StripByteCounts", "TileOffsets", "TileByteCounts"})
"""Tags about the TIFF file, not about its image."""


def png_contents(content: bytes) -> Contents:
    """Return the properties and pixels of a PNG."""
    import imagecodecs

    tags = _properties(content)
    pixels = imagecodecs.png_decode(content)
    return Contents(pixels, tags, pixels.ndim == 3)


def jpg_contents(content: bytes) -> Contents:
    """Return the properties and pixels of a JPEG."""
    import imagecodecs

    tags = _properties(content)
    pixels = imagecodecs.jpeg8_decode(content)
    return Contents(pixels, tags, pixels.ndim == 3)


def _properties(content: bytes) -> dict[str, object]:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as picture:
        return {str(key): value for key, value in picture.info.items()}


def tiff_contents(content: bytes) -> Contents:
    """Return the tags of every page, and the pages, stacked where there are several."""
    from tifffile import TiffFile

    with TiffFile(io.BytesIO(content)) as file:
        tags: dict[str, object] = {
            f"page {number}: {tag.name}" if len(file.pages) > 1 else str(tag.name): tag.value
            for number, page in enumerate(file.pages)
            for tag in page.aspage().tags
            if tag.name not in _WHERE_IT_LIES
        }
        pages = [page.asarray() for page in file.pages]
        colour = file.pages.first.samplesperpixel > 1
    return Contents(pages[0] if len(pages) == 1 else np.stack(pages), tags, colour)
