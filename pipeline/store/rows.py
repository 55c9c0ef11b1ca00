"""Rows of the database in memory; of many, packed."""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import chain, islice
from struct import Struct

from ..packed import FEW, Rows

Seen = tuple[int, int, int, str]
"""The parts of a `Stamp`, and the sha256 (hex) of the content that was read then."""


def seen_rows(rows: Iterable[tuple[bytes, int, int, int, str]]) -> Mapping[bytes, Seen]:
    """Return the rows (in the order of their paths) by path; of many, packed."""
    rest = iter(rows)
    first = list(islice(rest, FEW))
    if len(first) < FEW:
        return {row[0]: row[1:] for row in first}
    each = chain(first, rest)
    return _SeenRows(
        Rows(
            (path, _pack(size, modified, changed, unhexlify(known)))
            for path, size, modified, changed, known in each
        )
    )


_SEEN = Struct("<qqq32s")
_pack = _SEEN.pack


class _SeenRows(Mapping[bytes, Seen]):
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._rows)

    def __getitem__(self, path: bytes) -> Seen:
        size, modified, changed, digest = _SEEN.unpack(self._rows[path])
        return size, modified, changed, digest.hex()


def written_rows(rows: Iterable[tuple[bytes]]) -> AbstractSet[bytes]:
    """Return the names (in their order); many are packed."""
    rest = iter(rows)
    first = [name for (name,) in islice(rest, FEW)]
    if len(first) < FEW:
        return frozenset(first)
    return Rows((name, b"") for name in chain(first, (name for (name,) in rest))).keys()
