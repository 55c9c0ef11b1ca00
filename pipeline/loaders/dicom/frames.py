"""Read the stored pixels of a DICOM dataset frame by frame: decoded, colour as RGB, unused bits removed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from ...errors import Note, SourceError
from ...imaging.exact import native
from ...imaging.image import Codestream, Lossy, Pixels
from .codecs import by_pydicom, declared_loss, decode
from .dataset import BIG_ENDIAN, EXPLICIT, IMPLICIT
from .fragments import checked_fragments, fragment_notes, read_fragments
from .layout import RLE, Layout

if TYPE_CHECKING:
    from pydicom import Dataset


class Frame(Struct, frozen=True):
    """One decoded frame."""

    index: int
    pixels: Pixels
    """(rows, columns), or (rows, columns, 3) as RGB."""
    stored: int
    """Number of bits that hold a value."""
    lossy: Lossy | None
    codestream: Codestream | None = None


def frames(path: Path, dataset: Dataset, layout: Layout, indices: range) -> Iterator[Frame]:
    """Yield the frames of `indices` (from 0), one in memory at a time.

    Raises:
        SourceError: missing codec, broken or short data, a codestream of another size than the dataset says.
    """
    if layout.compressed:
        yield from _compressed(path, dataset, layout, indices)
        return
    _check_length(path, dataset, layout)
    for index in indices:
        single_bits = layout.allocated == 1
        pixels = _plain(dataset, layout, index)
        if pixels is None:
            pixels = (
                _bits(dataset, layout, index) if single_bits else by_pydicom(dataset, layout, index=index)
            )
        yield frame_of(index, pixels, layout, declared_loss(dataset))


def frame_of(index: int, pixels: Pixels, layout: Layout, lossy: Lossy | None) -> Frame:
    """Return a frame that is not compressed, of the samples that it is stored in."""
    return Frame(index, _significant(pixels, layout), layout.stored, lossy)


def plain_dtype(layout: Layout) -> np.dtype[Any] | None:
    """Return the type of grey pixels of whole bytes in little endian; None for any others."""
    known = layout.syntax in (EXPLICIT, IMPLICIT) and layout.keyword == "PixelData"
    if not known or layout.samples != 1 or layout.allocated not in (8, 16, 32):
        return None
    return layout.dtype.newbyteorder("<")


def _plain(dataset: Dataset, layout: Layout, index: int) -> Pixels | None:
    """Return a grey frame of whole bytes in little endian, as it lies; None for any other one."""
    dtype = plain_dtype(layout)
    if dtype is None:
        return None
    count = layout.rows * layout.columns
    values = np.frombuffer(dataset.PixelData, dtype, count, index * count * dtype.itemsize)
    return native(values.reshape(layout.rows, layout.columns))


def excess(dataset: Dataset, layout: Layout) -> tuple[Note, ...]:
    """Return notes where there are more pixels than the file declares, or where frames are not as it says.

    Raises: ValueError, where compressed pixels are no items.
    """
    if layout.compressed:
        return fragment_notes(dataset, layout)
    over = len(dataset[layout.keyword].value) - math.ceil(layout.frame_bytes * layout.frames)
    if over < max(2, layout.frame_bytes):
        return ()
    text = f"{layout.keyword} holds {over} bytes more than its {layout.frames} frame(s); they are left out"
    return (Note("pixels-excess", text, contradiction=True),)


def _check_length(path: Path, dataset: Dataset, layout: Layout) -> None:
    has = len(dataset[layout.keyword].value)
    needs = math.ceil(layout.frame_bytes * layout.frames)
    if has < needs:
        raise SourceError(
            f"is truncated: {layout.keyword} has {has} bytes where {needs} are needed", subject=str(path)
        )
    if layout.photometric == "YBR_FULL_422" and has >= 1.5 * needs:
        raise SourceError(
            "says YBR_FULL_422 and has the bytes of unsampled colour; which is meant is not known",
            subject=str(path),
        )


def _bits(dataset: Dataset, layout: Layout, index: int) -> Pixels:
    """Return a frame of single bits as 0 and 1. Frames follow each other without a gap, also within a byte.

    PS3.5 8.1.1 and 8.2: the first pixel is the lowest bit.
    """
    count = layout.rows * layout.columns
    first = index * count
    data = dataset.PixelData
    if layout.syntax == BIG_ENDIAN and dataset["PixelData"].VR == "OW":
        data = np.frombuffer(data[: len(data) // 2 * 2], np.uint16).byteswap().tobytes()
    packed = np.frombuffer(data, np.uint8, (first + count + 7) // 8 - first // 8, first // 8)
    bits = np.unpackbits(packed, bitorder="little")
    return bits[first % 8 : first % 8 + count].reshape(layout.rows, layout.columns)


def _significant(pixels: Pixels, layout: Layout) -> Pixels:
    """Return bits `stored` up to `high` as numbers; bits above (overlays, garbage) and below are dropped.

    PS3.5 8.1.1; signed values get their sign from the highest stored bit.
    """
    size = 8 * pixels.dtype.itemsize
    if layout.keyword != "PixelData" or layout.allocated == 1 or layout.stored == size:
        return pixels
    up, down = size - 1 - layout.high, size - layout.stored
    low, high = pixels.min(), pixels.max()
    limit = 1 << (layout.stored - 1 if layout.signed else layout.stored)
    if (
        layout.high == layout.stored - 1
        and int(high) < limit
        and int(low) >= (-limit if layout.signed else 0)
    ):
        return pixels
    return np.right_shift(np.left_shift(pixels, up), down)


def _compressed(path: Path, dataset: Dataset, layout: Layout, indices: range) -> Iterator[Frame]:
    from ...pydicom_versions.frames import generate_frames

    if layout.keyword != "PixelData" or not dataset["PixelData"].is_undefined_length:
        raise SourceError("says that its pixels are compressed, and they are not", subject=str(path))
    data, offsets = checked_fragments(path, read_fragments(dataset), layout.frames)
    coded = generate_frames(data, number_of_frames=layout.frames, extended_offsets=offsets)
    index = -1
    for index, stream in enumerate(coded):
        if index >= min(layout.frames, indices.stop):
            return
        if index in indices:
            yield _frame(path, dataset, layout, index, stream)
    if index + 1 < min(layout.frames, indices.stop):
        raise SourceError(
            f"is truncated: it claims {layout.frames} frames and holds {index + 1}", subject=str(path)
        )


def _frame(path: Path, dataset: Dataset, layout: Layout, index: int, data: bytes) -> Frame:
    pixels, lossy, besides = decode(path, dataset, layout, data)
    if layout.syntax == RLE:
        pixels, stored = _significant(pixels, layout), layout.stored
    else:
        stored = _held(pixels, layout)
    return Frame(index, pixels, stored, lossy, _codestream(dataset, layout, data, stored, besides))


def _codestream(
    dataset: Dataset, layout: Layout, data: bytes, stored: int, besides: tuple[str, ...]
) -> Codestream | None:
    """Return the frame as its file holds it; None where an output would describe it otherwise."""
    if layout.photometric == "PALETTE COLOR" or layout.high != layout.stored - 1:
        return None
    planar = int(dataset.get("PlanarConfiguration") or 0)
    return Codestream(layout.syntax, layout.photometric, data, stored, planar, besides)


def _held(pixels: Pixels, layout: Layout) -> int:
    """Return the bits stored as the dataset says, or those allocated where a codec gave larger values."""
    if pixels.dtype.kind not in "iu" or layout.stored == layout.allocated:
        return layout.stored
    limit = 1 << (layout.stored - 1 if layout.signed else layout.stored)
    fits = int(pixels.max()) < limit and int(pixels.min()) >= (-limit if layout.signed else 0)
    return layout.stored if fits else layout.allocated
