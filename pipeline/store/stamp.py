"""How a file looks, and what the memory calls it."""

from __future__ import annotations

import os
from typing import NamedTuple


class Stamp(NamedTuple):
    """How a file looks without being read: bytes, and in ns its times of modification and of change."""

    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> Stamp:
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def key_of_file(path: str) -> bytes:
    """A file's name in the memory; `path` begins with a resolved folder, what follows may have ``/``."""
    return os.fsencode(path if os.sep == "/" else os.path.normcase(path))
