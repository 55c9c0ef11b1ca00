"""Made hostile DICOM files: values are those that pydicom reads, or the file is refused in a sentence.

A part of them, from the same seed each time; all, from a seed of their own, with DICOMBAKE_SWEEPS=1
(``nox -s sweeps``).
"""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.dicom.standard.check import check_file
from dicombake.pipeline.errors import DicombakeError
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.dicom.loader import load
from dicombake.pipeline.loaders.options import DicomOptions, Limits

from ..pydicom_api import PYDICOM_3, apply_modality_lut, decoded
from ..support import bake
from .hostile_dicom import CODINGS, JPEG, KINDS, files

WHOLE = os.environ.get("DICOMBAKE_SWEEPS") == "1"
SMALL = Limits(image_pixels=2**20, frames=50, header_bytes=2**20)
RECIPE = """
version: 1
limits: {image_pixels: 1000000, frames: 50, header_bytes: 1000000}
conversions:
  any:
    inputs: "in/*.dcm"
    source: auto
    exports: [{to: npy, path: "o/{stem}.npy"}, {to: dicom, path: "o/{stem}.dcm"}]
  images:
    inputs: "in/*.dcm"
    source: dicom
    geometry: {sid: unknown, dpi: unknown}
    exports:
      - {to: rt-image, path: "o/rt/{stem}_{page}.dcm", pixels: quantize}
      - {to: secondary-capture, path: "o/sc/{stem}_{page}.dcm"}
      - {to: png, path: "o/{stem}_{page}.png", window: auto}
"""
Frames = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Say nothing of what pydicom thinks of such files."""
    logging.disable(logging.CRITICAL)
    if not PYDICOM_3:  # GDCM takes the process with it, called as pydicom 2.4 does
        handlers = [each for each in pydicom.config.pixel_data_handlers if "gdcm" not in each.__name__]
        monkeypatch.setattr(pydicom.config, "pixel_data_handlers", handlers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def read_by_pydicom(data: bytes) -> Frames | None:
    """The modality values that pydicom reads, frame by frame; None where it reads none, or is no reference.

    It takes the lowest bits whatever HighBit says (PS3.5 8.1.1), lossy streams decode to what a decoder
    rounds, and palettes have tests of their own.
    """
    try:
        dataset = pydicom.dcmread(io.BytesIO(data), force=True)
        syntax = dataset.file_meta.TransferSyntaxUID
        if syntax not in CODINGS or syntax == JPEG or dataset.HighBit != dataset.BitsStored - 1:
            return None
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            return None
        values = decoded(dataset)
        if dataset.SamplesPerPixel == 1:  # a Modality LUT is of grey values (PS3.3 C.11.1)
            values = apply_modality_lut(values, dataset)
    except Exception:  # noqa: BLE001  whatever it says of such a file
        return None
    frames = values.ndim - (dataset.SamplesPerPixel > 1) > 2
    return values if frames else values[None]


def assert_same(images: list[Image], expected: Frames, name: str) -> None:
    """All frames that there are, or those that NumberOfFrames says, and a note on the others."""
    found = np.stack([image.pixels for image in images])
    if any(note.code in ("frames-excess", "pixels-excess") for note in images[0].notes):
        expected = expected[: len(images)]
    assert found.shape == expected.shape, name
    assert np.array_equal(found, expected), name


def test_values_are_those_of_pydicom_or_the_file_is_refused(tmp_path: Path) -> None:
    path, read, compared = tmp_path / "image.dcm", 0, 0
    for name, data in islice(files(2 if WHOLE else 1), 30_000 if WHOLE else 1_500):
        path.write_bytes(data)
        try:
            images = list(load(path, DicomOptions(), SMALL))
        except DicombakeError:
            continue
        read += 1
        expected = read_by_pydicom(data)
        if expected is not None:
            compared += 1
            assert_same(images, expected, name)
    assert compared > read / 2 > 100


def test_no_command_ends_in_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    count = len(KINDS) * (20 if WHOLE else 2)
    for name, data in islice(files(3), count):
        path = tmp_path / "in" / f"{name}.dcm"
        path.write_bytes(data)
        with suppress(DicombakeError):
            check_file(path)
    recipe = tmp_path / "r.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    outcome = bake(recipe)
    assert len(outcome.results) == 2 * count
    for result in outcome.results:
        for error in (result.error, *result.further):
            assert error is None or not error.traceback, error.traceback
