"""List folders: as they come for one search, or once for the many searches of a plan."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from ..errors import PlanError
from .globs import nfc

Entry = tuple[str, os.DirEntry[str]]
"""A name in Unicode's normal form C, and what the folder says of it."""

FEW = 8
"""Up to so many searches list for themselves: what is kept costs memory for every file of a folder."""


class Listing:
    """Lists folders. With `kept`, each is read once, and names are found by how they begin.

    A plan of many conversions looks into one folder many times: without this its time grows with the
    number of conversions times the number of files.
    """

    def __init__(self, *, kept: bool = False) -> None:
        self._kept: dict[str, tuple[list[str], list[os.DirEntry[str]]]] | None = {} if kept else None

    def entries(self, folder: str, beginnings: Sequence[str]) -> Iterator[Entry]:
        """Yield at least those entries whose names (NFC) begin with one of the texts.

        Raises: PlanError for a folder that cannot be listed.
        """
        try:
            if self._kept is None:
                with os.scandir(folder) as entries:
                    yield from ((nfc(entry.name), entry) for entry in entries)
                return
            if folder not in self._kept:
                with os.scandir(folder) as entries:
                    named = sorted(((nfc(entry.name), entry) for entry in entries), key=lambda item: item[0])
                self._kept[folder] = [name for name, _ in named], [entry for _, entry in named]
        except OSError as error:
            reason = error.strerror or str(error)
            raise PlanError(f"the folder cannot be listed: {reason}", subject=folder) from error
        names, found = self._kept[folder]
        for beginning in _distinct(beginnings):
            at = bisect_left(names, beginning)
            while at < len(names) and names[at].startswith(beginning):
                yield names[at], found[at]
                at += 1


def _distinct(beginnings: Iterable[str]) -> list[str]:
    """Leave out each text that begins with another one, so that no name is yielded twice."""
    kept: list[str] = []
    for text in sorted(set(beginnings)):
        if not (kept and text.startswith(kept[-1])):
            kept.append(text)
    return kept
