"""Values that are packed: gzip, bzip2 and zlib, taken out in one pass and never beyond what is asked for."""

from __future__ import annotations

import bz2
import io
import mmap
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ...errors import SourceError
from ..files import opened

if TYPE_CHECKING:
    from .header import Packing

GZIP = b"\x1f\x8b"
_PIECE = 1 << 18
"""Bytes that are read, or skipped, in one go."""
_FED = 1 << 14
"""Packed bytes that are unpacked in one go: zlib copies those that lie behind the end of a member."""
_EMPTY = 1000
"""Members of a gzip file that may hold nothing; programs that pack in blocks end with one."""


@contextmanager
def unpacked(path: Path, packing: Packing, start: int = 0) -> Iterator[IO[bytes]]:
    """Open a file for reading what it holds from a byte on; what unpacking raises becomes a SourceError."""
    try:
        with opened(path) as file:
            file.seek(start)
            if packing == "gzip":
                yield io.BufferedReader(_Inflated(file, members=True), _PIECE)
            elif packing == "bzip2":
                with bz2.BZ2File(file) as stream:
                    yield stream
            elif packing == "zlib":
                yield io.BufferedReader(_Inflated(file), _PIECE)
            else:
                yield file
    except (EOFError, zlib.error, ValueError) as error:
        raise SourceError(f"holds damaged packed values: {error}", subject=str(path)) from None


class _Inflated(io.RawIOBase):
    """A zlib stream, or gzip members one after the other (RFC 1952), as a file; zlib compares checksums.

    Members that hold nothing are bounded: each costs time, and no byte that a header's claim would count.
    """

    def __init__(self, file: IO[bytes], *, members: bool = False) -> None:
        self._file = file
        self._members = members
        self._left = memoryview(b"")
        """Read from the file, and not unpacked yet."""
        self._empty = 0
        self._begin()

    def _begin(self) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | (16 if self._members else 0))
        self._given = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = memoryview(buffer)
        while not self._inflate.eof or self._next_member():
            if not self._left and not self._read():
                raise EOFError("the stream ends too early")
            piece = self._left[:_FED]
            found = self._inflate.decompress(piece, len(wanted))
            rest = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
            self._left = self._left[len(piece) - len(rest) :]
            if found:
                self._given = True
                wanted[: len(found)] = found
                return len(found)
        return 0

    def _read(self) -> bool:
        self._left = memoryview(self._file.read(_PIECE))
        return bool(self._left)

    def _next_member(self) -> bool:
        """Go to the next member, past zeros that pad the file; tell whether there is one.

        Raises: ValueError, where too many held nothing.
        """
        if not self._members:
            return False
        self._empty += not self._given
        if self._empty > _EMPTY:
            raise ValueError(f"more than {_EMPTY} of its gzip members hold nothing")
        while self._left or self._read():
            if self._left[0] != 0:
                self._begin()
                return True
            self._left = memoryview(self._left.tobytes().lstrip(b"\0"))
        return False


def skip(stream: IO[bytes], count: int, path: Path) -> None:
    """Go on by so many bytes. Raises: SourceError where they are not there."""
    while count:
        found = len(stream.read(min(count, _PIECE)))
        if not found:
            raise _ended(path)
        count -= found


def fill(stream: Any, values: np.ndarray[Any, Any], path: Path) -> None:
    """Read an array's bytes. Raises: SourceError where the stream ends before."""
    left = memoryview(values.reshape(-1).view(np.uint8).data)
    while left:
        count = stream.readinto(left[:_PIECE])
        if not count:
            raise _ended(path)
        left = left[count:]


def spooled(stream: IO[bytes], count: int, path: Path) -> mmap.mmap:
    """Return so many bytes of a stream, mapped from a temporary file without a name.

    Raises: SourceError where the stream ends before, and where there is no room for them.
    """
    with tempfile.TemporaryFile() as file:
        left = count
        while left:
            piece = stream.read(min(left, _PIECE))
            if not piece:
                raise _ended(path)
            left -= len(piece)
            try:
                file.write(piece)
            except OSError as error:
                raise _no_room(path, count, error) from error
        try:
            file.flush()
            return mmap.mmap(file.fileno(), count, access=mmap.ACCESS_READ)
        except OSError as error:
            raise _no_room(path, count, error) from error


def _no_room(path: Path, count: int, error: OSError) -> SourceError:
    return SourceError(
        f"needs {count} bytes in the folder for temporary files to be unpacked: {error.strerror or error}",
        subject=str(path),
        hint="let TMPDIR name a folder with room, or unpack it",
    )


def _ended(path: Path) -> SourceError:
    return SourceError(
        "ended before its last value was read",
        subject=str(path),
        hint="the file is truncated, or its header is wrong",
    )
