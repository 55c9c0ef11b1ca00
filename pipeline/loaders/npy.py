"""The header of a ``.npy``, and the members of a ``.npz``: checked here, before numpy takes memory.

Nothing is ever unpickled: the dtype is looked at first, and an object array ends there. Versions 1 to 3,
both byte orders, C and Fortran order.
"""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format

from ...schemas.recipe import Limits
from ..errors import SourceError
from ..image import DTYPES, Pixels
from .flat import plain_values
from .opening import opened

NPY = b"\x93NUMPY"
ZIP = b"PK\x03\x04"

_LONGEST_HEADER = 65536
"""Characters of a header that numpy's parser may look at; ours are well under 200."""
_MAX_AXES = 8

_FAILURES = (
    ValueError,
    TypeError,
    KeyError,
    SyntaxError,
    TokenError,
    RecursionError,
    MemoryError,
    OverflowError,
)
"""What numpy's reading of a header raises."""

_KINDS = {
    "O": "Python objects, which would have to be unpickled",
    "c": "complex numbers",
    "V": "records",
    "M": "dates",
    "m": "time spans",
    "U": "text",
    "S": "text",
    "T": "text",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What a ``.npy`` says before its values."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int
    """Bytes before the values."""

    @property
    def count(self) -> int:
        total = 1
        for length in self.shape:
            total *= length
        return total

    @property
    def size(self) -> int:
        return self.count * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class Member:
    """One array of a file: the file itself (`name` empty), or a member of a ``.npz``."""

    path: Path
    name: str
    header: Header

    @property
    def mappable(self) -> bool:
        """Whether its values lie in the file as they are."""
        return not self.name


def find(path: Path, key: str | None, limits: Limits) -> Member:
    """The array that is meant, its header read and checked. Raises: SourceError."""
    with opened(path) as file:
        head = file.read(8)
        if head.startswith(NPY):
            if key is not None:
                raise SourceError(
                    "is a .npy and holds one array without a name", subject=str(path), hint="leave 'key' out"
                )
            file.seek(0)
            size = file.seek(0, 2)
            file.seek(0)
            return Member(path, "", _header(file, size, path))
        if not head.startswith(ZIP):
            raise SourceError("is neither a .npy nor a .npz file", subject=str(path))
    with _archive(path) as archive:
        info = _pick(archive, key, path)
        _check_archived(info, limits, path)
        with archive.open(info) as stream:
            return Member(path, info.filename, _header(stream, info.file_size, path))


def read(member: Member) -> Pixels:
    """All values, in the shape of the header and the byte order of the machine. Raises: SourceError."""
    header = member.header
    if member.mappable:
        with opened(member.path) as file:
            file.seek(header.offset)
            data = file.read(header.size)
    else:
        with _archive(member.path) as archive, archive.open(member.name) as stream:
            stream.read(header.offset)
            data = stream.read(header.size)
            # reading on to the end lets zipfile compare the checksum
            stream.read(1)
    if len(data) != header.size:
        raise SourceError(
            f"its header claims {header.size} bytes of values, only {len(data)} could be read",
            subject=str(member.path),
        )
    values = np.frombuffer(data, header.dtype).reshape(header.shape, order="F" if header.fortran else "C")
    return plain_values(values, member.path)


def mapped(member: Member) -> np.ndarray[Any, np.dtype[Any]]:
    """The values of a ``.npy`` where they lie, not in memory until they are used. Raises: SourceError."""
    header = member.header
    try:
        return np.memmap(
            member.path,
            header.dtype,
            mode="r",
            offset=header.offset,
            shape=header.shape,
            order="F" if header.fortran else "C",
        )
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot be mapped into memory: {error}", subject=str(member.path)) from error


def _header(stream: IO[bytes], size: int, path: Path) -> Header:
    """Read and check a header; `size` is that of the whole member."""
    try:
        with warnings.catch_warnings():
            # of headers written by Python 2, and of old names of dtypes
            warnings.simplefilter("ignore")
            shape, fortran, dtype = _parsed(stream, npy_format.read_magic(stream))
    except _FAILURES as error:
        raise SourceError(f"has a damaged .npy header: {_first_line(error)}", subject=str(path)) from None
    _check_dtype(dtype, path)
    if len(shape) > _MAX_AXES or any(isinstance(n, bool) or n < 0 for n in shape):
        raise SourceError(f"has a damaged .npy header: shape {shape}", subject=str(path))
    header = Header(shape, fortran, dtype, stream.tell())
    if header.offset + header.size != size:
        raise SourceError(
            f"its header claims shape {shape} of {dtype.name}, which is {header.size} bytes of values, but "
            f"{size - header.offset} follow",
            subject=str(path),
            hint="the file is truncated" if header.offset + header.size > size else "the file is damaged",
        )
    return header


def _parsed(stream: IO[bytes], version: tuple[int, int]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    if version == (1, 0):
        return npy_format.read_array_header_1_0(stream, max_header_size=_LONGEST_HEADER)
    if version in ((2, 0), (3, 0)):
        # version 3 differs in the encoding of field names only, and arrays with fields are refused
        return npy_format.read_array_header_2_0(stream, max_header_size=_LONGEST_HEADER)
    raise ValueError(f"version {version[0]}.{version[1]} is unknown; 1, 2 and 3 are read")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _check_dtype(dtype: np.dtype[Any], path: Path) -> None:
    if dtype.newbyteorder("=") in DTYPES:
        return
    what = "records" if dtype.names else _KINDS.get(dtype.kind, "numbers of a size that no output can hold")
    name = "object" if dtype.kind == "O" else "structured" if dtype.names else dtype.name
    raise SourceError(f"holds {what} (dtype {name}), which cannot be converted", subject=str(path))


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """The open archive; what zipfile and zlib raise while it is read becomes a SourceError."""
    try:
        with opened(path) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        ValueError,
        KeyError,
        IndexError,
        OverflowError,
        NotImplementedError,
        RuntimeError,
        UnicodeError,
        MemoryError,
    ) as error:
        raise SourceError(f"is a damaged .npz archive: {_first_line(error)}", subject=str(path)) from None


def _pick(archive: zipfile.ZipFile, key: str | None, path: Path) -> zipfile.ZipInfo:
    arrays = {info.filename.removesuffix(".npy"): info for info in archive.infolist() if not info.is_dir()}
    names = ", ".join(sorted(arrays)[:10])
    if not arrays:
        raise SourceError("is a .npz without an array", subject=str(path))
    if len(arrays) != len([info for info in archive.infolist() if not info.is_dir()]):
        raise SourceError("is a .npz in which two arrays have one name", subject=str(path))
    if key is None:
        if len(arrays) > 1:
            raise SourceError(
                f"holds {len(arrays)} arrays: {names}", subject=str(path), hint="choose one with 'key'"
            )
        return next(iter(arrays.values()))
    if key not in arrays:
        raise SourceError(f"has no array '{key}'; it holds {names}", subject=str(path))
    return arrays[key]


def _check_archived(info: zipfile.ZipInfo, limits: Limits, path: Path) -> None:
    """A member's claimed size, before anything is unpacked; an array in memory may be this large."""
    most = 8 * limits.image_pixels + _LONGEST_HEADER
    if info.file_size > most:
        raise SourceError(
            f"the array {info.filename} claims {info.file_size} bytes, more than the limit of {most}",
            subject=str(path),
            hint="raise limits.image_pixels in the recipe, or save it as a .npy, which is read in slices",
        )
    if info.flag_bits & 1:
        raise SourceError(f"the array {info.filename} is encrypted", subject=str(path))
