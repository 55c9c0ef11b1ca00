"""The crosswalk: which pseudonym is whose, kept in one encrypted file for those who have its password.

The file is a line of text, 16 bytes of salt, and a Fernet token (the package `cryptography`: AES-128 in CBC
mode with HMAC-SHA256) under a key that scrypt makes of password and salt. In the token is JSON, UTF-8:
``{"patients": {new: {"id", "name", "days"}}, "uids": {new: old}}``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import PlanError

_HEAD = b"dicombake crosswalk 1\n"
_SALT = 16


@dataclass
class Crosswalk:
    """Old identifiers by new ones."""

    patients: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By pseudonym: `id`, `name`, and `days` by which dates were moved back (0: they were not)."""
    uids: dict[str, str] = field(default_factory=dict)

    def merge(self, other: Crosswalk) -> bool:
        """Take over what another one knows; tell whether any of it is new."""
        before = (dict(self.patients), len(self.uids))
        self.patients |= other.patients
        self.uids |= other.uids
        return before != (self.patients, len(self.uids))


def sealed(crosswalk: Crosswalk, password: str, salt: bytes | None = None) -> bytes:
    """Return the bytes of the file."""
    from cryptography.fernet import Fernet

    salt = salt or secrets.token_bytes(_SALT)
    said = {"patients": crosswalk.patients, "uids": crosswalk.uids}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")
    return _HEAD + salt + Fernet(_key(password, salt)).encrypt(text)


def opened(content: bytes, password: str, subject: str) -> Crosswalk:
    """Return what a file holds; `subject`: its path. Raises: PlanError, for another file or password."""
    from cryptography.fernet import Fernet, InvalidToken

    if not content.startswith(_HEAD):
        raise PlanError("is no crosswalk of dicombake", subject=subject, hint="name another file")
    salt, token = content[len(_HEAD) :][:_SALT], content[len(_HEAD) + _SALT :]
    try:
        said: Mapping[str, Any] = json.loads(Fernet(_key(password, salt)).decrypt(token))
    except InvalidToken:
        raise PlanError(
            "the crosswalk cannot be opened: the password is another one, or the file was changed",
            subject=subject,
        ) from None
    return Crosswalk(dict(said["patients"]), dict(said["uids"]))


def _key(password: str, salt: bytes) -> bytes:
    made = hashlib.scrypt(password.encode("utf-8"), salt=salt, n=2**15, r=8, p=1, maxmem=2**26, dklen=32)
    return base64.urlsafe_b64encode(made)
