"""Write files that people keep: outputs, locks, reports. No other module does.

A file appears whole or not at all: it is written under a temporary name in its own folder (`temporary`), read
back, and renamed into place. What a killed run leaves behind is removed when the next one starts.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path

from msgspec import Struct, field

from ..errors import DifferenceError, StoreError, VerificationError
from ..reading import file_sha256
from .claims import Claims
from .refusals import store_error
from .stamp import Stamp
from .temporary import (
    Chunk,
    discard,
    mode_of,
    part_name,
    place_new,
    remove_abandoned,
    replace,
    sync_folder,
    sync_folders,
    write_part,
)

Check = Callable[[Path], None]

OTHER_CONTENT = (
    "is there with other content, and 'keep' never replaces it",
    "put {date} into its path, so that each acquisition has its own; or move it away",
)
FOREIGN = ("exists and was not written by this recipe", "move it away, or give --overwrite to replace it")
"""Why a name is not taken, and the ways out."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was put in place: its path (with /) as in the plan, bytes, sha256 (hex)."""

    path: str
    size: int
    sha256: str
    stamp: Stamp | None = dataclass_field(default=None, compare=False)
    """Its stat() fingerprint, unless somebody else touched it while it was put in place."""


class Store(Struct, frozen=True):
    """The output folder of a run.

    `ours` are existing outputs that may be replaced even without `overwrite`. An output named in
    `expected` is put in place only when its sha256 is the one given there. `links` are the folders (with /,
    relative to `out`) that were links when the plan was made: none is written through that came since.
    """

    out: Path
    overwrite: bool = False
    ours: Collection[str] = frozenset()
    durable: bool = False
    expected: Mapping[str, str] | None = None
    claims: Claims | None = None
    links: Collection[str] = frozenset()
    shared: bool = False
    """Whether processes of other machines may write the same output at the same time."""
    hashed: bool = True
    """False: nobody asks for the hashes of what is written, which then are empty."""
    placed: list[Written] = field(default_factory=list)
    """Every output that was put in place, in order."""

    def put(
        self, path: str, chunks: Iterable[Chunk], check: Check | None = None, *, keep: bool = False
    ) -> Written:
        """Write one output (`path` with /, relative to the output folder) and read it back with `check`.

        With `keep`, nothing is replaced by other content, not even what is ours.

        Raises:
            VerificationError: from `check`; nothing is put in place then.
            DifferenceError: the content is not the expected one; nothing is put in place.
            StoreError: the file system refuses, or a file that is not ours has that name.
        """
        final = self.out.joinpath(*path.split("/"))
        part = final.with_name(part_name(final.name, shared=self.shared))
        mode = mode_of(final)
        self._refuse_links(path)
        try:
            size, sha256 = write_part(part, chunks, mode=mode, durable=self.durable, hashed=self.hashed)
            self._refuse_links(path)
            if check is not None:
                _read_back(check, part, path)
            self._compare(path, sha256)
            if mode is not None and mode != mode | stat.S_IRUSR | stat.S_IWUSR:
                part.chmod(mode)
            stamp = self._finish(path, part, final, sha256, keep=keep)
        except OSError as error:
            discard(part)
            raise store_error(error, path) from error
        except BaseException:
            discard(part)
            raise
        written = Written(path, size, sha256, stamp)
        self.placed.append(written)
        return written

    def _refuse_links(self, path: str) -> None:
        """Refuse an output of which a folder became a link since the plan was made. Raises: StoreError."""
        parts = path.split("/")[:-1]
        for end in range(1, len(parts) + 1):
            folder = "/".join(parts[:end])
            if folder not in self.links and self.out.joinpath(*parts[:end]).is_symlink():
                raise StoreError(
                    f"is not written: {folder} became a link while the run went on",
                    subject=path,
                    hint="look where it leads; a run that begins with it follows it",
                )

    def _compare(self, path: str, sha256: str) -> None:
        expected = None if self.expected is None else self.expected.get(path)
        if expected is not None and expected != sha256:
            raise DifferenceError(
                f"its content would be {sha256[:12]}..., the lock says {expected[:12]}...",
                subject=path,
                hint="run without --locked to accept the new content",
            )

    def _finish(self, path: str, part: Path, final: Path, sha256: str, *, keep: bool) -> Stamp | None:
        """Put the file in place; return its fingerprint there. Raises: StoreError, OSError."""
        before = Stamp.of(part.stat())
        self._place(path, part, final, sha256, keep=keep)
        if self.durable:
            sync_folder(final.parent)
            sync_folders(final.parent)
        return _stamp(final, before)

    def _place(self, path: str, part: Path, final: Path, sha256: str, *, keep: bool) -> None:
        """Give the file its name; a file that appeared meanwhile keeps it. Raises: StoreError, OSError."""
        if self.claims is not None:
            self.claims.add(path, sha256)
        if not keep and (self.overwrite or path in self.ours):
            replace(part, final)
            return
        try:
            place_new(part, final)
        except FileExistsError:
            if keep and file_sha256(final) != (sha256 or file_sha256(part)):
                raise StoreError(OTHER_CONTENT[0], subject=path, hint=OTHER_CONTENT[1]) from None
            allowed = self.overwrite or path in self.ours
            proven = "" if allowed or self.claims is None else self.claims.proves(path)
            if not allowed and not proven:
                raise StoreError(FOREIGN[0], subject=path, hint=FOREIGN[1]) from None
            if proven == sha256:  # another worker was quicker: whoever reads its file is left in peace
                discard(part)
            else:
                replace(part, final)


def remove(out: Path, path: str) -> None:
    """Delete an output. Raises: StoreError."""
    try:
        out.joinpath(*path.split("/")).unlink(missing_ok=True)
    except OSError as error:
        raise store_error(error, path) from error


def write_file(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a whole file of the program's own (a page, a sample), atomically. Raises: StoreError."""
    write_chunks(path, (content,), durable=durable)


def write_chunks(path: Path, chunks: Iterable[bytes], *, durable: bool = False) -> None:
    """Write a file as `write_file` does, of pieces as they come. Raises: StoreError."""
    part = path.with_name(part_name(path.name))
    mode = mode_of(path)
    try:
        write_part(part, chunks, mode=mode, durable=durable)
        if mode is not None:
            part.chmod(mode)
        replace(part, path)
        if durable:
            sync_folder(path.parent)
            sync_folders(path.parent)
    except OSError as error:
        discard(part)
        raise store_error(error, str(path)) from error
    except BaseException:
        discard(part)
        raise


def write_named(path: Path, content: bytes) -> None:
    """Write what the command line names: a file as a whole, anything else (a pipe, a device) directly.

    A link is followed. Raises: StoreError.
    """
    try:
        if path.exists() and not path.is_file():  # also by a link: that of /dev/stdout to a pipe has no end
            with path.open("wb", buffering=0) as file:
                rest = memoryview(content)
                while rest:
                    rest = rest[file.write(rest) :]
            return
        if path.is_symlink():
            path = Path(os.path.realpath(path))
            if path.is_symlink():  # it was not resolved
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        remove_abandoned(path.parent, path.name.__eq__)
        write_file(path, content)
    except OSError as error:
        raise store_error(error, str(path)) from error


def _stamp(final: Path, before: Stamp) -> Stamp | None:
    """Return the fingerprint of a file in place: as before, but for the ctime that renaming sets."""
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
