"""What is asked of an object store, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from ..errors import StoreError


class Found(NamedTuple):
    """One object as the store tells of it; `tag` and `version` are empty where it tells none.

    The tag is an ETag: it says whether an object changed, and nothing of what is in it.
    """

    size: int
    modified: int
    """Seconds; 0 where the store does not say."""
    tag: str = ""
    version: str = ""


class Page(NamedTuple):
    """A part of a listing: the names of folders, and those of objects with what is told of them."""

    folders: list[str]
    objects: list[tuple[str, Found]]


class ChangedError(Exception):
    """The object is not the one that was asked for: it was changed, or is gone."""


class TakenError(Exception):
    """Somebody else's object has the name, or took the place of the one that was to be replaced."""


class TransientError(Exception):
    """The store does not answer, or asks to be asked again; the message says what happened."""


class Client(Protocol):
    """The few calls of one bucket. Keys begin with the prefix of the URL.

    Each call raises FileNotFoundError for what is not there, PermissionError for what is not allowed,
    TransientError for what may go well when it is tried again, and OSError for the rest.
    """

    conditions: str
    """What the store cannot promise, as a clause; empty where it can do everything."""

    def page(self, prefix: str, after: str) -> tuple[Page, str]:
        """List the names that follow a prefix, up to the next ``/``.

        Returns: one page, and the mark after which the next one begins; empty at the end.
        """

    def head(self, key: str) -> Found:
        """Return what the store tells of an object."""

    def read(self, key: str, found: Found, start: int, sink: Callable[[bytes], object]) -> str:
        """Pass the bytes of an object from `start` on to `sink`, piece by piece.

        Returns: the sha256 (hex) that the store has of the whole object; empty where it has none.
        Raises: ChangedError, where it is not the object found before.
        """

    def write(self, key: str, file: Path, sha256: bytes, over: Found | None) -> Found:
        """Send a file with its sha256, as a new object or over one that was found before.

        Raises: TakenError.
        """

    def remove(self, key: str, found: Found) -> None:
        """Delete this very object. Raises: ChangedError, where another one has its name."""


PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between tries of what may go well the next time."""


def reason_of(error: Exception) -> str:
    """Return why a file cannot be read, as a clause."""
    if isinstance(error, ChangedError):
        return "it changed while it was read"
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


def refused(error: Exception, url: str) -> StoreError:
    """Return the error for people: what happened, with bucket and key."""
    if isinstance(error, TransientError):
        what, hint = f"the store does not answer: {error}", "run again: it goes on from here"
    elif isinstance(error, PermissionError):
        what, hint = f"access denied: {error}", "see which credentials the environment gives"
    else:
        what, hint = f"the store refuses: {error}", ""
    return StoreError(what, subject=url, hint=hint)
