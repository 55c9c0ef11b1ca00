"""Decode TIFF pages whose strips or tiles are JPEG or JPEG 2000 streams, each checked before it is decoded.

tifffile does not decode these: it takes as much memory as a stream claims, and gives what libjpeg refuses to
a decoder that damaged data crash.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from ...errors import SourceError
from ...imaging.image import Pixels
from ..codecs.jpeg import CodestreamError, TruncatedError, read_jpeg, read_jpeg_header
from ..codecs.jpeg2000 import read_jpeg2000
from ..codecs.jpeg_pixels import decode_jpeg

if TYPE_CHECKING:
    from tifffile import TiffPage

JPEG = 7
JPEG_2000 = frozenset({33003, 33004, 33005, 34712})
STREAMS = JPEG_2000 | {JPEG}
"""Compressions whose strips and tiles are streams with headers of their own."""
_RGB, _YCBCR = 2, 6


class _Place(Struct, frozen=True):
    """The place of a strip or tile in the page, and its size before it is cut to the page."""

    plane: int
    top: int
    left: int
    rows: int
    columns: int


def decode_streams(page: TiffPage, path: Path) -> Pixels:
    """Return the pixels of a page, (rows, columns) or (rows, columns, samples). Raises: SourceError."""
    separate = page.planarconfig == 2 and page.samplesperpixel > 1
    samples = 1 if separate else page.samplesperpixel
    shape = (page.samplesperpixel if separate else 1, page.imagelength, page.imagewidth, samples)
    whole = np.empty(shape, page.dtype)
    for index, (place, data) in enumerate(zip(_places(page), _pieces(page), strict=True)):
        try:
            pixels = _decoded(page, place, data, whole.dtype, samples)
        except CodestreamError as error:
            how = "truncated" if isinstance(error, TruncatedError) else "damaged"
            raise SourceError(
                f"is a damaged TIFF: the {_name(page)} of strip or tile {index + 1} is {how}: {error}",
                subject=str(path),
            ) from None
        target = whole[
            place.plane, place.top : place.top + place.rows, place.left : place.left + place.columns
        ]
        target[...] = pixels[: target.shape[0], : target.shape[1]]
    found = np.moveaxis(whole[..., 0], 0, -1) if separate else whole[0]
    return found[..., 0] if found.shape[-1] == 1 else found


def _name(page: TiffPage) -> str:
    return "JPEG" if page.compression == JPEG else "JPEG 2000"


def _places(page: TiffPage) -> Iterator[_Place]:
    """Yield the places of every strip or tile in the order of the file: planes, then rows, then columns."""
    rows = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
    columns = page.tilewidth if page.is_tiled else page.imagewidth
    for plane in range(page.samplesperpixel if page.planarconfig == 2 else 1):
        for down in range(ceil(page.imagelength / rows)):
            for across in range(ceil(page.imagewidth / columns)):
                yield _Place(plane, down * rows, across * columns, rows, columns)


def _pieces(page: TiffPage) -> Iterator[bytes]:
    file = page.parent.filehandle
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        file.seek(offset)
        yield file.read(count)


def _decoded(page: TiffPage, place: _Place, data: bytes, dtype: np.dtype, samples: int) -> Pixels:
    """Return (rows, columns, samples) of one strip or tile. Raises: CodestreamError."""
    pixels = (_jpeg if int(page.compression) == JPEG else _jpeg2000)(page, place, data, samples)
    if pixels.dtype != dtype.newbyteorder("="):
        raise CodestreamError(f"it decodes to {pixels.dtype.name} where the page has {dtype.name}")
    return pixels.reshape(*pixels.shape[:2], samples)


def _jpeg(page: TiffPage, place: _Place, data: bytes, samples: int) -> Pixels:
    header = read_jpeg_header(data)
    _check_size(page, place, (header.rows, header.columns, header.components), samples)
    options: dict[str, str | bytes] = {}
    if page.jpegtables is not None:
        options["tables"] = page.jpegtables
    if samples == 3 and page.photometric in (_RGB, _YCBCR) and not page.extrasamples:
        options["outcolorspace"] = "RGB"
        if page.photometric == _RGB and not header.jfif:
            options["colorspace"] = "RGB"
    return decode_jpeg(data, read_jpeg(data), **options)


def _jpeg2000(page: TiffPage, place: _Place, data: bytes, samples: int) -> Pixels:
    import imagecodecs

    header = read_jpeg2000(data)
    _check_size(page, place, (header.rows, header.columns, header.samples), samples)
    try:
        return np.asarray(imagecodecs.jpeg2k_decode(data[: header.end]))
    except (ValueError, RuntimeError, TypeError, MemoryError) as error:
        raise CodestreamError(f"its decoder says: {' '.join(str(error).split())[:200]}") from None


def _check_size(page: TiffPage, place: _Place, claim: tuple[int, int, int], samples: int) -> None:
    """Check that a stream covers its part of the page, and claims no more than its strip or tile."""
    rows = min(place.rows, page.imagelength - place.top)
    columns = min(place.columns, page.imagewidth - place.left)
    if not (rows <= claim[0] <= place.rows and columns <= claim[1] <= place.columns and claim[2] == samples):
        raise CodestreamError(
            f"it claims {claim[0]} x {claim[1]} x {claim[2]} values "
            f"in a place of {rows} x {columns} x {samples}"
        )
