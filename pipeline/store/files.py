"""The only place that writes.

A file appears whole or not at all: it is written under a temporary name in its own folder, read back,
and renamed into place. The temporary name starts with a dot (no glob of a recipe matches it) and ends in
``.part``; what a killed run leaves behind is removed by `remove_leftovers` when the next one starts.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from ..errors import DifferenceError, StoreError, VerificationError
from .stamp import Stamp

Chunk = bytes | memoryview
Check = Callable[[Path], None]

_PART = re.compile(r"\.(?P<name>.+)\.\d+\.part", re.DOTALL)
_LONGEST_NAME = 255
_PIECE = 2**23
"""Bytes of a file that are hashed at once."""
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT if hasattr(errno, "EDQUOT") else -1: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "writing is not permitted",
    errno.EPERM: "writing is not permitted",
    errno.ENAMETOOLONG: "the name is too long for this file system",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.EEXIST: "a part of its path is a file, not a folder",
    errno.EISDIR: "a folder of this name is in the way",
    errno.EFBIG: "the file is too large for this file system",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was put in place: its path (with /) as in the plan, bytes, sha256 (hex)."""

    path: str
    size: int
    sha256: str
    stamp: Stamp | None = field(default=None, compare=False)
    """How it looks, where nobody touched it while it was put in place."""


@dataclass(frozen=True)
class Store:
    """The output folder of a run.

    `ours` are existing outputs that may be replaced even without `overwrite`. An output named in
    `expected` is put in place only when its sha256 is the one given there.
    """

    out: Path
    overwrite: bool = False
    ours: Collection[str] = frozenset()
    durable: bool = False
    expected: Mapping[str, str] | None = None

    def put(self, path: str, chunks: Iterable[Chunk], check: Check | None = None) -> Written:
        """Write one output (`path` with /, relative to the output folder) and read it back with `check`.

        Raises:
            VerificationError: from `check`; nothing is put in place then.
            DifferenceError: the content is not the expected one; nothing is put in place.
            StoreError: the file system refuses, or a file that is not ours has that name.
        """
        final = self.out.joinpath(*path.split("/"))
        part = final.with_name(part_name(final.name))
        try:
            size, sha256 = _write(part, chunks, durable=self.durable)
            before = Stamp.of(part.stat())
            if check is not None:
                _read_back(check, part, path)
            self._compare(path, sha256)
            self._make_way(path, final)
            _replace(part, final)
        except OSError as error:
            _discard(part)
            raise store_error(error, path) from error
        except BaseException:
            _discard(part)
            raise
        if self.durable:
            _sync_folder(final.parent)
        return Written(path, size, sha256, _stamp(final, before))

    def _compare(self, path: str, sha256: str) -> None:
        expected = None if self.expected is None else self.expected.get(path)
        if expected is not None and expected != sha256:
            raise DifferenceError(
                f"its content would be {sha256[:12]}..., the lock says {expected[:12]}...",
                subject=path,
                hint="run without --locked to accept the new content",
            )

    def _make_way(self, path: str, final: Path) -> None:
        """A last look, for a file that came after the plan was made."""
        if self.overwrite or path in self.ours or not os.path.lexists(final):
            return
        raise StoreError(
            "exists and was not written by this recipe",
            subject=path,
            hint="move it away, or give --overwrite to replace it",
        )


def part_name(name: str) -> str:
    """The temporary name of a file; never longer than a file system takes when `name` itself is not."""
    tail = f".{os.getpid()}.part"
    room = _LONGEST_NAME - len(tail) - 1
    if len(os.fsencode(name)) > room:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f".{name}{tail}"


def remove_leftovers(out: Path, outputs: Iterable[str]) -> int:
    """Remove the temporary files that a killed run left beside these outputs; their number.

    Only names that one of `outputs` would have had are removed, so that other recipes may work in the
    same folders.
    """
    folders: dict[str, set[str]] = {}
    for output in outputs:
        folder, _, name = output.rpartition("/")
        folders.setdefault(folder, set()).update((name, hashlib.sha256(os.fsencode(name)).hexdigest()))
    removed = 0
    for folder, names in folders.items():
        with suppress(OSError), os.scandir(out.joinpath(*folder.split("/"))) as entries:
            for entry in entries:
                matched = _PART.fullmatch(entry.name) if entry.name.endswith(".part") else None
                if matched and matched["name"] in names and entry.is_file(follow_symlinks=False):
                    Path(entry.path).unlink()
                    removed += 1
    return removed


def write_file(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a whole file of the program's own (a lock, state), atomically. Raises: StoreError."""
    part = path.with_name(part_name(path.name))
    try:
        _write(part, (content,), durable=durable)
        _replace(part, path)
    except OSError as error:
        _discard(part)
        raise store_error(error, str(path)) from error
    except BaseException:
        _discard(part)
        raise


def remove(path: Path) -> None:
    """Remove a file of the program's own; none is fine. Raises: StoreError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise store_error(error, str(path)) from error


def file_sha256(path: Path) -> str:
    """sha256 (hex) of a file's content. Raises: OSError.

    In large pieces: between two of them a thread waits for its turn among others, milliseconds each time.
    """
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        return sha256_of(file, memoryview(bytearray(min(max(size, 1), _PIECE))))


def sha256_of(file: FileIO, buffer: memoryview) -> str:
    """sha256 (hex) of the rest of an open file, a buffer at a time. Raises: OSError."""
    digest = hashlib.sha256()
    while count := file.readinto(buffer):
        digest.update(buffer[:count])
    return digest.hexdigest()


def _write(part: Path, chunks: Iterable[Chunk], *, durable: bool) -> tuple[int, str]:
    """Write and hash; the mode is the user's usual one, as `open` gives it."""
    digest = hashlib.sha256()
    with _created(part) as file:
        for chunk in chunks:
            rest = memoryview(chunk)
            if not rest.nbytes:
                continue
            digest.update(rest)
            rest = rest.cast("B")
            while rest:
                rest = rest[file.write(rest) :]
        if durable:
            os.fsync(file.fileno())
        return file.tell(), digest.hexdigest()


def _created(part: Path) -> FileIO:
    """A new file, in a folder that is made where it is missing; what a killed run left there is removed."""
    try:
        return part.open("xb", buffering=0)
    except FileNotFoundError:
        part.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        part.unlink(missing_ok=True)
    return part.open("xb", buffering=0)


def _stamp(final: Path, before: Stamp) -> Stamp | None:
    """How a file looks once it is in place: as before, but for the time of change that renaming sets."""
    try:
        after = Stamp.of(final.stat())
    except OSError:
        return None
    return after if after[:2] == before[:2] else None


def _read_back(check: Check, part: Path, path: str) -> None:
    try:
        check(part)
    except OSError as error:
        raise VerificationError(
            f"cannot be read back after writing: {error.strerror or error}", subject=path
        ) from error


def _replace(part: Path, final: Path) -> None:
    """Rename over whatever is there; on Windows a scanner may hold a new file for a moment."""
    tries = 10 if sys.platform == "win32" else 1
    for left in range(tries, 0, -1):
        try:
            part.replace(final)
        except PermissionError:
            if left == 1:
                raise
            time.sleep(0.05)
        else:
            return


def _discard(part: Path) -> None:
    with suppress(OSError):
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut; Windows has no such call for folders."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def store_error(error: OSError, subject: str) -> StoreError:
    """Why the file system refuses to write, in words."""
    reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
    hint = ""
    if sys.platform == "win32" and isinstance(error, FileNotFoundError):
        reason, hint = "its path is too long", "choose shorter folders, or allow long paths in Windows"
    elif sys.platform == "win32" and isinstance(error, PermissionError):
        reason, hint = "it is open in another program, or write-protected", "close it and run again"
    return StoreError(f"cannot be written: {reason}", subject=subject, hint=hint)
