"""Instances in another transfer syntax: the same pixels and elements, or nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.deliver.compare import compared
from dicombake.pipeline.deliver.instance import EXPLICIT, IMPLICIT, read_header, read_instance, transcoded
from dicombake.pipeline.deliver.model import Item
from PIL import Image

from ...pydicom_api import write_whole
from ...support import bake

RECIPE = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  a:
    inputs: in.png
    source: image
    exports: {{to: secondary-capture, path: "out.dcm", transfer_syntax: {syntax}}}
"""


@pytest.mark.parametrize("shape", [(33, 35), (33, 35, 3)], ids=["grey", "colour"])
@pytest.mark.parametrize("syntax", ["rle", "jpeg2000-lossless", "deflated"])
@pytest.mark.parametrize("target", [EXPLICIT, IMPLICIT], ids=["explicit", "implicit"])
def test_what_is_sent_uncompressed_has_the_pixels_that_were_written(
    tmp_path: Path, shape: tuple[int, ...], syntax: str, target: str
) -> None:
    values = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "in.png")
    recipe = tmp_path / "r.yaml"
    recipe.write_text(RECIPE.format(syntax=syntax), encoding="utf-8")
    assert bake(recipe).exit_status == 0
    file = tmp_path / "out.dcm"
    content = file.read_bytes()
    item = Item("out.dcm", file, hashlib.sha256(content).hexdigest(), dicom=True)
    data = transcoded(read_instance(read_header(item)), target)
    assert data is not None
    meta = pydicom.dcmread(file, stop_before_pixels=True).file_meta
    meta.TransferSyntaxUID = target
    back = tmp_path / "back.dcm"
    write_head_and(back, meta, bytes(data))
    np.testing.assert_array_equal(pydicom.dcmread(back).pixel_array, values)
    assert compared(content, back.read_bytes()).same


def write_head_and(path: Path, meta: pydicom.dataset.FileMetaDataset, data: bytes) -> None:
    """Write the file meta information, and behind it a dataset as it is encoded."""
    head = pydicom.Dataset()
    head.file_meta = meta
    head.SOPClassUID, head.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    write_whole(path, head)
    whole = path.read_bytes()
    start = 132 + 12 + int.from_bytes(whole[140:144], "little")
    path.write_bytes(whole[:start] + data)
