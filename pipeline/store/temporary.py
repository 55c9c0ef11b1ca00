"""Make, fill, rename and remove the temporary files that become outputs.

The temporary name starts with a dot (no glob of a recipe matches it) and ends in ``.part``.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path

from ..reading import hashing_thread

Chunk = bytes | memoryview

_PART = re.compile(r"\.(?P<name>.+)\.(?P<process>\d+)\.part", re.DOTALL)
_LONGEST_NAME = 255
_LARGE, _FEW = 2**18, 4
"""Bytes of a chunk, and chunks of so many, from which on it pays to hash on a thread."""
_USUAL_MODE = 0o666
"""The mode that `open` uses; the umask removes its part."""
_NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)


def part_name(name: str, *, shared: bool = False) -> str:
    """Return the temporary name of a file, never longer than a file system allows if `name` is not.

    With `shared`, processes of other machines may write the same file at this moment: the name is like no
    other, while processes of two machines may have one number.
    """
    number = int.from_bytes(os.urandom(8), "big") if shared else os.getpid()
    tail = f".{number}.part"
    room = _LONGEST_NAME - len(tail) - 1
    if len(os.fsencode(name)) > room:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f".{name}{tail}"


def remove_leftovers(out: Path, outputs: Iterable[str]) -> int:
    """Remove the temporary files that a killed process left next to these outputs; return their number.

    Only names that one of `outputs` would have had are removed, so that other recipes may work in the same
    folders.
    """
    folders: dict[str, set[str]] = {}
    for output in outputs:
        folder, _, name = output.rpartition("/")
        folders.setdefault(folder, set()).update((name, hashlib.sha256(os.fsencode(name)).hexdigest()))
    removed = 0
    for folder, names in folders.items():
        with suppress(OSError):
            for path, _ in _parts(out.joinpath(*folder.split("/")), names.__contains__):
                path.unlink()
                removed += 1
    return removed


def remove_abandoned(folder: Path, is_ours: Callable[[str], bool], *, begun: bool = True) -> None:
    """Remove temporary files in a folder whose process is gone; `is_ours` is asked for the name of each file.

    For files that no lock of a recipe guards: another process may write one of them at this moment. Before
    this one has `begun` to write any, those of its own number are left from another (in a container, each
    has the same).
    """
    with suppress(OSError):
        for path, process in _parts(folder, is_ours):
            if _is_gone(process) or (process == os.getpid() and not begun):
                discard(path)


def _parts(folder: Path, is_ours: Callable[[str], bool]) -> Iterator[tuple[Path, int]]:
    """Yield the temporary files of our names in a folder, each with the number in it. Raises: OSError."""
    with os.scandir(folder) as entries:
        for entry in entries:
            matched = _PART.fullmatch(entry.name) if entry.name.endswith(".part") else None
            if matched and is_ours(matched["name"]) and entry.is_file(follow_symlinks=False):
                yield Path(entry.path), int(matched["process"])


def _is_gone(process: int) -> bool:
    """Tell whether there is no such process here. On Windows nobody removes a file that it has open."""
    if sys.platform == "win32":
        return process != os.getpid()
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # no number of a process, but one that machines share (`part_name`)
        return False
    return False


def write_part(
    part: Path,
    chunks: Iterable[Chunk],
    *,
    mode: int | None = None,
    durable: bool = False,
    hashed: bool = True,
) -> tuple[int, str]:
    """Write and hash; return the number of bytes and their sha256 (hex; empty without). Raises: OSError.

    The mode is the user's usual one, as `open` gives it, or `mode`: never wider than that meanwhile.
    """
    digest = hashlib.sha256()
    large = 0
    with _created(part, _USUAL_MODE if mode is None else mode | stat.S_IRUSR | stat.S_IWUSR) as file:
        for chunk in chunks:
            rest = memoryview(chunk)
            if not rest.nbytes:
                continue
            large += rest.nbytes >= _LARGE
            # of a volume of many slices, each is hashed while it is written
            apart = hashing_thread("outputs").submit(digest.update, rest) if hashed and large > _FEW else None
            if hashed and apart is None:
                digest.update(rest)
            left = rest.cast("B")
            try:
                while left:
                    left = left[file.write(left) :]
            finally:
                if apart is not None:
                    apart.result()
        if durable:
            os.fsync(file.fileno())
        return file.tell(), digest.hexdigest() if hashed else ""


def _created(part: Path, mode: int) -> FileIO:
    """Open a new file, in a folder that is made if needed; remove what a killed run left in its place."""

    def opener(path: str, flags: int) -> int:
        return os.open(path, flags, mode)

    try:
        return FileIO(part, "xb", opener=opener)
    except FileNotFoundError:
        part.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        part.unlink(missing_ok=True)
    return FileIO(part, "xb", opener=opener)


def mode_of(final: Path) -> int | None:
    """Return the permissions of a regular file; None where there is none, and on Windows."""
    if sys.platform == "win32":
        return None
    try:
        found = final.lstat().st_mode
    except OSError:
        return None
    return stat.S_IMODE(found) & 0o777 if stat.S_ISREG(found) else None


def replace(part: Path, final: Path) -> None:
    """Rename over whatever is there. Raises: OSError."""
    _patiently(os.replace, part, final)


def place_new(part: Path, final: Path) -> None:
    """Rename to a name that does not exist, not even since a moment ago.

    A rename replaces what is there, except on Windows; a second name (hard link) for the file does not. Where
    the file system has no hard links, the name is only checked just before.

    Raises: FileExistsError, OSError.
    """
    if sys.platform == "win32":
        _patiently(os.rename, part, final)
        return
    try:
        os.link(part, final, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
        part.replace(final)
    else:
        part.unlink()


def _patiently(rename: Callable[[Path, Path], None], part: Path, final: Path) -> None:
    """Rename, and try again for a while: on Windows a scanner may hold a new file for a moment."""
    tries = 10 if sys.platform == "win32" else 1
    for left in range(tries, 0, -1):
        try:
            rename(part, final)
        except PermissionError:
            if left == 1:
                raise
            time.sleep(0.05)
        else:
            return


def discard(part: Path) -> None:
    """Remove a temporary file, as far as that can be done."""
    with suppress(OSError):
        part.unlink(missing_ok=True)


_synced: set[Path] = set()


def sync_folders(folder: Path) -> None:
    """Make the names of a folder, and of those that it lies in, survive a power cut; once in each process.

    Any of them may be new. Raises: OSError.
    """
    folder = folder.absolute()
    for one in (folder, *folder.parents):
        if one in _synced or not os.access(one.parent, os.R_OK):
            return
        sync_folder(one.parent)
        _synced.add(one)


def sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut; Windows has no such call for folders. Raises: OSError."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
