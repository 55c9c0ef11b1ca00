"""The stat() fingerprints of a plan's files, and the contents that the database knows by them.

No file is opened: a second run that changes nothing costs one stat() for each file.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from heapq import merge
from operator import itemgetter

from ..packed import FEW, Rows, last_of_each
from ..places.place import Place
from ..plan.model import Base, Plan
from ..store.rows import Seen
from ..store.stamp import Stamp, key_of_file

_STAMP = struct.Struct("<qqqQ")
_pack = _STAMP.pack
_LARGEST = 2**64 - 1


class SeenFiles:
    """Take the fingerprint of each file once, when first asked for, and compare it with the database."""

    def __init__(self, plan: Plan, seen: Mapping[bytes, Seen]) -> None:
        self._places: dict[Base, Place] = {"data": plan.place("data"), "out": plan.place("out")}
        self._starts = {base: place.start for base, place in self._places.items()}
        self._out = os.path.realpath(plan.out)
        self._seen = seen
        self._found: dict[bytes, bytes] = {}
        self._packed: list[Rows] = []
        self._aliases = _aliases(plan)
        self.paths = {alias: path for path, alias in self._aliases.items()}
        """The paths of inputs that are de-identified, by what they are called."""

    def key(self, base: Base, path: str) -> bytes:
        """Return the key of a file in the database; of an input that is de-identified its alias."""
        alias = self._aliases.get(path) if base == "data" else None
        return key_of_file(self._starts[base] + path) if alias is None else alias.encode()

    def content(self, base: Base, path: str) -> tuple[int, str] | None:
        """Return the size and sha256 of a file, where its fingerprint is the known one; else None."""
        key = self.key(base, path)
        try:
            found = self._places[base].stat(path)
        except OSError:
            return None
        stamp = found.st_size, found.st_mtime_ns, found.st_ctime_ns
        with suppress(struct.error):  # dated after 2262: never settled, so never remembered either
            self._found[key] = _pack(*stamp, found.st_dev & _LARGEST)
            if len(self._found) > FEW:
                self._packed.append(Rows(sorted(self._found.items())))
                self._found = {}
        seen = self._seen.get(key)
        return (seen[0], seen[3]) if seen is not None and seen[:3] == stamp else None

    def stamp(self, key: bytes) -> tuple[Stamp, int] | None:
        """Return the fingerprint that a file had when it was first asked for, and its device."""
        if self._packed:
            self._join()
        found = self._found.get(key) or (self._packed[0].get(key) if self._packed else None)
        if found is None:
            return None
        size, modified, changed, device = _STAMP.unpack(found)
        return Stamp(size, modified, changed), device

    def _join(self) -> None:
        """Join what was packed; of a file that was asked for several times, the last fingerprint counts."""
        if self._packed and (self._found or len(self._packed) > 1):
            parts = (*(part.rows() for part in self._packed), sorted(self._found.items()))
            self._packed = [Rows(last_of_each(merge(*parts, key=itemgetter(0))))]
            self._found = {}

    def device(self) -> int:
        """Return the device number of the output folder; 0 where it does not exist."""
        try:
            return os.stat(self._out).st_dev & _LARGEST  # noqa: PTH116 - Path costs ten times as much
        except OSError:
            return 0


def _aliases(plan: Plan) -> Mapping[str, str]:
    """Return what inputs that are de-identified are called, by their paths, which may name a patient."""
    if all(conversion.deidentify is None for conversion in plan.lowered.conversions.values()):
        return {}
    return {item.path: item.alias for unit in plan.units for item in unit.files if item.alias}
