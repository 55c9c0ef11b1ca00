"""Walk the directories of a TIFF (TIFF 6.0 section 2) before tifffile reads them.

tifffile ignores tags whose values lie behind the end of the file, and pages whose directory does: a file that
lost its last bytes would become another picture, or fewer pages.
"""

from __future__ import annotations

import struct
from io import BufferedReader
from pathlib import Path

from msgspec import Struct

from ...errors import Note, SourceError

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
"""Bytes of a value, by its type."""


class _Form(Struct, frozen=True):
    """The packing of numbers in classic TIFF or BigTIFF."""

    order: str
    count: str
    entry: str
    offset: str
    first: int


def check_directories(file: BufferedReader, path: Path, most: int) -> tuple[Note, ...]:
    """Walk the chain of pages, at most `most` of them.

    Raises:
        SourceError: a tag or a directory that is cut off.

    Returns:
        A note where the chain leads behind the end of the file.
    """
    size = file.seek(0, 2)
    file.seek(0)
    form = _form(file.read(16))
    at, seen = form.first, set[int]()
    while at and at not in seen and len(seen) <= most:
        if at >= size:
            if not seen:
                raise SourceError("is a TIFF without a page, or one that ends before it", subject=str(path))
            text = f"the next page would lie at byte {at} of {size}: the file is cut off, and a page is lost"
            file.seek(0)
            return (Note("page-lost", text, contradiction=True),)
        seen.add(at)
        at = _directory(file, form, at, size, path)
    file.seek(0)
    return ()


def _form(head: bytes) -> _Form:
    order = "<" if head.startswith(b"II") else ">"
    if head[2:4] in (b"+\0", b"\0+"):
        (first,) = struct.unpack_from(f"{order}Q", head.ljust(16, b"\0"), 8)
        return _Form(order, "Q", "HHQ8s", "Q", first)
    (first,) = struct.unpack_from(f"{order}I", head.ljust(16, b"\0"), 4)
    return _Form(order, "H", "HHI4s", "I", first)


def _directory(file: BufferedReader, form: _Form, at: int, size: int, path: Path) -> int:
    """Check one directory; return where the next one lies."""
    count_size = struct.calcsize(form.order + form.count)
    entry_size, offset_size = (
        struct.calcsize(form.order + form.entry),
        struct.calcsize(form.order + form.offset),
    )
    file.seek(at)
    (count,) = struct.unpack(form.order + form.count, file.read(count_size).ljust(count_size, b"\0"))
    if at + count_size + count * entry_size + offset_size > size:
        raise _cut(f"a directory of {count} tags does not fit the file", path)
    entries = file.read(count * entry_size)
    for index in range(count):
        code, kind, values, inline = struct.unpack_from(form.order + form.entry, entries, index * entry_size)
        length = values * _SIZES.get(kind, 0)
        if length > len(inline):
            (place,) = struct.unpack(form.order + form.offset, inline)
            if place + length > size:
                raise _cut(f"the values of its tag {code} end at byte {place + length} of {size}", path)
    return int(struct.unpack(form.order + form.offset, file.read(offset_size))[0])


def _cut(why: str, path: Path) -> SourceError:
    return SourceError(f"is a truncated or damaged TIFF: {why}", subject=str(path))
