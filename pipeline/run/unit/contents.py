"""Where inputs lie, how they are named in results, and what they hold: each is hashed once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ...errors import SourceError
from ...loaders.files import stat_of
from ...plan.model import InputFile
from ...reading import file_sha256


def key_of(item: InputFile) -> str:
    """Say how an input is named in results: ``data:film/a.tif``."""
    return f"{item.base}:{item.path}"


def input_path(item: InputFile, data: Path, out: Path) -> Path:
    """Say where an input lies."""
    return (data if item.base == "data" else out).joinpath(*item.path.split("/"))


class Content(NamedTuple):
    """What an input held when its stat() was this."""

    path: Path
    stat: tuple[int, ...]
    sha256: str


AGAIN = "run again when it is at rest"
TICK, COARSE_TICK = 20_000_000, 2_000_000_000
"""ns, at least as long as those of common systems (Linux 1 to 10 ms, Windows 16 ms); of FAT."""

_MOST_CONTENTS = 64
_contents: dict[tuple[Path, tuple[int, ...]], str] = {}


def content_sha256(path: Path) -> str:
    """sha256 (hex) of an input; hashed once for all the ranges of slices that are taken from a file.

    Raises: OSError.
    """
    return content(path).sha256


def content(path: Path) -> Content:
    """Return the same, for `remember_content` elsewhere. Raises: OSError."""
    stat = steady_stat(path)
    known = _contents.get((path, stat))
    if known is None:
        known = file_sha256(path)
        if stat_of(path) != stat:
            return Content(path, (), known)  # of no look at all: it changed meanwhile
        remember_content(Content(path, stat, known))
    return Content(path, stat, known)


def steady_stat(path: Path) -> tuple[int, ...]:
    """Return a file's stat(), at a moment from which on every change shows in it. Raises: OSError.

    A file system counts time in ticks: what was changed within this one may be changed again and look the
    same, so the end of the tick is waited for. Only a file that was written a moment ago costs that.
    """
    while True:
        stat = stat_of(path)
        newest = max(stat[2:])
        tick = TICK if newest % 1_000_000_000 else COARSE_TICK
        left = newest + tick - time.time_ns()
        if not 0 < left <= tick:  # settled, or from a clock that is not ours
            return stat
        time.sleep(left / 1_000_000_000)


def refuse_changed(stats: Mapping[InputFile, tuple[int, ...]], data: Path, out: Path) -> None:
    """Compare stat() again. Raises: SourceError, where a file is not what it was when its reading began."""
    for item, stat in stats.items():
        try:
            now = stat_of(input_path(item, data, out))
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror or error}", subject=item.path) from error
        if now != stat:
            raise changed(item.path)


def changed(path: str) -> SourceError:
    return SourceError("changed while it was read", subject=path, hint=AGAIN)


def remember_content(known: Content) -> None:
    """Take over what another process found; it holds as long as the file's stat() is that one."""
    if len(_contents) >= _MOST_CONTENTS:
        _contents.clear()
    _contents[known.path, known.stat] = known.sha256
