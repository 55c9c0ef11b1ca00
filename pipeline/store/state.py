"""What a recipe keeps beside it: its lock in git, and its memory in ``.dicombake/``, which may be deleted.

The memory (`database`) is ``x.sqlite``; ``x.running`` is held by the operating system while a run goes on
(`running`), so that two do not write the same files.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import PlanError
from .database import Database, Remembered, remembered
from .files import write_file
from .lock import Lock, format_lock, lock_path, parse_lock, read_lock
from .stamp import Stamp

FOLDER = ".dicombake"
SAME_TICK = 50_000_000
"""ns: two changes of a file that are closer may have one time, where times are fine."""
SAME_SECONDS = 2_000_000_000
"""The same where times are coarse (FAT counts two seconds), or where another clock may have set them."""


class State:
    """The lock of one recipe, and the memory beside it."""

    def __init__(self, recipe: Path) -> None:
        self.lock_file = lock_path(recipe)
        self.folder = recipe.parent / FOLDER
        self.database = self.folder / f"{recipe.stem}.sqlite"
        self.running_file = self.folder / f"{recipe.stem}.running"

    @property
    def writable(self) -> bool:
        """Whether a lock and memory can be kept beside the recipe."""
        folder = self.folder if self.folder.is_dir() else self.folder.parent
        return os.access(folder, os.W_OK) and os.access(self.folder.parent, os.W_OK)

    def recall(self) -> Remembered:
        """The memory as it stands; writes nothing."""
        return remembered(self.database)

    def lock(self, memory: Remembered) -> Lock:
        """The lock, and what a killed run did after it was written. Raises: PlanError."""
        return read_lock(self.lock_file).updated(journal_of(memory))

    def save_lock(self, lock: Lock) -> None:
        """Write the lock where it changed. Raises: StoreError."""
        content = format_lock(lock).encode("utf-8")
        if not self.lock_file.is_file() or self.lock_file.read_bytes() != content:
            write_file(self.lock_file, content)

    def prepare(self) -> None:
        """Make the folder; git is told to leave it alone. Raises: StoreError."""
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            write_file(ignore, b"*\n")

    def open(self) -> Database:
        """The memory for writing; only for the run that holds `running_file`."""
        return Database(self.database)

    def clock(self) -> tuple[int, int]:
        """Now (ns) by the file system's own clock, and the device whose clock it is; (0, 0) where unknown."""
        try:
            os.utime(self.running_file)
            found = self.running_file.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_dev


def settled(stamp: Stamp, now: int, *, same_clock: bool) -> bool:
    """Whether a change of a file after `now` (`State.clock`) would show in its times.

    Git's rule for what is racily clean: a file that was changed within the last tick of the clock may be
    changed again and look the same, so its looks are not remembered. `same_clock`: the file lies on the
    device whose clock it is.
    """
    fine = same_clock and stamp.modified % 1_000_000_000 != 0
    return max(stamp.modified, stamp.changed) < now - (SAME_TICK if fine else SAME_SECONDS)


def journal_of(memory: Remembered) -> Lock:
    """What a run that did not end has finished; nothing where its lines make no sense."""
    if not any(line.startswith("output ") for line in memory.journal):
        return Lock()
    newest: dict[str, str] = {}
    for line in memory.journal:
        kind, _, path = line.partition("  ")
        newest[kind.partition(" ")[0] + path if path else line] = line
    try:
        return parse_lock("\n".join(newest.values()))
    except PlanError:
        return Lock()


def journal_lines(facts: Lock, *kinds: str) -> list[str]:
    """The lines of a lock with these facts, of these kinds only (all: none given)."""
    lines = [line for line in format_lock(facts).split("\n") if line]
    return [line for line in lines if line.partition(" ")[0] in kinds] if kinds else lines


def key_of_file(path: str) -> bytes:
    """A file's name in the memory; `path` begins with a resolved folder, what follows may have ``/``."""
    return os.fsencode(path if os.sep == "/" else os.path.normcase(path))
