"""Correct what the standard requires of a source's kind and the source lacks or has wrong.

Only what changes no meaning is corrected, each with a note.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag

from ....schemas.language.values import ValueFormError, normal_value
from ....schemas.language.vr import TEXT
from ...errors import Note
from .stale import WINDOW

_TEXT = TEXT - {"UI"}


def mend(dataset: Dataset) -> tuple[Note, ...]:
    """Correct, in place, what a source of a known kind has wrong; each note begins with the attribute."""
    notes = (*right_vrs(dataset), *exact_window(dataset))
    notes += (*_frame_of_exposure(dataset), *_half_a_frame(dataset), *_compressed_icons(dataset))
    text = "{} is not in the source, and is written empty, as its kind needs"
    return notes + tuple(Note("source-mended", text.format(name)) for name in complete(dataset))


def complete(dataset: Dataset) -> tuple[str, ...]:
    """Add to a dataset of a known kind, in place, empty attributes that it must have (Type 2)."""
    from ..standard.presence import presence
    from ..standard.tables import kind_of

    kind = kind_of(str(dataset.get("SOPClassUID") or ""))
    if kind is None:
        return ()
    missing = tuple(
        finding.attribute
        for finding in presence(dataset, kind)
        if finding.what == "missing" and finding.type in ("2", "2C") and "." not in finding.attribute
    )
    for keyword in missing:
        setattr(dataset, keyword, None)
    return missing


def exact_window(dataset: Dataset) -> tuple[Note, ...]:
    """Make a window narrower than 1 LINEAR_EXACT: LINEAR is not defined there (PS3.3 C.11.2.1.2.1).

    Portal images in calibrated units have such windows. One that is not above 0 is no window, and is deleted.
    """
    if dataset.get("VOILUTFunction") in ("LINEAR_EXACT", "SIGMOID") or "WindowWidth" not in dataset:
        return ()
    if dataset["WindowWidth"].is_empty:
        return ()
    widths = dataset["WindowWidth"].value
    try:
        numbers = [float(width) for width in (widths if dataset["WindowWidth"].VM > 1 else [widths])]
    except (TypeError, ValueError):
        numbers = [0.0]
    if all(number >= 1 for number in numbers):
        return ()
    if all(number > 0 for number in numbers):
        dataset.VOILUTFunction = "LINEAR_EXACT"
        text = "VOILUTFunction is written as LINEAR_EXACT: for a WindowWidth below 1 LINEAR is not defined"
        return (Note("narrow-window", text),)
    for keyword in WINDOW:
        if keyword in dataset:
            del dataset[keyword]
    return (Note("invalid-window", "WindowWidth of the source is not above 0; its window was left out"),)


def right_vrs(dataset: Dataset) -> Iterator[Note]:
    """Correct elements whose VR is not the dictionary's, where their value fits that one; yield notes."""
    for tag in list(dataset.keys()):
        element = dataset[tag]
        if element.VR == "SQ":
            for item in element.value:
                yield from right_vrs(item)
            continue
        if tag.is_private or not dictionary_has_tag(tag) or element.VR not in _TEXT:
            continue
        vr = dictionary_VR(tag)
        if vr not in _TEXT or vr == element.VR:
            continue
        try:
            values = element.value if element.VM > 1 else [element.value] if element.VM else []
            texts = [normal_value(vr, str(value).strip()) for value in values]
        except ValueFormError:
            continue
        dataset[tag] = DataElement(tag, vr, texts[0] if len(texts) == 1 else texts or "")
        name = keyword_for_tag(tag)
        yield Note("source-mended", f"{name} of the source has the VR {element.VR}, and is written as {vr}")


def _frame_of_exposure(dataset: Dataset) -> Iterator[Note]:
    """Delete ReferencedFrameNumber of an exposure where there are no frames to tell apart (C.8.8.2)."""
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        return
    for item in dataset.get("ExposureSequence") or ():
        if "ReferencedFrameNumber" in item:
            del item.ReferencedFrameNumber
            text = "ExposureSequence names a frame of an image that has but one: left out"
            yield Note("source-mended", text)


def _compressed_icons(dataset: Dataset) -> Iterator[Note]:
    """Delete compressed pixels of items: a file of another transfer syntax may not hold them (PS3.5 A.4)."""
    for tag in list(dataset.keys()):
        element = dataset[tag]
        if element.VR != "SQ":
            continue
        if any("PixelData" in item and item["PixelData"].is_undefined_length for item in element.value):
            name = keyword_for_tag(tag) or str(tag)
            del dataset[tag]
            yield Note("source-mended", f"{name} of the source holds a compressed picture: left out")
            continue
        for item in element.value:
            yield from _compressed_icons(item)


def _half_a_frame(dataset: Dataset) -> Iterator[Note]:
    """Delete a Frame of Reference module without its UID, which has no meaning (C.7.4.1)."""
    from ..standard.tables import requires_module

    if requires_module(str(dataset.get("SOPClassUID") or ""), "frame-of-reference"):
        return
    if "PositionReferenceIndicator" in dataset and not dataset.get("FrameOfReferenceUID"):
        del dataset.PositionReferenceIndicator
        text = "PositionReferenceIndicator of the source stands without a frame of reference: left out"
        yield Note("source-mended", text)
