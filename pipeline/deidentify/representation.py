"""Elements as the standard represents them: one that stays must have a value of its VR (PS3.5 6.2).

A file may say another VR, or UN, or write a sentence where a time belongs: what stays because it is a number,
a time or a UID has to be one.
"""

from __future__ import annotations

import re
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.values import convert_value

_BYTES = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN"})
_NUMBERS = frozenset({"DS", "IS", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
_FORM = {
    "AS": re.compile(r"\d{1,3}[DWMY]?"),
    "DA": re.compile(r"\d{8}|\d{4}\.\d\d\.\d\d|\d{8}-|-\d{8}|\d{8}-\d{8}"),
    "DS": re.compile(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?"),
    "DT": re.compile(r"\d{4,14}(?:\.\d{1,6})?(?:[-+]\d{4})?"),
    "IS": re.compile(r"[-+]?\d+"),
    "TM": re.compile(r"\d{2}(?::?\d{2}){0,2}(?:\.\d{1,6})?"),
    "UI": re.compile(r"[\d.]+"),
}
"""What a value may look like, of those VRs whose values cannot be words."""
_TIMEZONE = 0x00080201
_OFFSET = re.compile(r"[-+]\d{4}")


def read(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    """Return an element of a dataset; None where its bytes cannot be read as its VR."""
    try:
        return dataset[tag]
    except Exception:  # noqa: BLE001  pydicom raises what the parts of a damaged value raise
        return None


def values_of(element: DataElement) -> list[Any]:
    """Return the values of an element that is no sequence."""
    return list(element.value) if isinstance(element.value, MultiValue | list) else [element.value]


def standard_vr(tag: int, own: str) -> str:
    """Return the VR of the standard, whatever the file says; of what no dictionary has, the file's."""
    if not dictionary_has_tag(tag):
        return own
    allowed = dictionary_VR(tag).split(" or ")
    return own if own in allowed else allowed[0]


def as_standard(element: DataElement, vr: str) -> DataElement | None:
    """Return an element as its VR in the standard has it; None where its value is none of that VR."""
    own = str(element.VR)
    if own == vr or (own in _BYTES and vr in _BYTES) or (own in _NUMBERS and vr in _NUMBERS):
        return element if _has_form(element, vr) else None
    if "SQ" in (own, vr) or vr in _BYTES:
        return None
    if own in _BYTES:
        return _decoded(element, vr)
    if vr in _NUMBERS - {"DS", "IS"} or own in _NUMBERS or "AT" in (own, vr):
        return None
    return element if _has_form(element, vr) else None


def _decoded(element: DataElement, vr: str) -> DataElement | None:
    value = element.value
    if not isinstance(value, bytes):
        return None
    raw = RawDataElement(element.tag, vr, len(value), value, 0, False, True)
    try:
        made = DataElement(element.tag, vr, convert_value(vr, raw, ["utf8"]))
        return made if _has_form(made, vr) else None
    except Exception:  # noqa: BLE001  as in `read`
        return None


def _has_form(element: DataElement, vr: str) -> bool:
    form = _OFFSET if int(element.tag) == _TIMEZONE else _FORM.get(vr)
    if form is None or element.is_empty:
        return True
    return all(_of_form(form, each) for each in values_of(element))


def _of_form(form: re.Pattern[str], value: object) -> bool:
    text = str(value).strip(" \0")
    return not text or isinstance(value, int | float) or form.fullmatch(text) is not None
