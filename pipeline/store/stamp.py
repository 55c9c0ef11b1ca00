"""How a file looks."""

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
