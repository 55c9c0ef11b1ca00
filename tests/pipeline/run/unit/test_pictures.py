"""A picture is the same whatever else is made of its source, and whether or not its path names its frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ....support import bake, failures
from ...loaders.input_files import dataset_of, encoded

RECIPE = """version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  alone:
    inputs: scan.dcm
    source: {source}
    exports: {{to: {to}, path: "alone/{{stem}}.{to}", window: {window}}}
  frames:
    inputs: scan.dcm
    source: {source}
    exports: {{to: {to}, path: "frames/{{stem}}_{{page}}.{to}", window: {window}}}
  beside:
    inputs: scan.dcm
    source: {source}
    exports:
      - {{to: {to}, path: "beside/{{stem}}.{to}", window: {window}}}
      - {{to: npy, path: "beside/{{stem}}.npy"}}
"""
PIXELS = np.arange(1000, 1256, dtype=np.uint16).reshape(16, 16)
PADDED = np.where(np.arange(16)[:, np.newaxis] < 3, np.uint16(0), PIXELS)
RAW = "{format: dicom, raw_values: true}"


@pytest.mark.parametrize("to", ["png", "jpg"])
@pytest.mark.parametrize(
    "case",
    [
        ("dicom", "auto", PADDED, {"PixelPaddingValue": 0}),
        ("dicom", "full", PADDED, {"PixelPaddingValue": 0}),
        ("dicom", "[0, 200]", PADDED, {"PixelPaddingValue": 0, "PhotometricInterpretation": "MONOCHROME1"}),
        (RAW, "auto", PIXELS, {"WindowCenter": 100, "WindowWidth": 200}),
    ],
    ids=["padding", "full", "monochrome1", "raw"],
)
def test_a_picture_alone_is_that_of_its_frame(
    tmp_path: Path, to: str, case: tuple[str, str, np.ndarray, dict[str, Any]]
) -> None:
    source, window, pixels, tags = case
    rescale = {"RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU"}
    (tmp_path / "scan.dcm").write_bytes(encoded(dataset_of(pixels, **rescale, **tags), pixels))
    recipe = tmp_path / "r.yaml"
    recipe.write_text(RECIPE.format(source=source, to=to, window=window))
    assert failures(bake(recipe)) == []
    pictures = {path.parent.name: np.array(Image.open(path)) for path in tmp_path.rglob(f"*.{to}")}
    assert sorted(pictures) == ["alone", "beside", "frames"]
    assert np.ptp(pictures["frames"][3:]) > 200
    for name, picture in pictures.items():
        np.testing.assert_array_equal(picture, pictures["frames"], err_msg=name)
    if pixels is PADDED and to == "png":
        assert not pictures["alone"][:3].any()
