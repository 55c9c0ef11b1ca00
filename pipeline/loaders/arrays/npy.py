"""Read and check the header of a ``.npy`` and the members of a ``.npz`` before numpy takes memory.

Nothing is ever unpickled: the dtype is checked first, and an object array is refused. Versions 1 to 3, both
byte orders, C and Fortran order are read. A header in numpy's usual form is parsed here, so that files are
probed without importing numpy; any other header is parsed by numpy itself.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import IO, TYPE_CHECKING, Any

from msgspec import Struct

from ...errors import SourceError
from ..files import opened
from ..signatures import NPY, ZIP

if TYPE_CHECKING:
    import numpy as np

    from ..options import Limits

_LONGEST_HEADER = 65536
"""The longest header, in characters, that numpy's parser gets; usual ones are well under 200."""
_LENGTH = re.compile(rb"\x93NUMPY(?:\x01\x00(..)|[\x02\x03]\x00(....))", re.DOTALL)
"""The version, and the length of the header that follows (numpy.lib.format, Format Version 1.0 to 3.0)."""
_PLAIN = re.compile(
    rb"\{'descr': '([<>|][biuf][1-9])', 'fortran_order': (True|False), "
    rb"'shape': \(((?:(?:0|[1-9][0-9]{0,18}), )+(?:0|[1-9][0-9]{0,18}))\), \} *\n"
)
"""A header of two axes or more as numpy writes it."""
_NAMES = {"b": "bool", "i": "int", "u": "uint", "f": "float"}
_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
"""Byte sizes of the numbers that pixels may be made of."""
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
"""Exceptions of numpy's parser of headers."""

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


class Header(Struct, frozen=True):
    """The header of a ``.npy``."""

    shape: tuple[int, ...]
    fortran: bool
    descr: str
    """The dtype as in numpy's ``dtype.str``: byte order, kind, bytes."""
    offset: int
    """Bytes before the values."""

    @property
    def kind(self) -> str:
        """The kind of number: ``b``, ``i``, ``u`` or ``f``."""
        return self.descr[1]

    @property
    def itemsize(self) -> int:
        return int(self.descr[2:])

    @property
    def dtype_name(self) -> str:
        """The name of the dtype as numpy has it: ``uint16``."""
        return "bool" if self.kind == "b" else f"{_NAMES[self.kind]}{8 * self.itemsize}"

    @property
    def count(self) -> int:
        total = 1
        for length in self.shape:
            total *= length
        return total

    @property
    def size(self) -> int:
        return self.count * self.itemsize


class Member(Struct, frozen=True):
    """One array of a file: the file itself (`name` empty), or a member of a ``.npz``."""

    path: Path
    name: str
    header: Header

    @property
    def mappable(self) -> bool:
        """Whether its values lie uncompressed in the file."""
        return not self.name


def find(path: Path, key: str | None, limits: Limits) -> Member:
    """Return the array that is meant, its header read and checked. Raises: SourceError."""
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
    with archive_of(path) as archive:
        info = _pick(archive, key, path)
        _check_archived(info, limits, path)
        with archive.open(info) as stream:
            return Member(path, info.filename, _header(stream, info.file_size, path))


def _header(stream: IO[bytes], size: int, path: Path) -> Header:
    """Read and check a header; `size` is that of the whole member."""
    shape, fortran, descr, offset = _plain(stream) or _parsed(stream, path)
    if len(shape) > _MAX_AXES or any(isinstance(n, bool) or n < 0 for n in shape):
        raise SourceError(f"has a damaged .npy header: shape {shape}", subject=str(path))
    header = Header(shape, fortran, descr, offset)
    if header.offset + header.size != size:
        raise SourceError(
            f"its header claims shape {shape} of {header.dtype_name}, which is {header.size} bytes of "
            f"values, but {size - header.offset} follow",
            subject=str(path),
            hint="the file is truncated" if header.offset + header.size > size else "the file is damaged",
        )
    return header


_Parsed = tuple[tuple[int, ...], bool, str, int]
"""Shape, whether in Fortran order, dtype, bytes before the values."""


def _plain(stream: IO[bytes]) -> _Parsed | None:
    """Return a header of numbers as numpy writes it; None for any other one, the stream rewound."""
    length = _LENGTH.match(stream.read(12))
    if length is not None:
        stream.seek(length.end())
        count = int.from_bytes(length[1] or length[2], "little")
        found = _PLAIN.fullmatch(stream.read(min(count, _LONGEST_HEADER)))
        if found is not None and stream.tell() == length.end() + count:
            descr = found[1].decode()
            if int(descr[2:]) in _SIZES[descr[1]] and (descr[0] == "|") == (descr[2:] == "1"):
                shape = tuple(map(int, found[3].split(b", ")))
                return shape, found[2] == b"True", descr, stream.tell()
    stream.seek(0)
    return None


def _parsed(stream: IO[bytes], path: Path) -> _Parsed:
    """Return a header by numpy's parser. Raises: SourceError."""
    from numpy.lib import format as npy_format

    length = _LENGTH.match(stream.read(12))
    if length is not None and (count := int.from_bytes(length[1] or length[2], "little")) > _LONGEST_HEADER:
        # numpy refuses it too, and reads it before
        what = f"has a damaged .npy header: {count} bytes, where {_LONGEST_HEADER} are read at most"
        raise SourceError(what, subject=str(path))
    stream.seek(0)
    try:
        with warnings.catch_warnings():
            # numpy warns of headers written by Python 2, and of old names of dtypes
            warnings.simplefilter("ignore")
            version = npy_format.read_magic(stream)
            if version == (1, 0):
                read = npy_format.read_array_header_1_0
            elif version in ((2, 0), (3, 0)):
                # version 3 differs only in the encoding of field names, and arrays with fields are refused
                read = npy_format.read_array_header_2_0
            else:
                raise ValueError(f"version {version[0]}.{version[1]} is unknown; 1, 2 and 3 are read")
            shape, fortran, dtype = read(stream, max_header_size=_LONGEST_HEADER)
    except _FAILURES as error:
        raise SourceError(f"has a damaged .npy header: {_first_line(error)}", subject=str(path)) from None
    _check_dtype(dtype, path)
    return shape, fortran, dtype.str, stream.tell()


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _check_dtype(dtype: np.dtype[Any], path: Path) -> None:
    if dtype.itemsize in _SIZES.get(dtype.kind, ()):
        return
    what = "records" if dtype.names else _KINDS.get(dtype.kind, "numbers of a size that no output can hold")
    name = "object" if dtype.kind == "O" else "structured" if dtype.names else dtype.name
    raise SourceError(f"holds {what} (dtype {name}), which cannot be converted", subject=str(path))


@contextmanager
def archive_of(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the archive; exceptions of zipfile and zlib while it is read become SourceError."""
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
    """Check a member's claimed size before anything is unpacked; the array in memory may be this large."""
    most = 8 * limits.image_pixels + _LONGEST_HEADER
    if info.file_size > most:
        raise SourceError(
            f"the array {info.filename} claims {info.file_size} bytes, more than the limit of {most}",
            subject=str(path),
            hint="raise limits.image_pixels in the recipe, or save it as a .npy, which is read in slices",
        )
    if info.flag_bits & 1:
        raise SourceError(f"the array {info.filename} is encrypted", subject=str(path))
