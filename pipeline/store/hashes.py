"""The sha256 of files by their paths: a dictionary, or, of many files, packed in the order of the paths."""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping
from heapq import merge
from itertools import chain, islice
from operator import itemgetter

from ..packed import FEW, Row, Rows, last_of_each

Pair = tuple[str, str]
"""A path, and the sha256 (hex) of its file."""


class PackedHashes(Mapping[str, str]):
    """The sha256 (hex) of many files by their paths, sorted by code points."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return (path for path, _ in self.pairs())

    def __getitem__(self, path: str) -> str:
        try:
            return self._rows[key_of_path(path)].hex()
        except KeyError:
            raise KeyError(path) from None

    def pairs(self) -> Iterator[Pair]:
        """Yield path and sha256, in order."""
        for key, digest in self.rows():
            yield path_of_key(key), digest.hex()

    def rows(self) -> Iterator[Row]:
        """Yield them as they are packed, in order."""
        return self._rows.rows()

    def items(self) -> ItemsView[str, str]:
        """Return the pairs; going through them opens each block once."""
        return _Items(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        if len(other) != len(self):
            return False
        if isinstance(other, PackedHashes):
            return other is self or all(a == b for a, b in zip(self.pairs(), other.pairs(), strict=True))
        return all(other.get(path) == known for path, known in self.pairs())

    __hash__ = None  # type: ignore[assignment]


class _Items(ItemsView[str, str]):
    def __init__(self, hashes: PackedHashes) -> None:
        super().__init__(hashes)
        self._hashes = hashes

    def __iter__(self) -> Iterator[Pair]:
        return self._hashes.pairs()


def key_of_path(path: str) -> bytes:
    """Return UTF-8, whose order by bytes is that of code points."""
    return path.encode("utf-8", "surrogatepass")


def path_of_key(key: bytes) -> str:
    """Return the inverse of `key_of_path`."""
    return key.decode("utf-8", "surrogatepass")


def hashes(pairs: Iterable[Pair]) -> Mapping[str, str]:
    """Return hashes by path, of pairs in any order; the last one of a path counts."""
    rest = iter(pairs)
    first = list(islice(rest, FEW))
    if len(first) < FEW:
        return dict(first)
    lines = [key_of_path(path) + b"\0" + unhexlify(known) for path, known in chain(first, rest)]
    first.clear()
    lines.sort(key=_path_of)  # stable: of one path, the last one stays the last
    return PackedHashes(Rows(last_of_each((line[:-33], line[-32:]) for line in lines)))


def _path_of(line: bytes) -> bytes:
    return line[:-33]


def merged(older: Mapping[str, str], newer: Mapping[str, str]) -> Mapping[str, str]:
    """Return both; where both have a path, the newer one's counts."""
    if not newer or not older:
        return newer or older
    if not isinstance(older, PackedHashes) and not isinstance(newer, PackedHashes):
        return {**older, **newer}
    return PackedHashes(Rows(last_of_each(merge(_rows(older), _rows(newer), key=itemgetter(0)))))


def kept(known: Mapping[str, str], wanted: Callable[[str], bool]) -> Mapping[str, str]:
    """Return those whose paths are wanted."""
    if all(map(wanted, known)):
        return known
    if isinstance(known, PackedHashes):
        return PackedHashes(Rows(row for row in known.rows() if wanted(path_of_key(row[0]))))
    return {path: each for path, each in known.items() if wanted(path)}


def in_order(known: Mapping[str, str]) -> Iterator[Pair]:
    """Yield the pairs in the order of their paths."""
    return known.pairs() if isinstance(known, PackedHashes) else iter(sorted(known.items()))


def _rows(known: Mapping[str, str]) -> Iterator[Row]:
    """Yield hashes as they are packed, in order."""
    if isinstance(known, PackedHashes):
        return known.rows()
    return ((key_of_path(path), unhexlify(digest)) for path, digest in sorted(known.items()))
