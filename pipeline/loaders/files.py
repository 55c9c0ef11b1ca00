"""Open files for reading; what goes wrong becomes a SourceError."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from ..errors import SourceError
from ..reading import fingerprint_of, open_regular

_CLAIM = 2**16
"""Bytes that may be read without checking the size of the file."""


class Bounded(BufferedReader):
    """A file that never gives a reader more memory than it has bytes, whatever length the reader asks for."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _CLAIM:
            size = min(size, max(os.fstat(self.fileno()).st_size - self.tell(), 0))
        return super().read(size)


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Open the file for reading bytes.

    Raises:
        SourceError: no regular file (reading a pipe would wait for ever); an OSError while it is read.
    """
    try:
        check_regular(path)
        with Bounded(open_regular(path)) as file:
            yield file
    except OSError as error:
        raise unreadable(path, error) from error


def check_regular(path: Path) -> None:
    """Check that a path is a regular file.

    Raises: SourceError for a folder, a pipe, a socket or a device; OSError.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no regular file but a pipe, a socket or a device"
        raise SourceError(f"is {what}", subject=str(path))


def stat_of(path: Path) -> tuple[int, ...]:
    """Return a file's inode, size, mtime and ctime, which change with its content. Raises: OSError."""
    return fingerprint_of(path.stat())


def unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(f"cannot be read: {error.strerror or error}", subject=str(path))


def head_of(path: Path, count: int = 1024) -> bytes:
    """Return the first bytes of a file. Raises: SourceError."""
    with opened(path) as file:
        return file.read(count)
