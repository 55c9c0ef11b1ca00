"""Where the recipe's tags make a file contradict itself: written all the same, and named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VM
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from ....schemas.language.tags import TagPath
from ...errors import Note
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


def contradictions(
    before: Dataset, after: Dataset, pixels: PixelElement | None, *, kept: bool
) -> tuple[Note, ...]:
    """What the recipe's tags say against the pixels, the kind of file and the geometry.

    `before` is the dataset as its kind made it, `after` with the tags; `pixels` are those that were
    made, `kept` says whether they are still in the file.
    """
    return tuple(_found(before, after, pixels, kept))


def multiplicity(dataset: Dataset, paths: Iterable[TagPath]) -> Iterator[Note]:
    """Tags of the recipe with more values, or fewer, than the standard's dictionary allows (PS3.6)."""
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


def _element_at(dataset: Dataset, path: TagPath) -> DataElement | None:
    """The element of the standard that a path leads to, if there is one."""
    for step in path.steps[:-1]:
        items = dataset[step.number].value if step.number in dataset and step.creator is None else ()
        if step.index is None or step.index >= len(items or ()):
            return None
        dataset = items[step.index]
    last = path.last
    here = last.creator is None and last.index is None and last.number in dataset
    return dataset[last.number] if here else None


def _found(before: Dataset, after: Dataset, pixels: PixelElement | None, kept: bool) -> Iterator[Note]:
    for keyword in _KIND:
        if differs(before, after, keyword):
            yield _note("contradicts-kind", keyword, before, after, "the kind of file")
    for keyword in PIXEL_DESCRIPTION:
        if kept and differs(before, after, keyword):
            yield _note("contradicts-pixels", keyword, before, after, "the pixels")
    for keyword in VALUE_DESCRIPTION:
        if differs(before, after, keyword) or (kept and keyword not in before and after.get(keyword)):
            yield _note("contradicts-values", keyword, before, after, "the values")
    for keyword in GEOMETRY:
        if differs(before, after, keyword) and before.get(keyword) not in (None, ""):
            yield _note("contradicts-geometry", keyword, before, after, "the geometry")
    if not kept and pixels is not None:
        yield from _other_pixels(after)


def _other_pixels(after: Dataset) -> Iterator[Note]:
    """Pixels of the recipe's own whose size is not what the attributes say."""
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
    """Whether an element that was there is not there any more, or has another value."""
    tag = _tag(keyword)
    old, new = before.get_item(tag), after.get_item(tag)
    if old is None or old is new:
        return False
    return new is None or bool(before[tag].value != after[tag].value)


@cache
def _tag(keyword: str) -> BaseTag:
    return Tag(keyword)


def _note(code: str, keyword: str, before: Dataset, after: Dataset, what: str) -> Note:
    """None of these attributes tells anything of a patient, so both values can be named."""
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
