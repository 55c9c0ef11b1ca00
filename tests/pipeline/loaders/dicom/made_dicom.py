"""Small DICOM files made in memory, byte for byte as a test wants them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from ....pydicom_api import write_whole

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RT_IMAGE = "1.2.840.10008.5.1.4.1.1.481.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def dataset_of(pixels: np.ndarray[Any, Any] | None, **values: Any) -> Dataset:
    """An image; `values` (a keyword each) come last and win. A value of None takes the element out."""
    dataset = Dataset()
    dataset.SOPClassUID = SECONDARY_CAPTURE
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.PatientName = "Phantom^One"
    dataset.Modality = "OT"
    if pixels is not None:
        samples = pixels.shape[-1] if pixels.ndim > 2 and pixels.shape[-1] == 3 else 1
        frames = pixels.shape[0] if pixels.ndim - (samples == 3) == 3 else 1
        dataset.SamplesPerPixel = samples
        dataset.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
        if samples == 3:
            dataset.PlanarConfiguration = 0
        if frames > 1:
            dataset.NumberOfFrames = frames
        dataset.Rows, dataset.Columns = pixels.shape[frames > 1 :][:2]
        dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.dtype.itemsize
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    for name, value in values.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    return dataset


def encoded(dataset: Dataset, pixels: np.ndarray[Any, Any] | bytes | None, syntax: str = EXPLICIT) -> bytes:
    """The file's bytes, with preamble and file meta. Pixels as an array are written in the syntax's order."""
    if isinstance(pixels, np.ndarray):
        pixels = pixels.astype(pixels.dtype.newbyteorder(">" if syntax == BIG_ENDIAN else "<")).tobytes()
    if pixels is not None:
        vr = "OW" if dataset.BitsAllocated != 8 and UID(syntax) not in ENCAPSULATED else "OB"
        dataset.add_new(0x7FE00010, vr, pixels + b"\0" * (len(pixels) % 2))
        dataset["PixelData"].is_undefined_length = syntax in ENCAPSULATED
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = io.BytesIO()
    write_whole(buffer, dataset)
    return buffer.getvalue()


ENCAPSULATED = frozenset(
    f"1.2.840.10008.1.2.{number}"
    for number in (5, *(f"4.{codec}" for codec in (50, 51, 57, 70, 80, 81, 90, 91, 201, 202, 203)))
)


def compressed(dataset: Dataset, frames: list[bytes], syntax: str) -> bytes:
    """A file of frames that are codestreams already."""
    return encoded(dataset, encapsulate(frames), syntax)


def bare(data: bytes) -> bytes:
    """The file without preamble and file meta."""
    (length,) = np.frombuffer(data[140:144], "<u4")
    return data[144 + int(length) :]


def written(folder: Path, data: bytes, name: str = "image.dcm") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
