"""Find values that a recipe may have and that hardly anybody means, with what was likely meant.

Nothing here uses a clock, so that a recipe means the same on every day.
"""

from __future__ import annotations

from collections.abc import Mapping

from .tags import TagPath, TagValue
from .template import is_template

YES_NO = ("YES", "NO")

ENUMERATED: Mapping[str, tuple[str, ...]] = {
    "PatientSex": ("M", "F", "O"),
    "Laterality": ("R", "L"),
    "QualityControlSubject": YES_NO,
    "QualityControlImage": YES_NO,
    "BurnedInAnnotation": YES_NO,
    "RecognizableVisualFeatures": YES_NO,
    "LossyImageCompression": ("00", "01"),
    "PixelRepresentation": ("0", "1"),
    "PlanarConfiguration": ("0", "1"),
    "PixelIntensityRelationshipSign": ("1", "-1"),
    "PresentationLUTShape": ("IDENTITY", "INVERSE"),
    "RTImagePlane": ("NORMAL", "NON_NORMAL"),
    "ReportedValuesOrigin": ("OPERATOR", "PLAN", "ACTUAL"),
    "PrimaryDosimeterUnit": ("MU", "MINUTE"),
    "FluenceMode": ("STANDARD", "NON_STANDARD"),
    "ContentQualification": ("PRODUCT", "RESEARCH", "SERVICE"),
    "AnatomicalOrientationType": ("BIPED", "QUADRUPED"),
}
"""Enumerated values of PS3.3, the same in every kind that has the attribute."""

DISTANCES = (300.0, 10_000.0)
"""mm between a source and an image or axis: from a mammography unit to a distant panel."""
SPACINGS = (0.005, 10.0)
"""mm between pixels: from a film scanner of 4800 dpi to a coarse gamma camera."""
DOTS = (2.54, 5080.0)
"""The same in pixels per inch."""
TURN = 360.0
YEARS = (1850, 2050)
"""Of dates of patients and their images."""

_ANGLES = {"gantry": "GantryAngle", "collimator": "BeamLimitingDeviceAngle", "couch": "PatientSupportAngle"}
_TAGS = {
    **{keyword: name for name, keyword in _ANGLES.items()},
    "RTImageSID": "sid",
    "RadiationMachineSAD": "sad",
    "ImagePlanePixelSpacing": "pixel_spacing",
    "PixelSpacing": "pixel_spacing",
}
_IDENTIFIERS = frozenset(
    {
        "PatientID", "OtherPatientIDs", "IssuerOfPatientID", "AccessionNumber", "StudyID", "AdmissionID",
        "RequestedProcedureID", "PerformedProcedureStepID", "ScheduledProcedureStepID", "DeviceSerialNumber",
        "StationName", "RadiationMachineName",
    }
)  # fmt: skip
"""What programs search for, letter by letter; in free text such marks are as they should be."""
_DOUBLE, _SINGLE = "\u201c\u201d\u201e\u201f\u00ab\u00bb", "\u2018\u2019\u201a\u201b"


def doubtful_number(key: str, value: float) -> str | None:
    """Return what is odd about a number of `geometry`, in words that follow its name.

    None where nothing is.
    """
    if key in _ANGLES:
        return f"is {value:.10g} degrees, more than a whole turn; mistyped?" if abs(value) > TURN else None
    if key in ("sid", "sad"):
        return _outside(value, DISTANCES, "mm")
    if key == "pixel_spacing":
        return _outside(value, SPACINGS, "mm between pixels")
    if key == "dpi" and not DOTS[0] <= value <= DOTS[1]:
        meant = f"{value / 10:.10g}, or {value / 100:.10g}" if value > DOTS[1] else "pixels per mm"
        return f"is {value:.10g}, pixels of {25.4 / value:.3g} mm; {meant}?"
    return None


def _outside(value: float, bounds: tuple[float, float], unit: str) -> str | None:
    """Return what is odd about a length, and the unit in which it would not be."""
    low, high = bounds
    if low <= value <= high or value <= 0:
        return None
    for name, factor in (("cm", 10.0), ("m", 1000.0), ("micrometres", 0.001), ("inches", 25.4)):
        if low <= value * factor <= high:
            return (
                f"is {value:.10g} {unit}; in {name} it would be {value * factor:.10g} mm, mm is the unit here"
            )
    return f"is {value:.10g} {unit}; mistyped?"


def doubtful_tag(path: TagPath, value: TagValue) -> str | None:
    """Return what is odd about a tag's value, in a sentence that does not show it; None where nothing is.

    Templates are not judged.
    """
    from .tags import dictionary

    if value.nested is not None or path.last.creator is not None:
        return None
    row = dictionary().get(path.last.number)
    keyword, vr = (row[4], value.vr or row[0]) if row else ("", value.vr or "")
    for text in value.items or ():
        if is_template(text) or not text:
            continue
        what = _odd_text(keyword, vr, text)
        if what:
            return f"the tag {path} {what}"
    return None


def _odd_text(keyword: str, vr: str, text: str) -> str | None:
    if keyword in ENUMERATED and text.strip() not in ENUMERATED[keyword]:
        return f"is none of the values that the standard has: {', '.join(ENUMERATED[keyword])}"
    marks = _DOUBLE + _SINGLE if keyword in _IDENTIFIERS else _DOUBLE if vr == "PN" else ""
    if any(mark in text for mark in marks):
        return "has quotation marks of a word processor in it, which no program searches for; pasted?"
    digits = text.replace("-", "")[:4]
    if vr in ("DA", "DT") and digits.isdigit() and not YEARS[0] <= int(digits) <= YEARS[1]:
        return f"is a date outside of {YEARS[0]} to {YEARS[1]}; mistyped?"
    if keyword in _TAGS:
        try:
            return doubtful_number(_TAGS[keyword], float(text))
        except ValueError:
            return None
    return None
