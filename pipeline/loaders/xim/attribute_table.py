"""The table of where each XIM property goes; the rest is kept in a private block.

The table does not convert anything. It lists which properties an attribute is made of, so that those without
an attribute are kept in the private block, and the documentation is made of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ...imaging.image import Geometry, SourceFile
from .units import KV, MV, WORDS_FOR_NO_ENERGY, Properties, half_of, is_dark

if TYPE_CHECKING:
    from pydicom import Dataset

GROUP, CREATOR = 0x3009, "DICOMBAKE 1.0"
_WORD = re.compile(r"[A-Za-z]+")
FORMAT, PROPERTIES = 0x01, 0x02
"""Elements of the private block: the source's format (LO), its properties as JSON text (UT)."""


class Home(Struct, frozen=True):
    """The attribute that some properties become."""

    names: tuple[str, ...]
    attribute: str
    """The attribute as people write it: ``RTImageSID``."""
    rule: str
    home: str
    """What exists if these properties were used: a field of the geometry, a keyword, a type of device."""
    half: str = ""
    """``MV`` or ``KV``: only for images of this source; empty: for both."""
    exposed: bool = False
    """Whether a dark field lacks this attribute."""
    text: bool = False
    """Whether the attribute holds the text itself, unless its VR cannot."""


def _of(half: str) -> tuple[Home, ...]:
    def names(*ends: str) -> tuple[str, ...]:
        return tuple(f"{half}{end}" for end in ends)

    jaws = "[-{0}1, {0}2] x 10, positive is outward in the file"
    return (
        Home(names("SourceVrt"), "RadiationMachineSAD", "x 10", "sad", half),
        Home(
            names("DetectorLat", "DetectorLng", "DetectorVrt"),
            "XRayImageReceptorTranslation",
            "x 10; empty where the panel is parked",
            "translation",
            half,
        ),
        Home(
            names("DetectorVrt"),
            "RTImageSID",
            "SAD - value x 10; empty where the panel is parked",
            "sid",
            half,
        ),
        *(
            Home(
                names(f"Collimator{axis}1", f"Collimator{axis}2"),
                f"ExposureSequence: ASYM{axis}, LeafJawPositions",
                jaws.format(axis),
                f"ASYM{axis}",
                half,
            )
            for axis in "XY"
        ),
    )


_IEC = "180 - value, in [0, 360): IEC 61217"

HOMES: tuple[Home, ...] = (
    Home(
        ("PixelHeight", "PixelWidth"),
        "ImagePlanePixelSpacing, RTImagePosition",
        "x 10, at the panel",
        "spacing",
    ),
    *_of(MV),
    *_of(KV),
    Home(("GantryRtn",), "GantryAngle", _IEC, "gantry", MV),
    Home(("KVSourceRtn",), "GantryAngle", f"{_IEC}; of the kV source", "gantry", KV),
    Home(("MVCollimatorRtn",), "BeamLimitingDeviceAngle", f"{_IEC}; 0 in a kV image", "collimator", MV),
    Home(("CouchRtn",), "PatientSupportAngle", _IEC, "couch"),
    Home(("CouchVrt",), "TableTopVerticalPosition", "(100 - value) x 10", "TableTopVerticalPosition"),
    Home(("CouchLng",), "TableTopLongitudinalPosition", "x 10", "TableTopLongitudinalPosition"),
    Home(("CouchLat",), "TableTopLateralPosition", "(value - 100) x 10", "TableTopLateralPosition"),
    Home(
        ("MVEnergy",),
        "ExposureSequence: KVP, PrimaryFluenceModeSequence; RTImageDescription",
        "the number x 1000; FFF is NON_STANDARD; electrons have no KVP",
        "RTImageDescription",
        MV,
        exposed=True,
    ),
    Home(
        ("StartTime", "StartTimeRemainder", "StopTime", "StopTimeRemainder"),
        "ExposureSequence: ExposureTime",
        "stop - start, ms",
        "ExposureTime",
        MV,
        exposed=True,
    ),
    Home(
        ("MVDoseStart", "MVDoseStop"),
        "ExposureSequence: MetersetExposure",
        "stop - start, MU",
        "MetersetExposure",
        MV,
        exposed=True,
    ),
    Home(
        ("MLCLeafsA", "MLCLeafsB", "MLCModel"),
        "ExposureSequence: MLCX, LeafPositionBoundaries, LeafJawPositions",
        "[-B, +A] x 10; models 2 (NDS120) and 3 (NDS120HD)",
        "MLCX",
        MV,
    ),
    Home(("KVKiloVolts",), "ExposureSequence: KVP", "as it is", "KVP", KV, exposed=True),
    Home(
        ("KVMilliAmperes",),
        "ExposureSequence: XRayTubeCurrent",
        "XRayTubeCurrentInmA as well where it is not whole",
        "XRayTubeCurrent",
        KV,
        exposed=True,
    ),
    Home(
        ("KVMilliSeconds",),
        "ExposureSequence: ExposureTime, MetersetExposure",
        "ms, ExposureTimeInms as well where it is not whole; / 60000, minutes",
        "ExposureTime",
        KV,
        exposed=True,
    ),
    Home(
        ("StartTime", "StartTimeRemainder"),
        "AcquisitionDate, AcquisitionTime, ContentDate, ContentTime, StudyDate",
        "the machine's local clock, as it is",
        "AcquisitionDate",
    ),
    Home(("AcquisitionSystemVersion",), "SoftwareVersions", "as it is", "SoftwareVersions", text=True),
    Home(
        ("AcquisitionTag",),
        "RTImageName, RTImageLabel",
        "the label in 16 characters",
        "RTImageName",
        text=True,
    ),
    Home(("AcquisitionId",), "AcquisitionNumber", "as it is", "AcquisitionNumber"),
    Home(("ImageModeId", "AcquisitionModeId"), "RTImageDescription", "a line each", "RTImageDescription"),
    Home(("AcquisitionNotes",), "RTImageDescription", "at its end", "RTImageDescription"),
)
"""In the order of the mapping: geometry, exposure, identity. Lengths are cm and mm."""

_LONGEST_DESCRIPTION = 1024


def keep_rest(attributes: Dataset, geometry: Geometry, properties: Properties) -> None:
    """Put the properties that no attribute is made of into the private block of `attributes`, in place."""
    kept = rest(attributes, geometry, properties)
    block = attributes.private_block(GROUP, CREATOR, create=True)
    block.add_new(FORMAT, "LO", "xim")
    if kept:
        text = json.dumps(kept, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
        block.add_new(PROPERTIES, "UT", text)


def rest(attributes: Dataset, geometry: Geometry, properties: Properties) -> dict[str, Any]:
    """Return the properties that are set and that no attribute is made of, by name.

    Numbers that mean "not set" were left out when the file was read (None in a list of others); lists of
    nothing else and the words for no energy are left out here.
    """
    used = set(_used(_present(attributes, geometry), properties))
    return {
        name: value for name, value in properties.items() if name not in used and not _is_unset(name, value)
    }


def _is_unset(name: str, value: Any) -> bool:
    if isinstance(value, list):
        return all(number is None for number in value)
    return name == "MVEnergy" and value in WORDS_FOR_NO_ENERGY


def _used(present: Mapping[str, Any], properties: Properties) -> Iterator[str]:
    half, dark = half_of(properties), is_dark(properties)
    for row in HOMES:
        if row.half not in ("", half) or (row.exposed and dark) or row.home not in present:
            continue
        said = str(present[row.home])
        if row.home == "RTImageDescription" and len(said) >= _LONGEST_DESCRIPTION:
            continue
        if not row.text or all(properties.get(name) == said for name in row.names):
            yield from row.names


def _present(attributes: Dataset, geometry: Geometry) -> dict[str, Any]:
    """Return the non-empty fields of the geometry, keywords at any depth, and types of devices."""
    found: dict[str, Any] = {name: getattr(geometry, name) for name in geometry.origins}
    for element in attributes.iterall():
        if element.VR != "SQ" and element.value not in (None, ""):
            found[element.keyword] = element.value
            if element.keyword == "RTBeamLimitingDeviceType":
                found[element.value] = True
    return found


def properties_behind(source: SourceFile, keyword: str) -> tuple[str, ...]:
    """Return the properties of a file that the table gives for an attribute, by its keyword."""
    halves = ("", half_of(source.properties))
    homes = [home for home in HOMES if home.half in halves and keyword in _WORD.findall(home.attribute)]
    return tuple(dict.fromkeys(name for home in homes for name in home.names if name in source.properties))
