"""Decide when a conditional attribute (Type 1C or 2C) is required, for the kinds that are written.

Each rule is the standard's own condition, with its section. For an attribute without a rule it is only
checked that it has a value if it is present (1C).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct
from pydicom import Dataset
from pydicom.datadict import keyword_for_tag
from pydicom.multival import MultiValue

from ....schemas.language.vr import IN_CHARACTER_SET

Verdict = Literal["required", "allowed", "forbidden", "odd"]
"""``odd``: its condition does not hold, and it is present with true values: a note, no error."""


class Where(Struct, frozen=True):
    """The facts that a condition may depend on."""

    root: Dataset
    item: Dataset
    """The dataset or item that has, or lacks, the attribute."""
    kind: str
    path: tuple[str, ...]
    """The keywords of the sequences around it, outermost first."""
    many: bool = False
    """Whether the innermost sequence has more than one item."""


Rule = Callable[[Where], Verdict]


def verdict(module: str, keyword: str, where: Where) -> Verdict:
    """Return what the standard's condition says of this attribute at this place."""
    rule = _CODES.get(keyword) if _is_code(where) else None
    inner = where.path[-1] if where.path else ""
    rule = rule or _RULES.get((inner or module, keyword)) or (None if inner else _RULES.get(("", keyword)))
    return rule(where) if rule else "allowed"


def _value(dataset: Dataset, keyword: str) -> str:
    found = dataset.get(keyword)
    return "" if found is None else str(found)


def _has(dataset: Dataset, keyword: str) -> bool:
    return keyword in dataset and dataset[keyword].value not in (None, "", b"")


def _third(root: Dataset) -> str:
    found = root.get("ImageType")
    return str(found[2]) if isinstance(found, MultiValue) and len(found) > 2 else ""


def _if(condition: Callable[[Where], bool], otherwise: Verdict = "allowed") -> Rule:
    return lambda where: "required" if condition(where) else otherwise


def _with(keyword: str, otherwise: Verdict = "allowed") -> Rule:
    return _if(lambda where: keyword in where.item, otherwise)


def _without(keyword: str, otherwise: Verdict = "allowed") -> Rule:
    return _if(lambda where: keyword not in where.item, otherwise)


def _portal(*values: str, otherwise: Verdict = "allowed") -> Rule:
    return _if(lambda where: _third(where.root) in values, otherwise)


def _number(dataset: Dataset, keyword: str, default: int = 1) -> int:
    """Return a number; the default where it is absent, or what is there is not one number."""
    try:
        return int(dataset.get(keyword) or default)
    except (TypeError, ValueError):
        return default


def _text_beyond_ascii(dataset: Dataset) -> bool:
    for element in dataset:
        if element.VR == "SQ":
            if any(_text_beyond_ascii(item) for item in element.value):
                return True
        elif element.VR in IN_CHARACTER_SET and not str(element.value).isascii():
            return True
    return False


def _no_patient_plane(where: Where) -> bool:
    root = where.root
    placed = _has(root, "ImageOrientationPatient") and _has(root, "ImagePositionPatient")
    return not placed and "SharedFunctionalGroupsSequence" not in root


def _palette(where: Where) -> bool:
    return _value(where.root, "PhotometricInterpretation") == "PALETTE COLOR"


def _vector(keyword: str) -> Rule:
    """Make the rule of an attribute that is required where the pointer names it (PS3.3 C.8.6.4)."""

    def named(where: Where) -> bool:
        pointer = where.root.get("FrameIncrementPointer")
        tags = pointer if isinstance(pointer, MultiValue) else [pointer] if pointer else []
        return _number(where.root, "NumberOfFrames") > 1 and any(
            keyword_for_tag(tag) == keyword for tag in tags
        )

    return _if(named)


def _grey_frames(where: Where) -> bool:
    """Tell whether the frames are grey of more than one bit: their identity is written out (C.8.6.3)."""
    grey = _value(where.root, "PhotometricInterpretation") == "MONOCHROME2"
    return grey and _number(where.root, "BitsStored") > 1


def _digitized(where: Where) -> bool:
    return _value(where.root, "ConversionType") in ("DF", "SD", "SI")


def _exposed_frame(where: Where) -> Verdict:
    """Require ReferencedFrameNumber of an exposure only in a multi-frame image (C.8.8.2)."""
    if _number(where.root, "NumberOfFrames") <= 1:
        return "forbidden"
    return "required" if where.many else "allowed"


def _mapped(floats: bool) -> Rule:
    """Make the rule for the range of a Real World Value Mapping (C.7.6.16.2.11), by the kind of pixels."""

    def rule(where: Where) -> Verdict:
        has_floats = "FloatPixelData" in where.root or "DoubleFloatPixelData" in where.root
        return "required" if has_floats == floats else "forbidden"

    return rule


_LOSSY = _if(lambda where: _value(where.root, "LossyImageCompression") == "01")
_MULTILEAF = _if(lambda where: _value(where.item, "RTBeamLimitingDeviceType") in ("MLCX", "MLCY"))

_RULES: dict[tuple[str, str], Rule] = {
    # SOP Common, C.12.1
    ("sop-common", "SpecificCharacterSet"): _if(lambda where: _text_beyond_ascii(where.root)),
    # General Series, C.7.3.1: of these two kinds, and of those with Image Plane
    ("general-series", "PatientPosition"): _if(
        lambda where: (
            where.kind in ("ct-image", "mr-image") and "PatientOrientationCodeSequence" not in where.root
        )
    ),
    # General Equipment, C.7.5.1
    ("general-equipment", "PixelPaddingValue"): _if(lambda where: "PixelPaddingRangeLimit" in where.root),
    # General Image, C.7.6.1
    ("general-image", "PatientOrientation"): _if(_no_patient_plane),
    ("", "LossyImageCompressionRatio"): _LOSSY,
    ("", "LossyImageCompressionMethod"): _LOSSY,
    # Image Pixel, C.7.6.3
    ("image-pixel", "PlanarConfiguration"): _if(
        lambda where: _number(where.root, "SamplesPerPixel") > 1, "forbidden"
    ),
    ("image-pixel", "PixelData"): _without("PixelDataProviderURL"),
    ("image-pixel", "RedPaletteColorLookupTableDescriptor"): _if(_palette),
    ("image-pixel", "GreenPaletteColorLookupTableDescriptor"): _if(_palette),
    ("image-pixel", "BluePaletteColorLookupTableDescriptor"): _if(_palette),
    # Modality LUT, C.11.1
    ("modality-lut", "RescaleIntercept"): _without("ModalityLUTSequence", "forbidden"),
    ("modality-lut", "RescaleSlope"): _with("RescaleIntercept", "forbidden"),
    ("modality-lut", "RescaleType"): _with("RescaleIntercept", "forbidden"),
    # VOI LUT, C.11.2
    ("voi-lut", "WindowCenter"): _without("VOILUTSequence"),
    ("voi-lut", "WindowWidth"): _with("WindowCenter", "forbidden"),
    # RT Image, C.8.8.2
    ("rt-image", "ReportedValuesOrigin"): _portal("PORTAL", "SIMULATOR"),
    ("rt-image", "RTImageOrientation"): _if(lambda where: _value(where.root, "RTImagePlane") == "NON_NORMAL"),
    ("rt-image", "PatientPosition"): _with("IsocenterPosition", "forbidden"),
    ("rt-image", "PixelIntensityRelationshipSign"): _with("PixelIntensityRelationship"),
    ("rt-image", "FluenceMapSequence"): _portal("FLUENCE"),
    ("ExposureSequence", "ReferencedFrameNumber"): _exposed_frame,
    ("ExposureSequence", "KVP"): _portal("PORTAL", "SIMULATOR", "RADIOGRAPH"),
    ("ExposureSequence", "MetersetExposure"): _portal("PORTAL"),
    ("ExposureSequence", "ExposureTime"): _portal("SIMULATOR", "RADIOGRAPH", otherwise="odd"),
    ("ExposureSequence", "XRayTubeCurrent"): _portal("SIMULATOR", "RADIOGRAPH", otherwise="odd"),
    ("ExposureSequence", "BlockSequence"): _if(lambda where: _number(where.item, "NumberOfBlocks", 0) > 0),
    ("BeamLimitingDeviceSequence", "LeafPositionBoundaries"): _MULTILEAF,
    ("BeamLimitingDeviceSequence", "LeafJawPositions"): lambda where: "required",
    # SC Image and SC Multi-frame Image, C.8.6.2 and C.8.6.3
    ("sc-image", "PixelSpacingCalibrationDescription"): _with("PixelSpacingCalibrationType"),
    ("sc-multi-frame-image", "NominalScannedPixelSpacing"): _if(_digitized, "forbidden"),
    ("sc-multi-frame-image", "FrameIncrementPointer"): _if(
        lambda where: _number(where.root, "NumberOfFrames") > 1
    ),
    ("sc-multi-frame-image", "PixelSpacingCalibrationDescription"): _with("PixelSpacingCalibrationType"),
    ("sc-multi-frame-image", "RescaleIntercept"): _if(_grey_frames),
    ("sc-multi-frame-image", "RescaleSlope"): _if(_grey_frames),
    ("sc-multi-frame-image", "RescaleType"): _if(_grey_frames),
    ("sc-multi-frame-image", "PresentationLUTShape"): _if(_grey_frames),
    **{
        ("sc-multi-frame-vector", keyword): _vector(keyword)
        for keyword in ("FrameTimeVector", "PageNumberVector", "FrameLabelVector", "SliceLocationVector")
    },
    # Multi-frame Functional Groups and Dimension, C.7.6.16 and C.7.6.17
    ("parametric-map-multi-frame-functional-groups", "PerFrameFunctionalGroupsSequence"): (
        lambda where: "required"
    ),
    ("FrameContentSequence", "DimensionIndexValues"): _if(
        lambda where: bool(where.root.get("DimensionIndexSequence")), "forbidden"
    ),
    ("FrameContentSequence", "StackID"): _with("InStackPositionNumber"),
    ("FrameContentSequence", "InStackPositionNumber"): _with("StackID"),
    ("RealWorldValueMappingSequence", "RealWorldValueFirstValueMapped"): _mapped(floats=False),
    ("RealWorldValueMappingSequence", "RealWorldValueLastValueMapped"): _mapped(floats=False),
    ("RealWorldValueMappingSequence", "DoubleFloatRealWorldValueFirstValueMapped"): _mapped(floats=True),
    ("RealWorldValueMappingSequence", "DoubleFloatRealWorldValueLastValueMapped"): _mapped(floats=True),
    ("RealWorldValueMappingSequence", "RealWorldValueIntercept"): _without("RealWorldValueLUTData"),
    ("RealWorldValueMappingSequence", "RealWorldValueSlope"): _without("RealWorldValueLUTData"),
    # Parametric Map Image, C.8.32.2
    ("parametric-map-image", "BitsStored"): _with("PixelData", "forbidden"),
    ("parametric-map-image", "HighBit"): _with("PixelData", "forbidden"),
}


def _is_code(where: Where) -> bool:
    return bool(where.path) and where.path[-1].endswith("CodeSequence")


_CODES: dict[str, Rule] = {
    # Code Sequence Macro, 8.8
    "CodeValue": _if(
        lambda where: not _has(where.item, "LongCodeValue") and not _has(where.item, "URNCodeValue")
    ),
    "CodingSchemeDesignator": _if(
        lambda where: _has(where.item, "CodeValue") or _has(where.item, "LongCodeValue")
    ),
    "MappingResource": _with("ContextIdentifier"),
    "ContextGroupVersion": _with("ContextIdentifier"),
}
