"""Read the parts of a XIM file in their order: header, pixels, histogram, properties (docs/formats/xim.md).

Every length is checked against the bytes that are left before anything is read or memory is taken.
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from msgspec import Struct

from ...errors import SourceError
from ...imaging.image import Pixels
from ..base import check_claim
from ..signatures import XIM
from .pixels import CodingError, decode

if TYPE_CHECKING:
    from ..options import Limits

_HEADER = struct.Struct("<6i")
_UNSET_DOUBLE = 3.4028234663852886e38
_UNSET_INTEGER = 2**31 - 1


class Header(Struct, frozen=True):
    """The fields before the pixels."""

    version: int
    columns: int
    rows: int
    bits: int
    """Bits per pixel as the file says (20 and 16 were seen); the size in the file is `itemsize`."""
    itemsize: int
    compressed: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the pixels: 2-byte images are unsigned, 4-byte ones are signed."""
        return np.dtype(np.uint16 if self.itemsize == 2 else np.int32)


class Cursor:
    """A file that is read forward; it knows how many bytes are left, and its errors say where they ended."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file = file
        self.path = path
        self.offset = 0
        self.size = os.fstat(file.fileno()).st_size

    def fail(self, what: str) -> SourceError:
        """Return the error for something wrong at this place."""
        return SourceError(f"byte {self.offset}: {what}", subject=str(self.path))

    def claim(self, count: int, what: str) -> None:
        """Check that `count` bytes are left. Raises: SourceError."""
        if count < 0:
            raise self.fail(f"a length of {count} bytes for {what}")
        if count > self.size - self.offset:
            raise self.fail(
                f"{what} of {count} bytes, but the file ends after {self.size - self.offset}; it is truncated"
            )

    def take(self, count: int, what: str) -> bytes:
        self.claim(count, what)
        data = self.file.read(count)
        if len(data) != count:
            raise self.fail(f"{what} of {count} bytes, but only {len(data)} could be read")
        self.offset += count
        return data

    def skip(self, count: int, what: str) -> None:
        self.claim(count, what)
        self.offset += count
        self.file.seek(self.offset)

    def integer(self, what: str) -> int:
        return int(struct.unpack("<i", self.take(4, what))[0])


def read_header(cursor: Cursor, limits: Limits) -> Header:
    """Read the 32 bytes at the start. Raises: SourceError."""
    if cursor.size < len(XIM) or cursor.take(len(XIM), "the identifier") != XIM:
        cursor.offset = 0
        raise cursor.fail("this is no XIM file: it does not start with the identifier VMS.XI")
    version, columns, rows, bits, itemsize, compressed = _HEADER.unpack(cursor.take(24, "the header"))
    check_claim(cursor.path, limits, rows=rows, columns=columns)
    if itemsize not in (2, 4):
        raise cursor.fail(f"{itemsize} bytes per pixel; 2 and 4 are known")
    if not 1 <= bits <= 32:
        raise cursor.fail(f"{bits} bits per pixel; 1 to 32 are possible")
    if compressed not in (0, 1):
        raise cursor.fail(f"compression {compressed}; 0 and 1 are known")
    return Header(version, columns, rows, bits, itemsize, bool(compressed))


def read_pixels(cursor: Cursor, header: Header) -> Pixels:
    """Return the image, (rows, columns), uint16 or int32. Raises: SourceError."""
    if not header.compressed:
        data = cursor.take(_plain_size(cursor, header), "the pixels")
        values = np.frombuffer(data, header.dtype.newbyteorder("<"))
        return values.reshape(header.rows, header.columns).astype(header.dtype, copy=False)
    table, size = _compressed_sizes(cursor, header)
    start = cursor.offset
    seeds = np.frombuffer(cursor.take(4 * (header.columns + 1), "the first pixels"), "<i4")
    data = cursor.take(size - 4 * (header.columns + 1), "the differences")
    try:
        image = decode(
            seeds.astype(np.int32, copy=False),
            np.frombuffer(table, np.uint8),
            np.frombuffer(data, np.uint8),
            header.rows,
            header.columns,
        )
    except CodingError as error:
        cursor.offset = start
        raise cursor.fail(str(error)) from None
    _check_uncompressed_size(cursor, header)
    return _narrow(cursor, header, image)


def skip_pixels(cursor: Cursor, header: Header) -> None:
    """Move behind the pixels without decoding them. Raises: SourceError."""
    if header.compressed:
        _, size = _compressed_sizes(cursor, header)
        cursor.skip(size, "the compressed pixels")
        _check_uncompressed_size(cursor, header)
    else:
        cursor.skip(_plain_size(cursor, header), "the pixels")


def _plain_size(cursor: Cursor, header: Header) -> int:
    size = cursor.integer("the size of the pixels")
    expected = header.rows * header.columns * header.itemsize
    if size != expected:
        raise cursor.fail(
            f"{size} bytes of pixels; {header.rows} x {header.columns} pixels of {header.itemsize} bytes "
            f"are {expected}"
        )
    return size


def _compressed_sizes(cursor: Cursor, header: Header) -> tuple[bytes, int]:
    """Return the look-up table, and how many bytes of first pixels and differences follow it."""
    coded = header.rows * header.columns - header.columns - 1
    if coded < 0:
        raise cursor.fail(f"a compressed image of {header.rows} row; two are the fewest possible")
    table_size = cursor.integer("the size of the look-up table")
    if table_size < -(-coded // 4):
        raise cursor.fail(f"a look-up table of {table_size} bytes; {coded} differences need {-(-coded // 4)}")
    if table_size > header.rows * header.columns:
        raise cursor.fail(f"a look-up table of {table_size} bytes for {coded} differences")
    table = cursor.take(table_size, "the look-up table")[: -(-coded // 4)]
    size = cursor.integer("the size of the compressed pixels")
    least = 4 * (header.columns + 1) + coded
    if not least <= size <= 4 * header.rows * header.columns:
        raise cursor.fail(
            f"{size} bytes of compressed pixels; {header.rows} x {header.columns} of them take {least} to "
            f"{4 * header.rows * header.columns}"
        )
    cursor.claim(size, "the compressed pixels")
    return table, size


def _check_uncompressed_size(cursor: Cursor, header: Header) -> None:
    size = cursor.integer("the uncompressed size")
    expected = header.rows * header.columns * header.itemsize
    if size != expected:
        raise cursor.fail(
            f"an uncompressed size of {size}; {header.rows} x {header.columns} pixels of "
            f"{header.itemsize} bytes are {expected}"
        )


def _narrow(cursor: Cursor, header: Header, image: Pixels) -> Pixels:
    """Return the image in the file's own type.

    Refuse a value out of its range, which means a damaged file.
    """
    if header.itemsize == 4:
        return image
    low, high = int(image.min()), int(image.max())
    if low < 0 or high > 65535:
        raise cursor.fail(
            f"the decoded values run from {low} to {high}, but 2-byte pixels hold 0 to 65535; "
            "the compressed pixels are damaged"
        )
    return image.astype(np.uint16)


def read_properties(cursor: Cursor, limits: Limits) -> dict[str, Any]:
    """Skip the histogram and return properties by name in the file's order, without those that are not set.

    Values are int, float, text, or a list of numbers in which None is one that is not set. What follows the
    properties (8 bytes in version 2, nothing in version 0) is not read.

    Raises:
        SourceError: for lengths that the file does not hold, unknown types, a name given twice.
    """
    bins = cursor.integer("the number of histogram bins")
    cursor.skip(4 * bins if bins >= 0 else bins, "the histogram")
    count = cursor.integer("the number of properties")
    if count < 0 or count * 12 > cursor.size - cursor.offset:
        raise cursor.fail(f"{count} properties, which do not fit the rest of the file")
    start = cursor.offset
    found: dict[str, Any] = {}
    for _ in range(count):
        name = _text(cursor.take(cursor.integer("the length of a name"), "the name of a property"))
        value = _value(cursor, name)
        if name in found:
            raise cursor.fail(f"the property {name} stands twice")
        found[name] = value
        if cursor.offset - start > limits.header_bytes:
            raise cursor.fail(f"properties of more than the limit of {limits.header_bytes} bytes")
    return {name: value for name, value in found.items() if value is not None}


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _value(cursor: Cursor, name: str) -> Any:
    kind = cursor.integer(f"the type of {name}")
    if kind == 0:
        return _number(cursor.integer(name))
    if kind == 1:
        return _number(struct.unpack("<d", cursor.take(8, name))[0])
    if kind == 2:
        return _text(cursor.take(cursor.integer(f"the length of {name}"), name))
    if kind in (4, 5):
        item = 8 if kind == 4 else 4
        data = cursor.take(cursor.integer(f"the length of {name}"), name)
        if len(data) % item:
            raise cursor.fail(f"{name} has {len(data)} bytes, which are no numbers of {item} bytes")
        numbers = np.frombuffer(data, "<f8" if kind == 4 else "<i4").tolist()
        return [_number(number) for number in numbers]
    raise cursor.fail(f"{name} has the unknown type {kind}")


def _number(value: float) -> float | None:
    """Return the number; None where it means "not set" or is not finite."""
    if isinstance(value, int):
        return None if value == _UNSET_INTEGER else value
    return None if value == _UNSET_DOUBLE or not math.isfinite(value) else value
