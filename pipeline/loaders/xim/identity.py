"""Make dates, times, equipment, names and the couch's place of a DICOM image from XIM properties.

See docs/formats/xim.md.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

from ....schemas.language.decimal_string import nearest_ds
from .units import KV, MV, WORDS_FOR_NO_ENERGY, Properties, half_of, is_dark, millimetres, number

if TYPE_CHECKING:
    from pydicom import Dataset

_EPOCH = datetime.datetime(1970, 1, 1)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]+")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]+")
_DOSIMETER_UNIT = {MV: "MU", KV: "MINUTE"}


def identity(properties: Properties, half: str | None, gantry: float | None) -> Dataset:
    """Return dates, times, equipment, names and the table's position; only what the file knows."""
    from pydicom import Dataset

    attributes = Dataset()
    found = {
        **_when(properties),
        **_table(properties),
        "Manufacturer": "Varian Medical Systems",
        "SoftwareVersions": _long_text(properties.get("AcquisitionSystemVersion")),
        "RTImageName": _long_text(properties.get("AcquisitionTag")),
        "RTImageDescription": description(properties),
        "AcquisitionNumber": _integer_string(properties.get("AcquisitionId")),
        "PrimaryDosimeterUnit": _DOSIMETER_UNIT.get(half or ""),
        "RTImageLabel": label(properties, half, gantry) if half else None,
    }
    for keyword, value in found.items():
        if value:
            setattr(attributes, keyword, value)
    return attributes


def _when(properties: Properties) -> dict[str, str]:
    """Return dates and times.

    StartTime counts the machine's local wall clock from 1970-01-01: no time zone.
    """
    seconds, nanoseconds = properties.get("StartTime"), properties.get("StartTimeRemainder", 0)
    if not isinstance(seconds, int) or seconds <= 0:
        return {}
    start = _EPOCH + datetime.timedelta(seconds=seconds)
    fraction = f".{nanoseconds // 1000:06d}" if _is_fraction(nanoseconds) else ""
    date, time = start.strftime("%Y%m%d"), start.strftime("%H%M%S") + fraction
    return {"AcquisitionDate": date, "AcquisitionTime": time, "ContentDate": date, "ContentTime": time}


def _is_fraction(nanoseconds: Any) -> bool:
    return isinstance(nanoseconds, int) and 0 <= nanoseconds < 10**9


def _table(properties: Properties) -> dict[str, str]:
    """Return the table top, mm in IEC: measured by moving a phantom 5 cm along each axis."""
    vrt, lng, lat = (number(properties, f"Couch{axis}") for axis in ("Vrt", "Lng", "Lat"))
    places = {
        "TableTopVerticalPosition": None if vrt is None else 100.0 - vrt,
        "TableTopLongitudinalPosition": lng,
        "TableTopLateralPosition": None if lat is None else lat - 100.0,
    }
    return {key: nearest_ds(millimetres(value)) for key, value in places.items() if value is not None}


def label(properties: Properties, half: str, gantry: float | None) -> str:
    """Return kind, angle and name in the 16 characters of an SH: ``kV_270_EnhCouch``."""
    parts = ["MV" if half == MV else "kV"]
    if gantry is not None:
        parts.append(str(round(gantry) % 360))
    name = _long_text(properties.get("AcquisitionTag"))
    return "_".join([*parts, name] if name else parts)[:16].strip()


def description(properties: Properties) -> str:
    """Return energy and rate as the vendor's console writes them, then modes and notes.

    Up to 1024 characters.
    """
    lines = [
        _energy(properties),
        _line("Image mode", properties.get("ImageModeId")),
        _line("Acquisition mode", properties.get("AcquisitionModeId")),
        str(properties.get("AcquisitionNotes", "")),
    ]
    text = "\r\n".join(line for line in lines if line)
    return _CONTROL_BUT_LINES.sub(" ", text).strip()[:1024].strip()


def _line(name: str, value: Any) -> str:
    return f"{name}: {value}" if isinstance(value, str) and value else ""


def _energy(properties: Properties) -> str:
    half = half_of(properties)
    if half is None or is_dark(properties):
        return ""
    if half == KV:
        named = (("KVKiloVolts", "kV"), ("KVMilliAmperes", "mA"), ("KVMilliSeconds", "ms"))
        values = [(number(properties, name), unit) for name, unit in named]
        return ", ".join(f"{value:.6g} [{unit}]" for value, unit in values if value is not None)
    energy, rate = properties.get("MVEnergy"), number(properties, "MVDoseRate")
    parts = [f"{energy} [MV]"] if isinstance(energy, str) and energy not in WORDS_FOR_NO_ENERGY else []
    if rate is not None:
        # the nominal dose rate, in MU per second
        parts.append(f"{rate * 60:.6g} [MU/min]")
    return ", ".join(parts)


def _long_text(value: Any) -> str:
    """Return text as LO can hold it: one line, no backslash, 64 characters."""
    return _CONTROL.sub(" ", value).strip()[:64].strip() if isinstance(value, str) else ""


def _integer_string(value: Any) -> str:
    return str(value) if isinstance(value, int) else ""
