"""How the files of a plan look, and which contents the memory knows by that: no file is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..database import Seen, Stamp
from ..plan import Plan
from ..state import key_of_file
from ..units import Base


class Glance:
    """One look at each file, when it is first asked for."""

    def __init__(self, plan: Plan, seen: Mapping[bytes, Seen]) -> None:
        self._bases: dict[Base, str] = {
            "data": os.path.realpath(plan.data),
            "out": os.path.realpath(plan.out),
        }
        self._seen = seen
        self._stamps: dict[bytes, tuple[Stamp, int]] = {}

    def key(self, base: Base, path: str) -> bytes:
        """What the memory calls a file."""
        return key_of_file(f"{self._bases[base]}{os.sep}{path}")

    def content(self, base: Base, path: str) -> tuple[int, str] | None:
        """Bytes and sha256 that a file had when it looked as now; None: unknown, or there is none."""
        full = f"{self._bases[base]}{os.sep}{path}"
        try:
            found = os.stat(full)  # noqa: PTH116 - Path costs ten times as much
        except OSError:
            return None
        key = key_of_file(full)
        stamp = Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        self._stamps[key] = stamp, found.st_dev
        seen = self._seen.get(key)
        return (seen[0], seen[3]) if seen is not None and seen[:3] == stamp else None

    def stamp(self, key: bytes) -> tuple[Stamp, int] | None:
        """How a file looked when it was first asked for, and its device."""
        return self._stamps.get(key)

    def device(self) -> int:
        """That of the output folder; 0 where it is not there."""
        try:
            return os.stat(self._bases["out"]).st_dev  # noqa: PTH116 - as above
        except OSError:
            return 0
