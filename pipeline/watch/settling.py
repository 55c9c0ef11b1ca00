"""Which files have come to rest: nothing of them changed for a while."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

Looks = tuple[int, int, int]
"""Size, time of modification (ns) and inode."""


def looks_of(path: Path) -> Looks | None:
    """Return how a file looks; None where it is gone or cannot be asked."""
    try:
        found = os.stat(path)  # noqa: PTH116  a third of Path.stat's time, for every file at every look
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


@dataclass
class Settling:
    """How files looked at the last look, and since when. `clock` and `wall`: seconds, `wall` since 1970."""

    clock: Callable[[], float]
    wall: Callable[[], float]
    seen: dict[Path, tuple[Looks, float]] = field(default_factory=dict)

    def look(self, paths: Iterable[Path]) -> None:
        """Look at the files that there are now; others are forgotten."""
        now, wall = self.clock(), self.wall()
        found: dict[Path, tuple[Looks, float]] = {}
        for path in paths:
            looks = looks_of(path)
            if looks is None:
                continue
            known = self.seen.get(path)
            if known is not None and known[0] == looks:
                found[path] = known
            elif known is None:
                # one that lay there before we looked has rested since it was written, if clocks agree
                found[path] = (looks, now - max(0.0, wall - looks[1] / 1e9))
            else:
                found[path] = (looks, now)
        self.seen = found

    def left(self, path: Path, seconds: float) -> float:
        """Return the seconds until a file will have rested so long; 0: it has; infinite: it is gone."""
        known = self.seen.get(path)
        if known is None:
            return float("inf")
        return max(0.0, known[1] + seconds - self.clock())

    def looks(self, path: Path) -> Looks | None:
        """Return how a file looked at the last look."""
        known = self.seen.get(path)
        return None if known is None else known[0]
