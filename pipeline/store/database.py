"""The state database: a SQLite file in ``.dicombake/`` that may be lost at any time.

Four tables. ``seen``: the stat() fingerprint (size, times) of a file when its content was hashed, so that a
file with the same fingerprint need not be read again. ``written``: every output that this recipe finished
writing, so that a file which was altered since is known as ours. ``claimed``: contents that a run which did
not end was about to put in place (`claims`). ``journal``: what the present run has finished, in the lines of
a lock; when the run is killed, the next one takes it over.

None of it is trusted alone: `seen` counts only for a file with that fingerprint now and only with the content
that the lock names, `claimed` only for a file of that content. A file that cannot be opened, is damaged, or
has anything in it but these tables is made anew; where even that fails (a full disk, a folder that was
removed during a run), a database in memory is used until the run ends.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing, suppress
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from ..packed import PackingError, packed
from ..reading import content_of
from .claims import Claimed
from .rows import Seen, seen_rows, written_rows

VERSION = 2
BUSY_SECONDS = 5.0
"""The longest that a reader waits for the moment in which a run writes."""
_STEPS, _MOST_STEPS = 1_000_000, 3_000
"""SQLite's steps between two calls of the counter, and the most calls: a minute or so."""
_LARGEST_JOURNAL = 2**30
_NAMES_ANOTHER = bytes.fromhex("d9d505f920a163d7")
"""The end of a rollback journal that belongs to a transaction over several databases, which we never make
(https://www.sqlite.org/fileformat2.html#the_rollback_journal; pager.c, readSuperJournal).
"""

_TABLES = {
    "seen": "CREATE TABLE seen (path BLOB PRIMARY KEY, size INTEGER, modified INTEGER, changed INTEGER, "
    "sha256 TEXT) WITHOUT ROWID",
    "written": "CREATE TABLE written (path BLOB PRIMARY KEY) WITHOUT ROWID",
    "claimed": "CREATE TABLE claimed (path BLOB, sha256 TEXT, PRIMARY KEY (path, sha256)) WITHOUT ROWID",
    "journal": "CREATE TABLE journal (number INTEGER PRIMARY KEY, line TEXT)",
}


class Database:
    """The database of one recipe, for the run that holds its `running` lock.

    Never raises for what is wrong.
    """

    def __init__(self, path: Path) -> None:
        self.lost = False
        """Whether the file could not be used: what is noted is gone when the run ends."""
        self.full = False
        """Whether that is because the disk is full."""
        try:
            self._db = _open(path)
        except (sqlite3.Error, OSError, ValueError):
            try:
                remove_database(path)
                self._db = _open(path)
            except (sqlite3.Error, OSError, ValueError) as error:
                self._forget(error)

    def _forget(self, error: Exception) -> None:
        self.lost = True
        self.full = self.full or getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        self._db.executescript(";".join(_TABLES.values()))

    def _write(self, *statements: tuple[str, Iterable[tuple[object, ...]]]) -> None:
        """Carry out every statement over its rows, all or none; where the file fails, memory takes over."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for text, rows in statements:
                self._db.executemany(text, rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._db.close()
            self._forget(error)

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._db.close()

    def note_claimed(self, claims: Iterable[tuple[bytes, str]]) -> None:
        """Keep claims of a run that did not end, or of a worker that died, but for those of finished outputs.

        `claims`: the name of each output, and its content.
        """
        unfinished = "SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM written WHERE path = ?1)"
        self._write((f"INSERT OR IGNORE INTO claimed {unfinished}", claims))

    def note_finished(self, paths: Collection[bytes], lines: Iterable[str] = ()) -> None:
        """Note outputs of whole units with their lines of the journal; a kill leaves all of them, or none."""
        self._write(
            ("INSERT OR IGNORE INTO written VALUES (?)", [(path,) for path in paths]),
            ("DELETE FROM claimed WHERE path = ?", [(path,) for path in paths]),
            _lines(lines),
        )

    def forget_written(self, paths: Iterable[bytes]) -> None:
        """Forget outputs that are not ours any more."""
        self._write(("DELETE FROM written WHERE path = ?", [(path,) for path in paths]))

    def note_seen(self, files: Iterable[tuple[bytes, Seen]], gone: Iterable[bytes] = ()) -> None:
        """Remember the fingerprints that files had with their contents; forget those that are `gone`."""
        self._write(
            ("DELETE FROM seen WHERE path = ?", ((path,) for path in gone)),
            (
                "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)",
                ((path, *row) for path, row in files),
            ),
        )

    def begin_journal(self, lines: Iterable[str]) -> None:
        """Begin the journal anew."""
        self._write(("DELETE FROM journal", [()]), _lines(lines))

    def end_journal(self) -> None:
        """Empty the journal: what it says is in the lock now."""
        self._write(("DELETE FROM journal", [()]))


def _lines(lines: Iterable[str]) -> tuple[str, Iterable[tuple[object, ...]]]:
    return "INSERT INTO journal (line) VALUES (?)", ((line,) for line in lines)


def remove_database(path: Path) -> None:
    """Remove the file and what SQLite keeps beside it; links, not their targets. Raises: OSError."""
    for end in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    """Return the database for writing. Raises: sqlite3.Error, OSError, ValueError: it is not one of ours.

    A power cut may lose the last notes and nothing else: no write waits for the disk.
    """
    if not os.path.lexists(path):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    refuse_strange(path)
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        guard(db)
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA journal_mode = TRUNCATE")
        if not _has_tables(db):
            if db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
                raise ValueError("it holds something else than the memory")
            db.executescript(f"BEGIN;{';'.join(_TABLES.values())};PRAGMA user_version = {VERSION};COMMIT")
        for table in _TABLES:
            db.execute(f"SELECT * FROM {table} LIMIT 1").fetchall()
        db.set_progress_handler(None, 0)  # from here on only statements of this module run on our own tables
    except BaseException:
        db.close()
        raise
    return db


def refuse_strange(path: Path) -> None:
    """Check the files.

    Raises: OSError; ValueError, where it or what SQLite would take beside it is a link, or no file.
    """
    for end in ("", "-journal", "-wal"):
        file = path.with_name(path.name + end)
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(file.lstat().st_mode):
                raise ValueError("it is no regular file")
            if end == "-journal" and content_of(file, _LARGEST_JOURNAL).endswith(_NAMES_ANOTHER):
                raise ValueError("its journal names another file, which SQLite would remove")


def guard(db: sqlite3.Connection) -> None:
    """Restrict SQLite to reading and writing tables, within bounds, whatever is in the file."""
    db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2**20)
    db.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 2**16)
    if sys.version_info >= (3, 12):
        db.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        db.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER, False)
        db.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)
    db.text_factory = lambda text: text.decode("utf-8", "replace")
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    steps = iter(range(_MOST_STEPS))
    db.set_progress_handler(lambda: next(steps, None) is None, _STEPS)


def _has_tables(db: sqlite3.Connection) -> bool:
    """Tell whether it is of this version and holds our tables, and nothing besides: no view, no trigger."""
    if int(db.execute("PRAGMA user_version").fetchone()[0]) != VERSION:
        return False
    found = db.execute(f"SELECT type, name, sql FROM sqlite_master LIMIT {len(_TABLES) + 1}").fetchall()
    return sorted(found) == sorted(("table", name, sql) for name, sql in _TABLES.items())


class Remembered(NamedTuple):
    """The contents of a database, read at once."""

    seen: Mapping[bytes, Seen] = MappingProxyType({})
    written: AbstractSet[bytes] = frozenset()
    journal: Sequence[str] = ()
    claimed: Claimed = MappingProxyType({})


def read_only(path: PurePath) -> str:
    """Return the URI with which SQLite opens a file and writes nothing; `path` is absolute.

    SQLite takes no host in a URI, where ``\\\\server\\share`` of Windows would be one: it goes into the path.
    """
    name = path.as_posix()
    start = "file://" if name.startswith("/") else "file:///"
    return f"{start}{quote_from_bytes(os.fsencode(name), '/:')}?mode=ro"


def remembered(path: Path) -> Remembered:
    """Return the contents of the database at `path`; nothing where it cannot be read. Writes nothing at all.

    A row with other types than ours is ignored.
    """
    try:
        refuse_strange(path)
        uri = read_only(path.absolute())
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as db:
            guard(db)
            db.execute("BEGIN")
            if not _has_tables(db):
                return Remembered()
            claimed: dict[bytes, set[str]] = {}
            are_named = f"{_ARE['path']} AND {_ARE['sha256']}"
            for name, sha256 in db.execute(f"SELECT * FROM claimed WHERE {are_named}"):
                claimed.setdefault(name, set()).add(sha256)
            numbers = " AND ".join(f"typeof({name}) = 'integer'" for name in ("size", "modified", "changed"))
            return Remembered(
                seen_rows(db.execute(f"SELECT * FROM seen WHERE {are_named} AND {numbers} ORDER BY path")),
                written_rows(db.execute(f"SELECT path FROM written WHERE {_ARE['path']} ORDER BY path")),
                packed(
                    str,
                    (
                        line
                        for (line,) in db.execute(
                            "SELECT line FROM journal WHERE typeof(line) = 'text' ORDER BY number"
                        )
                    ),
                ),
                {name: frozenset(contents) for name, contents in claimed.items()},
            )
    except (sqlite3.Error, OSError, ValueError, TypeError, OverflowError, PackingError):
        return Remembered()


_ARE = {
    "path": "typeof(path) = 'blob'",
    "sha256": "typeof(sha256) = 'text' AND length(CAST(sha256 AS BLOB)) = 64"
    " AND sha256 NOT GLOB '*[^0-9a-f]*'",
}
"""The condition for a column's value to be read; a text is counted in bytes, since one ends at a NUL."""
