"""The SQLite file in ``.dicombake/``: memory that may be lost at any time.

Three tables. ``seen``: how a file looked (size, times) when its content was hashed, so that a file that
looks the same need not be read again. ``written``: every output that this recipe wrote or was about to
write, so that a file which was altered since is known as ours. ``journal``: what the run under way has
finished, in the lines of a lock; when the run is killed, the next one takes it over.

None of it is believed by itself: `seen` counts only for a file that looks so now and only with the content
that the lock names. A file that cannot be opened, is damaged, or is of another version is made anew; where
even that fails (a full disk, a folder that was removed under a run), memory serves until the run ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

VERSION = 1
BUSY_SECONDS = 5.0
"""How long a reader waits for the moment in which a run writes."""

_TABLES = f"""
CREATE TABLE seen (path BLOB PRIMARY KEY, size INTEGER, modified INTEGER, changed INTEGER, sha256 TEXT)
  WITHOUT ROWID;
CREATE TABLE written (path BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE journal (number INTEGER PRIMARY KEY, line TEXT);
PRAGMA user_version = {VERSION};
"""


Seen = tuple[int, int, int, str]
"""The parts of a `Stamp`, and the sha256 (hex) of the content that was read then."""


class Database:
    """One recipe's memory, for the run that holds its `running` lock. Never raises for what is wrong."""

    def __init__(self, path: Path) -> None:
        self.lost = False
        """Whether the file could not be used: what is noted is gone when the run ends."""
        try:
            self._db = _open(path)
        except sqlite3.Error:
            try:
                for end in ("", "-journal"):
                    path.with_name(path.name + end).unlink(missing_ok=True)
                self._db = _open(path)
            except (sqlite3.Error, OSError):
                self._forget()

    def _forget(self) -> None:
        self.lost = True
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        self._db.executescript(_TABLES)

    def _write(self, *statements: tuple[str, Iterable[tuple[object, ...]]]) -> None:
        """Every statement over its rows, all or none; where the file fails, memory takes over."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for text, rows in statements:
                self._db.executemany(text, rows)
            self._db.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                self._db.close()
            self._forget()

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._db.close()

    def note_written(self, paths: Iterable[bytes], gone: Iterable[bytes] = ()) -> None:
        """Claim outputs as ours; give up those that are `gone`."""
        self._write(
            ("INSERT OR IGNORE INTO written VALUES (?)", ((path,) for path in paths)),
            ("DELETE FROM written WHERE path = ?", ((path,) for path in gone)),
        )

    def note_seen(self, files: Mapping[bytes, Seen], gone: Iterable[bytes] = ()) -> None:
        """Remember how files looked when they had their contents; forget those that are `gone`."""
        self._write(
            ("DELETE FROM seen WHERE path = ?", ((path,) for path in gone)),
            (
                "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)",
                ((path, *row) for path, row in files.items()),
            ),
        )

    def begin_journal(self, lines: Iterable[str]) -> None:
        """Begin the journal anew."""
        self._write(("DELETE FROM journal", [()]), _lines(lines))

    def add_to_journal(self, lines: Iterable[str]) -> None:
        """Whole units only: a killed run leaves all lines of a unit, or none."""
        self._write(_lines(lines))

    def end_journal(self) -> None:
        """What it says is in the lock now."""
        self._write(("DELETE FROM journal", [()]))


def _lines(lines: Iterable[str]) -> tuple[str, Iterable[tuple[object, ...]]]:
    return "INSERT INTO journal (line) VALUES (?)", ((line,) for line in lines)


def _open(path: Path) -> sqlite3.Connection:
    """The database for writing. Raises: sqlite3.Error.

    A power cut may lose what was noted last, and that is all that it may lose: nothing waits for the disk.
    """
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA journal_mode = TRUNCATE")
        if _version(db) != VERSION:
            names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            db.executescript("".join(f'DROP TABLE "{name}";' for name in names) + _TABLES)
        for table in ("seen", "written", "journal"):
            db.execute(f"SELECT * FROM {table} LIMIT 1").fetchall()
    except BaseException:
        db.close()
        raise
    return db


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


class Remembered(NamedTuple):
    """All that a database says, read in one go."""

    seen: Mapping[bytes, Seen] = {}
    written: frozenset[bytes] = frozenset()
    journal: tuple[str, ...] = ()


def remembered(path: Path) -> Remembered:
    """What the database at `path` says; nothing where it cannot be read. Writes nothing at all."""
    if not path.is_file():
        return Remembered()
    try:
        uri = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as db:
            db.execute("BEGIN")
            if _version(db) != VERSION:
                return Remembered()
            return Remembered(
                {row[0]: row[1:] for row in db.execute("SELECT * FROM seen")},
                frozenset(path for (path,) in db.execute("SELECT path FROM written")),
                tuple(line for (line,) in db.execute("SELECT line FROM journal ORDER BY number")),
            )
    except (sqlite3.Error, ValueError, TypeError):
        return Remembered()
