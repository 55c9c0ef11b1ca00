"""Load JPEG: 8 to 12 bits, lossless up to 16; grey and RGB, by libjpeg-turbo (imagecodecs); EXIF by Pillow.

Refused are CMYK (its values are ink), and a file that lacks coded data anywhere, since decoders fill what is
missing with grey. Bytes behind the end marker (phones append films there) are ignored, with a note.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import Note, SourceError
from ...imaging.image import Codestream, Geometry, Lossy, Pixels
from ..base import check_claim
from ..codecs.jpeg import (
    LOSSLESS,
    CodestreamError,
    JpegHeader,
    JpegStream,
    TruncatedError,
    read_jpeg,
    read_jpeg_header,
)
from ..codecs.jpeg_pixels import CODINGS, decode_jpeg
from ..codecs.jpeg_whole import check_whole
from ..signatures import JPEG
from .exif import exif_resolution, read_exif
from .page import (
    PILLOW_FAILURES,
    Page,
    Pages,
    known_orientation,
    ratio,
    read_all,
    resolution,
    turned,
    turned_geometry,
    turned_shape,
)

if TYPE_CHECKING:
    from ..options import Limits

_DCT = frozenset({0, 1, 2})
_JFIF_UNIT = {1: 25.4, 2: 10.0}


@contextmanager
def open_jpeg(path: Path, limits: Limits) -> Iterator[Pages]:
    """Yield the one page. Raises: SourceError."""
    data = read_all(path, limits)
    yield Pages(1, lambda _: _page(data, path, limits))


def _page(data: bytes, path: Path, limits: Limits) -> Page:
    stream = _checked(data, path, limits)
    header = stream.header
    exif = _exif(data, path) if header.precision == 8 and header.sof in _DCT else {}
    orientation, notes = known_orientation(exif.get("Orientation"))
    geometry, more = _resolution(header, exif)
    dtype = np.dtype(np.uint8 if header.precision <= 8 else np.uint16)
    stored = (header.rows, header.columns) + ((3,) if header.components == 3 else ())
    return Page(
        shape=turned_shape(stored, orientation),
        dtype=dtype.name,
        photometric="RGB" if header.components == 3 else "MONOCHROME2",
        decode=lambda: turned(_decode(data, stream, stored, path), orientation),
        geometry=turned_geometry(geometry, orientation),
        properties=exif,
        lossy=_lossy(header, stream.end, dtype.itemsize),
        codestream=_codestream(data, stream),
        notes=notes + more + _behind(data[stream.end :]),
    )


def _checked(data: bytes, path: Path, limits: Limits) -> JpegStream:
    """Return the markers of a JPEG that can be decoded truly. Raises: SourceError."""
    with _damaged(path):
        header = read_jpeg_header(data)
        _check_kind(header, path, limits)
        stream = read_jpeg(data)
        check_whole(data, stream)
    return stream


@contextmanager
def _damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except CodestreamError as error:
        how = "truncated" if isinstance(error, TruncatedError) else "damaged"
        raise SourceError(f"is a {how} JPEG: {error}", subject=str(path)) from None


def _check_kind(header: JpegHeader, path: Path, limits: Limits) -> None:
    if header.components == 4:
        raise SourceError(
            "is a CMYK JPEG; its values are ink, which has no defined grey or RGB",
            subject=str(path),
            hint="convert it to RGB with the profile it was made for",
        )
    if header.components not in (1, 3):
        raise SourceError(
            f"is a JPEG with {header.components} components; 1 and 3 are read", subject=str(path)
        )
    if header.sof not in CODINGS:
        raise SourceError(f"is a JPEG of coding SOF{header.sof}, which is not read", subject=str(path))
    check_claim(path, limits, rows=header.rows, columns=header.columns, samples=header.components)


def _behind(data: bytes) -> tuple[Note, ...]:
    """Return a note on bytes after the end marker, unless they are zeros that only pad."""
    if not data.strip(b"\0"):
        return ()
    kind = "a film" if data[4:8] == b"ftyp" else "another JPEG" if data.startswith(JPEG) else "no part of it"
    text = f"{len(data)} bytes follow the picture's end ({kind}); they are left out"
    return (Note("bytes-after-end", text),)


def _exif(data: bytes, path: Path) -> dict[str, Any]:
    from PIL import JpegImagePlugin

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    except PILLOW_FAILURES:
        raise SourceError(
            "is a damaged JPEG: a segment before its pixels (JFIF, EXIF or another) is cut short or broken",
            subject=str(path),
            hint="save it again with the program that made it",
        ) from None
    return read_exif(image, path)


def _decode(data: bytes, stream: JpegStream, shape: tuple[int, ...], path: Path) -> Pixels:
    with _damaged(path):
        pixels = decode_jpeg(data, stream)
    if pixels.shape != shape:
        raise SourceError(
            f"is a damaged JPEG: it claims shape {shape} and decodes to {pixels.shape}", subject=str(path)
        )
    return pixels


def _resolution(header: JpegHeader, exif: dict[str, Any]) -> tuple[Geometry, tuple[Note, ...]]:
    """Return JFIF's density, else EXIF's; what Pillow reports is 72 dpi where nothing is known."""
    if header.density and header.density[0] in _JFIF_UNIT:
        unit, across, down = header.density
        return resolution(across, down, _JFIF_UNIT[unit], "JFIF density")
    return resolution(*exif_resolution(exif), "XResolution")


_SYNTAXES = {0: "1.2.840.10008.1.2.4.50", 1: "1.2.840.10008.1.2.4.51", LOSSLESS: "1.2.840.10008.1.2.4.57"}
"""Of baseline, extended and lossless coding (PS3.5 A.4.1); the one for progressive coding is retired."""


def _codestream(data: bytes, stream: JpegStream) -> Codestream | None:
    """Return the stream as DICOM holds it; colour is YBR_FULL_422 however it is sampled (PS3.5 8.2.1)."""
    header = stream.header
    syntax = _SYNTAXES.get(header.sof)
    colour = header.components == 3
    if syntax is None or (colour and header.sof == LOSSLESS):
        return None
    plain = bytes(part.identifier for part in header.parts) in (b"RGB", b"rgb") or header.adobe_transform == 0
    photometric = ("RGB" if plain else "YBR_FULL_422") if colour else "MONOCHROME2"
    return Codestream(syntax, photometric, data[: stream.end], bits=header.precision, besides=stream.besides)


def _lossy(header: JpegHeader, size: int, itemsize: int) -> Lossy | None:
    if header.sof == LOSSLESS:
        return None
    return Lossy("ISO_10918_1", ratio(header.rows * header.columns * header.components * itemsize, size))
