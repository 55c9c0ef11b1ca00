"""Rules of single kinds of DICOM for pixels that were changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydicom import Dataset
from pydicom.uid import (
    CTImageStorage,
    ParametricMapStorage,
    PositronEmissionTomographyImageStorage,
    RTDoseStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from ...dicom.encode.encoding import (
    CT_IMAGE,
    DIGITAL_XRAY,
    PARAMETRIC_MAP,
    RT_IMAGE,
    SECONDARY_CAPTURE,
    Allowed,
    Encoded,
)
from ...dicom.encode.uids import set_uid
from ...errors import Note
from ...imaging.image import Image

_DIGITAL_XRAY = tuple(f"1.2.840.10008.5.1.4.1.1.1.{end}" for end in ("1", "1.1", "2", "2.1", "3", "3.1"))
"""DX, mammography and intra-oral images: their rescale is mandatory, and is 1 and 0 (C.8.11.3)."""
RESCALED = (CTImageStorage, PositronEmissionTomographyImageStorage, *_DIGITAL_XRAY)
"""Kinds whose rescale is mandatory."""


def allowed(source: Dataset) -> Allowed:
    """Return what pixels the source's kind may hold."""
    modality = source.get("Modality")
    if str(source.get("SOPClassUID")) == ParametricMapStorage:
        return PARAMETRIC_MAP
    if modality == "RTIMAGE":
        return RT_IMAGE
    if modality in ("CT", "MR", "PT"):
        return replace(CT_IMAGE, name=f"an image of modality {modality}")
    if str(source.get("SOPClassUID")) in _DIGITAL_XRAY:
        return DIGITAL_XRAY
    return replace(SECONDARY_CAPTURE, name="an image of the source's kind")


def is_dose(source: Dataset) -> bool:
    """Tell whether its frames are planes of a dose."""
    return str(source.get("SOPClassUID")) == RTDoseStorage


def is_ultrasound(source: Dataset) -> bool:
    """Tell whether its colours have 8 bits (C.8.5.6)."""
    return str(source.get("SOPClassUID")) in (UltrasoundImageStorage, UltrasoundMultiFrameImageStorage)


def eight_bits(encoded: Encoded) -> Encoded:
    """Return colours of a 16-bit palette in the 8 bits that an ultrasound image has (C.8.5.6.1)."""
    high = (encoded.stored >> 8).astype(np.uint8)
    exact = not np.any(((encoded.stored & 0xFF) != 0) & ((encoded.stored & 0xFF) != high))
    note = Note(
        "colours-in-8-bits", "colours of the palette are rounded down to the 8 bits of an ultrasound image"
    )
    return Encoded(high, bits_stored=8, notes=encoded.notes + (() if exact else (note,)))


def matching_shape(dataset: Dataset, before: object) -> None:
    """Write the PresentationLUTShape that goes with the photometric interpretation (C.8.11.3.1.2)."""
    shapes = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}
    now = dataset.PhotometricInterpretation
    if now != before and now in shapes and dataset.get("PresentationLUTShape") in shapes.values():
        dataset.PresentationLUTShape = shapes[now]


def in_no_unit(dataset: Dataset, image: Image) -> tuple[Note, ...]:
    """Set Units of a PET Image (C.8.9.1, Type 1) to NONE, the term for values that have lost their unit."""
    if image.calibrated or dataset.get("Units") in (None, "", "NONE"):
        return ()
    dataset.Units = "NONE"
    return (Note("units-lost", "Units is NONE: the values are in the source's unit no longer"),)


def class_of_meta(dataset: Dataset, source: Dataset) -> tuple[Note, ...]:
    """Write the SOP class of a source that has it only in its file meta (PS3.10 7.1); return a note."""
    named = str(getattr(source, "file_meta", Dataset()).get("MediaStorageSOPClassUID") or "")
    if dataset.get("SOPClassUID") or not named:
        return ()
    set_uid(dataset, "SOPClassUID", named)
    return (Note("source-mended", "SOPClassUID is not in the source, and is that of its file meta"),)
