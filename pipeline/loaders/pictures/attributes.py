"""Turn TIFF tags, EXIF and PNG text into DICOM attributes, as far as their values are valid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....schemas.language.values import ValueFormError, normal_value

if TYPE_CHECKING:
    from pydicom import Dataset

_STAMP = re.compile(r"\s*(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)\s*")
_NAMES = {"Make": "Manufacturer", "Model": "ManufacturerModelName", "Software": "SoftwareVersions"}
_MOMENTS = ("DateTimeOriginal", "DateTime")
"""Names of date and time, the one closest to the exposure first."""


def attributes_of(properties: Mapping[str, Any]) -> Dataset:
    """Return dates, times and equipment.

    What is no valid value of its VR is left out; the properties keep it.
    """
    from pydicom import Dataset

    attributes = Dataset()
    for keyword, value in {**_when(properties), **_made_by(properties)}.items():
        setattr(attributes, keyword, value)
    return attributes


def _when(properties: Mapping[str, Any]) -> dict[str, str]:
    for name in _MOMENTS:
        found = _STAMP.fullmatch(str(properties.get(name, "")))
        if found:
            year, month, day, *clock = found.groups()
            date, time = _valid("DA", year + month + day), _valid("TM", "".join(clock))
            if date and time:
                kinds = ("Acquisition", "Content")
                return {
                    f"{kind}{part}": value
                    for kind in kinds
                    for part, value in (("Date", date), ("Time", time))
                }
    return {}


def _made_by(properties: Mapping[str, Any]) -> dict[str, str]:
    texts = {
        keyword: _valid("LO", value.strip())
        for name, keyword in _NAMES.items()
        if isinstance(value := properties.get(name), str)
    }
    return {keyword: text for keyword, text in texts.items() if text}


def _valid(vr: str, text: str) -> str:
    try:
        return normal_value(vr, text)
    except ValueFormError:
        return ""
