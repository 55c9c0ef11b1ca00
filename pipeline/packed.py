"""Hold a million records in a few bytes for each: in compressed blocks, each opened where it is asked for.

A record of Python objects takes a kilobyte, and a run knows one of several kinds for each file. In blocks it
takes what zlib leaves of it, and a pass over all of them a microsecond for each.
"""

from __future__ import annotations

import zlib
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Generic, TypeVar, overload

import msgspec

T = TypeVar("T")
Open = TypeVar("Open")

FEW = 20_000
"""Up to so many records are held as they are: they take less memory than the program itself."""
BLOCK = 256
"""Records in a block."""
_OPEN = 16
"""Blocks that stay open."""


class PackingError(Exception):
    """Rows that are not in the order of their keys, or say two things of one."""


class _Blocks(Generic[T, Open]):
    """Blocks of records, of which the last ones that were asked for stay open, in another form if need be."""

    def __init__(self, kind: object, opened: Callable[[T], Open]) -> None:
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(kind).decode
        self._form = opened
        self._blocks: list[bytes | T] = []
        self._opened: dict[int, Open] = {}

    def __len__(self) -> int:
        return len(self._blocks)

    def add(self, block: T) -> None:
        """Add a block; one with a text that is no Unicode is held as it is."""
        try:
            self._blocks.append(zlib.compress(self._encode(block), 1))
        except UnicodeEncodeError:
            self._blocks.append(block)

    def read(self, number: int) -> T:
        """Return a block that is not kept open."""
        block = self._blocks[number]
        if not isinstance(block, bytes):
            return block
        found: T = self._decode(zlib.decompress(block))
        return found

    def open(self, number: int) -> Open:
        """Return a block, and keep it open for a while."""
        found = self._opened.get(number)
        if found is None:
            while len(self._opened) >= _OPEN:
                del self._opened[next(iter(self._opened))]
            found = self._opened[number] = self._form(self.read(number))
        return found


class Sliceable(Sequence[T]):
    """A sequence of which slices are tuples."""

    @abstractmethod
    def at(self, number: int) -> T:
        """Return the record at a position of 0 and up. Raises: IndexError."""

    @overload
    def __getitem__(self, number: int) -> T: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[T]: ...
    def __getitem__(self, number: int | slice) -> T | Sequence[T]:
        if isinstance(number, slice):
            return tuple(self.at(each) for each in range(*number.indices(len(self))))
        if number < 0:
            number += len(self)
            if number < 0:
                raise IndexError(number)
        return self.at(number)


class Packed(Sliceable[T]):
    """Records of one kind (a `msgspec.Struct` of plain values) in the order in which they were appended."""

    def __init__(self, kind: type[T], records: Iterable[T] = ()) -> None:
        self._blocks: _Blocks[list[T], list[T]] = _Blocks(list[kind], list)  # type: ignore[valid-type]
        self._last: list[T] = []
        for record in records:
            self.append(record)

    def append(self, record: T) -> None:
        self._last.append(record)
        if len(self._last) == BLOCK:
            self._blocks.add(self._last)
            self._last = []

    def __len__(self) -> int:
        return len(self._blocks) * BLOCK + len(self._last)

    def __iter__(self) -> Iterator[T]:
        for number in range(len(self._blocks)):
            yield from self._blocks.read(number)
        yield from self._last

    def at(self, number: int) -> T:
        block, rest = divmod(number, BLOCK)
        return (self._last if block == len(self._blocks) else self._blocks.open(block))[rest]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


def packed(kind: type[T], records: Iterable[T]) -> Sequence[T]:
    """Return the records, packed where they are many."""
    rest = iter(records)
    first = tuple(islice(rest, FEW + 1))
    return first if len(first) <= FEW else Packed(kind, chain(first, rest))


Row = tuple[bytes, bytes]
"""A key and its value."""
_Block = tuple[list[bytes], list[bytes]]


class Rows(Mapping[bytes, bytes]):
    """Keys and values in the order of the keys."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Take rows in ascending order; the same row twice counts once. Raises: PackingError."""
        self._blocks: _Blocks[_Block, dict[bytes, bytes]] = _Blocks(_Block, _map)
        self._firsts: list[bytes] = []
        self._near: dict[bytes, bytes] = {}
        """The block that was asked last."""
        self._count = 0
        keys: list[bytes] = []
        values: list[bytes] = []
        last, known = None, b""
        for key, value in rows:
            if last is not None and key <= last:
                if key == last and value == known:
                    continue
                raise PackingError("not in order, or two values for one key")
            last, known = key, value
            keys.append(key)
            values.append(value)
            if len(keys) == BLOCK:
                self._add(keys, values)
                keys, values = [], []
        if keys:
            self._add(keys, values)

    def _add(self, keys: list[bytes], values: list[bytes]) -> None:
        self._firsts.append(keys[0])
        self._blocks.add((keys, values))
        self._count += len(keys)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        return (key for key, _ in self.rows())

    def rows(self) -> Iterator[Row]:
        """Yield keys and values in order."""
        for number in range(len(self._blocks)):
            yield from zip(*self._blocks.read(number), strict=True)

    def __getitem__(self, key: bytes) -> bytes:
        found = self._near.get(key)  # most are asked for in about their order
        if found is not None:
            return found
        number = bisect_right(self._firsts, key) - 1
        if number < 0:
            raise KeyError(key)
        self._near = self._blocks.open(number)
        return self._near[key]


def _map(block: _Block) -> dict[bytes, bytes]:
    return dict(zip(*block, strict=True))


def last_of_each(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the last row of those that follow each other with one key."""
    last = None
    for row in rows:
        if last is not None and last[0] != row[0]:
            yield last
        last = row
    if last is not None:
        yield last
