"""NRRD, ``.nrrd``: values and type exactly, in the space left-posterior-superior and mm; raw encoding.

The header is written here: pynrrd's own has the time in it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ExportError, VerificationError
from ...extras import require
from ...imaging.image import Image
from ...output import Artifact, Context
from ..base import Contents, Exporter
from ..compare import reading_back
from .stack import Volume, volume_of

if TYPE_CHECKING:
    from ..options import PlainOptions

_TYPES = {
    "u1": "uint8", "i1": "int8", "u2": "uint16", "i2": "int16", "u4": "uint32", "i4": "int32",
    "u8": "uint64", "i8": "int64", "f4": "float", "f8": "double",
}  # fmt: skip


def export(images: Sequence[Image], options: PlainOptions, context: Context) -> Artifact:
    """Return slices in order as one volume. Raises: ExportError, GeometryError, UsageError (no extra)."""
    require("volumes", "nrrd")
    if options.path.lower().endswith(".nhdr"):
        raise ExportError("a .nhdr has its values in a second file", hint="write one file, .nrrd")
    volume = volume_of(images, "a NRRD volume")
    return Artifact((_header(volume), *volume.chunks), lambda path: _check(path, volume), volume.notes)


def _header(volume: Volume) -> bytes:
    fields = {
        "type": _TYPES[volume.dtype.str[1:]],
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": " ".join(map(str, volume.sizes)),
        "space directions": " ".join(map(_vector, volume.steps)),
        "kinds": "domain domain domain",
        **({"endian": "little"} if volume.dtype.itemsize > 1 else {}),
        "encoding": "raw",
        "space origin": _vector(volume.origin),
        "space units": '"mm" "mm" "mm"',
    }
    lines = ["NRRD0004", *(f"{key}: {value}" for key, value in fields.items()), "", ""]
    return "\n".join(lines).encode("ascii")


def _vector(vector: Sequence[float]) -> str:
    return f"({','.join(repr(float(part)) for part in vector)})"


def _check(path: Path, volume: Volume) -> None:
    """Read back with pynrrd. Raises: VerificationError."""
    import nrrd

    with reading_back(path):
        try:
            with path.open("rb") as file:
                header = nrrd.read_header(file)
                start, end = file.tell(), file.seek(0, 2)
        except (nrrd.NRRDError, AssertionError, MemoryError, StopIteration) as error:
            raise VerificationError(f"cannot be read back: {error}", subject=str(path)) from error
        if end != len(_header(volume)) + sum(map(len, volume.chunks)):
            raise VerificationError("has another size than what was written", subject=str(path))
        kind = (header["type"], header["encoding"], header.get("endian", "little"), tuple(header["sizes"]))
        if kind != (_TYPES[volume.dtype.str[1:]], "raw", "little", volume.sizes):
            raise VerificationError("reads back as another volume", subject=str(path))
        found = (tuple(header["space origin"]), tuple(map(tuple, header["space directions"])))
        if found != (volume.origin, volume.steps):
            raise VerificationError("its place reads back as another one", subject=str(path))
        # mapped: pynrrd would hold the whole volume
        volume.same(path, list(np.memmap(path, volume.dtype, "r", start, volume.sizes[::-1])))


def _read(content: bytes) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    import nrrd

    stream = io.BytesIO(content)
    header = nrrd.read_header(stream)
    return nrrd.read_data(header, stream), dict(header)


def contents(content: bytes) -> Contents:
    """Return (slices, rows, columns), or (rows, columns) of one slice, and the header's fields."""
    values, header = _read(content)
    values = values.T
    tags = {key: getattr(value, "tolist", lambda value=value: value)() for key, value in header.items()}
    return Contents(values[0] if len(values) == 1 else values, tags, colour=False)


EXPORTER = Exporter(export, contents)
