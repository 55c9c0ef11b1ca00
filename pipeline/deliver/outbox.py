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
from ..store.database import read_only
from ..store.state import State as Database
from .model import STATES, State

_TABLE = (
    "CREATE TABLE delivered (destination TEXT, path TEXT, sha256 TEXT, uid TEXT, state TEXT, status TEXT, "
    "PRIMARY KEY (destination, path, sha256)) WITHOUT ROWID"
)
_VERSION = 1


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
    if path.is_symlink() or not path.is_file():
        return {}
    try:
        with closing(sqlite3.connect(read_only(path.resolve()), uri=True, timeout=5)) as db:
            db.execute("PRAGMA trusted_schema = OFF")
            if db.execute("SELECT sql FROM sqlite_master").fetchall() != [(_TABLE,)]:
                return {}
            rows = db.execute("SELECT destination, path, sha256, state FROM delivered").fetchall()
    except sqlite3.Error:
        return {}
    return {(key, path, sha256): state for key, path, sha256, state in rows if state in STATES}


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
        """Return all that is known of an output at a destination, one row for each content that it had."""
        with self._lock:
            found = self._db.execute(
                "SELECT sha256, uid, state, status FROM delivered WHERE destination = ? AND path = ?",
                (destination, path),
            ).fetchall()
        return [Row(*row) for row in found if row[2] in STATES]

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
    if path.is_symlink():
        raise ValueError("it is a link")
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    db = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA synchronous = OFF")
        tables = db.execute("SELECT sql FROM sqlite_master").fetchall()
        if not tables:
            db.executescript(f"BEGIN; {_TABLE}; PRAGMA user_version = {_VERSION}; COMMIT")
        elif tables != [(_TABLE,)]:
            raise ValueError("it holds something else than the outbox")
        db.execute("SELECT * FROM delivered LIMIT 1").fetchall()
    except BaseException:
        db.close()
        raise
    return db
