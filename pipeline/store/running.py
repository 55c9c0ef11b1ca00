"""Allow one run of a recipe at a time, by a lock that the operating system releases when a process dies."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from .refusals import store_error

PATIENCE = 1.0
"""Seconds that a second run waits for the first to end."""
_PAUSE = 0.05
_PLACE = 2**30
"""The byte that is locked, far behind the text: Windows lets nobody read what is locked."""
_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


class Held(NamedTuple):
    """The state of the lock.

    `by`: the name of another holder; empty where it is held for the block. `unended`: the last holder did not
    come to its end, and may have left something.
    """

    by: str = ""
    unended: bool = False


@contextmanager
def held(path: Path, patience: float = PATIENCE) -> Iterator[Held]:
    """Hold a file as long as the block lasts, or tell who holds it.

    The file says who holds it, and nothing after an end. The system releases it when that process ends,
    however it ends.
    Where the file system has no such locks (some network drives), nothing is held and nobody is named.

    Raises: StoreError, where the file cannot be made or written.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _opened(path)
        except OSError as error:
            raise store_error(error, str(path)) from error
        try:
            free = _hold(descriptor)
            if free and not _same(descriptor, path):
                continue  # removed between opening and holding: another process may hold its successor
            if free:
                unended = bool(_signed(descriptor))
                _sign(descriptor, path)
                yield Held(unended=unended)
                with suppress(OSError):
                    os.ftruncate(descriptor, 0)
                return
            if time.monotonic() >= deadline:
                yield Held(_holder(descriptor))
                return
        finally:
            os.close(descriptor)
        time.sleep(_PAUSE)


def _opened(path: Path) -> int:
    """Return a regular file of our own; anything else of its name is removed, a link too. Raises: OSError."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            path.unlink()
    return os.open(path, _FLAGS, 0o600)


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


def _sign(descriptor: int, path: Path) -> None:
    """Take the lock. Raises: StoreError."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, b"%-10d\n" % os.getpid())
    except OSError as error:
        raise store_error(error, str(path)) from error


def _signed(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.read(descriptor, 20).strip()


def _holder(descriptor: int) -> str:
    number = _signed(descriptor)
    return f"process {number.decode()}" if number.isdigit() else "another process"
