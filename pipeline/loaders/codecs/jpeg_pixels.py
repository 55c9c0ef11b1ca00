"""Decode JPEG by libjpeg-turbo (imagecodecs' `jpeg8`): 8 to 12 bits, and lossless ones up to 16.

imagecodecs' own `jpeg_decode` is not used: where libjpeg-turbo refuses a stream, it tries a decoder of
lossless JPEG that crashes on a damaged scan header.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...imaging.image import Pixels
from .jpeg import LOSSLESS, CodestreamError, JpegHeader, JpegStream, TruncatedError
from .jpeg_whole import MISSING, check_whole, continued

CODINGS = frozenset({0, 1, 2, LOSSLESS})
"""The SOF numbers that are read: baseline, extended, progressive, lossless; all with Huffman coding."""
_FAILURES = (ValueError, RuntimeError, TypeError, OSError, MemoryError)


def decode_jpeg(data: bytes, stream: JpegStream, **options: Any) -> Pixels:
    """Return the samples, (rows, columns) or (rows, columns, components).

    `options` are those of ``jpeg8_decode``.

    Raises:
        CodestreamError: a coding that is not read; coded data that are damaged, or fewer than the picture
            needs.
    """
    if stream.header.sof not in CODINGS:
        raise CodestreamError(f"it is coded as SOF{stream.header.sof}, which is not read")
    check_whole(data, stream)
    coded, meaning = bytes(data[: stream.end]), options or _meaning(stream.header)
    for last in _last:
        if last.coded == coded and last.options == meaning:
            return last.pixels.copy()
    pixels = _decoded(coded, options)
    if not np.array_equal(pixels, _decoded(continued(data, stream), options)):
        raise TruncatedError(MISSING)
    _last[:] = [_Decoded(coded, meaning, pixels.copy())] if pixels.nbytes <= _KEPT else []
    return pixels


class _Decoded(NamedTuple):
    coded: bytes
    options: dict[str, Any]
    pixels: Pixels


_last: list[_Decoded] = []
"""What was decoded last: a stream that an output keeps is decoded for its source and for the output."""
_KEPT = 2**26
"""Bytes of the largest picture that is kept for that."""


def _meaning(header: JpegHeader) -> dict[str, Any]:
    """Return the options that say of colour what libjpeg takes without any (its default_decompress_parms)."""
    if header.components != 3:
        return {}
    identifiers = bytes(part.identifier for part in header.parts)
    by_adobe = header.adobe_transform is not None
    plain = header.adobe_transform == 0 if by_adobe else identifiers == b"RGB"
    return {"colorspace": "RGB" if plain and not header.jfif else "YCBCR", "outcolorspace": "RGB"}


def _decoded(data: bytes, options: dict[str, Any]) -> Pixels:
    import imagecodecs

    try:
        return np.asarray(imagecodecs.jpeg8_decode(data, **options))
    except _FAILURES as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise CodestreamError(f"its decoder says: {reason}") from None
