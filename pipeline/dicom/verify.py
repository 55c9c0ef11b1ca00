"""Read what was written and compare it with what was meant: every byte, element, pixel and length.

The bytes must be those that were encoded; then pydicom reads them and decodes their pixels, and the result is
compared with the values before encoding. So neither the disk nor the encoder is trusted. How pydicom reads an
element, or uncompressed pixels of one description, is checked once and then remembered.

Why not simply "read it back and compare": pydicom returns what it makes of an element, so two values that
differ in the file may look equal (padding, 1 and 1.0, text of another character set), and one value may look
different (a private element of implicit VR). So VR and text are compared, with the reader's own rules for
padding. Why not trust the encoder after the first file: every value of every file is still compared with the
bytes; only the question "what would pydicom read from these very bytes" is answered from memory, because it
took most of the time of a CT series.
"""

from __future__ import annotations

import mmap
import struct
import warnings
import zlib
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, field
from pydicom import DataElement, Dataset, dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag

from ..errors import VerificationError
from ..imaging.image import Pixels
from ..imaging.tolerances import DECIMAL_STRING
from ..loaders.dicom.text import read_as
from ..pydicom_versions.elements import set_original_encoding, tag_text
from ..pydicom_versions.frames import pixel_array
from .encode.character_set import is_as_it_was
from .encode.elements import (
    Stored,
    charset_of,
    elements_of,
    plain,
    remember_same_items,
    same_items_as_before,
    values_read,
)
from .encode.encoding import little
from .encode.file import EXPLICIT, file_meta, implicit_bytes
from .encode.pixel_element import PixelElement
from .encode.syntaxes import Syntax
from .encode.uids import IMPLEMENTATION_CLASS_UID

_UNREADABLE = (
    InvalidDicomError, BytesLengthException, OSError, ValueError, TypeError, LookupError, EOFError,
    AttributeError, RuntimeError, OverflowError, MemoryError, struct.error, zlib.error,
)  # fmt: skip
"""Exceptions of pydicom and its parts on damaged files."""

Content = bytes | mmap.mmap
_BLOCK = 1 << 18
_LARGE = 1 << 28
"""Bytes of pixels, and of a file, up to which they are read back and decoded as a whole."""
_PREAMBLE = 132
OTHER_BYTES = "the bytes on the disk are not those that were written"
OTHER_PIXELS = "the pixels do not read back as they were"


class Meant(Struct, frozen=True):
    """The values that the file must hold.

    `described`: whether the attributes describe `pixels`, so that a reader can decode them; an override may
    contradict them, and then only their bytes are compared.
    """

    chunks: tuple[bytes | memoryview, ...]
    dataset: Dataset
    pixels: PixelElement | None
    described: bool = True
    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    syntax: Syntax = EXPLICIT


def verify(path: Path, meant: Meant) -> None:
    """Compare a file with what was meant.

    Raises: VerificationError, which names the element that differs (never its value).
    """
    _compare_file(path, lambda data: _problems(data, meant))


class MeantAlike(Struct, frozen=True):
    """The elements in which a file differs from one that was verified.

    `own`: these elements, its UIDs among them, by tag with VR and text, and `encoded`. `numbers`: for those
    that are numbers, what the text must read back as.
    """

    chunks: tuple[bytes | memoryview, ...]
    own: Mapping[int, tuple[str, str]]
    encoded: Mapping[int, bytes]
    pixels: PixelElement
    numbers: Mapping[int, tuple[float, ...]]


def verify_alike(path: Path, meant: MeantAlike) -> None:
    """Verify a file of which a sibling with the same other elements and description of pixels was verified.

    Raises: as `verify`.
    """
    _compare_file(path, lambda data: _problems_alike(data, meant))


def _compare_file(path: Path, problems: Callable[[Content], Iterator[str]]) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem = next(problems(_content(path)), None)
    except _UNREADABLE as error:
        # its own text stands in the traceback; pydicom's and Python's words say nothing to a user
        of_the_disk = error.strerror if isinstance(error, OSError) else None
        why = of_the_disk or "a DICOM reader does not understand its elements or pixels"
        raise VerificationError(f"what was written cannot be read back: {why}") from error
    if problem:
        raise VerificationError(f"what was written is not what was meant: {problem}")


def _content(path: Path) -> Content:
    """Return all of a file, a large one where it lies."""
    if path.stat().st_size <= _LARGE:
        return path.read_bytes()
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _problems_alike(data: Content, meant: MeantAlike) -> Iterator[str]:
    if not _same_bytes(data, meant.chunks):
        yield OTHER_BYTES
        return
    head = data[: len(meant.chunks[0])]
    found = read_dataset(BytesIO(b"".join(meant.encoded.values())), False, True)
    for tag, (vr, text) in meant.own.items():
        each = found.get_item(tag)
        value = b"" if each is None or each.value is None else each.value
        same = each is not None and vr == each.VR and value.rstrip(b" \0") == text.encode()
        if not same or meant.encoded[tag] not in head:
            yield keyword_for_tag(tag)
        elif tag in meant.numbers and not _same_numbers(text.split("\\"), meant.numbers[tag]):
            yield f"{keyword_for_tag(tag)} is not the number that was meant"
    if not _holds(data, meant.pixels.view(), len(head)):
        yield OTHER_PIXELS


def decodes_plainly(meant: Meant) -> bool:
    """Tell whether pixels of this description were decoded before, to the very bytes in the file."""
    return meant.pixels is not None and meant.syntax is EXPLICIT and _description(meant) in _plainly_decoded


def _problems(data: Content, meant: Meant) -> Iterator[str]:
    if not _same_bytes(data, meant.chunks):
        yield OTHER_BYTES
        return
    meta, found, values = _read_file(data, meant)
    yield from _meta(meta, meant.dataset, meant.syntax)
    skipped = frozenset({meant.pixels.tag} if meant.pixels else ())
    implicit = meant.syntax.name == "implicit-le"
    yield from differences(meant.dataset, found, skipped=skipped, implicit=implicit)
    yield from _numbers(found, meant.numbers)
    if meant.pixels is not None:
        yield from _pixels(found, values, meant)


def _numbers(found: Dataset, meant: Mapping[str, tuple[float, ...]]) -> Iterator[str]:
    for keyword, numbers in meant.items():
        if not _same_numbers(_read(found, keyword), numbers):
            yield f"{keyword} is not the number that was meant"


def _read_file(data: Content, meant: Meant) -> tuple[Dataset, Dataset, bytes | memoryview | None]:
    """Return file meta and dataset as pydicom reads them, and the value of the pixel element.

    The value is not copied where pydicom need not decode it.
    """
    pixels = meant.pixels
    if pixels is not None and (decodes_plainly(meant) or _by_frames(meant)):
        file: Any = BytesIO(data) if isinstance(data, bytes) else data
        file.seek(_PREAMBLE)
        meta = read_dataset(file, False, True, stop_when=_behind_meta)
        found = read_dataset(file, False, True, defer_size=pixels.array.nbytes - 1)
        left = [each for each in found.values() if isinstance(each, RawDataElement) and _is_left(each)]
        if [int(each.tag) for each in left] == [pixels.tag]:
            start, size = left[-1].value_tell, left[-1].length
            return meta, found, memoryview(data)[start : start + size]
    whole = dcmread(BytesIO(data))
    element = None if pixels is None else whole.get_item(pixels.tag)
    return whole.file_meta, whole, None if element is None else element.value


def _behind_meta(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag.group != 2


def _is_left(element: RawDataElement) -> bool:
    """Tell whether its value was left in the file."""
    return element.value is None and element.length != 0


def _same_numbers(read: Sequence[str], meant: tuple[float, ...]) -> bool:
    return len(read) == len(meant) and all(map(_close, map(float, read), meant))


def _close(read: float, meant: float) -> bool:
    return abs(read - meant) <= DECIMAL_STRING + DECIMAL_STRING * abs(meant)


def _same_bytes(data: Content, chunks: tuple[bytes | memoryview, ...]) -> bool:
    """Tell whether the file is these chunks.

    A memoryview is the pixels, which are compared when they are read.
    """
    start = 0
    for chunk in chunks:
        if isinstance(chunk, bytes) and not _holds(data, chunk, start):
            return False
        start += len(chunk)
    return start == len(data)


def _holds(data: Content, piece: bytes | memoryview, start: int) -> bool:
    """Tell whether these bytes stand there."""
    if isinstance(data, bytes):
        return data.startswith(piece, start)
    found = np.frombuffer(data, np.uint8)[start : start + len(piece)]
    return _same(found, np.frombuffer(piece, np.uint8))


def _same(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Tell whether two flat arrays are equal, compared in blocks that stay in the cache."""
    return len(ours) == len(theirs) and all(
        np.array_equal(ours[first : first + _BLOCK], theirs[first : first + _BLOCK])
        for first in range(0, len(ours), _BLOCK)
    )


def _meta(meta: Dataset, meant: Dataset, syntax: Syntax) -> Iterator[str]:
    wanted = {
        "MediaStorageSOPClassUID": str(meant.get("SOPClassUID") or ""),
        "MediaStorageSOPInstanceUID": str(meant.SOPInstanceUID),
        "TransferSyntaxUID": str(syntax.uid),
        "ImplementationClassUID": IMPLEMENTATION_CLASS_UID,
    }
    for keyword, value in wanted.items():
        if _read(meta, keyword) != ((value,) if value else ()):
            yield f"{keyword} in the file meta"


def _read(found: Dataset, keyword: str) -> tuple[Any, ...]:
    """Return the `plain` values of an element; empty where there is no such element."""
    stored = found.get_item(keyword)
    return () if stored is None else values_read(found, stored, charset_of(found))[1]


def differences(
    meant: Dataset, found: Dataset, *, skipped: frozenset[int] = frozenset(), implicit: bool = False
) -> Iterator[str]:
    """Yield the elements whose VR or value differs between two datasets, sequences included.

    `implicit`: `found` was read from implicit VR, which does not hold the VR of private elements; their bytes
    are compared where a reader takes them for another VR.
    """
    if is_as_it_was(meant):
        read_as(found, None)
    ours = dict(elements_of(meant))
    theirs = {int(each.tag): each for each in found.values()}
    charset = charset_of(found)
    for tag in sorted((ours.keys() | theirs.keys()) - skipped):
        if tag not in theirs:
            yield f"{_called(ours[tag])} is missing"
        elif tag not in ours:
            yield f"{tag_text(tag)} was not meant to be there"
        elif ours[tag].VR == "SQ":
            yield from _sequence(ours[tag], found, theirs[tag], charset, implicit)
        else:
            vr, values = values_read(found, theirs[tag], charset)
            if vr != ours[tag].VR or values != plain(ours[tag].value):
                yield from _difference(ours[tag], found, implicit)


def _called(element: DataElement) -> str:
    """Return an element's name; of a private one its tag, since all of them are called alike."""
    return tag_text(element.tag) if element.tag.is_private else str(element.name)


def _difference(ours: DataElement, found: Dataset, implicit: bool) -> Iterator[str]:
    """Yield what differs between two elements that do not read alike; at most one thing."""
    theirs = found[ours.tag]
    if theirs.VR == ours.VR:
        yield _called(ours)
    elif not implicit:
        yield f"{_called(ours)} has the VR {theirs.VR}, not {ours.VR}"
    elif implicit_bytes(ours) != implicit_bytes(theirs):
        yield _called(ours)


def _sequence(
    ours: DataElement, found: Dataset, stored: Stored, charset: str, implicit: bool
) -> Iterator[str]:
    if same_items_as_before(ours, stored, charset):
        return
    theirs = found[ours.tag]
    if theirs.VR != "SQ":
        yield from _difference(ours, found, implicit)
        return
    different = list(_items(ours.name, list(ours.value), list(theirs.value), implicit))
    if not different:
        remember_same_items(ours, stored, charset)
    yield from different


def _items(name: str, ours: list[Dataset], theirs: list[Dataset], implicit: bool) -> Iterator[str]:
    if len(ours) != len(theirs):
        yield f"{name} has {len(theirs)} items, not {len(ours)}"
        return
    for index, (item, other) in enumerate(zip(ours, theirs, strict=True)):
        for difference in differences(item, other, implicit=implicit):
            yield f"{name}[{index}]: {difference}"


def _pixels(found: Dataset, values: bytes | memoryview | None, meant: Meant) -> Iterator[str]:
    """Yield what differs in the pixels. `values`: the value of the pixel element that was read."""
    pixels = meant.pixels
    assert pixels is not None
    size = pixels.array.nbytes
    if values is None or (not meant.syntax.compressed and len(values) != size + size % 2):
        yield f"{pixels.element} is missing or has another size"
        return
    description = _description(meant)
    if not meant.described or description in _plainly_decoded:
        if not _same(np.frombuffer(values, np.uint8, size), np.frombuffer(pixels.view(), np.uint8)):
            yield OTHER_PIXELS if meant.described else f"{pixels.element} has other bytes"
        return
    if _by_frames(meant) and isinstance(values, memoryview):
        yield from _frames(found, values, meant)
        return
    decoded = _decoded_streams(found, pixels) if pixels.streams else pixel_array(found)
    if decoded.dtype != pixels.array.dtype or decoded.shape != pixels.array.shape:
        yield (
            f"the pixels read as {decoded.dtype} of shape {decoded.shape}, "
            f"not as {pixels.array.dtype} of shape {pixels.array.shape}"
        )
    elif not _same(_bits(decoded), _bits(pixels.array)):
        yield OTHER_PIXELS
    elif description is not None and _same(
        _bits(decoded).view(np.uint8), np.frombuffer(values, np.uint8, size)
    ):
        if len(_plainly_decoded) >= _MOST_DESCRIPTIONS:
            _plainly_decoded.clear()
        _plainly_decoded.add(description)


def _by_frames(meant: Meant) -> bool:
    """Tell whether plain frames are to be decoded one by one: all of them would take much memory."""
    pixels = meant.pixels
    return (
        pixels is not None
        and pixels.array.nbytes > _LARGE
        and _description(meant) is not None
        and meant.dataset.get("NumberOfFrames") == len(pixels.array) > 1
        and pixels.array[0].nbytes % 2 == 0
    )


def _frames(found: Dataset, values: memoryview, meant: Meant) -> Iterator[str]:
    """Yield what differs in frames that lie one after the other, each decoded as an image of its own."""
    pixels = meant.pixels
    assert pixels is not None
    single = Dataset()
    set_original_encoding(single, found)
    single.update(
        {each.tag: found[each.tag] for each in map(found.get_item, _DESCRIBING) if each is not None}
    )
    single.pop("NumberOfFrames", None)
    single.file_meta = file_meta(meant.dataset, meant.syntax)
    size = pixels.array[0].nbytes
    for index, array in enumerate(pixels.array):
        value = bytes(values[index * size : (index + 1) * size])
        single[pixels.tag] = DataElement(pixels.tag, pixels.vr, value, already_converted=True)
        decoded = pixel_array(single)
        if decoded.dtype != array.dtype or decoded.shape != array.shape:
            yield f"the pixels read as {decoded.dtype} of shape {decoded.shape}, not as {array.dtype}"
            return
        if not _same(_bits(decoded), _bits(array)):
            yield OTHER_PIXELS
            return


def _decoded_streams(found: Dataset, pixels: PixelElement) -> Pixels:
    """Decode kept streams as sources are decoded: of lossy ones each reader makes slightly other values."""
    from ..loaders.dicom.loader import images_of
    from ..loaders.options import DicomOptions, Limits

    limits = Limits(image_pixels=pixels.array.size, frames=len(pixels.streams))
    frames = images_of(found, Path(), DicomOptions(raw_values=True), limits)
    arrays = [little(image.pixels) for image in frames]
    return arrays[0] if len(arrays) == 1 else np.stack(arrays)


_DESCRIBING = tuple(
    Tag(keyword)
    for keyword in (
        "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows",
        "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    )
)  # fmt: skip
"""The elements that pydicom's decoding of uncompressed pixels depends on (pydicom.pixels.decoders.base, its
options).
"""
_MOST_DESCRIPTIONS = 256
_plainly_decoded: set[Hashable] = set()
"""Descriptions with which pydicom's decoding gave the array of the same bytes."""


def _description(meant: Meant) -> Hashable:
    """Return what decides how pydicom decodes the pixels; None if they are compressed or not described."""
    if not meant.described or meant.syntax.compressed or meant.syntax.name == "deflated":
        return None
    assert meant.pixels is not None
    found = (meant.dataset.get_item(tag) for tag in _DESCRIBING)
    attributes = tuple(None if element is None else str(element.value) for element in found)
    array = meant.pixels.array
    return meant.syntax.name, meant.pixels.element, array.dtype.str, array.shape, attributes


def _bits(pixels: Pixels) -> Pixels:
    """Return flat unsigned integers, so that NaN and the sign of zero are compared."""
    return np.ascontiguousarray(pixels).reshape(-1).view(f"u{pixels.dtype.itemsize}")
