"""What a de-identified object says of it (PS3.3 C.12.1, PS3.15 E.1.1, PS3.16 CID 7050)."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.sequence import Sequence

from .dummies import code
from .settings import Settings
from .table import edition

_CODES = {
    "clean_pixel_data": ("113101", "Clean Pixel Data Option"),
    "clean_graphics": ("113103", "Clean Graphics Option"),
    "clean_structured_content": ("113104", "Clean Structured Content Option"),
    "clean_descriptors": ("113105", "Clean Descriptors Option"),
    "retain_patient_characteristics": ("113108", "Retain Patient Characteristics Option"),
    "retain_device": ("113109", "Retain Device Identity Option"),
    "retain_uids": ("113110", "Retain UIDs Option"),
    "retain_safe_private": ("113111", "Retain Safe Private Option"),
    "retain_institution": ("113112", "Retain Institution Identity Option"),
}
_DATES = {
    "keep": ("113106", "Retain Longitudinal Temporal Information Full Dates Option", "UNMODIFIED"),
    "shift": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option", "MODIFIED"),
    "shift_weeks": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option", "MODIFIED"),
}
_PROFILE = ("113100", "Basic Application Confidentiality Profile")


def statements_in(dataset: Dataset) -> Iterator[str]:
    """Yield the names of the elements that `state` writes, with those in the items of its sequence."""
    yield from ("PatientIdentityRemoved", "LongitudinalTemporalInformationModified", "DeidentificationMethod")
    for number, item in enumerate(dataset.DeidentificationMethodCodeSequence):
        yield from (f"DeidentificationMethodCodeSequence[{number}].{each.keyword}" for each in item)


def state(dataset: Dataset, settings: Settings) -> None:
    """Write that identity was removed, by which profile and options, and what became of dates."""
    codes = [_PROFILE, *(_CODES[option] for option in sorted(settings.options))]
    temporal = "REMOVED"
    if settings.dates != "remove":
        number, meaning, temporal = _DATES[settings.dates]
        codes.append((number, meaning))
    dataset.PatientIdentityRemoved = "YES"
    dataset.LongitudinalTemporalInformationModified = temporal
    dataset.DeidentificationMethod = [f"dicombake, PS3.15 {edition()}", *(text[:64] for _, text in codes)]
    dataset.DeidentificationMethodCodeSequence = Sequence(
        [code(number, "DCM", meaning) for number, meaning in sorted(codes)]
    )
