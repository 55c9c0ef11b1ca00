"""How the files of a plan look, and which contents the memory knows by that: no file is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..plan.model import Base, Plan
from ..store.database import Seen
from ..store.stamp import Stamp, key_of_file


class Glance:
    """One look at each file, when it is first asked for."""

    def __init__(self, plan: Plan, seen: Mapping[bytes, Seen]) -> None:
        self._out = os.path.realpath(plan.out)
        self._starts: dict[Base, str] = {
            "data": f"{os.path.realpath(plan.data)}{os.sep}",
            "out": f"{self._out}{os.sep}",
        }
        self._seen = seen
        self._found: dict[bytes, os.stat_result] = {}

    def key(self, base: Base, path: str) -> bytes:
        """What the memory calls a file."""
        return key_of_file(self._starts[base] + path)

    def content(self, base: Base, path: str) -> tuple[int, str] | None:
        """Bytes and sha256 that a file had when it looked as now; None: unknown, or there is none."""
        key = key_of_file(self._starts[base] + path)
        try:
            found = os.stat(key)  # noqa: PTH116 - Path costs ten times as much
        except OSError:
            return None
        self._found[key] = found
        seen = self._seen.get(key)
        if (
            seen is not None
            and seen[1] == found.st_mtime_ns
            and seen[0] == found.st_size
            and seen[2] == found.st_ctime_ns
        ):
            return seen[0], seen[3]
        return None

    def stamp(self, key: bytes) -> tuple[Stamp, int] | None:
        """How a file looked when it was first asked for, and its device."""
        found = self._found.get(key)
        return None if found is None else (Stamp.of(found), found.st_dev)

    def device(self) -> int:
        """That of the output folder; 0 where it is not there."""
        try:
            return os.stat(self._out).st_dev  # noqa: PTH116 - as above
        except OSError:
            return 0
