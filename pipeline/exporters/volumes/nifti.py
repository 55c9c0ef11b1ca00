"""NIfTI-1, ``.nii`` or ``.nii.gz``: values and type exactly; sform and qform say one place, in RAS and mm.

Both have code 1 (scanner): the coordinates are those of the patient's frame of reference. Packed files have a
gzip header that is always the same: no time, no name, no system.
"""

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from ...errors import ExportError, SourceError, VerificationError
from ...extras import require
from ...imaging.image import Image, Pixels
from ...loaders.options import Limits
from ...loaders.volumes.grid import Grid
from ...loaders.volumes.header import Header
from ...loaders.volumes.nifti import read_header
from ...loaders.volumes.packed import GZIP, fill, skip, unpacked
from ...output import Artifact, Context
from ..base import Contents, Exporter
from ..compare import reading_back
from .nifti_header import BYTES, header_of
from .stack import Volume, volume_of

if TYPE_CHECKING:
    from ..options import PlainOptions

_MOST = 32767
"""Voxels along an axis: dim is of 16 bits."""
_LEVEL = 6
_WHOLE, _MEMBER = 2**28, 2**26
"""Bytes of values up to which a file is one member of gzip, and those of each member of a larger one."""
_PLACE = 1e-3
"""mm by which reading back may differ: what float32 holds of the places of a large volume."""


def export(images: Sequence[Image], options: PlainOptions, context: Context) -> Artifact:
    """Return slices in order as one volume. Raises: ExportError, GeometryError, UsageError (no extra)."""
    require("volumes", "nifti")
    volume = volume_of(images, "a NIfTI volume")
    if max(volume.sizes) > _MOST:
        raise ExportError(f"NIfTI holds {_MOST} voxels along an axis, not {max(volume.sizes)}")
    head = header_of(volume.sizes, volume.dtype, volume.origin, volume.steps)
    packed = options.path.lower().endswith(".gz")
    chunks: tuple[bytes | memoryview, ...] = (head, *volume.chunks)
    return Artifact(
        _Gzipped(chunks) if packed else chunks,
        lambda path: _check(path, volume, packed=packed),
        volume.notes,
    )


class _Gzipped(Struct, frozen=True):
    """The file, packed when it is asked for: one gzip member, or several where one would take much memory."""

    chunks: Sequence[bytes | memoryview]

    def __iter__(self) -> Iterator[bytes]:
        most = _MEMBER if sum(map(len, self.chunks)) > _WHOLE else _WHOLE
        waiting: list[bytes | memoryview] = []
        held = 0
        for chunk in self.chunks:
            waiting.append(chunk)
            held += len(chunk)
            if held >= most:
                yield _member(waiting)
                waiting, held = [], 0
        if waiting:
            yield _member(waiting)


def _member(chunks: Sequence[bytes | memoryview]) -> bytes:
    """Return one gzip member; libdeflate writes no time, no name and no system into its header (RFC 1952)."""
    from imagecodecs import gzip_encode

    return bytes(gzip_encode(b"".join(chunks), level=_LEVEL))


def _check(path: Path, volume: Volume, *, packed: bool) -> None:
    """Read back with our own reader. Raises: VerificationError."""
    with reading_back(path):
        try:
            header = read_header(path, Limits(image_pixels=max(2**28, math.prod(volume.sizes))))
        except SourceError as error:
            raise VerificationError(f"cannot be read back: {error}", subject=str(path)) from error
        if header.shape != volume.sizes or header.dtype != volume.dtype or header.notes:
            raise VerificationError("reads back as another volume", subject=str(path))
        meant = Grid(volume.origin, volume.steps)
        if header.grid is None or header.grid.apart(meant, volume.sizes) > _PLACE:
            raise VerificationError("its place reads back as another one", subject=str(path))
        if header.offset != BYTES:
            raise VerificationError("has its values at another place", subject=str(path))
        if not packed:
            volume.same(path, list(np.memmap(path, header.dtype, "r", BYTES, volume.sizes[::-1])))
            return
        try:
            volume.same(path, _unpacked(path, header, volume.sizes))
        except SourceError as error:
            raise VerificationError(f"cannot be read back: {error}", subject=str(path)) from error


def _unpacked(path: Path, header: Header, sizes: tuple[int, int, int]) -> Iterator[Pixels]:
    """Yield the slices of a packed file. Raises: SourceError, VerificationError."""
    columns, rows, slices = sizes
    with unpacked(path, "gzip") as stream:
        skip(stream, BYTES, path)
        for _ in range(slices):
            pixels = np.empty((rows, columns), header.dtype)
            fill(stream, pixels, path)
            yield pixels
        if stream.read(1):
            raise VerificationError("has another size than what was written", subject=str(path))


def _image(stream: IO[bytes]) -> Any:
    """Return a file of any name, its values read when they are asked for."""
    from nibabel.fileholders import FileHolder
    from nibabel.nifti1 import Nifti1Image

    one: Any = FileHolder(fileobj=stream)  # type: ignore[arg-type]
    return Nifti1Image.from_file_map({"image": one, "header": one})  # type: ignore[no-untyped-call]


def contents(content: bytes) -> Contents:
    """Return (slices, rows, columns), or (rows, columns) of one slice, and the header's fields."""
    image = _image(io.BytesIO(gzip.decompress(content) if content.startswith(GZIP) else content))
    values = np.asarray(image.dataobj).T
    tags = {name: image.header[name].tolist() for name in image.header.keys()}  # noqa: SIM118 - no mapping
    return Contents(values[0] if len(values) == 1 else values, tags, colour=False)


EXPORTER = Exporter(export, contents)
