"""NIfTI-1, ``.nii`` or ``.nii.gz``: values and type exactly; sform and qform say one place, in RAS and mm.

Both have code 1 (scanner): the coordinates are those of the patient's frame of reference. Packed files have a
gzip header that is always the same: no time, no name, no system.
"""

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ...errors import ExportError, SourceError, VerificationError
from ...extras import require
from ...imaging.image import Image
from ...loaders.options import Limits
from ...loaders.volumes.grid import Grid
from ...loaders.volumes.nifti import read_header
from ...loaders.volumes.packed import GZIP
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
        _gzipped(chunks) if packed else chunks,
        lambda path: _check(path, volume, packed=packed),
        volume.notes,
    )


def _gzipped(chunks: Sequence[bytes | memoryview]) -> tuple[bytes, ...]:
    """Return one gzip member; libdeflate writes no time, no name and no system into its header (RFC 1952)."""
    from imagecodecs import gzip_encode

    return (bytes(gzip_encode(b"".join(chunks), level=_LEVEL)),)


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
        shape = volume.sizes[::-1]
        if packed:
            content = memoryview(gzip.decompress(path.read_bytes()))[BYTES:]
            found = np.frombuffer(content, header.dtype).reshape(shape)
        else:
            found = np.memmap(path, header.dtype, "r", BYTES, shape)
        if header.offset != BYTES:
            raise VerificationError("has its values at another place", subject=str(path))
        volume.same(path, list(found))


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
