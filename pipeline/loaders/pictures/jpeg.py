"""JPEG: 8 bits by Pillow, 12 bits and lossless coding by imagecodecs; grey and RGB.

Refused: CMYK (its values are ink), a file without its end, since decoders fill what is missing with grey.
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
from ...imaging.image import Geometry, Lossy, Pixels
from ..base import check_claim
from .exif import exif_resolution, read_exif
from .jpeg_header import LOSSLESS, JpegError, JpegHeader, ends, read_jpeg_header
from .page import (
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
    from ....schemas.recipe import Limits

MAGIC = b"\xff\xd8\xff"

_DCT = frozenset({0, 1, 2})
_JFIF_UNIT = {1: 25.4, 2: 10.0}
_FAILURES = (
    OSError,
    ValueError,
    TypeError,
    SyntaxError,
    RuntimeError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
)


@contextmanager
def open_jpeg(path: Path, limits: Limits) -> Iterator[Pages]:
    """The one page. Raises: SourceError."""
    data = read_all(path, limits)
    yield Pages(1, lambda _: _page(data, path, limits))


def _page(data: bytes, path: Path, limits: Limits) -> Page:
    header = _checked(data, path, limits)
    exif = _exif(data, path) if header.precision == 8 and header.sof in _DCT else {}
    orientation, notes = known_orientation(exif.get("Orientation"))
    geometry, more = _resolution(header, exif)
    dtype = np.dtype(np.uint8 if header.precision <= 8 else np.uint16)
    stored = (header.rows, header.columns) + ((3,) if header.components == 3 else ())
    return Page(
        shape=turned_shape(stored, orientation),
        dtype=dtype.name,
        photometric="RGB" if header.components == 3 else "MONOCHROME2",
        decode=lambda: turned(_decode(data, header, stored, path), orientation),
        geometry=turned_geometry(geometry, orientation),
        properties=exif,
        lossy=_lossy(header, len(data), dtype.itemsize),
        notes=notes + more,
    )


def _checked(data: bytes, path: Path, limits: Limits) -> JpegHeader:
    """The header of a JPEG that can be decoded truly. Raises: SourceError."""
    try:
        header = read_jpeg_header(data)
    except JpegError as error:
        raise SourceError(f"is a damaged JPEG: {error}", subject=str(path)) from None
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
    if header.sof not in _DCT | {LOSSLESS}:
        raise SourceError(f"is a JPEG of coding SOF{header.sof}, which is not read", subject=str(path))
    check_claim(path, limits, rows=header.rows, columns=header.columns, samples=header.components)
    if not ends(data):
        raise SourceError("is a truncated JPEG: its end marker is missing", subject=str(path))
    return header


def _exif(data: bytes, path: Path) -> dict[str, Any]:
    return read_exif(_opened(data, path), path)


def _opened(data: bytes, path: Path) -> Any:
    from PIL import JpegImagePlugin

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    except _FAILURES as error:
        raise SourceError(f"is a damaged JPEG: {error}", subject=str(path)) from None


def _decode(data: bytes, header: JpegHeader, shape: tuple[int, ...], path: Path) -> Pixels:
    try:
        if header.precision == 8 and header.sof in _DCT:
            pixels = np.asarray(_opened(data, path))
        else:
            import imagecodecs

            pixels = np.asarray(imagecodecs.jpeg_decode(data))
    except _FAILURES as error:
        raise SourceError(f"is a damaged JPEG: {error}", subject=str(path)) from None
    if pixels.shape != shape:
        raise SourceError(
            f"is a damaged JPEG: it claims shape {shape} and decodes to {pixels.shape}", subject=str(path)
        )
    return pixels


def _resolution(header: JpegHeader, exif: dict[str, Any]) -> tuple[Geometry, tuple[Note, ...]]:
    """JFIF's density, else EXIF's; what Pillow reports is a mixture with 72 dpi where nothing is known."""
    if header.density and header.density[0] in _JFIF_UNIT:
        unit, across, down = header.density
        return resolution(across, down, _JFIF_UNIT[unit], "JFIF density")
    return resolution(*exif_resolution(exif), "XResolution")


def _lossy(header: JpegHeader, size: int, itemsize: int) -> Lossy | None:
    if header.sof == LOSSLESS:
        return None
    return Lossy("ISO_10918_1", ratio(header.rows * header.columns * header.components * itemsize, size))
