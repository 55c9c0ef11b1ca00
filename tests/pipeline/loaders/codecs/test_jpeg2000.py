"""JPEG 2000 codestreams: what the header says, and what is missing."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
import pytest
from dicombake.pipeline.loaders.codecs.jpeg import CodestreamError, TruncatedError
from dicombake.pipeline.loaders.codecs.jpeg2000 import read_jpeg2000

PIXELS = (np.arange(40 * 50).reshape(40, 50) * 13).astype(np.uint16)
WHOLE = imagecodecs.jpeg2k_encode(PIXELS, level=0, codecformat="J2K", reversible=True)


def test_a_codestream_and_the_boxes_around_it() -> None:
    for boxed in ("J2K", "JP2"):
        data = imagecodecs.jpeg2k_encode(PIXELS, level=0, codecformat=boxed, reversible=True)
        found = read_jpeg2000(data + b"\0")
        assert (found.rows, found.columns, found.samples, found.precision) == (40, 50, 1, 16)
        assert (found.signed, found.subsampled, found.irreversible) == (False, False, False)
        assert data[found.start : found.end] == data[found.start :]
        assert (found.start > 0) == (boxed == "JP2")


def test_the_irreversible_wavelet_is_told() -> None:
    assert read_jpeg2000(imagecodecs.jpeg2k_encode(PIXELS, level=30, codecformat="J2K")).irreversible


def test_a_codestream_cut_anywhere_is_refused_also_with_an_end_marker() -> None:
    read_jpeg2000(WHOLE)
    for length in range(0, len(WHOLE) - 2, 7):
        for end in (b"", b"\xff\xd9"):
            with pytest.raises(CodestreamError):
                read_jpeg2000(WHOLE[:length] + end)


def test_a_lost_tile_is_noticed() -> None:
    data = bytearray(WHOLE)
    struct.pack_into(">2I", data, 24, 16, 16)  # XTsiz, YTsiz
    with pytest.raises(TruncatedError, match="it holds 1 of 12 tiles"):
        read_jpeg2000(bytes(data))


def test_more_tiles_than_can_be_counted_take_no_memory() -> None:
    data = bytearray(WHOLE)
    struct.pack_into(">2I", data, 24, 1, 1)
    struct.pack_into(">2I", data, 8, 2**31, 2**31)
    with pytest.raises(CodestreamError, match="claims 4611686018427387904 tiles"):
        read_jpeg2000(bytes(data))
