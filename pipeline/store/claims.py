"""Note what is about to get its name as an output: content and name, by the process that writes it.

A run that is killed, or a worker that dies, may have put files in place that nothing else knows of. A claim
says which content a file of that name has if this program wrote it, and counts only for a file that has that
content: a file that somebody else put there stays foreign. Each process writes a file of its own,
``x.claims.PID``; the next run takes them into the database (`database`).

Workers of a cluster may outlive their run, cut off from it or thought dead. Their run has a name, which
stands in ``x.claims.run`` while it goes on, and their claims are refused when it does not: nothing gets its
name as an output any more. Their files have random numbers, since processes of two machines may have one PID.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from io import BufferedReader
from pathlib import Path

from msgspec import Struct

from ..errors import StoreError
from ..places.place import Place
from ..reading import content_of, open_regular
from .stamp import key_of_file
from .temporary import sync_folder, sync_folders

Claimed = Mapping[bytes, frozenset[str]]
"""Name in the database (`key_of_file`) -> the sha256 (hex) of each content that was to be put there."""

_LINE = re.compile(rb"([0-9a-f]{64}) ((?:[0-9a-f]{2})+)")
_LARGEST = 2**31
"""The largest file of claims that is read: some ten million claims."""
_LONGEST = 2**16
"""Bytes of a line that are read at once: more are no claim."""
_LONGEST_NAME = 100
"""Bytes of a run's name."""
_FLAGS = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
"""Without blocking: opening a pipe of that name would wait until somebody reads it."""


class Claims(Struct, frozen=True):
    """The claims of one recipe for an output folder.

    `start`: of its files' names; `out`: where the outputs lie.
    """

    start: Path
    out: Place
    durable: bool = False
    """Wait for the disk after every claim."""
    run: str = ""
    """The name of the run, where its workers may outlive it."""

    def key(self, path: str) -> bytes:
        """Return the key of an output (path with /, relative to the output folder)."""
        return key_of_file(f"{self.out.start}{path}")

    def add(self, path: str, sha256: str) -> None:
        """Claim an output, before it gets its name.

        Raises: OSError; StoreError, where the run has ended that this worker works for.
        """
        if self.run and named_run(self.start) != self.run:
            raise StoreError(
                "is not put in place: the run that this worker worked for has ended", subject=path
            )
        self._append(b"\n%s %s\n" % (sha256.encode(), self.key(path).hex().encode()))

    def try_out(self) -> None:
        """Check whether claims can be kept, before anything is done. Raises: OSError."""
        self._append(b"\n" * 512)

    def _append(self, line: bytes) -> None:
        """Write a line at once; one that a full disk cut short is not read as a claim."""
        number = _number(os.getpid()) if self.run else os.getpid()
        try:
            descriptor = os.open(f"{self.start}.{number}", _FLAGS, 0o600)
        except FileNotFoundError:
            return  # state may be deleted at any time
        try:
            if os.write(descriptor, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if self.durable:
                os.fsync(descriptor)
                sync_folder(self.start.parent)
                sync_folders(self.start.parent)
        finally:
            os.close(descriptor)

    def proves(self, path: str) -> str:
        """Return the sha256 (hex) of an existing output, where a claim has it; else empty."""
        contents = contents_by_name(each_claim(self.start)).get(self.key(path))
        return content_among(self.out, path, contents or ())


@cache
def _number(process: int) -> int:
    """Return a number that no other process has, on whatever machine."""
    return int.from_bytes(os.urandom(8), "big")


def run_file(start: Path) -> Path:
    """Return the file with the name of the run that goes on, which its workers look at."""
    return Path(f"{start}.run")


def named_run(start: Path) -> str:
    """Return the name of the run that goes on; empty where none with workers elsewhere does."""
    try:
        return content_of(run_file(start), _LONGEST_NAME).decode("ascii", "replace")
    except OSError:
        return ""


def end_run(start: Path) -> None:
    """Let no worker of a run put anything in place any more. Raises: OSError."""
    run_file(start).unlink(missing_ok=True)


def content_among(place: Place, path: str, contents: frozenset[str] | tuple[str, ...]) -> str:
    """Return the sha256 (hex) of an output, where it is one of these; else empty."""
    if not contents:
        return ""
    try:
        found = place.sha256(path)
    except OSError:
        return ""
    return found if found in contents else ""


def contents_by_name(claims: Iterable[tuple[bytes, str]]) -> Claimed:
    """Return claims by the name that they are of."""
    found: dict[bytes, set[str]] = {}
    for key, sha256 in claims:
        found.setdefault(key, set()).add(sha256)
    return {key: frozenset(contents) for key, contents in found.items()}


def each_claim(start: Path) -> Iterator[tuple[bytes, str]]:
    """Yield name and content of each claim in these files; lines that make no sense are ignored."""
    for file in claim_files(start):
        with suppress(OSError), open_regular(file) as opened, BufferedReader(opened) as lines:
            if os.fstat(opened.fileno()).st_size > _LARGEST:
                continue
            while line := lines.readline(_LONGEST):
                if matched := _LINE.fullmatch(line.removesuffix(b"\n")):
                    yield bytes.fromhex(matched[2].decode()), matched[1].decode()


def claim_files(start: Path) -> Iterator[Path]:
    """Yield the files of claims, whoever wrote them."""
    head = f"{start.name}."
    with suppress(OSError), os.scandir(start.parent) as entries:
        for entry in entries:
            is_ours = entry.name.startswith(head) and entry.name.removeprefix(head).isdigit()
            if is_ours and entry.is_file(follow_symlinks=False):
                yield Path(entry.path)
