"""What a recipe keeps about its runs in ``.dicombake/`` beside it; it may be deleted at any time.

``x.written``: every output that this recipe wrote or was about to write, as absolute paths, so that a file
which was altered since is known as ours. ``x.journal``: what the running run has finished, in the lines of
a lock; when the run is killed, the next one takes it over. ``x.running``: held by the operating system
while a run goes on, so that two do not write the same files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .errors import PlanError
from .lock import Lock, escape, format_lock, lock_path, parse_lock, read_lock, unescape
from .store import Journal, remove, write_file

FOLDER = ".dicombake"


class State:
    """The lock of one recipe, and the state beside it."""

    def __init__(self, recipe: Path) -> None:
        self.lock_file = lock_path(recipe)
        self.folder = recipe.parent / FOLDER
        self._written_file = self.folder / f"{recipe.stem}.written"
        self._journal_file = self.folder / f"{recipe.stem}.journal"
        self.running_file = self.folder / f"{recipe.stem}.running"

    @property
    def writable(self) -> bool:
        """Whether a lock and state can be kept beside the recipe."""
        folder = self.folder if self.folder.is_dir() else self.folder.parent
        return os.access(folder, os.W_OK) and os.access(self.folder.parent, os.W_OK)

    def lock(self) -> Lock:
        """The lock, and what a killed run did after it was written. Raises: PlanError."""
        return read_lock(self.lock_file).updated(self._journal())

    def _journal(self) -> Lock:
        """Only whole lines count: the last one may be torn."""
        try:
            text = self._journal_file.read_bytes().decode("utf-8", "replace")
        except OSError:
            return Lock()
        newest: dict[str, str] = {}
        for line in text.split("\n")[:-1]:
            kind, _, path = line.partition("  ")
            newest[kind.partition(" ")[0] + path if path else line] = line
        try:
            return parse_lock("\n".join(newest.values()), self._journal_file)
        except PlanError:
            return Lock()

    def save_lock(self, lock: Lock) -> None:
        """Write the lock where it changed; the journal is then of no use any more. Raises: StoreError."""
        content = format_lock(lock).encode("utf-8")
        if not self.lock_file.is_file() or self.lock_file.read_bytes() != content:
            write_file(self.lock_file, content)
        remove(self._journal_file)

    def journal(self, origin: Lock) -> Journal:
        """Where a run notes what it has finished; `origin`: its recipe and versions. Raises: StoreError."""
        return Journal(self._journal_file, format_lock(origin))

    def prepare(self) -> None:
        """Make the folder; git is told to leave it alone. Raises: StoreError."""
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            write_file(ignore, b"*\n")

    def written(self) -> set[str]:
        """Absolute paths of what this recipe wrote on this machine."""
        try:
            text = self._written_file.read_bytes().decode("utf-8", "replace")
        except OSError:
            return set()
        return {unescape(line) for line in text.split("\n") if line}

    def save_written(self, paths: Iterable[str]) -> None:
        """Replace the list of what this recipe wrote. Raises: StoreError."""
        lines = [f"{escape(path)}\n" for path in sorted(paths)]
        write_file(self._written_file, "".join(lines).encode("utf-8"))
