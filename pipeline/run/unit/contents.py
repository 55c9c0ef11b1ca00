"""Where inputs lie, their keys in results, and the sha256 of their contents, computed once for each."""

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
    """Return the key of an input in results: ``data:film/a.tif``."""
    return f"{item.base}:{item.shown}"


def item_sha256(item: InputFile, data: Path, out: Path) -> str:
    """Return what stands for the content of an input: its sha256 (hex); of a sealed one an HMAC of that.

    Raises: OSError.
    """
    return sealed(item, content_sha256(input_path(item, data, out)))


def sealed(item: InputFile, sha256: str) -> str:
    """Return what stands for the sha256 of an input."""
    return item.seal.content(sha256) if item.seal is not None else sha256


def input_path(item: InputFile, data: Path, out: Path) -> Path:
    """Return the path of an input."""
    return (data if item.base == "data" else out).joinpath(*item.path.split("/"))


class Content(NamedTuple):
    """The sha256 of a file, and the stat() that it had when it was computed."""

    path: Path
    stat: tuple[int, ...]
    sha256: str


AGAIN = "run again when it is at rest"
TICK, COARSE_TICK = 20_000_000, 2_000_000_000
"""Nanoseconds, above the resolution of time stamps of common systems (Linux 1 to 10 ms, Windows 16 ms) and of
FAT (2 s).
"""

_MOST_CONTENTS = 64
_contents: dict[tuple[Path, tuple[int, ...]], str] = {}


def content_sha256(path: Path) -> str:
    """Return the sha256 (hex) of an input, computed once for all ranges of slices that are taken from a file.

    Raises: OSError.
    """
    return content(path).sha256


def content(path: Path) -> Content:
    """Return the content of an input, for `remember_content` in another process. Raises: OSError."""
    stat = steady_stat(path)
    known = _contents.get((path, stat))
    if known is None:
        known = file_sha256(path)
        if stat_of(path) != stat:
            return Content(
                path, (), known
            )  # the file changed while it was read: its sha256 belongs to no stat()
        remember_content(Content(path, stat, known))
    return Content(path, stat, known)


def steady_stat(path: Path) -> tuple[int, ...]:
    """Return a file's stat() at a moment from which on every change shows in it. Raises: OSError.

    A file system counts time in ticks. A file that was changed within the present tick may be changed once
    more and keep its time stamp, so the end of the tick is waited for. Only files written a moment ago cost
    that time.
    """
    while True:
        stat = stat_of(path)
        newest = max(stat[2:])
        tick = TICK if newest % 1_000_000_000 else COARSE_TICK
        left = newest + tick - time.time_ns()
        if not 0 < left <= tick:  # old enough, or from a clock that is not this computer's
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
    """Take over the sha256 that another process computed; it holds while the file's stat() is the same."""
    if len(_contents) >= _MOST_CONTENTS:
        _contents.clear()
    _contents[known.path, known.stat] = known.sha256
