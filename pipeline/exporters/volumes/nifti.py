"""NIfTI-1, ``.nii`` or ``.nii.gz``: values and type exactly; sform and qform say one place, in RAS and mm.

Both have code 1 (scanner): the coordinates are those of the patient's frame of reference. Packed files have a
gzip header that is always the same: no time, no name, no system.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ...errors import ExportError, VerificationError
from ...extras import require
from ...imaging.image import Image
from ...loaders.volumes.packed import GZIP
from ...output import Artifact, Context
from ..base import Contents, Exporter
from ..compare import reading_back
from .stack import Volume, volume_of

if TYPE_CHECKING:
    from ..options import PlainOptions

_MOST = 32767
"""Voxels along an axis: dim is of 16 bits."""
_HEADER = 352
"""Bytes before the values: the header, and four that say that no extension follows."""
_SCANNER = 1
_LEVEL = 6
_PLACE = 1e-3
"""mm by which reading back may differ: what float32 holds of the places of a large volume."""


def export(images: Sequence[Image], options: PlainOptions, context: Context) -> Artifact:
    """Return slices in order as one volume. Raises: ExportError, GeometryError, UsageError (no extra)."""
    require("volumes", "nifti")
    volume = volume_of(images, "a NIfTI volume")
    if max(volume.sizes) > _MOST:
        raise ExportError(f"NIfTI holds {_MOST} voxels along an axis, not {max(volume.sizes)}")
    header = _header(volume)
    packed = options.path.lower().endswith(".gz")
    chunks: tuple[bytes | memoryview, ...] = (header, *volume.chunks)
    return Artifact(
        _gzipped(chunks) if packed else chunks,
        lambda path: _check(path, volume, packed=packed),
        volume.notes,
    )


def _header(volume: Volume) -> bytes:
    """Return 348 bytes, and four of no extension."""
    from nibabel.nifti1 import Nifti1Header

    header: Any = Nifti1Header(endianness="<")  # type: ignore[no-untyped-call]
    header.set_data_dtype(volume.dtype)
    header.set_data_shape(volume.sizes)
    affine = _affine(volume)
    header.set_qform(affine, code=_SCANNER)
    header.set_sform(affine, code=_SCANNER)
    header.set_xyzt_units("mm")
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["vox_offset"], header["magic"] = _HEADER, b"n+1"
    content: bytes = header.binaryblock
    return content + bytes(_HEADER - len(content))


def _affine(volume: Volume) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the way from voxel (i, j, k) to RAS in mm, (4, 4): LPS with the signs of x and y turned."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(volume.steps).T
    affine[:3, 3] = volume.origin
    affine[:2] *= -1
    return affine + 0.0


def _gzipped(chunks: Sequence[bytes | memoryview]) -> tuple[bytes, ...]:
    """Return one gzip member; libdeflate writes no time, no name and no system into its header (RFC 1952)."""
    from imagecodecs import gzip_encode

    return (bytes(gzip_encode(b"".join(chunks), level=_LEVEL)),)


def _check(path: Path, volume: Volume, *, packed: bool) -> None:
    """Read back with nibabel. Raises: VerificationError."""
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    with reading_back(path), path.open("rb") as file:
        try:
            stream = io.BytesIO(gzip.decompress(file.read())) if packed else file
            _compare(path, volume, stream)
        except (ImageFileError, HeaderDataError, WrapStructError) as error:
            raise VerificationError(f"cannot be read back: {error}", subject=str(path)) from error


def _compare(path: Path, volume: Volume, stream: IO[bytes]) -> None:
    image = _image(stream)
    if image.shape != volume.sizes:
        raise VerificationError(f"reads back as {image.shape}, not {volume.sizes}", subject=str(path))
    meant = _corners(_affine(volume), volume)
    for found in (image.get_qform(), image.get_sform()):
        if np.abs(_corners(found, volume) - meant).max() > _PLACE:
            raise VerificationError("its place reads back as another one", subject=str(path))
    if stream.seek(0, 2) != _HEADER + sum(map(len, volume.chunks)):
        raise VerificationError("has another size than what was written", subject=str(path))
    volume.same(path, [image.dataobj[..., index].T for index in range(volume.sizes[2])])


def _corners(affine: Any, volume: Volume) -> Any:
    ends = [(0, size - 1) for size in volume.sizes]
    corners = np.array([(i, j, k, 1) for i in ends[0] for j in ends[1] for k in ends[2]])
    return corners @ np.asarray(affine, float).T


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
