"""Load JPEG 2000 (codestream or JP2) and JPEG-LS pictures by imagecodecs: grey and RGB, 1 to 16 bits.

The header is checked against the limits and the bytes of the file before anything is decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import SourceError
from ...imaging.image import Codestream, Lossy, Pixels
from ..base import check_claim
from ..codecs.jpeg import JPEG_LS, CodestreamError, TruncatedError, read_jpeg, read_jpeg_header
from ..codecs.jpeg2000 import START, Jpeg2000, read_jpeg2000
from ..options import Limits
from ..said import said_by
from .page import BROKEN, Page, Pages, ratio, read_all

JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
MAGICS = (JP2, START)
_LOSSLESS_COLOURS = frozenset({b"\0\0\0\x10", b"\0\0\0\x11"})
"""Enumerated colour spaces sRGB and greyscale of a JP2 (T.800 I.5.3.3)."""


def is_jpeg_ls(head: bytes) -> bool:
    """Tell whether a JPEG stream is JPEG-LS, by the first frame header within `head`."""
    try:
        return read_jpeg_header(head).sof == JPEG_LS
    except CodestreamError:
        return False


@contextmanager
def open_jpeg2000(path: Path, limits: Limits) -> Iterator[Pages]:
    """Yield the one page. Raises: SourceError."""
    data = read_all(path, limits)
    yield Pages(1, lambda _: _jpeg2000(data, path, limits))


@contextmanager
def open_jpeg_ls(path: Path, limits: Limits) -> Iterator[Pages]:
    """Yield the one page. Raises: SourceError."""
    data = read_all(path, limits)
    yield Pages(1, lambda _: _jpeg_ls(data, path, limits))


def _jpeg2000(data: bytes, path: Path, limits: Limits) -> Page:
    with _damaged("JPEG 2000", path):
        header = read_jpeg2000(data)
    if header.signed or header.subsampled:
        what = "signed values" if header.signed else "subsampled components"
        raise SourceError(f"is a JPEG 2000 of {what}, which is not read", subject=str(path))
    _check_colours(data[: header.start], path)
    shape = _shape("JPEG 2000", (header.rows, header.columns, header.samples, header.precision), path, limits)

    def decode() -> Pixels:
        import imagecodecs

        return _checked(lambda: imagecodecs.jpeg2k_decode(data[header.start : header.end]), shape, path)

    size = header.rows * header.columns * header.samples * (1 if header.precision <= 8 else 2)
    lossy = Lossy("ISO_15444_1", ratio(size, header.end)) if header.irreversible else None
    return _page(shape, header.precision, decode, lossy, _kept_2000(data, header))


def _kept_2000(data: bytes, header: Jpeg2000) -> Codestream | None:
    """Return the codestream as DICOM holds it, without the boxes around it (PS3.5 A.4.4)."""
    if header.high_throughput:
        return None
    colour = ("YBR_ICT" if header.irreversible else "YBR_RCT") if header.transformed else "RGB"
    return Codestream(
        "1.2.840.10008.1.2.4.91" if header.irreversible else "1.2.840.10008.1.2.4.90",
        colour if header.samples == 3 else "MONOCHROME2",
        data[header.start : header.end],
        bits=header.precision,
    )


def _check_colours(boxes: bytes, path: Path) -> None:
    """Check that the colr box of a JP2 says grey or sRGB; a bare codestream has grey or RGB components.

    Raises: SourceError.
    """
    at = boxes.find(b"colr")
    if b"pclr" in boxes or (
        at >= 0 and boxes[at + 4] == 1 and boxes[at + 7 : at + 11] not in _LOSSLESS_COLOURS
    ):
        raise SourceError(
            "is a JPEG 2000 with a palette or a colour space other than grey and sRGB, which is not read",
            subject=str(path),
        )


def _jpeg_ls(data: bytes, path: Path, limits: Limits) -> Page:
    with _damaged("JPEG-LS", path):
        stream = read_jpeg(data)
    frame = stream.header
    shape = _shape("JPEG-LS", (frame.rows, frame.columns, frame.components, frame.precision), path, limits)
    near = max(
        (scan.first for scan in stream.scans), default=0
    )  # NEAR is the byte that JPEG calls Ss (T.87 C.2.3)

    def decode() -> Pixels:
        import imagecodecs

        return _checked(lambda: imagecodecs.jpegls_decode(data[: stream.end]), shape, path)

    size = frame.rows * frame.columns * frame.components * (1 if frame.precision <= 8 else 2)
    lossy = Lossy("ISO_14495_1", ratio(size, stream.end)) if near else None
    kept = Codestream(
        "1.2.840.10008.1.2.4.81" if near else "1.2.840.10008.1.2.4.80",
        "RGB" if frame.components == 3 else "MONOCHROME2",
        data[: stream.end],
        bits=frame.precision,
        besides=stream.besides,
    )
    return _page(shape, frame.precision, decode, lossy, kept)


def _shape(kind: str, claims: tuple[int, int, int, int], path: Path, limits: Limits) -> tuple[int, ...]:
    rows, columns, samples, precision = claims
    if samples not in (1, 3) or not 1 <= precision <= 16:
        raise SourceError(
            f"is a {kind} of {samples} components of {precision} bits; 1 or 3 of up to 16 are read",
            subject=str(path),
        )
    check_claim(path, limits, rows=rows, columns=columns, samples=samples)
    return (rows, columns) if samples == 1 else (rows, columns, samples)


def _page(
    shape: tuple[int, ...],
    precision: int,
    decode: Callable[[], Pixels],
    lossy: Lossy | None,
    codestream: Codestream | None,
) -> Page:
    return Page(
        shape=shape,
        dtype="uint8" if precision <= 8 else "uint16",
        photometric="RGB" if len(shape) == 3 else "MONOCHROME2",
        decode=decode,
        lossy=lossy,
        codestream=codestream,
    )


def _checked(decode: Callable[[], Any], shape: tuple[int, ...], path: Path) -> Pixels:
    try:
        pixels = np.asarray(decode())
    except (ValueError, RuntimeError, TypeError, OSError, MemoryError) as error:
        raise SourceError(f"is a damaged picture: {said_by(error, BROKEN)}", subject=str(path)) from None
    if pixels.shape != shape:
        raise SourceError(
            f"is a damaged picture: it claims shape {shape} and decodes to {pixels.shape}", subject=str(path)
        )
    return pixels


@contextmanager
def _damaged(kind: str, path: Path) -> Iterator[None]:
    try:
        yield
    except CodestreamError as error:
        how = "truncated" if isinstance(error, TruncatedError) else "damaged"
        raise SourceError(f"is a {how} {kind} picture: {error}", subject=str(path)) from None
