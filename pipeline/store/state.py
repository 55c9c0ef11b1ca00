"""The state of a recipe: its lock in git, and its database in ``.dicombake/``, which may be deleted.

The database (`database`) is ``x.sqlite``; ``x.claims.PID`` are what each process was about to put in place
(`claims`); ``x.running`` is held by the operating system during a run (`running`), so that two runs do not
write the same files. The folder belongs to its owner alone, and a link in its place is not followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from ..errors import PlanError
from ..places.place import Place
from ..reading import is_content
from ..recipe.lock_path import lock_path
from .claims import Claimed, Claims, claim_files, contents_by_name, each_claim, end_run, run_file
from .database import Database, Remembered, remembered
from .files import write_chunks, write_file
from .hashes import hashes
from .lock import Lock, facts_of, format_lock, is_of_file, lock_lines, parse_lock, read_lock
from .refusals import store_error
from .stamp import Stamp
from .temporary import remove_leftovers

FOLDER = ".dicombake"
SAME_TICK = 50_000_000
"""Nanoseconds: two closer changes of a file may have one time stamp, where these are fine."""
SAME_SECONDS = 2_000_000_000
"""The same where time stamps are coarse (FAT counts two seconds), or set by another clock."""


class State:
    """The lock of one recipe, and its database."""

    kept = True
    """Whether a lock and a database are kept at all."""

    def __init__(self, recipe: Path) -> None:
        self.lock_file = lock_path(recipe)
        self.folder = recipe.parent / FOLDER
        self.database = self.folder / f"{recipe.stem}.sqlite"
        self.running_file = self.folder / f"{recipe.stem}.running"
        self._claims = self.folder / f"{recipe.stem}.claims"

    def unwritable(self) -> Path | None:
        """Return the folder that cannot be written to, if that keeps lock and database from being written."""
        folders = [self.folder.parent]
        if self.folder.is_dir() and not self.folder.is_symlink():
            folders.append(self.folder)
        return next((folder for folder in folders if not os.access(folder, os.W_OK | os.X_OK)), None)

    def recall(self) -> Remembered:
        """Return the contents of the database; writes nothing."""
        if not _is_folder(self.folder):
            return Remembered()
        memory = remembered(self.database)
        unfinished = (claim for claim in each_claim(self._claims) if claim[0] not in memory.written)
        return memory._replace(claimed=_both(memory.claimed, contents_by_name(unfinished)))

    def claims(self, out: Place) -> Claims:
        """Return the claims of this recipe's outputs in an output folder."""
        return Claims(self._claims, out)

    def name_run(self) -> str:
        """Name this run for workers that may outlive it (`claims`). Raises: StoreError."""
        name = os.urandom(16).hex()
        write_file(run_file(self._claims), name.encode("ascii"))
        return name

    def end_run(self) -> None:
        """Let workers of this run, or of one that was killed, put nothing in place any more."""
        with suppress(OSError):
            end_run(self._claims)

    def has_claims(self) -> bool:
        """Tell whether a run left claims: it did not come to its end, or goes on."""
        return any(True for _ in claim_files(self._claims))

    def take_claims(self, database: Database) -> None:
        """Move claims into the database, but for those of outputs that are ours, and delete their files.

        Only the run that holds `running_file` calls it, before or after any process claims.
        """
        files = list(claim_files(self._claims))
        if not files:
            return
        database.note_claimed(each_claim(self._claims))
        if not database.lost:
            for file in files:
                with suppress(OSError):
                    file.unlink()

    def lock(self, memory: Remembered) -> Lock:
        """Return the lock, and what a killed run did after it was written. Raises: PlanError."""
        return read_lock(self.lock_file).updated(journal_of(memory))

    def save_lock(self, lock: Lock, *, durable: bool = False) -> None:
        """Write the lock where it changed. Raises: StoreError."""
        if not self.lock_file.is_file() or not is_content(self.lock_file, _chunks(lock)):
            write_chunks(self.lock_file, _chunks(lock), durable=durable)

    def prepare(self) -> None:
        """Make the folder, for its owner alone, with a .gitignore. Raises: StoreError."""
        try:
            if not _is_folder(self.folder):
                if os.path.lexists(self.folder):
                    self.folder.unlink()  # a link, or a file: it is not ours, and nothing is kept
                self.folder.mkdir(mode=0o700, exist_ok=True)
            elif stat.S_IMODE(self.folder.stat().st_mode) & 0o077:
                with suppress(PermissionError):  # of another owner, who lets us write to it
                    self.folder.chmod(0o700)
            ignore = self.folder / ".gitignore"
            if not os.path.lexists(ignore) or not ignore.lstat().st_size:
                with suppress(FileNotFoundError):
                    ignore.unlink()
                with os.fdopen(os.open(ignore, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                    file.write(b"*\n")
        except OSError as error:
            raise store_error(error, str(self.folder)) from error

    def remove_leftovers(self) -> None:
        """Remove the temporary files of runs that did not end; for the run that holds `running_file`."""
        remove_leftovers(self.lock_file.parent, (self.lock_file.name,))
        remove_leftovers(self.folder, (".gitignore", run_file(self._claims).name))

    def open(self) -> Database:
        """Return the database for writing; only for the run that holds `running_file`."""
        return Database(self.database)

    def clock(self) -> tuple[int, int]:
        """Return the time (ns) of the file system's own clock, and its device; (0, 0) where unknown."""
        try:
            os.utime(self.running_file)
            found = self.running_file.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_dev


class Stateless(State):
    """Neither a lock nor a database: for a conversion without a recipe."""

    kept = False

    def unwritable(self) -> Path:
        return self.folder.parent

    def recall(self) -> Remembered:
        return Remembered()

    def lock(self, memory: Remembered) -> Lock:
        return Lock()


class Distrusted(Stateless):
    """The lock of an untrusted recipe, only to compare with; no database, and nothing is kept."""

    def lock(self, memory: Remembered) -> Lock:
        if self.lock_file.is_symlink():
            raise PlanError("is a link, which an untrusted recipe may not have", subject=str(self.lock_file))
        return read_lock(self.lock_file)


def state_of(recipe: Path, *, trusted: bool) -> State:
    """Return the state of a recipe, as far as it is trusted."""
    return State(recipe) if trusted else Distrusted(recipe)


def _chunks(lock: Lock) -> Iterator[bytes]:
    """Yield the text of a lock in pieces, so that it is never held as a whole."""
    lines = lock_lines(lock)
    while piece := "".join(islice(lines, 10_000)):
        yield piece.encode("utf-8")


def settled(stamp: Stamp, now: int, *, same_clock: bool) -> bool:
    """Tell whether a change of a file after `now` (`State.clock`) would show in its time stamps.

    Git's rule for what is racily clean: a file that was changed within the last tick of the clock may be
    changed again and keep its fingerprint, so that is not remembered. `same_clock`: the file is on the device
    whose clock it is.
    """
    fine = same_clock and stamp.modified % 1_000_000_000 != 0
    return max(stamp.modified, stamp.changed) < now - (SAME_TICK if fine else SAME_SECONDS)


def journal_of(memory: Remembered) -> Lock:
    """Return what a run that did not end has finished; empty where its lines make no sense.

    Of several lines on one file the last one counts.
    """
    lines = memory.journal
    if not any(line.startswith("output ") for line in lines):
        return Lock()
    newest: dict[str, str] = {}
    for line in lines:
        if not is_of_file(line):
            kind, _, path = line.partition("  ")
            newest[kind.partition(" ")[0] + path if path else line] = line
    try:
        rest = parse_lock("\n".join(newest.values()))
    except PlanError:
        return Lock()
    inputs, outputs, units = (hashes(facts_of(kind, lines)) for kind in ("input", "output", "unit"))
    return rest.updated(Lock(inputs=inputs, outputs=outputs, units=units))


def journal_lines(facts: Lock, *kinds: str) -> list[str]:
    """Return the lines of a lock with these facts, of these kinds only (none given: all)."""
    lines = [line for line in format_lock(facts).split("\n") if line]
    return [line for line in lines if line.partition(" ")[0] in kinds] if kinds else lines


def _is_folder(path: Path) -> bool:
    """Tell whether a folder is there itself, not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _both(one: Claimed, other: Claimed) -> Claimed:
    return {key: one.get(key, frozenset()) | other.get(key, frozenset()) for key in {*one, *other}}
