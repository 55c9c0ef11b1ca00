"""Compress pixels without loss, and check what each transfer syntax can hold (PS3.5 annex A).

Each compressed syntax has one encoder, so that a file's bytes follow from its content and from the codec's
version, which the lock names: pydicom's own RLE, OpenJPEG and CharLS through pydicom's plugins, OpenJPH
(HTJ2K, which pydicom cannot encode) and libdeflate through imagecodecs.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.encaps import encapsulate

from ...errors import ExportError
from ...imaging.image import Pixels
from ...pydicom_versions.frames import decoding_plugins, encode_frame, encoding_plugins
from .syntaxes import KEEP, Syntax

if TYPE_CHECKING:
    from .pixel_element import PixelElement

HOLDS_ALL = "'explicit-le', 'implicit-le' and 'deflated' hold every type"
_DTYPES = frozenset({"uint8", "int8", "uint16", "int16"})
_LEVEL = 9
_LOGGERS = ("pydicom.pixels.encoders.base", "openjpeg.encode")
_MOST_OFFSET = 2**32 - 1


def check(syntax: Syntax, dataset: Dataset, pixels: PixelElement | None, *, described: bool = True) -> None:
    """Check whether a syntax can hold these pixels, before anything is encoded.

    Args:
        syntax: any.
        dataset: holds the attributes that describe the pixels.
        pixels: None where the recipe's tags give the pixels or remove them.
        described: whether the dataset's attributes describe the pixels.

    Raises:
        ExportError: naming what it cannot hold, or the codec that is missing.
    """
    if not syntax.compressed:
        return
    if pixels is None or not described:
        raise ExportError(
            f"'transfer_syntax: {syntax.name}' compresses the pixels, and 'tags' or 'remove_tags' "
            "gives others or describes them otherwise",
            hint="use 'transfer_syntax: explicit-le'",
        )
    if syntax.name == KEEP:
        return
    dtype, bits = pixels.array.dtype, int(dataset.get("BitsStored") or 0)
    if pixels.element != "PixelData" or dtype.name not in _DTYPES:
        raise ExportError(
            f"'transfer_syntax: {syntax.name}' holds integers of 8 or 16 bits, and these are {dtype.name}",
            hint=f"{HOLDS_ALL}; 'pixels: portable' stores 16 bits where that is exact",
        )
    if bits < syntax.least_bits or (syntax.whole and bits != 8 * dtype.itemsize):
        needs = f"all {8 * dtype.itemsize}" if syntax.whole else f"{syntax.least_bits} or more"
        raise ExportError(
            f"'transfer_syntax: {syntax.name}' stores {needs} bits of a pixel, and here {bits} are stored",
            hint="'jpeg2000-lossless' stores any number of them",
        )
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if min(rows, columns) < syntax.least_side:
        raise ExportError(
            f"'transfer_syntax: {syntax.name}' takes images from {syntax.least_side} x {syntax.least_side} "
            f"pixels on, and this is {rows} x {columns}",
            hint="use 'transfer_syntax: explicit-le'",
        )
    _check_installed(syntax)


def _check_installed(syntax: Syntax) -> None:
    """Check the codecs.

    Raises: ExportError where the encoder is missing, or a decoder to read back what it wrote.
    """
    encodes = syntax.plugin == "imagecodecs" or syntax.plugin in encoding_plugins(syntax.uid)
    if not encodes or not decoding_plugins(syntax.uid):
        raise ExportError(
            f"'transfer_syntax: {syntax.name}' needs a codec that is not installed",
            hint="pip install dicombake[codecs]",
        )


def deflated(data: bytes) -> bytes:
    """Return the dataset as a raw deflate stream of even length (PS3.5 A.5)."""
    import imagecodecs

    packed = bytes(imagecodecs.deflate_encode(data, level=_LEVEL, raw=True))
    return packed + b"\0" * (len(packed) % 2)


def encapsulated(syntax: Syntax, dataset: Dataset, pixels: PixelElement) -> bytes:
    """Return the value of a compressed PixelData: offset table and one fragment per frame (PS3.5 A.4).

    Raises:
        ExportError: what the encoder refuses.
    """
    try:
        with _quiet_logs():
            kept = [stream.data for stream in pixels.streams]
            frames = kept or list(_frames(syntax, dataset, pixels.array))
    except (ValueError, RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[-1].strip() or type(error).__name__
        raise ExportError(
            f"cannot be compressed as {syntax.name}: {reason}", hint="use 'transfer_syntax: explicit-le'"
        ) from error
    offsets = sum(len(frame) + 9 for frame in frames[:-1])
    return encapsulate(frames, has_bot=offsets < _MOST_OFFSET)


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """Silence the tracebacks that libraries log when an encoder refuses an image: it raises as well."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


def _frames(syntax: Syntax, dataset: Dataset, pixels: Pixels) -> Iterator[bytes]:
    samples = int(dataset.SamplesPerPixel)
    shape = pixels.shape[-3:] if samples > 1 else pixels.shape[-2:]
    count = math.prod(pixels.shape) // math.prod(shape)
    for frame in pixels.reshape(count, *shape):
        if syntax.plugin == "imagecodecs":
            yield _htj2k(frame)
        else:
            yield _by_pydicom(syntax, dataset, frame)


def _by_pydicom(syntax: Syntax, dataset: Dataset, frame: Pixels) -> bytes:
    description = {
        "rows": frame.shape[0],
        "columns": frame.shape[1],
        "samples_per_pixel": int(dataset.SamplesPerPixel),
        "photometric_interpretation": str(dataset.PhotometricInterpretation),
        "bits_allocated": 8 * frame.dtype.itemsize,
        "bits_stored": int(dataset.BitsStored),
        "pixel_representation": int(frame.dtype.kind == "i"),
    }
    return encode_frame(frame, syntax.uid, syntax.plugin, description)


def _htj2k(frame: Pixels) -> bytes:
    """Encode a frame reversibly; colour as its three components: RGB stays RGB."""
    import imagecodecs

    native = np.ascontiguousarray(frame, dtype=frame.dtype.newbyteorder("="))
    return bytes(imagecodecs.htj2k_encode(native, reversible=True, rgb=False, planar=False))
