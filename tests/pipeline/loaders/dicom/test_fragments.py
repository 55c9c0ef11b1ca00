"""Tables that place compressed frames: none gives one frame as another."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.dicom.loader import load
from dicombake.pipeline.loaders.options import DicomOptions, Limits

from ..input_files import dataset_of, encoded, written

JPEG_LS = "1.2.840.10008.1.2.4.80"
FIRST = (np.arange(16 * 12).reshape(16, 12) * 21).astype(np.uint16)
PIXELS = np.stack([FIRST, FIRST + 1, FIRST + 2])


def padded(stream: bytes) -> bytes:
    return stream + b"\0" * (len(stream) % 2)


STREAMS = [padded(imagecodecs.jpegls_encode(frame)) for frame in PIXELS]
PLACES = [0, 8 + len(STREAMS[0]), 16 + len(STREAMS[0]) + len(STREAMS[1])]
LENGTHS = [len(stream) for stream in STREAMS]


def item(content: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content) if length is None else length) + content


def file_with(
    table: list[int], streams: list[bytes] = STREAMS, extended: tuple[list[int], list[int]] | None = None
) -> bytes:
    dataset = dataset_of(PIXELS)
    if extended is not None:
        for tag, numbers in zip((0x7FE00001, 0x7FE00002), extended, strict=True):
            dataset.add_new(tag, "OV", struct.pack(f"<{len(numbers)}Q", *numbers))
    items = b"".join(map(item, streams))
    return encoded(dataset, item(struct.pack(f"<{len(table)}I", *table)) + items, JPEG_LS)


def read(path: Path, frame: int | None = None) -> list[Image]:
    return list(load(path, DicomOptions(frame=frame), Limits()))


def codes(images: list[Image]) -> list[str]:
    return [note.code for note in images[0].notes]


@pytest.mark.parametrize("table", [[], PLACES])
def test_a_table_that_fits_is_followed(tmp_path: Path, table: list[int]) -> None:
    images = read(written(tmp_path, file_with(table)))
    assert np.array_equal([image.pixels for image in images], PIXELS) and codes(images) == []
    images = read(written(tmp_path, file_with([], extended=(PLACES, [LENGTHS[0] - 1, *LENGTHS[1:]]))))
    assert np.array_equal([image.pixels for image in images], PIXELS) and codes(images) == []


WRONG = {
    "a place within a fragment": [0, PLACES[1] + 8, PLACES[2]],
    "a place beyond the end": [0, PLACES[1], 10**9],
    "a place too many": [*PLACES, PLACES[2] + 8 + LENGTHS[2]],
    "no first fragment": [8, PLACES[1], PLACES[2]],
    "the same place again": [0, 0, 0],
}


@pytest.mark.parametrize("frame", [1, 2, 3])
@pytest.mark.parametrize("what", WRONG)
def test_where_a_table_is_wrong_frames_are_the_fragments_and_it_is_said(
    tmp_path: Path, what: str, frame: int
) -> None:
    images = read(written(tmp_path, file_with(WRONG[what])), frame)
    assert np.array_equal(images[0].pixels, PIXELS[frame - 1])
    assert codes(images) == ["frame-table"] and images[0].notes[0].contradiction


@pytest.mark.parametrize(
    "extended",
    [(PLACES, [9, 9, 9]), (PLACES[:2], LENGTHS[:2]), ([0, 2**63, 2**64 - 1], LENGTHS), ([0, 0, 0], LENGTHS)],
)
def test_an_extended_table_is_checked_too(tmp_path: Path, extended: tuple[list[int], list[int]]) -> None:
    images = read(written(tmp_path, file_with([], extended=extended)))
    assert np.array_equal([image.pixels for image in images], PIXELS) and codes(images) == ["frame-table"]


def test_another_order_or_other_fragments_are_refused(tmp_path: Path) -> None:
    swapped = [PLACES[0], PLACES[2], PLACES[1]]
    parts = [STREAMS[0], STREAMS[1][:20], STREAMS[1][20:], STREAMS[2]]
    for data in (
        file_with(swapped),
        file_with([], extended=(swapped, [LENGTHS[0], LENGTHS[2], LENGTHS[1]])),
        file_with(WRONG["a place within a fragment"], parts),
    ):
        with pytest.raises(SourceError, match=r"has a table of frames that does not fit its [34] fragments"):
            read(written(tmp_path, data))


def test_a_fragment_that_claims_more_than_there_is_is_cut_off(tmp_path: Path) -> None:
    whole = file_with([])
    at = whole.rindex(item(STREAMS[2]))
    with pytest.raises(SourceError, match="is truncated: it ends within a fragment of its pixels"):
        read(written(tmp_path, whole[:at] + item(STREAMS[2], 10**6) + whole[at + 8 + LENGTHS[2] :]))
