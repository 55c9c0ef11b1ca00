"""Carry attributes of a DICOM source to the DICOM file that is made of it.

Patient, study and equipment always; the acquisition's own attributes where the kind stays the same; those
that describe the source's values only while the values are the source's own.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from copy import deepcopy

from pydicom import DataElement, Dataset
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.sequence import Sequence

from ....schemas.language.numbers import NUMBER
from ....schemas.language.values import ValueFormError, normal_value
from ....schemas.language.vr import TEXT
from ...decimal_string import ds
from ...errors import ExportError, Note
from .mending import exact_window, right_vrs
from .stale import WINDOW

_TEXT = TEXT - {"UI"}
_UID = re.compile(r"((0|[1-9]\d*)(\.(0|[1-9]\d*))*)?(?<!.{65})")
_PADDING = " \0"
_EARLIEST_YEAR = 1800
"""A date before this year is not one of an acquisition; .NET programs write 00010101 for none."""


def _tags(text: str) -> frozenset[int]:
    found = {word: tag_for_keyword(word) for word in text.split()}
    missing = [word for word, tag in found.items() if tag is None]
    assert not missing, missing
    return frozenset(tag for tag in found.values() if tag is not None)


STUDY = _tags(
    "StudyDate StudyTime AccessionNumber IssuerOfAccessionNumberSequence ReferringPhysicianName "
    "ReferringPhysicianIdentificationSequence ConsultingPhysicianName StudyDescription StudyID "
    "PhysiciansOfRecord NameOfPhysiciansReadingStudy ProcedureCodeSequence ReferencedStudySequence "
    "AdmittingDiagnosesDescription AdmissionID TimezoneOffsetFromUTC LongitudinalTemporalInformationModified"
)
EQUIPMENT = _tags(
    "Manufacturer InstitutionName InstitutionAddress StationName InstitutionalDepartmentName "
    "ManufacturerModelName DeviceSerialNumber SoftwareVersions DeviceUID DateOfLastCalibration "
    "TimeOfLastCalibration RadiationMachineName ContributingEquipmentSequence"
)
SERIES = _tags(
    "SeriesDate SeriesTime SeriesDescription ProtocolName OperatorsName PerformingPhysicianName "
    "BodyPartExamined PatientPosition AcquisitionDate AcquisitionTime AcquisitionDateTime ContentDate "
    "ContentTime AcquisitionNumber InstanceNumber ImageComments QualityControlImage BurnedInAnnotation "
    "LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod PositionReferenceIndicator "
    "RecognizableVisualFeatures"
)
_LOSS = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
"""Type 1C and 3: they may not be empty."""
VALUES = _tags(" ".join(WINDOW))
"""Attributes of modality values, true while the values are the source's."""
INTENSITY = _tags("PixelIntensityRelationship PixelIntensityRelationshipSign")
SAME_KIND_GROUPS = frozenset({0x0018, 0x3002, 0x300A, 0x300C})
"""Acquisition and radiotherapy attributes, carried into the same modality only."""
STATED_BY_GEOMETRY = _tags(
    "ImagePlanePixelSpacing RTImagePosition RTImageOrientation XRayImageReceptorTranslation "
    "XRayImageReceptorAngle RadiationMachineSAD RTImageSID GantryAngle BeamLimitingDeviceAngle "
    "PatientSupportAngle SliceThickness SpacingBetweenSlices ImagerPixelSpacing NominalScannedPixelSpacing "
    "DistanceSourceToDetector DistanceSourceToPatient"
)


def is_uid(text: str) -> bool:
    """Tell whether a text is a UID, or empty (PS3.5 section 9.1)."""
    return _UID.fullmatch(text) is not None


def carried(source: Dataset, *, same_modality: bool, computed: bool) -> tuple[Dataset, tuple[Note, ...]]:
    """Return the attributes that an image made of this source keeps, in Unicode; and notes on dropped ones.

    `computed`: values were computed, so that windows and the intensity relationship are dropped.
    """

    def wanted(tag: int) -> bool:
        group = tag >> 16
        if tag in STATED_BY_GEOMETRY or group % 2 == 1:
            return False
        if group in (0x0010, 0x0012) or tag in STUDY or tag in EQUIPMENT or tag in SERIES:
            return True
        if tag in VALUES or tag in INTENSITY:
            return not computed and (tag in VALUES or same_modality)
        return same_modality and group in SAME_KIND_GROUPS

    result, notes = cleaned(source, wanted)
    if computed and same_modality and source.get("PixelIntensityRelationship"):
        text = (
            "PixelIntensityRelationship and its sign end where values were computed; give them under 'tags' "
            "where a reader needs them"
        )
        notes += (Note("intensity-relationship-dropped", text),)
    for keyword in _LOSS:
        if keyword in result and result[keyword].is_empty:
            del result[keyword]
    if not source.get("FrameOfReferenceUID") and "PositionReferenceIndicator" in result:
        del result.PositionReferenceIndicator
    return result, (*notes, *right_vrs(result), *exact_window(result))


def cleaned(
    source: Dataset, wanted: Callable[[int], bool] = lambda tag: True
) -> tuple[Dataset, tuple[Note, ...]]:
    """Copy some elements: text in Unicode; values that their VR cannot hold are emptied and noted.

    Group lengths are not copied. Numbers too long for DS are rounded to its 16 characters; UIDs are kept
    unchanged.
    """
    result = Dataset()
    dropped: list[str] = []
    with warnings.catch_warnings():
        # invalid values of a source are reported here, once, and need no warning of pydicom
        warnings.simplefilter("ignore")
        for tag in source.keys():  # noqa: SIM118
            if tag.element != 0 and wanted(int(tag)):
                result.add(_clean(source[tag], dropped))
        _settle_vrs(result, source)
    if "SpecificCharacterSet" in result:
        del result.SpecificCharacterSet
    return result, tuple(_note(*entry.split(" ")) for entry in sorted(set(dropped)))


def _settle_vrs(result: Dataset, source: Dataset) -> None:
    """Settle US or SS, OB or OW as the source means them; an implicit VR leaves that open."""
    signed = "PixelRepresentation" in source and "PixelRepresentation" not in result
    if signed:
        result.PixelRepresentation = source.PixelRepresentation
    correct_ambiguous_vr(result, True)
    _definite_vrs(result)
    if signed:
        del result.PixelRepresentation


def _definite_vrs(dataset: Dataset) -> None:
    """Settle the VRs that pydicom leaves open in a source of implicit VR.

    These are those of curves, and of elements without the element that decides their VR.
    """
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _definite_vrs(item)
        elif " or " in element.VR:
            element.VR = "OW" if isinstance(element.value, bytes) else "US"


def _note(name: str, vr: str) -> Note:
    if vr == "UI":
        return Note("invalid-source-uid", f"{name} of the source is no valid UI and is kept as it is")
    return Note("invalid-source-value", f"{name} of the source is no valid {vr} and is left empty")


def _clean(element: DataElement, dropped: list[str]) -> DataElement:
    if element.VR == "SQ":
        return DataElement(
            element.tag, "SQ", Sequence([_clean_item(item, dropped) for item in element.value])
        )
    if element.VR not in _TEXT:
        if element.VR == "UI" and not all(map(is_uid, _texts(element))):
            dropped.append(f"{_name(element)} UI")
        return deepcopy(element)
    written = _written(element)
    try:
        values = [_valid(element.VR, text.strip(_PADDING)) for text in written]
    except (ValueFormError, ExportError):
        dropped.append(f"{_name(element)} {element.VR}")
        values = []
    if element.VR == "DS" and values and values == written:
        # converting and checking the many numbers of a collimator's leaves again takes long
        return DataElement(element.tag, "DS", element.value, already_converted=True)
    return DataElement(
        element.tag, element.VR, "" if not values else values[0] if len(values) == 1 else values
    )


def _name(element: DataElement) -> str:
    return keyword_for_tag(element.tag) or str(element.tag).replace(" ", "")


def _clean_item(item: Dataset, dropped: list[str]) -> Dataset:
    plain = Dataset()
    for element in item:
        if element.tag.element != 0 and element.tag != 0x00080005:
            plain.add(_clean(element, dropped))
    return plain


def _texts(element: DataElement) -> list[str]:
    """Return each value's text without padding; a number's as it stands in the file."""
    return [text.strip(_PADDING) for text in _written(element)]


def _written(element: DataElement) -> list[str]:
    value = element.value
    values: Iterable[object] = value if element.VM > 1 else () if value is None else (value,)
    return [_text(item) for item in values]


def _text(value: object) -> str:
    """Return a number as it stands in the file; a name's own `original_string` would be its bytes."""
    original = getattr(value, "original_string", None)
    return original if isinstance(original, str) else str(value)


def _valid(vr: str, text: str) -> str:
    """Return the text in the form of its VR. Raises: ValueFormError, ExportError."""
    if vr == "DS" and text:
        if not NUMBER.fullmatch(text):
            raise ValueFormError("no number")
        return text if len(text) <= 16 else ds(float(text))
    if vr == "TM" and re.fullmatch(r"\d\d:\d\d:\d\d(\.\d+)?", text):
        raise ValueFormError("no time since DICOM 3")
    if vr in ("LT", "ST", "UT"):
        return text
    normal = normal_value(vr, text)
    if vr in ("DA", "DT") and normal and int(normal[:4]) < _EARLIEST_YEAR:
        raise ValueFormError("a date before all dates")
    return normal
