"""Group files into conversions: by folder and kind, and slices by the volume that they make."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec.structs import replace

from ..errors import SourceError
from ..exporters.registry import TARGETS
from ..imaging.angles import Axis
from ..inputs.render import split_name
from ..loaders.options import DicomSeriesOptions, Limits
from ..loaders.registry import survey
from .angles import angles_in, sure_axes
from .examine import Found, Kind
from .stacks import parted

_SERIES = "dicom-series"
_SLICES = frozenset({"CT", "MR", "PT"})
"""Modalities (PS3.3 C.7.3.1.1.1) whose files are slices."""


def grouped(found: Iterable[Found]) -> dict[Kind, list[Found]]:
    """Return the conversions: kinds and their files, in the order in which the files are listed."""
    groups: dict[Kind, list[Found]] = {}
    for item in found:
        groups.setdefault(item.kind, []).append(item)
    found_in: dict[Kind, list[Found]] = {}
    for kind, items in groups.items():
        for other, member in _parted(kind, items):
            found_in.setdefault(other, []).append(member)
    return found_in


def _parted(kind: Kind, items: list[Found]) -> list[tuple[Kind, Found]]:
    """Return each file with its kind, given the files next to it."""
    if kind.format == "dicom":
        return _volumes(kind, items)
    if kind.format == "image":
        stacks = list(parted(kind, items))
        single = [item for other, item in stacks if other == kind]
        return [(other, item) for other, item in stacks if other != kind] + _angled(kind, single)
    return _angled(kind, items)


def _angled(kind: Kind, items: list[Found]) -> list[tuple[Kind, Found]]:
    """Return images with the angles that their names give."""
    axes = sure_axes(_stem(item) for item in items) if TARGETS[kind.target].default_for == "image" else ()
    return [(replace(kind, angles=tuple(_unknown_angles(item, axes))), item) for item in items]


def _unknown_angles(item: Found, axes: Collection[Axis]) -> Iterator[Axis]:
    """Yield the axes, of some, whose angle a file's name gives and the file does not, in the name's order."""
    for angle in angles_in(_stem(item)):
        known = item.probe is not None and getattr(item.probe.geometry, angle.axis) is not None
        if angle.axis in axes and not known:
            yield angle.axis


def _stem(item: Found) -> str:
    return split_name(str(item.name))[1]


def _volumes(kind: Kind, items: list[Found]) -> list[tuple[Kind, Found]]:
    """Return slices of one series as its volume, where they make one; others stay files of their own."""
    series: dict[str, list[Found]] = {}
    for item in items:
        series.setdefault(_series_of(item), []).append(item)
    placed = []
    for uid, members in series.items():
        volume = bool(uid) and len(members) > 1 and _is_volume(uid, members)
        other = kind
        if volume:
            several = sum(1 for each in series if each) > 1
            source = f'{{format: {_SERIES}, series: "{uid}"}}' if several else _SERIES
            other = replace(kind, format=_SERIES, source=source, series=uid)
        placed += [(other, item) for item in members]
    return placed


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
    if kind.format != _SERIES:
        return []
    return [
        item
        for other, items in groups.items()
        if other != kind
        and (other.folder, other.suffix, other.format) == (kind.folder, kind.suffix, kind.format)
        for item in items
    ]
