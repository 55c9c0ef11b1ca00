"""The key of a de-identified conversion, and what is derived by it: never anything without it.

The key passes once through scrypt (RFC 7914); every pseudonym is HMAC-SHA256 (RFC 2104) with the result.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, NamedTuple

from ..reading import content_of

SALT = b"dicombake deidentify 1"
LEAST = 16
"""Characters of a key."""
_LARGEST = 2**20
"""Bytes of a file with a key."""
_MOST_DAYS = 3652
_MOST_WEEKS = _MOST_DAYS // 7


class Origin(NamedTuple):
    """The place of a key: a variable of the environment, or a file."""

    kind: Literal["env", "file"]
    name: str

    def read(self) -> str:
        """Return the user's key; empty where there is none. Raises: OSError, UnicodeDecodeError."""
        if self.kind == "env":
            return os.environ.get(self.name, "")
        return content_of(self.name, _LARGEST).decode("utf-8").strip()


@dataclass(frozen=True, slots=True)
class Key:
    """What pseudonyms are made with; it is shown nowhere."""

    secret: bytes = field(repr=False)
    origin: Origin | None = field(default=None, repr=False, compare=False)
    """The place that it was read from, where another process can read it for itself."""

    def digest(self, purpose: str, *parts: str) -> bytes:
        """Return the HMAC of some text; each purpose has its own."""
        message = "\0".join((purpose, *parts)).encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, message, hashlib.sha256).digest()

    def hexadecimal(self, purpose: str, *parts: str) -> str:
        return self.digest(purpose, *parts).hex()

    def uid(self, original: str, operations: str = "") -> str:
        """Return the UID in place of another one: ``2.25.`` and an integer of 128 bits (PS3.5 B.2)."""
        parts = (original, operations) if operations else (original,)
        return f"2.25.{int.from_bytes(self.digest('uid', *parts)[:16], 'big')}"

    def identifier(self, original: str) -> str:
        """Return the identifier in place of a patient's: 16 characters, as SH and LO hold."""
        return f"P{self.hexadecimal('patient', original)[:15].upper()}"

    def days(self, patient: str, *, weeks: bool) -> int:
        """Return by how many days the dates of a patient go back: 1 to 3,652, or whole weeks of them."""
        number = int.from_bytes(self.digest("shift", patient)[:8], "big")
        return 7 * (1 + number % _MOST_WEEKS) if weeks else 1 + number % _MOST_DAYS

    def alias(self, path: str) -> str:
        """Return what an input is called where its path may not stand."""
        return f"input-{self.hexadecimal('path', path)[:16]}"

    def content(self, sha256: str) -> str:
        """Return what stands for the content of an input, in place of its hash."""
        return self.hexadecimal("content", sha256)


@lru_cache(maxsize=16)
def derived(key: str) -> Key:
    """Return what pseudonyms are made with, of a user's key: scrypt with n = 2^15, r = 8, p = 1."""
    secret = hashlib.scrypt(key.encode("utf-8"), salt=SALT, n=2**15, r=8, p=1, maxmem=2**26, dklen=32)
    return Key(secret)


@lru_cache(maxsize=16)
def key_from(origin: Origin) -> Key:
    """Return the key of a place, read and derived once in each process.

    Raises: OSError, UnicodeDecodeError.
    """
    return replace(derived(origin.read()), origin=origin)
