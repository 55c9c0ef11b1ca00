"""Two files compared: values as real numbers, geometry as far as both know it, tags where both have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from ..check.differences import TagChange, tag_changes
from ..errors import DicombakeError
from ..imaging.angles import apart
from ..imaging.compared import PixelChange, pixel_change
from ..imaging.image import Geometry, Image
from ..imaging.tolerances import ANGLE, DIRECTION, POSITION, SPACING, STATED_DISTANCE
from ..loaders.options import Limits, SourceOptions
from ..reading import file_sha256
from .side import Side, open_side

Status = Literal["same", "different", "only-a", "only-b", "incomparable"]

_META = "FileMetaInformationGroupLength FileMetaInformationVersion MediaStorageSOPClassUID TransferSyntaxUID "
_META += "ImplementationClassUID ImplementationVersionName MediaStorageSOPInstanceUID"
_STORED = "BitsAllocated BitsStored HighBit PixelRepresentation RescaleSlope RescaleIntercept "
_STORED += "SmallestImagePixelValue LargestImagePixelValue"
BESIDE = frozenset((*_META.split(), *_STORED.split(), "SOPInstanceUID"))
"""Tags that differ without making a difference: how values are stored, which are compared themselves; which
file it is, by a UID that derives from its content; and what says how the file is written (PS3.10 7.1)."""


class Shape(Struct, frozen=True):
    """What one side's images are: of the first one, and how many there are."""

    format: str
    shape: tuple[int, ...] = ()
    """(rows, columns), or with samples; empty for an object without pixels."""
    dtype: str = ""
    pages: int = 0

    def __str__(self) -> str:
        if not self.pages:
            return f"{self.format} without pixels"
        several = f"{self.pages} x " if self.pages > 1 else ""
        return f"{several}{' x '.join(map(str, self.shape))} {self.dtype}"


class GeometryChange(Struct, frozen=True):
    """A value that both sides know and do not agree on: mm, degrees in IEC 61217, direction cosines."""

    name: str
    a: Any
    b: Any


class Pair(Struct, frozen=True):
    """What differs between two files; `name` is what both are called below their folders, or empty."""

    status: Status
    a: Path | None
    b: Path | None
    name: str = ""
    shapes: tuple[Shape, Shape] | None = None
    pixels: PixelChange | None = None
    geometry: tuple[GeometryChange, ...] = ()
    tags: tuple[TagChange, ...] = ()
    beside: tuple[TagChange, ...] = ()
    """Tags of `BESIDE` that differ."""
    what: str = ""
    """Other shapes; why the two cannot be compared."""


@dataclass
class _Found:
    """What is known of two sides while their images are taken."""

    changes: list[PixelChange] = field(default_factory=list)
    total: int = 0
    geometry: dict[str, GeometryChange] = field(default_factory=dict)
    first: dict[str, Image] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=lambda: {"a": 0, "b": 0})
    what: str = ""

    def pixels(self) -> PixelChange | None:
        """Return what differs in all pairs of images together: every count, and the largest of all."""
        if not self.changes:
            return None
        largest = max(self.changes, key=lambda change: change.largest)
        count = sum(change.count for change in self.changes)
        place = largest.place if max(self.pages.values()) > 1 else largest.place[1:]
        return replace(largest, count=count, total=self.total, place=place)


def compare(
    a: Path,
    b: Path,
    *,
    tolerance: float = 0.0,
    raw: SourceOptions | None = None,
    limits: Limits | None = None,
) -> Pair:
    """Compare two files, or folders of slices as volumes, of any format.

    Args:
        a, b: what is compared.
        tolerance: by how much values may differ and count as the same.
        raw: what a file is whose content does not tell.
        limits: bounds on what files claim.
    """
    try:
        bounds = limits or Limits()
        one, other = open_side(a, raw, bounds), open_side(b, raw, bounds)
        found = _compared(one, other, tolerance)
    except (DicombakeError, OSError) as error:
        return Pair("incomparable", a, b, what=_reason(error))
    alike = one.format == other.format
    changes = tuple(tag_changes(one.tags, other.tags)) if alike else ()
    tags = tuple(tag for tag in changes if _last(tag.tag) not in BESIDE)
    pixels = found.pixels()
    differ = pixels or found.geometry or tags or found.what
    return Pair(
        "different" if differ else "same",
        a,
        b,
        shapes=(_shape(one, found, "a"), _shape(other, found, "b")),
        pixels=pixels,
        geometry=tuple(found.geometry.values()),
        tags=tags,
        beside=tuple(tag for tag in changes if tag not in tags),
        what=found.what,
    )


def compare_bytes(a: Path, b: Path) -> Pair:
    """Compare two files that hold no image."""
    try:
        same = a.stat().st_size == b.stat().st_size and file_sha256(a) == file_sha256(b)
    except OSError as error:
        return Pair("incomparable", a, b, what=_reason(error))
    return Pair("same" if same else "different", a, b, what="" if same else "no images, and other bytes")


def _reason(error: Exception) -> str:
    if isinstance(error, DicombakeError):
        return str(error)
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"


def _compared(one: Side, other: Side, tolerance: float) -> _Found:
    found = _Found()
    for number, (a, b) in enumerate(zip_longest(one.images, other.images)):
        for name, image in (("a", a), ("b", b)):
            if image is not None:
                found.pages[name] += 1
                found.first.setdefault(name, image)
        if a is None or b is None or found.what:
            continue
        if a.pixels.shape != b.pixels.shape:
            found.what = "other shapes"
            continue
        found.total += a.pixels.size
        change = pixel_change(a.pixels, b.pixels, colour=a.pixels.ndim == 3, tolerance=tolerance)
        if change is not None:
            found.changes.append(replace(change, place=(("page", number), *change.place)))
        for difference in geometry_changes(a.geometry, b.geometry):
            found.geometry.setdefault(difference.name, difference)
    if found.pages["a"] != found.pages["b"]:
        found.what = found.what or "other numbers of images"
    return found


def _shape(side: Side, found: _Found, name: str) -> Shape:
    first = found.first.get(name)
    if first is None:
        return Shape(side.format)
    return Shape(side.format, first.pixels.shape, first.pixels.dtype.name, found.pages[name])


def _last(tag: str) -> str:
    return tag.rpartition(".")[2]


def geometry_changes(a: Geometry, b: Geometry) -> Iterator[GeometryChange]:
    """Yield what both know and do not agree on, within the bounds of `imaging/tolerances.py`."""
    for name, bound in _BOUNDS.items():
        one, other = getattr(a, name), getattr(b, name)
        if one is not None and other is not None and not _agree(one, other, bound):
            yield GeometryChange(name, one, other)
    for name in ("gantry", "collimator", "couch", "receptor_angle"):
        one, other = getattr(a, name), getattr(b, name)
        if one is not None and other is not None and apart(one, other) > ANGLE:
            yield GeometryChange(name, one, other)
    if a.spacing and b.spacing:
        pairs = zip(a.spacing, b.spacing, strict=True)
        if any(abs(one - other) > SPACING * max(one, other) for one, other in pairs):
            yield GeometryChange("spacing", a.spacing, b.spacing)
    if a.patient and b.patient:
        for name, bound in _PLANE_BOUNDS.items():
            one, other = getattr(a.patient, name), getattr(b.patient, name)
            if not _agree(one, other, bound):
                yield GeometryChange(f"patient.{name}", one, other)


_BOUNDS: Mapping[str, float] = {
    "sid": STATED_DISTANCE,
    "sad": STATED_DISTANCE,
    "position": STATED_DISTANCE,
    "translation": STATED_DISTANCE,
    "orientation": DIRECTION,
}
_PLANE_BOUNDS: Mapping[str, float] = {"position": POSITION, "orientation": DIRECTION}


def _agree(one: Any, other: Any, bound: float) -> bool:
    if isinstance(one, tuple):
        return all(abs(a - b) <= bound for a, b in zip(one, other, strict=True))
    return bool(abs(one - other) <= bound)
