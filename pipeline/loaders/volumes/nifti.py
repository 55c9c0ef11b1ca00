"""NIfTI-1 and NIfTI-2 (nifti.nimh.nih.gov): what a header means, and where its values lie.

Its axes are RAS: x to the right, y to the front, z to the head. sform and qform may both say where the voxels
lie; the sform counts where its code is above 0, as nibabel and most programs have it, else the qform. Without
either nobody knows where left is, and the place stays unknown.
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import Note, SourceError
from ...imaging.tolerances import POSITION
from ...imaging.vectors import length
from ..base import Certainty
from ..files import head_of
from .fields import ORDERS, Fields, Order, fields_of
from .grid import Grid
from .header import Header, Packing, in_file
from .packed import GZIP, unpacked
from .slices import loader_of

if TYPE_CHECKING:
    from ..options import Limits

_MAGIC_1 = {b"n+1\0": True, b"ni1\0": False}
"""At byte 344; whether the values follow in the same file."""
_MAGIC_2 = {b"n+2\0\r\n\x1a\n": True, b"ni2\0\r\n\x1a\n": False}
"""At byte 4."""
_SIZES = (348, 540)
_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""mm in a unit of length, by xyzt_units & 7; where none is said, mm are meant."""
TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
"""By `datatype`."""
_OTHERS = {
    1: "one bit", 128: "RGB colour", 2304: "RGBA colour", 32: "complex", 1792: "complex", 2048: "complex",
    1536: "float128",
}  # fmt: skip
_EXTENDER = 4
"""Bytes behind the header that say whether extensions follow; in a file of its own they are always there."""
_TEMPLATES = {3: "Talairach's atlas", 4: "the MNI atlas", 5: "a template"}
_LAST_CODE = 5
_LAST = 2**31


def sniff(head: bytes, path: Path) -> Certainty:
    """Tell it by the magic of the header, packed or not."""
    return Certainty.NO if _kind(_plain(head)) is None else Certainty.SURE


def _plain(head: bytes) -> bytes:
    if not head.startswith(GZIP):
        return head
    import zlib

    try:
        return zlib.decompressobj(31).decompress(head, _SIZES[1])
    except zlib.error:
        return b""


def _kind(head: bytes) -> tuple[int, Order, bool] | None:
    """Return the header's size, its byte order, and whether the values follow; None for no NIfTI."""
    if len(head) < _SIZES[0]:
        return None
    for order in ORDERS:
        size = struct.unpack(f"{order}i", head[:4])[0]
        if size == _SIZES[0] and head[344:348] in _MAGIC_1:
            return size, order, _MAGIC_1[head[344:348]]
        if size == _SIZES[1] and head[4:12] in _MAGIC_2:
            return size, order, _MAGIC_2[head[4:12]]
    return None


def read_header(path: Path, limits: Limits) -> Header:
    """Return the header of a file, checked. Raises: SourceError; UsageError without the extra."""
    return in_file(described(path), limits)


def described(path: Path) -> Header:
    """Return what the header of a file says. Raises: as `read_header`."""
    packing, fields, data = _read(path)
    if data != path:
        packing = _packing(data)
    return _header(path, data, packing, fields, single=data == path)


def parts(path: Path) -> tuple[Path, ...]:
    """Return the file of the values of a pair, which is not opened. Raises: SourceError."""
    *_, data = _read(path)
    return () if data == path else (data,)


def _read(path: Path) -> tuple[Packing, Fields, Path]:
    """Return how a header is packed, its fields, and the file of the values. Raises: SourceError."""
    packing = _packing(path)
    with unpacked(path, packing) as stream:
        head = stream.read(_SIZES[1])
    kind = _kind(head)
    if kind is None:
        raise SourceError(_no_nifti(head), subject=str(path), hint=_ANALYZE if _analyze(head) else "")
    size, order, single = kind
    if len(head) < size:
        raise SourceError("ends within its header", subject=str(path))
    fields = fields_of(head[:size], order, path)
    return packing, fields, path if single else _image_of(path)


def _packing(path: Path) -> Packing:
    return "gzip" if head_of(path, 2) == GZIP else "raw"


_ANALYZE = "ANALYZE 7.5 does not say where left is; convert it to NIfTI in a program that knows"


def _analyze(head: bytes) -> bool:
    return len(head) >= _SIZES[0] and any(struct.unpack(f"{o}i", head[:4])[0] == _SIZES[0] for o in ORDERS)


def _no_nifti(head: bytes) -> str:
    if not head:
        return "is empty"
    return "is an ANALYZE 7.5 file, not NIfTI" if _analyze(head) else "is no NIfTI file"


def _image_of(path: Path) -> Path:
    """Return the file of values of a pair; a link is not followed. Raises: SourceError."""
    name = path.name
    for header, image in ((".hdr.gz", ".img.gz"), (".HDR", ".IMG"), (".hdr", ".img")):
        if name.endswith(header):
            stem = path.with_name(name.removesuffix(header))
            for suffix in (image, ".img.gz", ".img"):
                found = stem.with_name(stem.name + suffix)
                if os.path.lexists(found):
                    return found
            raise SourceError(f"has its values in {stem.name}{image}, which is not there", subject=str(path))
    raise SourceError(
        "is the header of a pair, or its values", subject=str(path), hint="name the file that ends in .hdr"
    )


def _header(path: Path, data: Path, packing: Packing, fields: Fields, *, single: bool) -> Header:
    sizes = _sizes(fields, path)
    dtype = _dtype(fields, path)
    offset = fields.offset
    if not (math.isfinite(offset) and offset.is_integer() and 0 <= offset < _LAST):
        raise SourceError(f"says that its values begin at byte {offset}", subject=str(path))
    if single and offset < fields.header_bytes + _EXTENDER:
        raise SourceError(
            f"says that its values begin at byte {offset:g}, within its header",
            subject=str(path),
            hint=f"set vox_offset to where they begin, {fields.header_bytes + _EXTENDER} or more",
        )
    slope, intercept, notes = _scaling(fields, path)
    shape = (*sizes, 1, 1)[:3]
    grid, more = _grid(fields, shape, path)
    return Header(
        path=path,
        format="nifti",
        data=data,
        offset=int(offset),
        packing=packing,
        dtype=dtype,
        sizes=(*shape, *sizes[3:]),
        axes=(0, 1, 2),
        frames=3 if len(sizes) > 3 else None,
        grid=grid,
        spacing=_spacing(fields),
        slope=slope,
        intercept=intercept,
        properties=fields.properties(),
        notes=notes + more,
    )


def _sizes(fields: Fields, path: Path) -> tuple[int, ...]:
    """Return those of the axes, the last ones of 1 left out; four at most. Raises: SourceError."""
    count, *sizes = fields.dim
    if not 1 <= count <= 7:
        raise SourceError(f"claims {count} axes, and NIfTI has 1 to 7", subject=str(path))
    sizes = sizes[:count]
    if any(size < 0 for size in sizes):
        raise SourceError(f"claims a grid of {' x '.join(map(str, sizes))}", subject=str(path))
    while len(sizes) > 2 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) > 4:
        raise SourceError(
            f"holds {' x '.join(map(str, sizes))} values: vectors, or several channels of several volumes",
            subject=str(path),
            hint="write its parts as files of their own",
        )
    return tuple(sizes) if len(sizes) > 1 else (*sizes, 1)


def _dtype(fields: Fields, path: Path) -> np.dtype[Any]:
    code = fields.datatype
    if code not in TYPES:
        what = f"{_OTHERS[code]} values" if code in _OTHERS else f"values of an unknown type ({code})"
        raise SourceError(
            f"holds {what}, and a volume has one number in a voxel",
            subject=str(path),
            hint="write one channel as a file of its own",
        )
    return np.dtype(TYPES[code]).newbyteorder(fields.order)


def _scaling(fields: Fields, path: Path) -> tuple[float, float, tuple[Note, ...]]:
    """Return slope and intercept; a slope of 0 is none (nifti1.h). Raises: SourceError."""
    slope, intercept = fields.slope, fields.intercept
    if slope == 0 or math.isnan(slope):
        if intercept == 0 or math.isnan(intercept):
            return 1.0, 0.0, ()
        text = f"scl_slope is {slope:g}, so that the scl_inter of {intercept:g} does not count (ITK adds it)"
        return 1.0, 0.0, (Note("intercept-without-slope", text, contradiction=True),)
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise SourceError(f"has scl_slope {slope} and scl_inter {intercept}", subject=str(path))
    return slope, intercept, ()


def _unit(fields: Fields) -> float:
    return _MM.get(fields.units & 7, 1.0)


def _spacing(fields: Fields) -> tuple[float, float, float] | None:
    x, y, z = (abs(size) * _unit(fields) for size in fields.pixdim[1:4])
    return (x, y, z) if all(math.isfinite(size) and size > 0 for size in (x, y, z)) else None


def _grid(fields: Fields, shape: tuple[int, ...], path: Path) -> tuple[Grid | None, tuple[Note, ...]]:
    """Return where the voxels lie, and what has to be said of it. Raises: SourceError."""
    codes = {"sform": fields.sform_code, "qform": fields.qform_code}
    found, damaged = {}, {}
    for name in (name for name, code in codes.items() if code > 0):
        try:
            found[name] = _placed(fields, name, path)
        except SourceError as error:
            damaged[name] = error
    if damaged and "sform" not in found:
        raise next(iter(damaged.values()))
    if not found:
        text = "has neither a qform nor an sform: nobody says where left is, and its place is not known"
        return None, (Note("place-unknown", text),)
    used = "sform" if "sform" in found else "qform"
    notes = tuple(Note("qform-damaged", error.what, contradiction=True) for error in damaged.values())
    if len(found) == 2:
        apart = found["sform"].apart(found["qform"], shape)
        if apart > POSITION:
            text = (
                f"sform (code {codes['sform']}) and qform (code {codes['qform']}) lie up to {apart:.4g} mm "
                "apart; the sform counts"
            )
            notes += (Note("sform-qform-differ", text, contradiction=True),)
    elif used == "sform":
        notes += _other_spacing(fields, found[used], shape)
    if codes[used] > _LAST_CODE:
        text = f"its {used} has the code {codes[used]}, which NIfTI does not have; it counts as a scanner's"
        notes += (Note("form-code-unknown", text, contradiction=True),)
    if codes[used] in _TEMPLATES:
        text = f"its place is one in {_TEMPLATES[codes[used]]} ({used} code {codes[used]}), not in a patient"
        notes += (Note("place-in-atlas", text),)
    return found[used], notes


def _other_spacing(fields: Fields, grid: Grid, shape: tuple[int, ...]) -> tuple[Note, ...]:
    """Return a note where pixdim says other spacings than the sform, which ITK would take."""
    said = [size * _unit(fields) for size in fields.pixdim[1:4]]
    found = [length(step) for step in grid.steps]
    apart = [abs(a - b) * (n - 1) for a, b, n in zip(said, found, shape, strict=True) if n > 1]
    if all(each <= POSITION for each in apart):  # which no NaN is
        return ()
    pixdim, sform = (" x ".join(f"{size:.6g}" for size in sizes) for sizes in (said, found))
    text = (
        f"pixdim says a spacing of {pixdim} mm and the sform {sform} mm; the sform counts (ITK takes pixdim)"
    )
    return (Note("spacing-differs", text, contradiction=True),)


def _placed(fields: Fields, name: str, path: Path) -> Grid:
    try:
        rows = fields.sform if name == "sform" else fields.qform()
    except ValueError as error:
        raise SourceError(f"has a damaged qform: {error}", subject=str(path)) from None
    unit = _unit(fields)
    matrix = [[part * unit for part in row] for row in rows]
    if not all(math.isfinite(part) for row in matrix for part in row):
        raise SourceError(f"has a {name} that is no number", subject=str(path))
    # RAS to LPS: x and y change their signs
    steps = [(-matrix[0][axis], -matrix[1][axis], matrix[2][axis]) for axis in range(4)]
    return Grid(steps[3], (steps[0], steps[1], steps[2]))


LOADER = loader_of("nifti", described, sniff, parts)
