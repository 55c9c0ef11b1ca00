"""Find where the recipe's tags contradict the file or are implausible; they are written, with a note."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VM
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, RTImageStorage

from ....schemas.language.plausible import doubtful_tag
from ....schemas.language.tags import TagPath, TagValue
from ...errors import Note
from ...imaging.angles import apart
from ...imaging.tolerances import ANGLE, DIRECTION, SPACING, STATED_DISTANCE
from ..encode.pixel_element import PixelElement

PIXEL_DESCRIPTION = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
    "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames",
)  # fmt: skip
VALUE_DESCRIPTION = ("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence")
GEOMETRY = (
    "PixelSpacing", "ImagePlanePixelSpacing", "RTImageSID", "RadiationMachineSAD", "RTImagePosition",
    "RTImageOrientation", "XRayImageReceptorTranslation", "XRayImageReceptorAngle", "GantryAngle",
    "BeamLimitingDeviceAngle", "PatientSupportAngle", "ImagePositionPatient", "ImageOrientationPatient",
    "SliceThickness", "SpacingBetweenSlices",
)  # fmt: skip
_KIND = ("SOPClassUID", "Modality")
MODALITIES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT", "1.2.840.10008.5.1.4.1.1.4": "MR", "1.2.840.10008.5.1.4.1.1.128": "PT",
    "1.2.840.10008.5.1.4.1.1.20": "NM", "1.2.840.10008.5.1.4.1.1.6.1": "US",
    "1.2.840.10008.5.1.4.1.1.3.1": "US", "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "DX", "1.2.840.10008.5.1.4.1.1.1.2": "MG",
    "1.2.840.10008.5.1.4.1.1.1.2.1": "MG", "1.2.840.10008.5.1.4.1.1.1.3": "IO",
    "1.2.840.10008.5.1.4.1.1.1.3.1": "IO", "1.2.840.10008.5.1.4.1.1.12.1": "XA",
    "1.2.840.10008.5.1.4.1.1.12.2": "RF", "1.2.840.10008.5.1.4.1.1.481.1": "RTIMAGE",
    "1.2.840.10008.5.1.4.1.1.481.2": "RTDOSE",
}  # fmt: skip
"""The only Modality of a kind (PS3.3 C.7.3.1.1.1 and the Series modules of each).

Other kinds are not in it.
"""


def contradictions(
    before: Dataset, after: Dataset, pixels: PixelElement | None, *, kept: bool
) -> tuple[Note, ...]:
    """Return what the recipe's tags contradict in the pixels, the kind of file and the geometry.

    `before` is the dataset as its kind made it, `after` with the tags; `pixels` are those that were made,
    `kept` says whether they are still in the file.
    """
    return tuple(_found(before, after, pixels, kept))


def multiplicity(dataset: Dataset, paths: Iterable[TagPath]) -> Iterator[Note]:
    """Yield tags of the recipe with more values, or fewer, than the standard's dictionary allows (PS3.6)."""
    for path in paths:
        from ..standard.values import count_of, many_enough

        element = _element_at(dataset, path)
        if element is None or element.VR == "SQ" or not dictionary_has_tag(element.tag):
            continue
        allowed = dictionary_VM(element.tag)
        if not (element.is_empty or many_enough(element, allowed)):
            count = count_of(element)
            what = f"the tag {path} has {count} value{'s' * (count > 1)}; the standard says {allowed}"
            yield Note("multiplicity", what, contradiction=True)


def implausible(dataset: Dataset, tags: Mapping[TagPath, TagValue]) -> Iterator[Note]:
    """Yield values of the recipe's tags that are valid and hardly ever meant."""
    for path, value in tags.items():
        what = doubtful_tag(path, value)
        if what:
            yield Note("implausible", what, contradiction=True)
    born = str(dataset.get("PatientBirthDate") or "")
    if len(born) != 8 or not any(path.text == "PatientBirthDate" for path in tags):
        return
    for keyword in ("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate"):
        if len(str(dataset.get(keyword) or "")) == 8 and str(dataset.get(keyword)) < born:
            text = f"the tag PatientBirthDate is a day after {keyword}; mistyped?"
            yield Note("implausible", text, contradiction=True)
            return


def _element_at(dataset: Dataset, path: TagPath) -> DataElement | None:
    """Return the standard element that a path leads to; None where there is none."""
    for step in path.steps[:-1]:
        items = dataset[step.number].value if step.number in dataset and step.creator is None else ()
        if step.index is None or step.index >= len(items or ()):
            return None
        dataset = items[step.index]
    last = path.last
    standard = last.creator is None and last.index is None and last.number in dataset
    return dataset[last.number] if standard else None


def _found(before: Dataset, after: Dataset, pixels: PixelElement | None, kept: bool) -> Iterator[Note]:
    for keyword in _KIND:
        if differs(before, after, keyword) and not _fits_kind(before, after):
            yield _note("contradicts-kind", keyword, before, after, "the kind of file")
    for keyword in PIXEL_DESCRIPTION:
        if kept and differs(before, after, keyword) and not _other_polarity(keyword, before, after):
            yield _note("contradicts-pixels", keyword, before, after, "the pixels")
    for keyword in VALUE_DESCRIPTION:
        new = kept and keyword not in before and after.get(keyword) and not _identity(keyword, after)
        if differs(before, after, keyword) or new:
            yield _note("contradicts-values", keyword, before, after, "the values")
    for keyword in GEOMETRY:
        said = before.get(keyword) not in (None, "")
        if said and differs(before, after, keyword) and not _as_good(keyword, before, after):
            yield _note("contradicts-geometry", keyword, before, after, "the geometry")
    if not kept and pixels is not None:
        yield from _other_pixels(after)


def _fits_kind(before: Dataset, after: Dataset) -> bool:
    """Tell whether a file's SOP class allows its Modality; that of a Secondary Capture is free (C.8.6.1)."""
    asked = MODALITIES.get(str(after.get("SOPClassUID") or ""))
    if differs(before, after, "SOPClassUID"):
        return asked is not None and str(after.get("Modality") or "") == asked
    return "Modality" in after and asked in (None, after.Modality)


def _other_polarity(keyword: str, before: Dataset, after: Dataset) -> bool:
    """Tell whether only black and white change places, which is allowed but in an RT Image (C.8.8.2)."""
    if keyword != "PhotometricInterpretation" or after.get("SOPClassUID") == RTImageStorage:
        return False
    return {str(before.get(keyword)), str(after.get(keyword))} == {"MONOCHROME1", "MONOCHROME2"}


def _identity(keyword: str, after: Dataset) -> bool:
    """Tell whether a slope or intercept leaves the values unchanged."""
    if keyword not in ("RescaleSlope", "RescaleIntercept"):
        return False
    return (after.get("RescaleSlope", 1), after.get("RescaleIntercept", 0)) == (1, 0)


def _as_good(keyword: str, before: Dataset, after: Dataset) -> bool:
    """Tell whether two numbers of the geometry are equal within the tolerance of `resolve`."""
    old, new = ([float(part) for part in _parts(each, keyword)] for each in (before, after))
    if not new or len(old) != len(new):
        return False
    if keyword.endswith("Angle"):
        return apart(old[0], new[0]) <= ANGLE
    if keyword.endswith("Orientation") or keyword == "ImageOrientationPatient":
        return max(abs(one - other) for one, other in zip(old, new, strict=True)) <= DIRECTION
    if "Spacing" in keyword or keyword == "SliceThickness":
        return all(abs(one - other) <= SPACING * one for one, other in zip(old, new, strict=True))
    return all(abs(one - other) <= STATED_DISTANCE for one, other in zip(old, new, strict=True))


def _parts(dataset: Dataset, keyword: str) -> list[Any]:
    value = dataset.get(keyword)
    if value in (None, ""):
        return []
    return list(value) if _many(value) else [value]


def _other_pixels(after: Dataset) -> Iterator[Note]:
    """Yield a note where the recipe's own pixels have another size than the attributes say."""
    try:
        count = int(after.Rows) * int(after.Columns) * int(after.get("SamplesPerPixel") or 1)
        expected = count * int(after.get("NumberOfFrames") or 1) * int(after.BitsAllocated) // 8
    except (AttributeError, TypeError, ValueError):
        expected = -1
    sizes = {
        name: len(after[name].value or b"")
        for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
        if name in after
    }
    if not sizes:
        yield Note("contradicts-pixels", "the tags remove the pixels of an image", contradiction=True)
    for name, size in sizes.items():
        if size != expected + expected % 2:
            text = f"the tag {name} has {size} bytes, the image it is in needs {expected}"
            yield Note("contradicts-pixels", text, contradiction=True)


def differs(before: Dataset, after: Dataset, keyword: str) -> bool:
    """Tell whether an element that was there is gone, or has another value."""
    tag = _tag(keyword)
    old, new = before.get_item(tag), after.get_item(tag)
    if old is None or old is new:
        return False
    return new is None or bool(before[tag].value != after[tag].value)


@cache
def _tag(keyword: str) -> BaseTag:
    return Tag(keyword)


def _note(code: str, keyword: str, before: Dataset, after: Dataset, what: str) -> Note:
    """Return a note with both values: none of these attributes says anything of a patient."""
    said = _shown(after, keyword)
    ours = f" ({_shown(before, keyword)})" if keyword in before else ""
    return Note(code, f"the tag {keyword} is {said}, which contradicts {what}{ours}", contradiction=True)


def _shown(dataset: Dataset, keyword: str) -> str:
    if keyword not in dataset:
        return "removed"
    value = dataset[keyword].value
    if isinstance(value, UID):
        return value.name
    return "empty" if value in (None, "") else "\\".join(map(str, value)) if _many(value) else str(value)


def _many(value: object) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str | bytes)
