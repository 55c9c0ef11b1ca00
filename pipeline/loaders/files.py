"""Files opened for reading, with what goes wrong told as a SourceError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from ..errors import SourceError


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """The file, open for reading bytes. Raises: SourceError, also for an OSError while it is read."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise unreadable(path, error) from error


def look_of(path: Path) -> tuple[int, ...]:
    """What changes with a file's content, as far as the file system tells. Raises: OSError."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(f"cannot be read: {error.strerror or error}", subject=str(path))


def head_of(path: Path, count: int = 1024) -> bytes:
    """The first bytes of a file. Raises: SourceError."""
    with opened(path) as file:
        return file.read(count)
