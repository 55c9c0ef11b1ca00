"""What was delivered already, in ``.dicombake/x.outbox.sqlite``: memory that may be deleted.

A row is one content of one output at one destination. It holds paths, UIDs, hashes and states, and no value
of any other element. Without it, a destination is asked what it has.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from ...schemas.delivery import AnyDestination, DicomDestination, DicomwebDestination
from ..errors import StoreError
from ..store.database import guard, read_only, refuse_strange
from ..store.state import State as Database
from .model import STATES, State

_TABLE = (
    "CREATE TABLE delivered (destination TEXT, path TEXT, sha256 TEXT, uid TEXT, state TEXT, status TEXT, "
    "PRIMARY KEY (destination, path, sha256)) WITHOUT ROWID"
)
_VERSION = 1
_IS_OURS = " AND ".join(
    (
        *(f"typeof({name}) = 'text'" for name in ("destination", "path", "sha256", "uid", "status")),
        f"state IN ({', '.join(map(repr, STATES))})",
    )
)
"""The condition for a row to be read: nothing in the file is believed, also not its types."""


class Row(NamedTuple):
    """What is known of one content of an output at a destination."""

    sha256: str
    uid: str
    state: State
    status: str


def key_of(name: str, *place: object) -> str:
    """Return the name of a destination with a hash of where it is: another host has nothing of the first."""
    return f"{name} {hashlib.sha256(repr(place).encode()).hexdigest()[:16]}"


def key_at(folder: Path, name: str, destination: AnyDestination) -> str:
    """Return the key of a recipe's destination; `folder` is that of the recipe."""
    if isinstance(destination, DicomDestination):
        return key_of(name, destination.host, destination.port, destination.ae_title)
    if isinstance(destination, DicomwebDestination):
        return key_of(name, destination.url)
    return key_of(name, os.path.realpath(folder / destination.path))


def outbox_file(state: Database) -> Path:
    """Return where the outbox of a recipe lies."""
    return state.folder / f"{state.database.stem}.outbox.sqlite"


def recorded(path: Path) -> dict[tuple[str, str, str], State]:
    """Read states by key, path and sha256, and change nothing; none where there is no outbox of ours."""
    try:
        refuse_strange(path)
        with closing(sqlite3.connect(read_only(path.absolute()), uri=True, timeout=5)) as db:
            guard(db)
            if not _has_table(db):
                return {}
            rows = db.execute(f"SELECT destination, path, sha256, state FROM delivered WHERE {_IS_OURS}")
            return {(key, path, sha256): state for key, path, sha256, state in rows}
    except (sqlite3.Error, OSError, ValueError):
        return {}


class Outbox:
    """The outbox of one recipe, for the delivery that holds its `delivering` lock; threads may share it."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._db = _open(path)
        except (sqlite3.Error, OSError, ValueError):
            try:
                for end in ("", "-journal", "-wal", "-shm"):
                    path.with_name(path.name + end).unlink(missing_ok=True)
                self._db = _open(path)
            except (sqlite3.Error, OSError, ValueError) as error:
                raise StoreError(f"the outbox cannot be written: {error}", subject=str(path)) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock, suppress(sqlite3.Error):
            self._db.close()

    def rows(self, destination: str, path: str) -> list[Row]:
        """Return all that is known of an output at a destination, one row for each content that it had.

        A row with other types or another state than ours is ignored. Raises: StoreError, where the file is
        damaged.
        """
        try:
            with self._lock:
                found = self._db.execute(
                    "SELECT sha256, uid, state, status FROM delivered WHERE destination = ? AND path = ? "
                    f"AND {_IS_OURS}",
                    (destination, path),
                ).fetchall()
        except sqlite3.Error as error:
            raise StoreError(
                f"the outbox cannot be read: {error}", hint="it may be deleted; destinations are asked then"
            ) from error
        return [Row(*row) for row in found]

    def note(self, destination: str, path: str, row: Row) -> None:
        """Keep what became of an output. Raises: StoreError, where the disk is full."""
        try:
            with self._lock:
                self._db.execute(
                    "INSERT OR REPLACE INTO delivered VALUES (?, ?, ?, ?, ?, ?)", (destination, path, *row)
                )
        except sqlite3.Error as error:
            raise StoreError(f"the outbox cannot be written: {error}") from error

    def forget(self, destination: str, path: str, sha256: str) -> None:
        """Forget a content that an output had before."""
        with self._lock, suppress(sqlite3.Error):
            self._db.execute(
                "DELETE FROM delivered WHERE destination = ? AND path = ? AND sha256 = ?",
                (destination, path, sha256),
            )


def _open(path: Path) -> sqlite3.Connection:
    """Return the database. Raises: sqlite3.Error, OSError, ValueError: it is none of ours."""
    if not os.path.lexists(path):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    refuse_strange(path)
    db = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        guard(db)
        db.execute("PRAGMA synchronous = OFF")
        if not _has_table(db):
            if db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
                raise ValueError("it holds something else than the outbox")
            db.executescript(f"BEGIN; {_TABLE}; PRAGMA user_version = {_VERSION}; COMMIT")
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise ValueError("it is damaged")
        db.set_progress_handler(None, 0)  # from here on only statements of this module run on our own table
    except BaseException:
        db.close()
        raise
    return db


def _has_table(db: sqlite3.Connection) -> bool:
    """Tell whether our table is there, and nothing besides."""
    return db.execute("SELECT sql FROM sqlite_master LIMIT 2").fetchall() == [(_TABLE,)]
