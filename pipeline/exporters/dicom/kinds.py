"""Rules of single kinds of DICOM for pixels that were changed."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace
from pydicom import Dataset
from pydicom.uid import (
    CTImageStorage,
    MRImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    ParametricMapStorage,
    PositronEmissionTomographyImageStorage,
    RTDoseStorage,
    RTImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from ...dicom.encode.encoding import (
    CT_IMAGE,
    DIGITAL_XRAY,
    MULTI_FRAME,
    PARAMETRIC_MAP,
    RT_IMAGE,
    SECONDARY_CAPTURE,
    Allowed,
    Encoded,
)
from ...dicom.encode.uids import set_uid
from ...dicom.standard.tables import requires_module
from ...errors import Note
from ...imaging.image import Image

_DIGITAL_XRAY = tuple(f"1.2.840.10008.5.1.4.1.1.1.{end}" for end in ("1", "1.1", "2", "2.1", "3", "3.1"))
"""DX, mammography and intra-oral images: their rescale is mandatory, and is 1 and 0 (C.8.11.3)."""
RESCALED = (CTImageStorage, PositronEmissionTomographyImageStorage, *_DIGITAL_XRAY)
"""Kinds whose rescale is mandatory."""


_MULTI_FRAME: dict[str, str] = {
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage: "uint8",
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage: "uint16",
}
_SLICES: dict[str, str] = {
    CTImageStorage: "CT",
    MRImageStorage: "MR",
    PositronEmissionTomographyImageStorage: "PT",
}


def allowed(source: Dataset) -> Allowed:
    """Say what pixels the source's kind may hold: by its SOP class, where it has none by its modality."""
    kind, modality = str(source.get("SOPClassUID") or ""), source.get("Modality")
    if kind == ParametricMapStorage:
        return PARAMETRIC_MAP
    if kind in _DIGITAL_XRAY:
        return DIGITAL_XRAY
    if kind in _MULTI_FRAME:
        return replace(MULTI_FRAME, dtypes=frozenset({_MULTI_FRAME[kind]}), alternative="another 'to'")
    if kind == RTImageStorage or (not kind and modality == "RTIMAGE"):
        return RT_IMAGE
    if kind in _SLICES or (not kind and modality in _SLICES.values()):
        return replace(CT_IMAGE, name=f"an image of modality {_SLICES.get(kind, modality)}")
    return replace(SECONDARY_CAPTURE, name="an image of the source's kind")


def is_digital_xray(source: Dataset) -> bool:
    """Tell whether it is a digital X-ray, mammography or intra-oral image (C.8.11.3)."""
    return str(source.get("SOPClassUID")) in _DIGITAL_XRAY


def is_angiography(source: Dataset) -> bool:
    """Tell whether it is an X-ray angiographic or radiofluoroscopic image (C.8.7.1)."""
    return str(source.get("SOPClassUID")) in (
        XRayAngiographicImageStorage,
        XRayRadiofluoroscopicImageStorage,
    )


def needs_frame_of_reference(source: Dataset) -> bool:
    """Tell whether its kind must name a frame of reference (PS3.3 A: CT, MR, PET and dose among others)."""
    return requires_module(str(source.get("SOPClassUID") or ""), "frame-of-reference")


GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_GROUPED = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{end}"
    for end in (
        "2.1", "2.2", "4.1", "4.3", "4.4", "6.2", "12.1.1", "12.2.1", "13.1.1", "13.1.2", "13.1.3", "13.1.4",
        "13.1.5", "14.1", "14.2", "30", "66.4", "66.7", "77.1.5.4", "77.1.5.7", "77.1.5.8", "77.1.6", "128.1",
        "130",
    )
)  # fmt: skip
"""Enhanced CT, MR, PET, XA, RF and ultrasound, their legacy converted ones, 3D X-ray, intravascular OCT,
parametric map, segmentation, ophthalmic tomography and whole-slide images (PS3.3 A)."""


def has_functional_groups(source: Dataset) -> bool:
    """Tell whether functional groups speak of its frames (C.7.6.16), or ought to."""
    return str(source.get("SOPClassUID") or "") in _GROUPED or any(name in source for name in GROUPS)


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
