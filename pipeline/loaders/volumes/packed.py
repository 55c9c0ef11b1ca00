"""Values that are packed: gzip, bzip2 and zlib, taken out in one pass and never beyond what is asked for."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from ...errors import SourceError
from ..files import opened

if TYPE_CHECKING:
    from .header import Packing

GZIP = b"\x1f\x8b"
_PIECE = 1 << 18
"""Bytes that are read, or skipped, in one go."""


@contextmanager
def unpacked(path: Path, packing: Packing, start: int = 0) -> Iterator[IO[bytes]]:
    """Open a file for reading what it holds from a byte on; what unpacking raises becomes a SourceError."""
    try:
        with opened(path) as file:
            file.seek(start)
            if packing == "gzip":
                with cast("IO[bytes]", gzip.GzipFile(fileobj=file)) as stream:
                    yield stream
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
    """A zlib stream as a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._inflate = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = memoryview(buffer)
        while not self._inflate.eof:
            data = self._inflate.unconsumed_tail or self._file.read(_PIECE)
            if not data:
                raise EOFError("the stream ends too early")
            found = self._inflate.decompress(data, len(wanted))
            if found:
                wanted[: len(found)] = found
                return len(found)
        return 0


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


def _ended(path: Path) -> SourceError:
    return SourceError(
        "ended before its last value was read",
        subject=str(path),
        hint="the file is truncated, or its header is wrong",
    )
