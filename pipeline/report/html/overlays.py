"""What is drawn over a picture: the isocentre, axes, jaws and leaves, each with where it is known from.

Jaws and leaves are stated in mm at the isocentre, in the beam limiting device's system, which is turned by
the collimator's angle against the gantry's (IEC 61217): they are projected to the image plane, SID / SAD
times as large. Points are (column, row), as the page draws them; fractions of a pixel count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ...imaging.deterministic import cosine_and_sine
from ...imaging.image import Geometry, Image
from .place import Place, at_isocentre, gantry_place, receptor_place

if TYPE_CHECKING:
    from pydicom import Dataset

Points = list[tuple[float, float]]

_AXIS = 0.12
"""Length of a drawn axis, as a part of the image's shorter side."""
_MOST = 1.0e4
"""mm: a jaw beyond this is no jaw."""


class Overlay(Struct, frozen=True):
    """One thing that can be drawn; `lines` are joined points, `labels` texts with a point each."""

    name: str
    origin: str
    lines: list[Points]
    labels: list[tuple[str, float, float]]
    marks: Points


def overlays(image: Image) -> Iterator[Overlay]:
    """Yield what is known of a projection image; of a slice nothing."""
    geometry = image.geometry
    receptor, gantry = receptor_place(geometry), gantry_place(geometry)
    if receptor is None or gantry is None:
        return
    at = gantry.pixel(0.0, 0.0)
    if at is not None:
        known = ["position"] + (["translation"] if geometry.translation else [])
        yield Overlay("isocentre", _origin(geometry, *known), [], [], [(at[1], at[0])])
    yield from _axes(image, receptor)
    for name, lines, origin in _devices(image, gantry):
        yield Overlay(name, origin, lines, [], [])


def _origin(geometry: Geometry, *fields: str) -> str:
    return "; ".join(f"{name}: {geometry.origins[name]}" for name in fields if name in geometry.origins)


def _axes(image: Image, place: Place) -> Iterator[Overlay]:
    """Draw +x and +y of the receptor from a corner of the image."""
    side = min(image.rows, image.columns) * _AXIS
    corner = (image.rows - 1.6 * side, 1.6 * side)
    start = place.at(*corner)
    size = min(abs(side * step) for step in (max(map(abs, place.down)), max(map(abs, place.along))))
    lines: list[Points] = []
    labels = []
    for name, x, y in (("x", size, 0.0), ("y", 0.0, size)):
        end = place.pixel(start[0] + x, start[1] + y)
        if end is None:
            return
        lines.append([(corner[1], corner[0]), (end[1], end[0])])
        labels.append((name, end[1], end[0]))
    origin = _origin(image.geometry, "orientation") or "standard orientation: x along columns, y against rows"
    yield Overlay("axes", origin, lines, labels, [])


def _devices(image: Image, gantry: Place) -> Iterator[tuple[str, list[Points], str]]:
    geometry, factor = image.geometry, at_isocentre(image.geometry)
    if factor is None or geometry.collimator is None:
        return
    cosine, sine = cosine_and_sine(geometry.collimator)

    def drawn(points: Sequence[tuple[float, float]]) -> Points:
        found: Points = []
        for x, y in points:
            at = gantry.pixel((x * cosine - y * sine) / factor, (x * sine + y * cosine) / factor)
            if at is not None:
                found.append((round(at[1], 3), round(at[0], 3)))
        return found

    devices = _stated(image)
    jaws = _jaws(devices)
    if jaws is not None:
        (left, right), (down, up) = jaws
        corners = [(left, down), (right, down), (right, up), (left, up), (left, down)]
        yield "jaws", [drawn(corners)], "jaw positions; collimator, SID, SAD"
    for kind, boundaries, positions in devices:
        if kind.startswith("MLC") and len(positions) == 2 * (len(boundaries) - 1):
            banks = (drawn(bank) for bank in _leaves(kind, boundaries, positions))
            yield "leaves", list(banks), "leaf positions; collimator, SID, SAD"


def _jaws(devices: Sequence[tuple[str, Any, Any]]) -> tuple[tuple[float, float], tuple[float, float]] | None:
    found = {kind[-1]: positions for kind, _, positions in devices if kind in _JAWS and len(positions) == 2}
    if not {"X", "Y"} <= found.keys():
        return None
    x, y = found["X"], found["Y"]
    return (x[0], x[1]), (y[0], y[1])


_JAWS = ("X", "Y", "ASYMX", "ASYMY")


def _leaves(
    kind: str, boundaries: Sequence[float], positions: Sequence[float]
) -> Iterator[list[tuple[float, float]]]:
    """Yield the ends of the leaves of each bank as one stepped line."""
    pairs = len(boundaries) - 1
    for bank in (positions[:pairs], positions[pairs:]):
        steps = []
        for leaf, end in enumerate(bank):
            steps += [(end, boundaries[leaf]), (end, boundaries[leaf + 1])]
        yield steps if kind == "MLCX" else [(y, x) for x, y in steps]


def _stated(image: Image) -> list[tuple[str, tuple[float, ...], tuple[float, ...]]]:
    """Return type, boundaries and positions of each device (PS3.3 C.8.8.2, Exposure Sequence)."""
    dataset = image.source.dataset if image.source.dataset is not None else image.source.attributes
    if dataset is None:
        return []
    try:
        return [device for device in _items(dataset) if all(abs(value) < _MOST for value in device[2])]
    except (AttributeError, TypeError, ValueError, LookupError, NotImplementedError, OverflowError):
        return []  # a damaged element is told by check-dicom


def _items(dataset: Dataset) -> Iterator[tuple[str, tuple[float, ...], tuple[float, ...]]]:
    exposures: Any = dataset.get("ExposureSequence") or ()
    if len(exposures) != 1:
        return
    for item in exposures[0].get("BeamLimitingDeviceSequence") or ():
        yield (
            str(item.get("RTBeamLimitingDeviceType", "")),
            _numbers(item.get("LeafPositionBoundaries")),
            _numbers(item.get("LeafJawPositions")),
        )


def _numbers(value: Any) -> tuple[float, ...]:
    if value is None or value == "":
        return ()
    return tuple(float(part) for part in (value if not isinstance(value, str | int | float) else [value]))
