"""Open a DICOM file: whether it is one, its transfer syntax, and its elements.

A file without the preamble of PS3.10 is recognised by reading its first elements in every encoding there is.
It counts as DICOM when exactly one of them gives sound elements, and is refused otherwise.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from ....schemas.language import vr as vrs
from ...errors import SourceError
from ...printable import without_values
from ..files import head_of, opened
from ..said import said_by

if TYPE_CHECKING:
    from pydicom import Dataset

    from ..options import Limits

Encoding = Literal["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]
IMPLICIT: Encoding = "1.2.840.10008.1.2"
EXPLICIT: Encoding = "1.2.840.10008.1.2.1"
BIG_ENDIAN: Encoding = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

BROKEN = (
    ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, LookupError, NotImplementedError,
    OSError, RuntimeError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip
"""Exceptions of pydicom and its codecs on damaged bytes; see `broken`."""

PREFIX = b"DICM"
"""Behind the preamble of 128 bytes (PS3.10 7.1)."""

HEAD = 4096
"""Bytes in which the first elements are looked for."""

_UNDEFINED = 0xFFFFFFFF
_SOUND = 3
"""Number of consecutive sound elements that a file without preamble must begin with."""


def reason(error: Exception) -> str:
    """Return what a reader met as a sentence for users."""
    if isinstance(error, EOFError) or str(error).startswith("No tag to read"):
        return "it ends within an element"
    if isinstance(error, zlib.error):
        return "its deflated part is broken"
    otherwise = "its elements are not what their VR or their length says"
    if isinstance(error, NotImplementedError) or type(error).__name__ == "BytesLengthException":
        return otherwise
    return without_values(said_by(error, otherwise))


def broken() -> tuple[type[Exception], ...]:
    """Return `BROKEN` and pydicom's own exception classes, which derive from none of them."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return *BROKEN, BytesLengthException, InvalidDicomError


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Silence pydicom's warnings, and turn its exceptions on damaged bytes into SourceError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except RecursionError as error:
            raise SourceError(
                "cannot be read as DICOM: its sequences are nested too deep", subject=str(path)
            ) from error
        except MemoryError as error:
            raise SourceError("needs more memory than there is", subject=str(path)) from error
        except broken() as error:
            raise SourceError(f"cannot be read as DICOM: {reason(error)}", subject=str(path)) from error


def looks_like(head: bytes, size: int) -> bool:
    """Tell whether a file of `size` bytes that starts with `head` is DICOM."""
    return head[128:132] == PREFIX or (_after_meta(head, 0) > 0 or len(_encodings(head, 0, size)) == 1)


class _Element(Struct, frozen=True):
    group: int
    tag: int
    length: int
    end: int


def _elements(data: bytes, start: int, encoding: Encoding) -> Iterator[_Element]:
    """Yield elements from `start` as far as `data` goes.

    End where the bytes make no sense (a length of -1).
    """
    order = ">" if encoding == BIG_ENDIAN else "<"
    position = start
    while position + 12 <= len(data):
        group, element = struct.unpack_from(f"{order}HH", data, position)
        if encoding == IMPLICIT:
            (length,) = struct.unpack_from("<I", data, position + 4)
            header = 8
        else:
            vr = data[position + 4 : position + 6].decode("latin-1")
            if vr not in vrs.ALL:
                yield _Element(group, element, -1, position)
                return
            long = vr in vrs.LONG
            length = struct.unpack_from(
                f"{order}{'I' if long else 'H'}", data, position + (8 if long else 6)
            )[0]
            header = 12 if long else 8
        if length == _UNDEFINED:
            return
        yield _Element(group, (group << 16) | element, length, position + header + length)
        position += header + length


def _after_meta(data: bytes, start: int) -> int:
    """Return where the file meta (group 0002, always explicit little endian) ends; 0 if there is none."""
    end = 0
    for found in _elements(data, start, EXPLICIT):
        if found.group != 2 or found.length < 0:
            break
        end = found.end
    return end


def _encodings(data: bytes, start: int, size: int) -> list[Encoding]:
    """Return the encodings in which the elements from `start` are sound."""
    every: tuple[Encoding, ...] = (IMPLICIT, EXPLICIT, BIG_ENDIAN)
    return [encoding for encoding in every if _sound(data, start, size, encoding)]


def _sound(data: bytes, start: int, size: int, encoding: Encoding) -> bool:
    """Check that tags rise, start in group 8 (or near it) and have lengths that fit in the file."""
    last, count = 0, 0
    for found in _elements(data, start, encoding):
        first_group = count > 0 or found.group in (0x0004, 0x0008, 0x0010)
        even = encoding != IMPLICIT or found.length % 2 == 0
        if found.length < 0 or found.tag <= last or found.end > size or not (first_group and even):
            return False
        last, count = found.tag, count + 1
        if count == _SOUND:
            return True
    # A shorter file is sound too, as is one whose third element is a long one beyond the head.
    return count > 0 and (len(data) >= size or count > 1)


def read_dataset(path: Path, limits: Limits, *, pixels: bool = True) -> Dataset:
    """Return the elements of a DICOM file; a missing TransferSyntaxUID is found by trial and set.

    Raises:
        SourceError: for a file that is not DICOM, or is damaged.
    """
    head = head_of(path, HEAD)
    size = path.stat().st_size
    if not head:
        raise SourceError("is empty", subject=str(path))
    if not looks_like(head, size):
        raise SourceError("is not DICOM: no preamble, and no DICOM elements at its start", subject=str(path))
    from pydicom import dcmread

    with guarded(path):
        check_deflated(path, head, limits)
        with opened(path) as file:
            dataset: Dataset = dcmread(file, force=True, stop_before_pixels=not pixels)
        if not dataset.file_meta.get("TransferSyntaxUID"):
            _set_syntax(path, dataset, size)
        elif dataset.file_meta.TransferSyntaxUID.is_private:
            raise SourceError(
                "is written in a private transfer syntax",
                subject=str(path),
            )
    return dataset


def _set_syntax(path: Path, dataset: Dataset, size: int) -> None:
    """Set the transfer syntax that the elements themselves show in the file meta. Raises: SourceError."""
    from pydicom.uid import UID

    from ...pydicom_versions.elements import original_encoding

    data = head_of(path, 16 * HEAD)
    start = 132 if data[128:132] == PREFIX else 0
    found = _encodings(data, _after_meta(data, start) or start, size)
    read_as = original_encoding(dataset)
    if len(found) != 1 or read_as != (found[0] == IMPLICIT, found[0] != BIG_ENDIAN):
        raise SourceError(
            "names no transfer syntax, and its elements do not show which it is", subject=str(path)
        )
    if "PixelData" in dataset and dataset["PixelData"].is_undefined_length:
        raise SourceError("names no transfer syntax, and its pixels are compressed", subject=str(path))
    dataset.file_meta.TransferSyntaxUID = UID(found[0])


def check_deflated(path: Path, head: bytes, limits: Limits) -> None:
    """Refuse a deflated file that would inflate to more than `limits` allow, before memory is taken."""
    if DEFLATED.encode() not in head:
        return
    from pydicom.filereader import read_file_meta_info

    if read_file_meta_info(path).get("TransferSyntaxUID") != DEFLATED:
        return
    start = _after_meta(head, 132)
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    most, begun = limits.header_bytes, bytearray()
    total = 0
    with opened(path) as file:
        file.seek(start)
        while block := inflating.unconsumed_tail or file.read(1 << 16):
            made = inflating.decompress(block, 1 << 20)
            total += len(made)
            begun += made[: limits.header_bytes - len(begun)]
            if total > most == limits.header_bytes:
                most += _claimed_pixels(bytes(begun), limits)
            if total > most:
                raise SourceError(
                    f"inflates to more than {most} bytes, which its pixels do not take",
                    subject=str(path),
                    hint="the file is damaged, or made to fill memory",
                )


def _claimed_pixels(begun: bytes, limits: Limits) -> int:
    """Return the bytes that a dataset's pixels take by its own first elements, within `limits`."""
    from io import BytesIO

    from pydicom.filereader import read_dataset as read_elements

    found = read_elements(BytesIO(begun), False, True, stop_when=lambda tag, vr, length: tag >= 0x7FE00000)
    names = ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "BitsAllocated")
    count = 1
    for name in names:
        count *= int(found.get(name) or 1)
    return min(count // 8 + 1, 8 * limits.image_pixels)
