"""Group files into conversions: by folder and kind, and slices by the volume that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from ..errors import SourceError
from ..exporters.registry import TARGETS
from ..inputs.render import split_name
from ..loaders.options import DicomSeriesOptions, Limits
from ..loaders.registry import FORMATS, survey
from .angles import angle_in, have_angles
from .examine import Found, Kind

_SERIES = "dicom-series"
_SLICES = frozenset({"CT", "MR", "PT"})
"""Modalities (PS3.3 C.7.3.1.1.1) whose files are slices."""


def grouped(found: Iterable[Found]) -> dict[Kind, list[Found]]:
    """Return the conversions: kinds and their files, in the order in which the files are listed."""
    groups: dict[Kind, list[Found]] = {}
    for item in found:
        groups.setdefault(item.kind, []).append(item)
    parted: dict[Kind, list[Found]] = {}
    for kind, items in groups.items():
        for other, member in _parted(kind, items):
            parted.setdefault(other, []).append(member)
    return parted


def _parted(kind: Kind, items: list[Found]) -> list[tuple[Kind, Found]]:
    """Return each file with its kind, given the files next to it."""
    if kind.format == "dicom":
        return _volumes(kind, items)
    angles = TARGETS[kind.target].default_for == "image" and have_angles(_stem(item) for item in items)
    return [
        (replace(kind, angles=angles and angle_in(_stem(item)) is not None and not _knows(item)), item)
        for item in items
    ]


def _knows(item: Found) -> bool:
    return item.probe is not None and item.probe.geometry.gantry is not None


def _stem(item: Found) -> str:
    return split_name(str(item.name))[1]


def _volumes(kind: Kind, items: list[Found]) -> list[tuple[Kind, Found]]:
    """Return slices of one series as its volume, where they make one; others stay files of their own."""
    series: dict[str, list[Found]] = {}
    for item in items:
        series.setdefault(_series_of(item), []).append(item)
    parted = []
    for uid, members in series.items():
        volume = bool(uid) and len(members) > 1 and _is_volume(uid, members)
        other = kind
        if volume:
            several = sum(1 for each in series if each) > 1
            source = f'{{format: {_SERIES}, series: "{uid}"}}' if several else _SERIES
            other = replace(kind, format=_SERIES, source=source, series=uid)
        parted += [(other, item) for item in members]
    return parted


def _series_of(item: Found) -> str:
    """Return the series of a file that is a slice; else empty."""
    if item.probe is None or item.probe.pages > 1 or _text(item.probe.properties, "Modality") not in _SLICES:
        return ""
    return _text(item.probe.properties, "SeriesInstanceUID")


def _text(properties: Mapping[str, object], keyword: str) -> str:
    return str(properties.get(keyword) or "").strip()


def _is_volume(uid: str, members: list[Found]) -> bool:
    try:
        survey([item.path for item in members], DicomSeriesOptions(series=uid), Limits())
    except SourceError:
        return False
    return True


def slices_of(groups: Mapping[Kind, list[Found]], kind: Kind) -> list[Found]:
    """Return the files of other volumes next to this one, which its `series` does not read."""
    if not FORMATS[kind.format].series:
        return []
    return [
        item
        for other, items in groups.items()
        if other != kind
        and (other.folder, other.suffix, other.format) == (kind.folder, kind.suffix, kind.format)
        for item in items
    ]
