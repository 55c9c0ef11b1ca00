"""Open files for reading: only regular ones, so that no pipe is waited for and no device read for ever."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable
from functools import cache
from io import BufferedReader, FileIO
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

NO_FILE = "it is a pipe, a device or a socket, and no file"

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""Without blocking: opening a pipe would wait until somebody writes to it."""
_PIECE = 2**23
"""Bytes of a file that are hashed at once."""


@cache
def hashing_thread(what: str) -> ThreadPoolExecutor:
    """Return the one thread of this process that hashes ``inputs``, or ``outputs``, beside other work."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1, f"hashing-{what}")


if hasattr(os, "register_at_fork"):  # a thread stays with the process that started it
    os.register_at_fork(after_in_child=hashing_thread.cache_clear)


def open_regular(path: str | os.PathLike[str]) -> FileIO:
    """Return a file open for reading, without a buffer. Raises: OSError, also for what is no regular file."""
    return FileIO(path, "rb", opener=_regular)


def _regular(path: str, _: int) -> int:
    """Return the descriptor of a regular file. Raises: OSError."""
    descriptor = os.open(path, _FLAGS)
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, NO_FILE, os.fspath(path))
        return descriptor
    except BaseException:
        os.close(descriptor)
        raise


def start_of(path: str | os.PathLike[str], count: int) -> bytes:
    """Return the first bytes of a regular file, at most `count`. Raises: OSError; ValueError (no path)."""
    with open_regular(path) as file, BufferedReader(file) as buffered:
        return buffered.read(count)


def content_of(path: str | os.PathLike[str], most: int | None = None) -> bytes:
    """Return all of a regular file. Raises: OSError, also for one of more than `most` bytes."""
    with open_regular(path) as file:
        if most is not None and os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), os.fspath(path))
        return file.readall()


def is_content(path: str | os.PathLike[str], pieces: Iterable[bytes]) -> bool:
    """Tell whether these pieces, one after the other, are all of a regular file. Raises: OSError."""
    with open_regular(path) as file, BufferedReader(file) as buffered:
        return all(buffered.read(len(piece)) == piece for piece in pieces) and not buffered.read(1)


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the sha256 (hex) of a file's content. Raises: OSError.

    It is read in large pieces: between two pieces a thread waits for its turn among others, milliseconds each
    time.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        return sha256_of(file, memoryview(bytearray(min(max(size, 1), _PIECE))))


def sha256_of(file: FileIO, buffer: memoryview) -> str:
    """Return the sha256 (hex) of the rest of an open file, read into `buffer` piece by piece.

    Raises: OSError.
    """
    digest = hashlib.sha256()
    while count := file.readinto(buffer):
        digest.update(buffer[:count])
    return digest.hexdigest()


class Stat(Protocol):
    """What is used of `os.stat_result`."""

    @property
    def st_mode(self) -> int: ...
    @property
    def st_size(self) -> int: ...
    @property
    def st_mtime_ns(self) -> int: ...
    @property
    def st_ctime_ns(self) -> int: ...
    @property
    def st_ino(self) -> int: ...
    @property
    def st_dev(self) -> int: ...


Fingerprint = tuple[int, ...]
"""Inode, size, mtime and ctime of a file, or what stands for them: another where its content changed."""


def fingerprint_of(found: Stat) -> Fingerprint:
    """Return what tells one state of a file from another."""
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
