"""MetaImage, ``.mha`` and ``.mhd`` (MetaIO, as ITK reads it): a header of ``Key = Value`` lines, then values.

Coordinates are DICOM's own (LPS, mm). Each row of TransformMatrix is the direction of one stored axis; Offset
is the centre of the first voxel. CenterOfRotation moves nothing in ITK, and nothing here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import Note, SourceError
from ...imaging.vectors import Vector
from ..base import Certainty
from ..files import opened
from .grid import Grid
from .header import Header, Packing, beside, in_file
from .slices import loader_of

if TYPE_CHECKING:
    from ..options import Limits

TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_LONGEST = 1 << 16
"""Bytes of a header."""
_LAST_KEY = "ElementDataFile"
_PLACES = (("Offset", "Position", "Origin"), ("TransformMatrix", "Rotation", "Orientation"))
_MOST_AXES = 4
_FLAGS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def sniff(head: bytes, path: Path) -> Certainty:
    """Tell it by its first keys: it has no signature."""
    first, _, rest = head.partition(b"\n")
    key = first.partition(b"=")[0].strip()
    if key == b"ObjectType":
        return Certainty.SIGNED if first.partition(b"=")[2].strip() == b"Image" else Certainty.NO
    return Certainty.SIGNED if key == b"NDims" and b"DimSize" in rest else Certainty.NO


def read_header(path: Path, limits: Limits) -> Header:
    """Return the header of a file, checked. Raises: SourceError."""
    return in_file(described(path), limits)


def described(path: Path) -> Header:
    """Return what the header of a file says. Raises: SourceError."""
    with opened(path) as file:
        fields, end = fields_of(file.read(_LONGEST), path)
    return _header(path, _Fields(fields, path), end)


def fields_of(head: bytes, path: Path) -> tuple[dict[str, str], int]:
    """Return the header's keys and values, and where it ends. Raises: SourceError."""
    found: dict[str, str] = {}
    if not head:
        raise SourceError("is empty", subject=str(path))
    at = 0
    while at < len(head):
        end = head.find(b"\n", at)
        stop = len(head) if end < 0 else end
        key, equals, value = head[at:stop].partition(b"=")
        at = stop + 1
        name, text = key.strip().decode("latin-1"), value.strip().decode("utf-8", "replace")
        if not name and not equals:
            continue
        if not equals or not name.isidentifier():
            break
        if name in found:
            raise SourceError(f"has the key {name} twice in its header", subject=str(path))
        found[name] = text
        if name == _LAST_KEY:
            return found, at
    if "NDims" not in found:
        raise SourceError("is no MetaImage file", subject=str(path))
    raise SourceError(f"has a header without {_LAST_KEY}, which ends it", subject=str(path))


class _Fields:
    """Keys of a header as what they mean."""

    def __init__(self, found: Mapping[str, str], path: Path) -> None:
        self.found, self.path = found, path

    def error(self, what: str, hint: str = "") -> SourceError:
        return SourceError(what, subject=str(self.path), hint=hint)

    def text(self, *names: str) -> str:
        """Return the value of the first of some keys that is there; else nothing."""
        return next((self.found[name] for name in names if name in self.found), "")

    def flag(self, *names: str) -> bool:
        """Return what keys of one meaning say, False where none is there. Raises: SourceError."""
        found = {_FLAGS.get(self.found[name].lower()) for name in names if name in self.found}
        if None in found or len(found) > 1:
            shown = ", ".join(f"{name} = {self.found[name][:40]}" for name in names if name in self.found)
            what = "that is neither True nor False" if None in found else "these contradict each other"
            raise self.error(f"has {shown}, and {what}")
        return True in found

    def numbers(self, count: int, *names: str) -> tuple[float, ...] | None:
        """Return so many numbers of keys of one meaning; None where none is there. Raises: SourceError."""
        found = {name: self._numbers(count, name) for name in names if self.found.get(name)}
        if len(set(found.values())) > 1:
            raise self.error(f"says different things as {' and as '.join(found)}")
        return next(iter(found.values()), None)

    def _numbers(self, count: int, name: str) -> tuple[float, ...]:
        text = self.found[name]
        try:
            numbers = tuple(float(part) for part in text.split())
        except ValueError:
            numbers = ()
        if len(numbers) != count or not all(map(math.isfinite, numbers)):
            raise self.error(f"has {name} = {text[:80]}, which are not {count} numbers")
        return numbers

    def whole(self, name: str, default: int) -> int:
        """Return a whole number. Raises: SourceError."""
        text = self.text(name)
        try:
            return int(text) if text else default
        except ValueError:
            raise self.error(f"has {name} = {text[:80]}, which is no whole number") from None


def _header(path: Path, fields: _Fields, end: int) -> Header:
    if fields.text("ObjectType") not in ("", "Image"):
        raise fields.error(f"is a MetaIO {fields.text('ObjectType')}, not an image")
    count = fields.whole("NDims", 0)
    if not 2 <= count <= _MOST_AXES:
        raise fields.error(f"has {count} axes", "volumes of 2 to 4 axes are read")
    sizes = fields.numbers(count, "DimSize")
    if sizes is None or not all(size.is_integer() and 0 <= size < 2**53 for size in sizes):
        raise fields.error(f"has DimSize = {fields.text('DimSize')[:80]}")
    if fields.whole("ElementNumberOfChannels", 1) != 1:
        raise fields.error(
            f"holds {fields.text('ElementNumberOfChannels')} values in a voxel, and a volume has one",
            "write one channel as a file of its own",
        )
    if "BinaryData" in fields.found and not fields.flag("BinaryData"):
        raise fields.error("holds its values as text, which is not read")
    packing: Packing = "zlib" if fields.flag("CompressedData") else "raw"
    data, offset = _data(path, fields, end, packing)
    grid, spacing, notes = _place(fields, count)
    flat = [1] * max(3 - count, 0)
    slope = fields.numbers(1, "ElementToIntensityFunctionSlope") or (1.0,)
    intercept = fields.numbers(1, "ElementToIntensityFunctionOffset") or (0.0,)
    if slope == (0.0,):
        raise fields.error("has ElementToIntensityFunctionSlope = 0, which leaves nothing of its values")
    if (*slope, *intercept) != (1.0, 0.0):
        text = (
            f"its values are those stored x {slope[0]:g} + {intercept[0]:g}, as ElementToIntensityFunction "
            "says; ITK leaves that out"
        )
        notes += (Note("intensity-function", text),)
    return Header(
        path=path,
        format="metaimage",
        data=data,
        # a HeaderSize of -1 puts the values at the file's end
        offset=0 if packing != "raw" else offset,
        start=offset if packing != "raw" else 0,
        packing=packing,
        dtype=_dtype(fields),
        sizes=(*(int(size) for size in sizes), *flat),
        axes=(0, 1, 2),
        frames=3 if count == _MOST_AXES else None,
        grid=grid,
        spacing=spacing,
        slope=slope[0],
        intercept=intercept[0],
        properties=dict(fields.found),
        notes=notes,
    )


def _dtype(fields: _Fields) -> np.dtype[Any]:
    kind = fields.text("ElementType")
    if kind not in TYPES:
        hint = "MET_LONG is 4 bytes on one system and 8 on another; write MET_INT or MET_LONG_LONG"
        raise fields.error(
            f"holds values of type '{kind[:40]}', which cannot be converted", hint if "LONG" in kind else ""
        )
    big = fields.flag("ElementByteOrderMSB", "BinaryDataByteOrderMSB")
    return np.dtype(TYPES[kind]).newbyteorder(">" if big else "<")


def _data(path: Path, fields: _Fields, end: int, packing: Packing) -> tuple[Path, int]:
    """Return the file of the values, and the bytes before them (-1: they are at its end).

    Raises: SourceError.
    """
    name, skip = fields.text(_LAST_KEY), fields.whole("HeaderSize", 0)
    if skip < -1 or (skip and packing != "raw"):
        raise fields.error(f"has HeaderSize = {skip}", "for packed values it is 0")
    if name.upper() == "LOCAL":
        if skip > 0 and skip != end:
            raise fields.error(f"has HeaderSize = {skip}, and its header ends at byte {end}")
        return path, skip if skip == -1 else end
    if name.upper().startswith("LIST") or "%" in name:
        raise fields.error("has its values in a list of files", "write it as one .mha file")
    return beside(path, name), skip


def _place(
    fields: _Fields, count: int
) -> tuple[Grid | None, tuple[float, float, float] | None, tuple[Note, ...]]:
    """Return grid, spacing, and what has to be said of them. Raises: SourceError."""
    sizes = fields.numbers(count, "ElementSpacing") or fields.numbers(count, "ElementSize")
    flat = count < 3
    spacing = None if sizes is None else (*sizes, 1.0)[:3]
    lengths = None if spacing is None else (abs(spacing[0]), abs(spacing[1]), abs(spacing[2]))
    if lengths is not None and 0 in lengths:
        raise fields.error(f"has ElementSpacing = {fields.text('ElementSpacing', 'ElementSize')[:80]}")
    origin = fields.numbers(count, *_PLACES[0])
    matrix = fields.numbers(count * count, *_PLACES[1])
    if spacing is None or flat or origin is None:
        missing = "is flat" if flat else "has no ElementSpacing" if spacing is None else "has no Offset"
        return None, lengths, (Note("place-unknown", f"{missing}: its place in the patient is not known"),)
    rows = (
        [[float(row == column) for column in range(count)] for row in range(count)]
        if matrix is None
        else [matrix[row * count : (row + 1) * count] for row in range(count)]
    )
    if any(any(row[3:]) for row in rows[:3]) or any(any(row[:3]) for row in rows[3:]):
        raise fields.error("has axes that go through space and through the fourth axis at once")
    steps = [_step(rows[axis], spacing[axis]) for axis in range(3)]
    notes: tuple[Note, ...] = ()
    center = fields.numbers(count, "CenterOfRotation")
    if center is not None and any(center):
        text = "has a CenterOfRotation, which moves nothing, as ITK has it"
        notes = (Note("center-of-rotation", text),)
    return Grid((origin[0], origin[1], origin[2]), (steps[0], steps[1], steps[2])), None, notes


def _step(direction: Sequence[float], length: float) -> Vector:
    x, y, z = (part * length for part in direction[:3])
    return x, y, z


LOADER = loader_of("metaimage", described, sniff)
