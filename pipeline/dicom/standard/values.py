"""Check the values of every element: VR, form, number of values, and the terms that the standard enumerates.

Messages never repeat the value of an element, which may name a patient; the terms of attributes that cannot
name one may be shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VM, dictionary_VR, keyword_for_tag
from pydicom.tag import BaseTag

from ....schemas.language.plausible import ENUMERATED
from ....schemas.language.values import ValueFormError, normal_value
from ....schemas.language.vr import BYTES, TEXT, WITH_BACKSLASH
from .findings import Finding
from .supply import corrected_by

_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_LONGEST_DS = 16
_FIRST = {"ImageType": ("ORIGINAL", "DERIVED"), "FrameType": ("ORIGINAL", "DERIVED", "MIXED")}
_SECOND = {"ImageType": ("PRIMARY", "SECONDARY")}

OF_KIND: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "rt-image": {
        "Modality": ("RTIMAGE",),
        "SamplesPerPixel": ("1",),
        "PhotometricInterpretation": ("MONOCHROME2",),
        "BitsAllocated": ("8", "16"),
        "BitsStored": ("8", "12", "13", "14", "15", "16"),
    },
    "ct-image": {
        "Modality": ("CT",),
        "SamplesPerPixel": ("1",),
        "PhotometricInterpretation": ("MONOCHROME1", "MONOCHROME2"),
        "BitsAllocated": ("16",),
        "BitsStored": ("12", "13", "14", "15", "16"),
    },
    "mr-image": {"Modality": ("MR",), "SamplesPerPixel": ("1",), "BitsAllocated": ("16",)},
    "multi-frame-grayscale-byte-secondary-capture-image": {
        "SamplesPerPixel": ("1",),
        "PhotometricInterpretation": ("MONOCHROME2",),
        "BitsAllocated": ("8",),
        "BitsStored": ("8",),
        "PixelRepresentation": ("0",),
    },
    "multi-frame-grayscale-word-secondary-capture-image": {
        "SamplesPerPixel": ("1",),
        "PhotometricInterpretation": ("MONOCHROME2",),
        "BitsAllocated": ("16",),
        "BitsStored": ("9", "10", "11", "12", "13", "14", "15", "16"),
        "PixelRepresentation": ("0",),
    },
    "multi-frame-true-color-secondary-capture-image": {
        "SamplesPerPixel": ("3",),
        "BitsAllocated": ("8",),
        "BitsStored": ("8",),
        "PixelRepresentation": ("0",),
    },
    "parametric-map": {
        "SamplesPerPixel": ("1",),
        "PhotometricInterpretation": ("MONOCHROME2",),
        "BitsAllocated": ("16", "32", "64"),
        "ImageType[2]": ("PRIMARY",),
        "PresentationLUTShape": ("IDENTITY",),
    },
    "rt-dose": {"Modality": ("RTDOSE",), "SamplesPerPixel": ("1",), "BitsAllocated": ("16", "32")},
}
"""Enumerated values that hold in one kind (A.17, C.8.2.1, C.8.6.3, C.8.8.2, C.8.8.3, C.8.32.2)."""


def values(dataset: Dataset, kind: str | None) -> Iterator[Finding]:
    """Yield what is wrong with the elements of a dataset, sequences included."""
    yield from _elements(dataset, "")
    for keyword, terms in OF_KIND.get(kind or "", {}).items():
        name, place = keyword.removesuffix("[2]"), 1 if keyword.endswith("[2]") else None
        yield from _terms(dataset, name, name, terms, place)


def _elements(dataset: Dataset, prefix: str) -> Iterator[Finding]:
    for tag in list(dataset.keys()):
        keyword = keyword_for_tag(tag)
        name = f"{prefix}{keyword or _number(tag)}"
        try:
            element = dataset[tag]
        except (ValueError, TypeError, KeyError, NotImplementedError, AttributeError, OverflowError):
            yield Finding(name, "its bytes are no value of its VR", supply=corrected_by(name))
            continue
        yield from _element(element, name, dataset)
        if element.VR == "SQ":
            for index, item in enumerate(element.value):
                yield from _elements(item, f"{name}[{index}].")


def _element(element: DataElement, name: str, dataset: Dataset) -> Iterator[Finding]:
    tag = element.tag
    if tag.is_private:
        yield from _private(tag, name, dataset)
    elif dictionary_has_tag(tag):
        known = _vrs(dictionary_VR(tag))
        if element.VR not in known:
            what = f"has the VR {element.VR}; the standard says {' or '.join(known)}"
            yield Finding(name, what, supply=corrected_by(name))
            return
        if tag not in _PIXELS and element.VR != "SQ" and not many_enough(element, dictionary_VM(tag)):
            what = f"has {count_of(element)} values; the standard says {dictionary_VM(tag)}"
            yield Finding(name, what, supply=corrected_by(name))
    yield from _form(element, name)
    keyword = element.keyword
    if keyword in ENUMERATED:
        yield from _terms(dataset, keyword, name, ENUMERATED[keyword])
    if keyword in _FIRST:
        yield from _terms(dataset, keyword, name, _FIRST[keyword], 0)
    if keyword in _SECOND:
        yield from _terms(dataset, keyword, name, _SECOND[keyword], 1)
    if keyword == "WindowWidth":
        yield from _window(element, name, dataset)


def _number(tag: BaseTag) -> str:
    return f"({tag.group:04x},{tag.element:04x})"


def _vrs(text: str) -> tuple[str, ...]:
    """Return the VRs that the dictionary allows; pixels and tables may be bytes or words."""
    return tuple(text.split(" or "))


def _private(tag: BaseTag, name: str, dataset: Dataset) -> Iterator[Finding]:
    """Check that a private element lies in a block that a creator has reserved (PS3.5 7.8.1)."""
    if tag.is_private_creator or tag.element == 0:
        return
    block = tag.element >> 8
    if block < 0x10 or not dataset.get((tag.group, block)):
        yield Finding(name, "a private element whose block no creator has reserved")


def count_of(element: DataElement) -> int:
    """Return the number of values; none where it is empty."""
    return 0 if element.is_empty else int(element.VM)


def many_enough(element: DataElement, allowed: str) -> bool:
    """Tell whether the number of values is that of the dictionary: ``2``, ``1-3``, ``1-n``, ``2-2n``."""
    count = count_of(element)
    if count == 0 or element.VR in BYTES | WITH_BACKSLASH:
        return True
    for part in allowed.split(" or "):
        low, _, high = part.partition("-")
        if not high:
            if count == int(low):
                return True
            continue
        step = re.fullmatch(r"(\d*)n", high)
        most = math.inf if step else int(high)
        if int(low) <= count <= most and not (step and step[1] and count % int(step[1])):
            return True
    return False


def _form(element: DataElement, name: str) -> Iterator[Finding]:
    """Check the forms of PS3.5 table 6.2-1, for VRs that are text."""
    if element.VR not in TEXT or element.is_empty:
        return
    for text in _texts(element):
        try:
            normal = normal_value(element.VR, text)
        except ValueFormError:
            yield Finding(name, f"is no value of the VR {element.VR}", supply=corrected_by(name))
            return
        dated = element.VR in ("DA", "TM") and normal != text
        if dated or (element.VR == "DS" and len(text) > _LONGEST_DS):
            yield Finding(name, f"is not in the form of the VR {element.VR}", supply=corrected_by(name))
            return


def _texts(element: DataElement) -> list[str]:
    """Return each value's text as it stands in the file, padding taken off."""
    many = element.VM > 1
    found = element.value if many else [element.value]
    texts = []
    for value in found:
        original = getattr(value, "original_string", None)
        text = original if isinstance(original, str) else str(value)
        texts.append(text.strip(" \0") if element.VR not in ("LT", "ST", "UT") else text.rstrip(" \0"))
    return texts


def _terms(
    dataset: Dataset, keyword: str, name: str, terms: tuple[str, ...], place: int | None = None
) -> Iterator[Finding]:
    """Check that values are among the enumerated ones; none of these attributes says who somebody is."""
    if keyword not in dataset or dataset[keyword].is_empty:
        return
    found = _texts(dataset[keyword])
    if place is not None:
        found = found[place : place + 1]
    wrong = next((text for text in found if text not in terms), None)
    if wrong is not None:
        where = "" if place is None else f"value {place + 1} "
        shown = "another term" if dataset[keyword].tag.group == 0x0010 else _shown(wrong)
        what = f"{where}is {shown}; the standard has {', '.join(terms)}"
        yield Finding(name, what, supply=corrected_by(name))


def _shown(text: str) -> str:
    return text if re.fullmatch(r"[A-Z0-9_+\-. ]{1,16}", text) else "another term"


def _window(element: DataElement, name: str, dataset: Dataset) -> Iterator[Finding]:
    """Check the window's width (PS3.3 C.11.2.1.2): at least 1 for LINEAR, more than 0 for the others."""
    try:
        widths = [float(text) for text in _texts(element) if text]
    except ValueError:
        return
    linear = str(dataset.get("VOILUTFunction") or "LINEAR") == "LINEAR"
    if any(width < 1 if linear else width <= 0 for width in widths):
        what = "below 1, which VOILUTFunction LINEAR does not allow" if linear else "not above 0"
        supply = "tags: {VOILUTFunction: LINEAR_EXACT}" if linear else corrected_by(name)
        yield Finding(name, what, "VOI LUT", supply=supply)
