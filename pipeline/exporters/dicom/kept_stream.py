"""``transfer_syntax: keep``: the source's own compressed stream as the pixels of an output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset

from ...errors import ExportError, Note
from ...imaging.image import Codestream, Image, Pixels
from ...imaging.move import STILL

if TYPE_CHECKING:
    from ....schemas.exports import KeptSyntax
    from ...dicom.encode.encoding import Encoded

Streams = tuple[Codestream, ...]


def keep_streams(
    dataset: Dataset, images: Sequence[Image], frames: Sequence[Encoded], syntax: KeptSyntax
) -> tuple[Streams, tuple[Note, ...]]:
    """Return the stream of each frame, which the dataset then describes; none where pixels are coded anew.

    Args:
        dataset: with the Image Pixel module of `frames`.
        images: one for each frame.
        frames: what would be stored otherwise.
        syntax: what the recipe asks for; for all but `keep` nothing is done.

    Raises:
        ExportError: a picture that its EXIF Orientation turns, which no stream in DICOM says.
    """
    if syntax != "keep":
        return (), ()
    for image in images:
        turn = image.source.properties.get("Orientation", 1) if image.source.format == "image" else 1
        if turn != 1:
            raise ExportError(
                f"'transfer_syntax: keep' cannot keep a stream that is not upright (EXIF Orientation {turn})",
                hint="leave 'transfer_syntax' out, or turn the picture itself (jpegtran does without loss)",
            )
    why = _why_not(images, frames)
    if why:
        text = f"{why}, so 'transfer_syntax: keep' keeps nothing, and the pixels are not compressed"
        return (), (Note("stream-not-kept", text, contradiction=True),)
    streams = tuple(image.source.codestream for image in images if image.source.codestream)
    _describe(dataset, streams[0])
    besides = dict.fromkeys(name for stream in streams for name in stream.besides)
    if not besides:
        return streams, ()
    text = f"the stream also holds {' and '.join(besides)}, which 'transfer_syntax: keep' leaves in it"
    return streams, (Note("stream-holds-more", text),)


def _why_not(images: Sequence[Image], frames: Sequence[Encoded]) -> str:
    """Say why the streams cannot be the frames; nothing where they can."""
    for image, frame in zip(images, frames, strict=True):
        stored = image.pixels if image.stored is None else image.stored.pixels
        if image.computed or image.history or image.move != STILL:
            return "the pixels were changed"
        if image.source.codestream is None:
            return "the source holds no compressed stream that DICOM takes as it is"
        if stored.dtype != frame.stored.dtype or not _equal(stored, frame.stored):
            return "the pixels are stored otherwise than in the source"
    described = {
        (stream.syntax, stream.photometric, stream.planar, stream.bits)
        for image in images
        if (stream := image.source.codestream)
    }
    return "the frames are compressed in several ways" if len(described) > 1 else ""


def _equal(one: Pixels, other: Pixels) -> bool:
    """Tell whether two arrays hold the same; mostly they are the very same memory, which needs no look."""
    return one.__array_interface__ == other.__array_interface__ or np.array_equal(one, other)


def _describe(dataset: Dataset, stream: Codestream) -> None:
    """Image Pixel attributes of the stream, where they are not those of pixels coded anew (PS3.5 8.2)."""
    dataset.PhotometricInterpretation = stream.photometric
    if dataset.SamplesPerPixel > 1:
        dataset.PlanarConfiguration = stream.planar
    dataset.BitsStored, dataset.HighBit = stream.bits, stream.bits - 1
