"""NRRD (teem.sourceforge.net/nrrd/format.html): the header by pynrrd, the values by us.

`space origin` is the centre of the first sample whatever the centring of the axes (section 5 of the format's
definition); an anatomical space says which way its axes go. Without one nobody knows where left is, and the
place stays unknown.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from msgspec.structs import replace

from ...errors import Note, SourceError
from ...extras import require
from ...imaging.vectors import Vector, length
from ..base import Certainty
from ..files import opened
from .grid import Grid
from .header import Header, Packing, beside
from .slices import loader_of

MAGIC = b"NRRD000"
_LONGEST = 1 << 20
"""Bytes of a header; ours are well under 1000."""
_END = re.compile(rb"\r?\n\r?\n")
_PAIR = re.compile(r"(?!#)(?P<key>[^:]*):=(?P<value>.*)", re.DOTALL)
_PACKINGS: Mapping[str, Packing] = {
    "raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2",
}  # fmt: skip
_SIGNS: Mapping[str, Vector] = {
    "left-posterior-superior": (1, 1, 1), "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1), "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1), "las": (1, -1, 1),
}  # fmt: skip
"""What turns a space's axes into LPS; its form with ``-time`` has one more axis."""
_MM = {"mm": 1.0, "millimeter": 1.0, "millimeters": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001}
_TYPES = {
    "signed char": "i1", "int8": "i1", "int8_t": "i1",
    "uchar": "u1", "unsigned char": "u1", "uint8": "u1", "uint8_t": "u1",
    "short": "i2", "short int": "i2", "signed short": "i2", "signed short int": "i2", "int16": "i2",
    "int16_t": "i2",
    "ushort": "u2", "unsigned short": "u2", "unsigned short int": "u2", "uint16": "u2", "uint16_t": "u2",
    "int": "i4", "signed int": "i4", "int32": "i4", "int32_t": "i4",
    "uint": "u4", "unsigned int": "u4", "uint32": "u4", "uint32_t": "u4",
    "longlong": "i8", "long long": "i8", "long long int": "i8", "signed long long": "i8",
    "signed long long int": "i8", "int64": "i8", "int64_t": "i8",
    "ulonglong": "u8", "unsigned long long": "u8", "unsigned long long int": "u8", "uint64": "u8",
    "uint64_t": "u8",
    "float": "f4", "double": "f8",
}  # fmt: skip
_OF_SPACE = frozenset({"domain", "space", "???", "none"})
_OF_VOLUMES = frozenset({"list", "time", "point"})
_FAILURES = (
    ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, AssertionError, MemoryError,
)  # fmt: skip


def sniff(head: bytes, path: Path) -> Certainty:
    """Tell it by the first line."""
    return Certainty.SURE if head.startswith(MAGIC) else Certainty.NO


def described(path: Path) -> Header:
    """Return what the header of a file says. Raises: SourceError; UsageError without the extra."""
    require("volumes", str(path))
    text, end = _text(path)
    fields = _fields(text, path)
    detached = next((fields[key] for key in ("data file", "datafile") if key in fields), None)
    header = _header(path, fields, None if detached is None else str(detached), end)
    return replace(header, properties={**_pairs(text), **header.properties})


def _text(path: Path) -> tuple[bytes, int]:
    """Return the header's lines, and where the values begin. Raises: SourceError."""
    with opened(path) as file:
        head = file.read(_LONGEST)
    if not head.startswith(MAGIC):
        raise SourceError("is empty" if not head else "is no NRRD file", subject=str(path))
    end = _END.search(head)
    if end is None:
        if len(head) == _LONGEST:
            raise SourceError("has a header without an end", subject=str(path))
        return head, len(head)
    return head[: end.start()] + b"\n", end.end()


def _fields(text: bytes, path: Path) -> Mapping[str, Any]:
    """Return the fields as pynrrd reads them, without what the file adds of its own. Raises: SourceError."""
    import nrrd

    lines = [line for line in _lines(text) if not _PAIR.match(line)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: Mapping[str, Any] = nrrd.read_header(map(_lower, lines))
    except nrrd.NRRDError as error:
        raise SourceError(f"has a damaged NRRD header: {error}", subject=str(path)) from None
    except _FAILURES as error:
        raise SourceError(f"has a damaged NRRD header: {type(error).__name__}", subject=str(path)) from None
    return found


def _lines(text: bytes) -> list[str]:
    return text.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")


def _pairs(text: bytes) -> dict[str, str]:
    """Return what the file says besides its fields, by keys of its own; these may be called as fields are."""
    found = [_PAIR.match(line) for line in _lines(text)]
    return {pair["key"].strip(): pair["value"].strip() for pair in found if pair is not None}


def _lower(line: str) -> str:
    """Return a line of a header with the name of its field in small letters, which it need not have."""
    name, colon, rest = line.partition(":")
    return name.lower() + colon + rest if colon else line


def _header(path: Path, fields: Mapping[str, Any], detached: str | None, end: int) -> Header:
    packing = _packing(fields, path)
    sizes = _sizes(fields, path)
    space, frames = _axes(fields, len(sizes), path)
    skip = _whole(fields, "byte skip", "byteskip", path)
    if _whole(fields, "line skip", "lineskip", path):
        raise SourceError("has 'line skip', which is not read", subject=str(path))
    if skip < -1:
        raise SourceError(f"has 'byte skip: {skip}'", subject=str(path))
    if skip and packing != "raw":
        raise SourceError("has 'byte skip' before packed values, which is not read", subject=str(path))
    data = path if detached is None else beside(path, detached)
    start = end if detached is None else 0
    grid, spacing, notes = _place(fields, space, path)
    # a flat image is a volume of one slice
    flat = 3 - len(space)
    return Header(
        path=path,
        format="nrrd",
        data=data,
        # a skip of -1 puts the values at the file's end
        offset=skip if skip == -1 or packing != "raw" else start + skip,
        start=start if packing != "raw" else 0,
        packing=packing,
        dtype=_dtype(fields, path),
        sizes=(*sizes, *[1] * flat),
        axes=cast("tuple[int, int, int]", (*space, *range(len(sizes), len(sizes) + flat))),
        frames=frames,
        grid=grid,
        spacing=spacing,
        properties={str(key): value for key, value in fields.items() if isinstance(value, str | int | float)},
        notes=notes,
    )


def _packing(fields: Mapping[str, Any], path: Path) -> Packing:
    encoding = str(fields.get("encoding", "")).lower()
    if encoding not in _PACKINGS:
        raise SourceError(
            f"has the encoding '{encoding}'", subject=str(path), hint="raw, gzip and bzip2 are read"
        )
    return _PACKINGS[encoding]


def _sizes(fields: Mapping[str, Any], path: Path) -> tuple[int, ...]:
    found = fields.get("sizes")
    sizes = tuple(int(size) for size in np.atleast_1d(found)) if found is not None else ()
    if len(sizes) != _whole(fields, "dimension", "dimension", path) or not 2 <= len(sizes) <= 4:
        raise SourceError(f"has {len(sizes)} axes", subject=str(path), hint="volumes of 2 to 4 axes are read")
    return sizes


def _whole(fields: Mapping[str, Any], name: str, other: str, path: Path) -> int:
    value = fields.get(name, fields.get(other, 0))
    try:
        return int(value)
    except (ValueError, TypeError):
        raise SourceError(f"has '{name}: {value}', which is no whole number", subject=str(path)) from None


def _dtype(fields: Mapping[str, Any], path: Path) -> np.dtype[Any]:
    kind = str(fields.get("type", "")).lower()
    if kind not in _TYPES:
        raise SourceError(f"holds values of type '{kind}', which cannot be converted", subject=str(path))
    dtype = np.dtype(_TYPES[kind])
    endian = str(fields.get("endian", "")).lower()
    if dtype.itemsize > 1 and endian not in ("little", "big"):
        raise SourceError("does not say whether its values are little or big endian", subject=str(path))
    return dtype.newbyteorder(">" if endian == "big" else "<")


def _axes(fields: Mapping[str, Any], count: int, path: Path) -> tuple[tuple[int, ...], int | None]:
    """Return the stored axes of space, and the one that counts volumes. Raises: SourceError."""
    kinds = [str(kind).lower() for kind in fields.get("kinds", ())] or ["???"] * count
    if len(kinds) != count:
        raise SourceError(f"has {len(kinds)} kinds for {count} axes", subject=str(path))
    directions = fields.get("space directions")
    space = [axis for axis, kind in enumerate(kinds) if kind in _OF_SPACE]
    if directions is not None:
        if len(directions) != count:
            raise SourceError(f"has {len(directions)} space directions for {count} axes", subject=str(path))
        space = [axis for axis, way in enumerate(directions) if not _is_none(way)]
        odd = [kinds[axis] for axis in space if kinds[axis] not in _OF_SPACE]
        if odd:
            raise SourceError(
                f"has a space direction for an axis of the kind {odd[0]}, which is none of space",
                subject=str(path),
                hint="'none' is the direction of such an axis, 'domain' the kind of one of space",
            )
    elif len(space) > 3:
        space = space[:3]
    others = [axis for axis in range(count) if axis not in space]
    wrong = [kinds[axis] for axis in others if kinds[axis] not in (*_OF_VOLUMES, "???", "none", "domain")]
    if wrong or len(others) > 1 or not 2 <= len(space) <= 3:
        shown = ", ".join(kinds)
        raise SourceError(
            f"has axes of the kinds {shown}, and a volume has three of space and one number in a voxel",
            subject=str(path),
            hint="write one channel as a file of its own",
        )
    return tuple(space), others[0] if others else None


def _is_none(way: Any) -> bool:
    return way is None or bool(np.isnan(np.asarray(way, float)).all())


def _place(
    fields: Mapping[str, Any], space: Sequence[int], path: Path
) -> tuple[Grid | None, tuple[float, float, float] | None, tuple[Note, ...]]:
    """Return grid, spacing, and what has to be said of them. Raises: SourceError."""
    name = str(fields.get("space", "")).lower().removesuffix("-time")
    directions, origin = fields.get("space directions"), fields.get("space origin")
    if directions is None:
        return None, _spacing(fields, space), (_unknown("has no space directions"),)
    unit = _unit(fields, path)
    ways = [[float(part) * unit for part in directions[axis]][:3] for axis in space]
    if any(len(way) != 3 or not all(map(math.isfinite, way)) for way in ways):
        raise SourceError("has space directions that are no places in three dimensions", subject=str(path))
    lengths = [length(way) for way in ways]
    spacing = cast("tuple[float, float, float]", (*lengths, 1.0)[:3])
    if name not in _SIGNS or origin is None:
        what = "has no space origin" if origin is None else f"lies in the space '{name}'"
        return None, spacing if all(lengths) else None, (_unknown(what),)
    start = [float(part) * unit for part in origin][:3]
    if len(start) != 3 or not all(map(math.isfinite, start)):
        raise SourceError("has a space origin that is no place in three dimensions", subject=str(path))
    steps = [_lps(way, name) for way in ways]
    flat = (0.0, 0.0, 0.0)
    notes: tuple[Note, ...] = ()
    if unit != 1:
        text = f"its space units are {unit:g} mm, and so it was read; programs that leave units out read mm"
        notes = (Note("space-units", text),)
    return Grid(_lps(start, name), (steps[0], steps[1], (*steps, flat)[2])), None, notes


def _lps(vector: Sequence[float], space: str) -> Vector:
    x, y, z = (part * sign for part, sign in zip(vector, _SIGNS[space], strict=True))
    return x, y, z


def _unknown(what: str) -> Note:
    return Note("place-unknown", f"{what}: nobody says where left is, and its place is not known")


def _spacing(fields: Mapping[str, Any], space: Sequence[int]) -> tuple[float, float, float] | None:
    found = fields.get("spacings")
    if found is None:
        return None
    sizes = [abs(float(found[axis])) if axis < len(found) else math.nan for axis in space]
    x, y, z = (*sizes, 1.0)[:3]
    return (x, y, z) if all(math.isfinite(size) and size > 0 for size in (x, y, z)) else None


def _unit(fields: Mapping[str, Any], path: Path) -> float:
    """Return mm in a unit of the space. Raises: SourceError for units that are no lengths, or differ."""
    units = {str(unit).strip('"').lower() for unit in fields.get("space units", ())} or {"mm"}
    if len(units) > 1 or not units <= set(_MM):
        shown = ", ".join(sorted(units))
        raise SourceError(f"has the space units {shown}, which are no length", subject=str(path))
    return _MM[units.pop()]


LOADER = loader_of("nrrd", described, sniff)
