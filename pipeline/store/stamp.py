"""The stat() fingerprint of a file, and its key in the state database."""

from __future__ import annotations

import os
from typing import NamedTuple

from ..reading import Stat


class Stamp(NamedTuple):
    """The stat() fingerprint of a file: size in bytes, mtime and ctime in ns."""

    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, found: Stat) -> Stamp:
        """Return the fingerprint by what stat() gave."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def key_of_file(path: str) -> bytes:
    """Return the key of a file in the database.

    `path` begins with a resolved folder; what follows may have ``/``.
    """
    return os.fsencode(path if os.sep == "/" else os.path.normcase(path))
