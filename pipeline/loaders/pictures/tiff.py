"""Load TIFF by tifffile: 1 to 64 bits, signed and float, 48-bit colour, tiles, planes, BigTIFF, pages.

Values are those in the file. Bilevel pictures are bool. WhiteIsZero keeps its numbers and is MONOCHROME1. A
palette gives its colours, 16 bits deep unless every entry is an 8-bit value stretched. What has no defined
grey or RGB (ink, Lab, YCbCr outside JPEG) is refused, as are pages with missing or short strips, which
tifffile would fill with zeros.
"""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from ...errors import Note, SourceError
from ...imaging.exact import native
from ...imaging.image import Geometry, Pixels
from ..base import check_claim
from ..files import opened
from ..said import said_by
from .page import (
    BROKEN,
    Page,
    Pages,
    known_orientation,
    resolution,
    turned,
    turned_geometry,
    turned_shape,
    whole,
)
from .tiff_coding import check_coding, check_segments, lossy_of
from .tiff_directories import check_directories
from .tiff_palette import palette_of
from .tiff_streams import STREAMS, decode_streams
from .tiff_tags import properties_of, rational

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

    from ..options import Limits

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_REFUSED = {
    4: "a transparency mask",
    5: "ink (CMYK)",
    8: "CIE L*a*b*",
    9: "ICC L*a*b*",
    10: "ITU L*a*b*",
    32803: "a colour filter's samples",
    32844: "LogL",
    32845: "LogLuv",
    34892: "linear raw samples",
}
_JPEG = 7
_PHOTOMETRIC, _ORIENTATION, _ACROSS, _DOWN, _UNIT = 262, 274, 282, 283, 296
_MILLIMETRES = {2: 25.4, 3: 10.0}
_REDUCED, _MASK = 1, 4
_MOST_EXTRA = 8
_OLD_REDUCED = 2
FAILURES = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    EOFError,
    struct.error,
    zlib.error,
)
"""Exceptions of tifffile and its codecs on damaged files, besides TiffFileError."""


@contextmanager
def open_tiff(path: Path, limits: Limits) -> Iterator[Pages]:
    """Yield the pages of a file without thumbnails and masks. Raises: SourceError."""
    with _quiet(), opened(path) as file:
        lost = check_directories(file, path, limits.frames)
        tiff = _opened(file, path)
        try:
            chosen = _chosen(tiff, path, limits)
            yield Pages(len(chosen), lambda index: _page(tiff, chosen[index], path, limits, lost))
        finally:
            tiff.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence tifffile's log: what matters in it is checked here and raised as an error."""
    log = logging.getLogger("tifffile")
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before


@contextmanager
def _failures(path: Path) -> Iterator[None]:
    from tifffile import TiffFileError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (*FAILURES, TiffFileError) as error:
        raise SourceError(
            f"is a damaged TIFF, or of a kind that is not read: {said_by(error, BROKEN)}", subject=str(path)
        ) from None


def _opened(file: Any, path: Path) -> TiffFile:
    from tifffile import TiffFile

    with _failures(path):
        return TiffFile(file, name=path.name)


def _chosen(tiff: TiffFile, path: Path, limits: Limits) -> list[int]:
    """Return the indices of the directories that are pages; of a file with only thumbnails, all."""
    with _failures(path):
        count = len(tiff.pages)
        if count == 0:
            raise SourceError("is a TIFF without a page, or one that ends before it", subject=str(path))
        check_claim(path, limits, rows=1, columns=1, pages=count)
        kinds = [_is_page(tiff.pages[index]) for index in range(count)]
    return [index for index, is_page in enumerate(kinds) if is_page] or list(range(count))


def _is_page(page: Any) -> bool:
    new, old = page.tags.valueof(254, 0), page.tags.valueof(255, 0)
    return not (isinstance(new, int) and new & (_REDUCED | _MASK)) and old != _OLD_REDUCED


def _page(tiff: TiffFile, index: int, path: Path, limits: Limits, lost: tuple[Note, ...]) -> Page:
    with _failures(path):
        page: Any = tiff.pages[index]
        found = _described(page, path, limits)
    return replace(found, notes=found.notes + lost)


def _described(page: TiffPage, path: Path, limits: Limits) -> Page:
    rows, columns, samples = page.imagelength, page.imagewidth, page.samplesperpixel
    check_claim(path, limits, rows=rows, columns=columns, samples=samples)
    if page.dtype is None or page.imagedepth != 1:
        raise SourceError(
            f"holds {page.imagedepth} planes of {page.bitspersample}-bit samples of format "
            f"{int(page.sampleformat)}, which is not read",
            subject=str(path),
        )
    if page.dtype.kind == "c":
        raise SourceError(f"holds {page.dtype.name} values, which are no pixels", subject=str(path))
    check_coding(page, path)
    check_segments(page, path)
    kind, extra = _kind(page, path)
    palette, notes = palette_of(page, path) if kind == "palette" else (None, ())
    orientation, more = known_orientation(page.tags.valueof(_ORIENTATION))
    geometry, dots = _resolution(page)
    unnamed = extra if extra and not _opacity(page) else 0
    total = 3 if palette is not None else (3 if kind == "RGB" else 1) + extra
    stored = (rows, columns) + ((total,) if total > 1 else ())
    return Page(
        shape=turned_shape(stored, orientation),
        dtype=(page.dtype if palette is None else palette.dtype).newbyteorder("=").name,
        photometric="RGB"
        if kind in ("RGB", "palette")
        else "MONOCHROME1"
        if kind == "inverse"
        else "MONOCHROME2",
        decode=lambda: turned(_decode(page, palette, stored, path), orientation),
        alpha=extra == 1 and not unnamed,
        unnamed=unnamed,
        geometry=turned_geometry(geometry, orientation),
        properties=properties_of(page),
        lossy=lossy_of(page),
        notes=notes + more + dots + _kind_notes(page, kind),
    )


def _kind(page: TiffPage, path: Path) -> tuple[str, int]:
    """Return ``grey``, ``inverse``, ``RGB`` or ``palette``, and the number of samples besides the colours."""
    photometric = int(page.photometric)
    if photometric == _YCBCR and page.compression == _JPEG:
        photometric = _RGB
    if photometric in _REFUSED or photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE):
        name = _REFUSED.get(photometric, f"values of PhotometricInterpretation {photometric}")
        name = "YCbCr outside JPEG" if photometric == _YCBCR else name
        raise SourceError(
            f"holds {name}, which has no defined grey or RGB",
            subject=str(path),
            hint="convert it to grey or RGB with the program that made it",
        )
    colours = 3 if photometric == _RGB else 1
    extra = page.samplesperpixel - colours
    if photometric == _PALETTE and extra == 0:
        return "palette", 0
    unnamed = colours == 3 and 1 <= extra <= _MOST_EXTRA  # such as a scanner's infrared channel
    if not unnamed and (
        extra not in (0, 1) or photometric == _PALETTE or (extra == 1 and not _opacity(page))
    ):
        raise SourceError(
            f"holds {page.samplesperpixel} samples per pixel, of which {extra} are neither grey, colour nor "
            "opacity",
            subject=str(path),
            hint="save it as grey or RGB",
        )
    if photometric == _WHITE_IS_ZERO and _PHOTOMETRIC in page.tags:
        return "inverse", extra
    return ("RGB" if photometric == _RGB else "grey"), extra


def _opacity(page: TiffPage) -> bool:
    """Tell whether the one extra sample is declared to be alpha (associated or not)."""
    return len(page.extrasamples) == 1 and int(page.extrasamples[0]) in (1, 2)


def _kind_notes(page: TiffPage, kind: str) -> tuple[Note, ...]:
    if kind == "inverse":
        text = "WhiteIsZero: the values are kept as they are, and the picture is MONOCHROME1"
        return (Note("white-is-zero", text),)
    if _PHOTOMETRIC not in page.tags:
        return (
            Note("photometric-missing", "PhotometricInterpretation is missing; read as grey, black is 0"),
        )
    if len(page.extrasamples) == 1 and int(page.extrasamples[0]) == 1:
        return (Note("alpha-associated", "the colours were multiplied by their opacity, and are kept so"),)
    return ()


def _resolution(page: TiffPage) -> tuple[Geometry, tuple[Note, ...]]:
    """Return the spacing: XResolution counts columns per unit, YResolution rows.

    The default unit is an inch.
    """
    across, down = (rational(page.tags.valueof(tag)) for tag in (_ACROSS, _DOWN))
    if (_ACROSS in page.tags or _DOWN in page.tags) and (across is None or down is None):
        across, down = across or 0.0, down or 0.0
    unit = whole(page.tags.valueof(_UNIT, 2))
    return resolution(across, down, _MILLIMETRES.get(unit or 0), "XResolution")


def _plain(page: TiffPage) -> Pixels:
    """Return the samples by tifffile, which takes for each strip or tile only the memory of its place."""
    pixels = page.asarray(maxworkers=1)
    if pixels.ndim == 3 and page.planarconfig == 2:
        pixels = np.moveaxis(pixels, 0, -1)
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _decode(page: TiffPage, palette: Pixels | None, shape: tuple[int, ...], path: Path) -> Pixels:
    with _quiet(), _failures(path):
        pixels = decode_streams(page, path) if page.compression in STREAMS else _plain(page)
        if palette is not None:
            pixels = palette[pixels.astype(np.intp)]
        if pixels.shape != shape:
            raise SourceError(
                f"is a damaged TIFF: it claims shape {shape} and decodes to {pixels.shape}", subject=str(path)
            )
        return native(pixels)
