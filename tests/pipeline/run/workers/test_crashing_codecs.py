"""Streams that crash a codec, alone, inside DICOM and inside TIFF, among good files: one failure each."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from dicombake.pipeline.api import run
from dicombake.pipeline.store.lock import read_lock

from ...loaders.codecs.test_jpeg import LOSSLESS_WITH_A_BROKEN_SCAN as BROKEN
from ...loaders.input_files import compressed, dataset_of

GREY = np.arange(17 * 12, dtype=np.uint8).reshape(12, 17)
RECIPE = """
version: 1
conversions:
  c: {inputs: in/*, source: auto, exports: [{to: npy, path: "out/{name}.npy"}]}
"""


def dicom(pixels: np.ndarray[Any, Any], stream: bytes, syntax: int) -> bytes:
    return compressed(dataset_of(pixels), [stream], f"1.2.840.10008.1.2.4.{syntax}")


def tiff(stream: bytes) -> bytes:
    """A TIFF whose one strip is a JPEG of 12 bits."""
    tags = {256: 17, 257: 12, 258: 12, 259: 7, 262: 1, 273: 8, 277: 1, 278: 12, 279: len(stream)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return (
        struct.pack("<2sHI", b"II", 42, 8 + len(stream))
        + stream + struct.pack("<H", len(tags)) + entries + bytes(4)
    )  # fmt: skip


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_broken_stream_costs_its_own_image(tmp_path: Path, jobs: int) -> None:
    (tmp_path / "in").mkdir()
    good = imagecodecs.jpeg8_encode(GREY)
    twelve = imagecodecs.jpeg8_encode(GREY.astype(np.uint16), bitspersample=12)
    lossless = imagecodecs.jpeg8_encode(GREY, lossless=True)
    plain = io.BytesIO()
    tifffile.imwrite(plain, GREY, photometric="minisblack")
    files = {
        "good.jpg": good,
        "good.tif": plain.getvalue(),
        "good51.dcm": dicom(GREY.astype(np.uint16), twelve, 51),
        "good70.dcm": dicom(GREY, lossless, 70),
        "bad.jpg": BROKEN,
        "bad.tif": tiff(BROKEN),
        "bad51.dcm": dicom(GREY.astype(np.uint16), BROKEN, 51),
        "bad57.dcm": dicom(GREY.astype(np.uint16), BROKEN, 57),
        "bad70.dcm": dicom(GREY.astype(np.uint16), BROKEN, 70),
        "bad_table.dcm": dicom(GREY, lossless.replace(b"\xff\xc4", b"\xff\x00"), 70),  # gdcm aborts
    }
    for name, data in files.items():
        (tmp_path / "in" / name).write_bytes(data)
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    outcome = run(tmp_path / "r.yaml", jobs=jobs)
    assert outcome.exit_status == 1
    failed = {Path(result.unit).name: str(result.error) for result in outcome.results if result.error}
    assert sorted(failed) == sorted(name for name in files if name.startswith("bad"))
    assert all("damaged" in text for text in failed.values()), failed
    made = {f"out/{name}.npy" for name in files if name.startswith("good")}
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("out/*")} == made
    assert set(read_lock(tmp_path / "r.lock").outputs) == made
