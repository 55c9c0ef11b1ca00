"""What the tests call of pydicom, by its names of version 3, with 2.4 as well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset

HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")
PYDICOM_3 = int(pydicom.__version_info__[0]) >= 3

if PYDICOM_3:
    from pydicom.encaps import generate_frames as frames_of
    from pydicom.pixels import apply_modality_lut, apply_rescale, apply_voi_lut, convert_color_space
    from pydicom.pixels.encoders.base import RLELosslessEncoder
    from pydicom.pixels.processing import apply_color_lut
else:
    from pydicom.encaps import generate_pixel_data_frame as frames_of
    from pydicom.encoders.base import RLELosslessEncoder
    from pydicom.pixel_data_handlers import apply_rescale
    from pydicom.pixel_data_handlers.util import (
        apply_color_lut,
        apply_modality_lut,
        apply_voi_lut,
        convert_color_space,
    )

__all__ = [
    "PYDICOM_3",
    "RLELosslessEncoder",
    "apply_color_lut",
    "apply_modality_lut",
    "apply_rescale",
    "apply_voi_lut",
    "convert_color_space",
    "decoded",
    "generate_frames",
    "write_whole",
]


def generate_frames(value: bytes, number_of_frames: int) -> Iterator[bytes]:
    """The compressed frames of an encapsulated value."""
    if PYDICOM_3:
        return frames_of(value, number_of_frames=number_of_frames)
    return frames_of(value, number_of_frames)


def decoded(dataset: Dataset) -> np.ndarray:
    """Its pixels by pydicom, YBR_FULL as RGB; by imagecodecs where pydicom 2.4 has no decoder (HTJ2K)."""
    if PYDICOM_3:
        return dataset.pixel_array
    count = int(dataset.get("NumberOfFrames") or 1)
    if dataset.file_meta.TransferSyntaxUID in HTJ2K:
        # jpeg2k_decode is OpenJPEG; htj2k_decode gives planes where colours are not transformed
        frames = [imagecodecs.jpeg2k_decode(frame) for frame in generate_frames(dataset.PixelData, count)]
        return frames[0] if count == 1 else np.stack(frames)
    colour = str(dataset.PhotometricInterpretation)
    values = dataset.pixel_array
    return convert_color_space(values, colour, "RGB") if colour.startswith("YBR_FULL") else values


def write_whole(target: str | os.PathLike[str] | BinaryIO, dataset: Dataset) -> None:
    """Write preamble, file meta and dataset, as its file meta says that it is encoded."""
    if PYDICOM_3:
        pydicom.dcmwrite(target, dataset, enforce_file_format=True)
        return
    syntax = dataset.file_meta.TransferSyntaxUID
    dataset.is_implicit_VR = syntax.is_implicit_VR
    dataset.is_little_endian = syntax.is_little_endian
    pydicom.dcmwrite(target, dataset, write_like_original=False)
