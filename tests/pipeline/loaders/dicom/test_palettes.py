"""Palettes in segments (PS3.3 C.7.9): colours against pydicom's and by hand, within bounds."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.loaders.dicom.loader import load
from dicombake.pipeline.loaders.options import DicomOptions, Limits
from pydicom import Dataset, dcmread

from ....pydicom_api import apply_color_lut
from ..input_files import dataset_of, encoded, written

INDEX = np.arange(256, dtype=np.uint8).reshape(16, 16)


def palette(fields: list[int], *, entries: int = 256, bits: int = 16) -> Dataset:
    dataset = dataset_of(INDEX, PhotometricInterpretation="PALETTE COLOR")
    data = struct.pack(f"<{len(fields)}{'B' if bits == 8 else 'H'}", *fields)
    for number in (1, 2, 3):
        dataset.add_new(0x00281100 + number, "US", [entries, 0, bits])
        dataset.add_new(0x00281220 + number, "OW", data + b"\0" * (len(data) % 2))
    return dataset


def red(tmp_path: Path, fields: list[int], **options: Any) -> tuple[Path, list[int]]:
    path = written(tmp_path, encoded(palette(fields, **options), INDEX))
    (image,) = load(path, DicomOptions(), Limits())
    assert image.pixels.dtype == ("uint8" if options.get("bits") == 8 else "uint16")
    assert (image.pixels[..., 0] == image.pixels[..., 2]).all()
    return path, image.pixels[..., 0].reshape(-1).tolist()


@pytest.mark.parametrize(
    ("fields", "bits"),
    [
        ([0, 2, 5, 900, 1, 200, 65000, 1, 54, 10], 16),
        ([0, 1, 7, 1, 254, 255, 0, 1, 3], 8),
        ([0, 3, 1, 2, 3, 1, 253, 3], 8),
    ],
)
def test_plain_and_linear_segments_are_those_of_pydicom(tmp_path: Path, fields: list[int], bits: int) -> None:
    path, found = red(tmp_path, fields, bits=bits)
    dataset = dcmread(path)
    assert found == apply_color_lut(INDEX, dataset)[..., 0].reshape(-1).tolist()


@pytest.mark.parametrize(("bits", "place"), [(16, [10, 0]), (8, [5, 0, 0, 0])])
def test_an_indirect_segment_repeats_others_from_a_byte_offset(
    tmp_path: Path, bits: int, place: list[int]
) -> None:
    """Two segments from the sixth field on, once more; pydicom takes the offset of bytes for one of words."""
    fields = [0, 3, 9, 9, 9, 0, 2, 5, 6, 1, 4, 10, 2, 2, *place, 1, 241, 250]
    _, found = red(tmp_path, fields, bits=bits)
    assert found[:15] == [9, 9, 9, 5, 6, 7, 8, 9, 10, 5, 6, 7, 8, 9, 10]
    assert found[-1] == 250 and sorted(found[14:]) == found[14:]


BOMB = [0, 1, 5, *[1, 65535, 9] * 60]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        (BOMB, "of 65536 entries that claims 256"),
        ([0, 1, 5, *[2, 1, 0, 0] * 500], "of 257 entries that claims 256"),
        ([0, 4, 1, 2, 3, 4], "of 4 entries that claims 256"),
        ([0, 50, 1], "damaged: it ends within a segment"),
        ([0, 1, 5, 2, 9, 0, 0], "damaged: an indirect segment names another one"),
        ([1, 5, 5], "damaged: its first segment is a linear one"),
        ([9, 9, 9], "damaged: a segment of kind 9 and length 9"),
        ([0, 0, 0, 0], "damaged: a segment of kind 0 and length 0"),
    ],
)
def test_segments_without_sense_or_end_are_refused(tmp_path: Path, fields: list[int], what: str) -> None:
    path = written(tmp_path, encoded(palette(fields), INDEX))
    with pytest.raises(SourceError, match=f"has a segmented palette .*{what}"):
        list(load(path, DicomOptions(), Limits()))


@pytest.mark.parametrize(
    ("values", "what"),
    [({"SamplesPerPixel": 0}, "which is no image"), ({"PixelRepresentation": 2}, "neither 0 nor 1")],
)
def test_numbers_that_mean_nothing_are_refused(tmp_path: Path, values: dict[str, int], what: str) -> None:
    path = written(tmp_path, encoded(dataset_of(INDEX, **values), INDEX))
    with pytest.raises(SourceError, match=what):
        list(load(path, DicomOptions(), Limits()))
