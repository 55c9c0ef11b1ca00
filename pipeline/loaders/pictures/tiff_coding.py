"""Tell whether a TIFF page's compressed strips or tiles can be decoded truly, and what they lost."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import SourceError
from ...imaging.image import Lossy
from ..codecs.jpeg import LOSSLESS, CodestreamError, read_jpeg_header
from ..codecs.jpeg2000 import read_jpeg2000
from .page import ratio
from .tiff_streams import JPEG, JPEG_2000, STREAMS

if TYPE_CHECKING:
    from tifffile import TiffPage

_EXACT = frozenset({1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000, 32771})
"""None, CCITT, LZW, Deflate, PackBits, LZMA, Zstandard: lossless compressions."""


def check_coding(page: TiffPage, path: Path) -> None:
    """Refuse compressions that are not read, or of which it is unknown whether they lost anything."""
    number = int(page.compression)
    if number not in _EXACT | STREAMS:
        name = getattr(page.compression, "name", number)
        raise SourceError(f"is compressed with {name}, which is not read", subject=str(path))


def check_segments(page: TiffPage, path: Path) -> None:
    """Check that every strip or tile lies within the file: tifffile would fill a missing one with zeros.

    Raises:
        SourceError: with the first one that does not.
    """
    expected = _segments(page)
    size = page.parent.filehandle.size
    if len(page.dataoffsets) != expected or len(page.databytecounts) != expected:
        raise SourceError(
            f"is a damaged TIFF: it needs {expected} strips or tiles and lists {len(page.dataoffsets)}",
            subject=str(path),
        )
    for index, (offset, count) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        if count <= 0 or offset <= 0:
            raise SourceError(f"is a damaged TIFF: strip or tile {index + 1} is missing", subject=str(path))
        if offset + count > size:
            raise SourceError(
                f"is a truncated TIFF: strip or tile {index + 1} ends at byte {offset + count} of {size}",
                subject=str(path),
            )


def _segments(page: TiffPage) -> int:
    planes = page.samplesperpixel if page.planarconfig == 2 else 1
    if page.is_tiled:
        across = math.ceil(page.imagewidth / page.tilewidth)
        return planes * across * math.ceil(page.imagelength / page.tilelength)
    return planes * math.ceil(page.imagelength / page.rowsperstrip)


def lossy_of(page: TiffPage) -> Lossy | None:
    """Return what its compression lost: JPEG unless lossless, JPEG 2000 with the irreversible wavelet."""
    number = int(page.compression)
    if number == JPEG and not _lossless_jpeg(_first(page)):
        return Lossy("ISO_10918_1", _ratio(page))
    if number in JPEG_2000 and _irreversible(_first(page)):
        return Lossy("ISO_15444_1", _ratio(page))
    return None


def _first(page: TiffPage) -> bytes:
    file = page.parent.filehandle
    file.seek(page.dataoffsets[0])
    return bytes(file.read(page.databytecounts[0]))


def _lossless_jpeg(data: bytes) -> bool:
    try:
        return read_jpeg_header(data).sof == LOSSLESS
    except CodestreamError:
        return False


def _irreversible(data: bytes) -> bool:
    try:
        return read_jpeg2000(data).irreversible
    except CodestreamError:
        return True


def _ratio(page: TiffPage) -> float:
    bits = page.imagelength * page.imagewidth * page.samplesperpixel * int(page.bitspersample)
    return ratio(bits // 8, sum(page.databytecounts))
