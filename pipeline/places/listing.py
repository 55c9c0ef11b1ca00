"""List folders: as they come for one search, or once for the many searches of a plan."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from ..errors import PlanError
from .names import nfc


class Named(Protocol):
    """What is used of `os.DirEntry`."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    def is_dir(self) -> bool: ...
    def is_file(self) -> bool: ...
    def is_symlink(self) -> bool: ...


Entry = tuple[str, Named]
"""A name in Unicode's normal form C, and what the folder says of it."""

FEW = 8
"""Up to so many searches list for themselves: what is kept costs memory for every file of a folder."""


class Listing:
    """Lists folders. With `kept`, each is read once, and names are found by how they begin.

    A plan of many conversions looks into one folder many times: without this its time grows with the
    number of conversions times the number of files.
    """

    def __init__(self, *, kept: bool = False) -> None:
        self._kept: dict[str, tuple[list[str], list[Named]]] | None = {} if kept else None

    def entries(self, folder: str, beginnings: Sequence[str]) -> Iterator[Entry]:
        """Yield at least those entries whose names (NFC) begin with one of the texts.

        Raises: PlanError for a folder that cannot be listed.
        """
        try:
            if self._kept is None:
                yield from self._listed(folder, beginnings)
                return
            if folder not in self._kept:
                named = sorted(self._listed(folder, ("",)), key=lambda item: item[0])
                self._kept[folder] = [name for name, _ in named], [entry for _, entry in named]
        except OSError as error:
            reason = error.strerror or str(error)
            raise PlanError(f"the folder cannot be listed: {reason}", subject=folder) from error
        names, found = self._kept[folder]
        for beginning in distinct(beginnings):
            at = bisect_left(names, beginning)
            while at < len(names) and names[at].startswith(beginning):
                yield names[at], found[at]
                at += 1

    def _listed(self, folder: str, beginnings: Sequence[str]) -> Iterator[Entry]:
        """Yield the entries of a folder, those that begin otherwise, too, where that costs nothing."""
        with os.scandir(folder) as entries:
            yield from ((nfc(entry.name), entry) for entry in entries)


def distinct(beginnings: Iterable[str]) -> list[str]:
    """Leave out each text that begins with another one, so that no name is yielded twice."""
    kept: list[str] = []
    for text in sorted(set(beginnings)):
        if not (kept and text.startswith(kept[-1])):
            kept.append(text)
    return kept
