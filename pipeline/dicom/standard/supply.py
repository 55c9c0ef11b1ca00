"""Tell how a recipe supplies an attribute that a file lacks: a tag, the geometry, or the program itself."""

from __future__ import annotations

from pydicom.datadict import dictionary_VR, tag_for_keyword

_GEOMETRY = {
    "RTImageSID": "sid: 1500",
    "RadiationMachineSAD": "sad: 1000",
    "ImagePlanePixelSpacing": "pixel_spacing: [row, column]",
    "GantryAngle": "gantry: 0",
    "BeamLimitingDeviceAngle": "collimator: 0",
    "PatientSupportAngle": "couch: 0",
    "RTImagePosition": "center: image",
    "RTImageOrientation": "center: image",
}
_VOLUME = frozenset(
    {
        "PixelSpacing",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "SliceThickness",
        "SpacingBetweenSlices",
    }
)
_OURS = frozenset(
    {
        "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID",
        "FrameOfReferenceUID", "SpecificCharacterSet", "SamplesPerPixel",
        "PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns", "BitsAllocated",
        "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames", "PixelData",
        "FloatPixelData", "DoubleFloatPixelData", "FrameIncrementPointer", "PageNumberVector",
        "RescaleSlope", "RescaleIntercept", "RescaleType", "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence", "DimensionOrganizationSequence",
        "DimensionIndexSequence", "AcquisitionContextSequence", "PresentationLUTShape",
        "LossyImageCompressionRatio", "LossyImageCompressionMethod",
    }
)  # fmt: skip
_EXAMPLES = {
    "AS": "045Y", "CS": "TERM", "DA": "2024-01-31", "DS": "1", "DT": "20240131120000", "FD": "1", "FL": "1",
    "IS": "1", "PN": "Family^Given", "SL": "1", "SS": "1", "TM": "12:00:00", "UI": "2.25.1", "UL": "1",
    "US": "1",
}  # fmt: skip
_TERMS = {
    "Modality": "OT", "ImageType": "[DERIVED, SECONDARY]", "ConversionType": "WSD", "RTImagePlane": "NORMAL",
    "ReportedValuesOrigin": "OPERATOR", "PrimaryDosimeterUnit": "MU", "PatientSex": "O",
    "PatientPosition": "HFS",
    "BurnedInAnnotation": "NO", "RecognizableVisualFeatures": "NO", "ContentQualification": "RESEARCH",
    "LossyImageCompression": "'00'", "Laterality": "R", "NumberOfBlocks": "0",
}  # fmt: skip


def supplied_by(attribute: str, *, empty: bool = False) -> str:
    """Return how a recipe gives this attribute; `empty`: it must be present, its value may be unknown."""
    keyword = attribute.rpartition(".")[2].partition("[")[0]
    nested = "." in attribute
    if not nested and keyword in _GEOMETRY:
        return f"geometry: {{{_GEOMETRY[keyword]}}}"
    if keyword in _OURS:
        return "dicombake writes it"
    if not nested and keyword in _VOLUME:
        return "a volume has it: source: {format: volume, spacing: [row, column, slice], ...}"
    return f"tags: {{{_key(attribute)}: {'null' if empty else _example(keyword)}}}"


def corrected_by(attribute: str) -> str:
    """Return how a recipe replaces a wrong value."""
    found = supplied_by(attribute)
    return found.replace("writes it", "writes it where 'tags' do not")


def removed_by(attribute: str) -> str:
    """Return how a recipe leaves an attribute out."""
    return f"remove_tags: [{_key(attribute)}]"


def _key(attribute: str) -> str:
    return f'"{attribute}"' if set("[(,") & set(attribute) else attribute


def _example(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    if keyword in _TERMS or tag is None:
        return _TERMS.get(keyword, "...")
    vr = dictionary_VR(tag)
    return "[{...}]" if vr == "SQ" else _EXAMPLES.get(vr, "...")
