"""Read pixels that lie uncompressed in a file, one after the other: what the raw formats share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import SourceError
from ..imaging.exact import native
from ..imaging.image import Pixels
from .base import check_claim
from .files import opened

if TYPE_CHECKING:
    from ...schemas.sources import ByteOrder
    from .options import Limits

_MARKS: dict[str, str] = {"little": "<", "big": ">"}
_SUGGESTIONS = 4
_SLIMMEST = 3.0
"""Shapes whose longer side is more than this many times the shorter one are not suggested."""


def file_dtype(dtype: str, byte_order: ByteOrder) -> np.dtype[np.generic]:
    """Return the dtype in the file's byte order."""
    return np.dtype(dtype).newbyteorder(_MARKS[byte_order])  # type: ignore[arg-type]


def size_of(path: Path) -> int:
    with opened(path) as file:
        return file.seek(0, 2)


def read_flat(
    path: Path, limits: Limits, shape: tuple[int, int], dtype: np.dtype[np.generic], offset: int
) -> Pixels:
    """Return `shape` pixels from byte `offset` to the end of the file, in the byte order of the machine.

    Raises:
        SourceError: where the file does not end exactly with the last pixel; the message names shapes that
            fit.
    """
    check_flat(path, limits, shape, dtype, offset)
    with opened(path) as file:
        file.seek(offset)
        data = file.read(shape[0] * shape[1] * dtype.itemsize)
    if len(data) != shape[0] * shape[1] * dtype.itemsize:
        raise SourceError("became shorter while it was read", subject=str(path))
    return plain_values(np.frombuffer(data, dtype).reshape(shape), path)


def check_flat(
    path: Path, limits: Limits, shape: tuple[int, int], dtype: np.dtype[np.generic], offset: int
) -> None:
    """Make sure that offset + pixels is the file's size. Raises: SourceError."""
    rows, columns = shape
    check_claim(path, limits, rows=rows, columns=columns)
    expected, size = offset + rows * columns * dtype.itemsize, size_of(path)
    if size == expected:
        return
    header = f"{offset} bytes of header and " if offset else ""
    raise SourceError(
        f"has {size} bytes, but {header}{rows} rows x {columns} columns of {dtype.name} are {expected}",
        subject=str(path),
        hint=_fitting(size - offset, dtype),
    )


def plain_values(values: Pixels, path: Path) -> Pixels:
    """Return values in the byte order of the machine; refuse a bool that is neither 0 nor 1."""
    if values.dtype == np.bool_:
        bytes_ = values.view(np.uint8)
        if values.size and int(bytes_.max()) > 1:
            raise SourceError(
                f"holds the value {int(bytes_.max())}, but bool is 0 or 1",
                subject=str(path),
                hint="uint8 keeps such values",
            )
    return native(values)


def _fitting(size: int, dtype: np.dtype[np.generic]) -> str:
    if size <= 0:
        return "no shape fits"
    if size % dtype.itemsize:
        return f"no shape fits: {size} bytes are no whole number of {dtype.name} pixels"
    shapes = list(usual_shapes(size // dtype.itemsize))
    if not shapes:
        return (
            f"no shape of a usual aspect ratio fits: these are {size // dtype.itemsize} {dtype.name} pixels"
        )
    return "shapes that fit: " + ", ".join(f"[{rows}, {columns}]" for rows, columns in shapes)


def usual_shapes(count: int) -> Iterator[tuple[int, int]]:
    """Yield rows and columns whose product is `count`, the squarest first, wide before tall."""
    side, found = int(count**0.5 + 1e-9), 0
    while side and count / side**2 <= _SLIMMEST and found < _SUGGESTIONS:
        if count % side == 0:
            yield side, count // side
            found += 1
            if side * side != count and found < _SUGGESTIONS:
                yield count // side, side
                found += 1
        side -= 1
