"""One run of a recipe at a time: a lock that the operating system lets go of when a process dies."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import store_error

PATIENCE = 1.0
"""Seconds that a second run waits for the first to end."""
_PAUSE = 0.05
_PLACE = 2**30
"""The byte that is locked, far behind the text: Windows lets nobody read what is locked."""
_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


@contextmanager
def held(path: Path, patience: float = PATIENCE) -> Iterator[str]:
    """Hold a file as long as the block lasts; gives the holder's name where it is not ours, else nothing.

    The file says who holds it. The system lets go of it when that process ends, however it ends; what the
    file then says does not matter. Where the file system knows no such thing (some network drives),
    nothing is held and nobody is named.

    Raises: StoreError, where the file cannot be made.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as error:
            raise store_error(error, str(path)) from error
        try:
            free = _hold(descriptor)
            if free and not _same(descriptor, path):
                continue  # removed between opening and holding: somebody else may hold its successor
            if free or time.monotonic() >= deadline:
                if free:
                    _sign(descriptor)
                yield "" if free else _holder(descriptor)
                return
        finally:
            os.close(descriptor)
        time.sleep(_PAUSE)


def _hold(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _PLACE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _BUSY
    return True


def _same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _sign(descriptor: int) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, b"%-10d\n" % os.getpid())


def _holder(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    number = os.read(descriptor, 20).strip()
    return f"process {number.decode()}" if number.isdigit() else "another process"
