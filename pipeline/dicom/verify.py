"""Reads what was written and compares it with what was meant: every byte, element, pixel and length.

The bytes are those that were encoded; then pydicom reads them and decodes their pixels, and what it finds is
compared with what there was before anything was encoded. So neither the disk nor the encoder is trusted.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import DataElement, Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.utils import pixel_array
from pydicom.tag import Tag

from ..errors import VerificationError
from ..image import Pixels
from .compression import Syntax
from .elements import elements_of, plain, values_of, values_read
from .file import EXPLICIT, PixelElement, implicit_bytes
from .uids import IMPLEMENTATION_CLASS_UID

_UNREADABLE = (
    InvalidDicomError, BytesLengthException, OSError, ValueError, TypeError, LookupError, EOFError,
    AttributeError, RuntimeError, OverflowError, MemoryError, struct.error, zlib.error,
)  # fmt: skip
"""What pydicom and its parts raise on bytes that are no sound file."""

_TOLERANCE = 1e-9
"""Relative; what 16 characters of a decimal string keep of a length or an angle, and more."""
_BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class Meant:
    """What the file has to say.

    `described`: whether the attributes describe `pixels`, so that a reader can decode them; an override
    may contradict them, and then only their bytes are compared.
    """

    chunks: tuple[bytes | memoryview, ...]
    dataset: Dataset
    pixels: PixelElement | None
    described: bool = True
    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    syntax: Syntax = EXPLICIT


def verify(path: Path, meant: Meant) -> None:
    """Raises: VerificationError, naming the element that is not what was meant (never its value)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = path.read_bytes()
            problem = next(_problems(data, meant), None)
    except _UNREADABLE as error:
        raise VerificationError(f"what was written cannot be read: {error}") from error
    if problem:
        raise VerificationError(f"what was written is not what was meant: {problem}")


def _problems(data: bytes, meant: Meant) -> Iterator[str]:
    if not _same_bytes(data, meant.chunks):
        yield "the bytes on the disk are not those that were written"
        return
    found = dcmread(BytesIO(data))
    yield from _meta(found, meant.dataset, meant.syntax)
    skipped = frozenset({meant.pixels.tag} if meant.pixels else ())
    implicit = meant.syntax.name == "implicit-le"
    yield from differences(meant.dataset, found, skipped=skipped, implicit=implicit)
    for keyword, values in meant.numbers.items():
        read = [float(value) for value in values_of(found.get(keyword))]
        if len(read) != len(values) or not all(map(_close, read, values)):
            yield f"{keyword} is not the number that was meant"
    if meant.pixels is not None:
        yield from _pixels(found, meant)


def _close(read: float, meant: float) -> bool:
    return abs(read - meant) <= _TOLERANCE + _TOLERANCE * abs(meant)


def _same_bytes(data: bytes, chunks: tuple[bytes | memoryview, ...]) -> bool:
    view, start = memoryview(data), 0
    for chunk in chunks:
        size = len(chunk)
        if not _same(np.frombuffer(chunk, np.uint8), np.frombuffer(view[start : start + size], np.uint8)):
            return False
        start += size
    return start == len(data)


def _same(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Whether two flat arrays are equal, block by block: what is compared stays in cache."""
    return len(ours) == len(theirs) and all(
        np.array_equal(ours[first : first + _BLOCK], theirs[first : first + _BLOCK])
        for first in range(0, len(ours), _BLOCK)
    )


def _meta(found: Dataset, meant: Dataset, syntax: Syntax) -> Iterator[str]:
    meta = found.file_meta
    wanted = {
        "MediaStorageSOPClassUID": str(meant.get("SOPClassUID") or ""),
        "MediaStorageSOPInstanceUID": str(meant.SOPInstanceUID),
        "TransferSyntaxUID": str(syntax.uid),
        "ImplementationClassUID": IMPLEMENTATION_CLASS_UID,
    }
    for keyword, value in wanted.items():
        if str(meta.get(keyword) or "") != value:
            yield f"{keyword} in the file meta"


def differences(
    meant: Dataset, found: Dataset, *, skipped: frozenset[int] = frozenset(), implicit: bool = False
) -> Iterator[str]:
    """The elements whose VR or value is not the same in two datasets, sequences included.

    `implicit`: `found` was read from implicit VR, which does not say the VR of private elements; their bytes
    are compared where a reader takes them for something else.
    """
    ours = dict(elements_of(meant))
    theirs = {int(tag) for tag in found.keys()}  # noqa: SIM118
    for tag in sorted((ours.keys() | theirs) - skipped):
        if tag not in theirs:
            yield f"{ours[tag].name} is missing"
        elif tag not in ours:
            yield f"{Tag(tag)} was not meant to be there"
        elif ours[tag].VR == "SQ" and found[tag].VR == "SQ":
            yield from _items(ours[tag].name, list(ours[tag].value), list(found[tag].value), implicit)
        else:
            yield from _difference(ours[tag], found, implicit)


def _difference(ours: DataElement, found: Dataset, implicit: bool) -> Iterator[str]:
    """At most one."""
    tag = int(ours.tag)
    vr, values = values_read(found, tag)
    if vr == ours.VR:
        if plain(ours.value) != values:
            yield str(ours.name)
    elif not implicit:
        yield f"{ours.name} has the VR {vr}, not {ours.VR}"
    elif implicit_bytes(ours) != implicit_bytes(found[tag]):
        yield str(ours.name)


def _items(name: str, ours: list[Dataset], theirs: list[Dataset], implicit: bool) -> Iterator[str]:
    if len(ours) != len(theirs):
        yield f"{name} has {len(theirs)} items, not {len(ours)}"
        return
    for index, (item, other) in enumerate(zip(ours, theirs, strict=True)):
        for difference in differences(item, other, implicit=implicit):
            yield f"{name}[{index}]: {difference}"


def _pixels(found: Dataset, meant: Meant) -> Iterator[str]:
    pixels = meant.pixels
    assert pixels is not None
    element = found.get_item(pixels.tag)
    size = pixels.array.nbytes
    has = None if element is None or element.value is None else len(element.value)
    if has is None or (not meant.syntax.compressed and has != size + size % 2):
        yield f"{pixels.element} is missing or has another size"
        return
    if not meant.described:
        if element.value[:size] != bytes(pixels.view()):
            yield f"{pixels.element} has other bytes"
        return
    decoded = pixel_array(found, raw=True, view_only=True)
    if decoded.dtype != pixels.array.dtype or decoded.shape != pixels.array.shape:
        yield (
            f"the pixels read as {decoded.dtype} of shape {decoded.shape}, "
            f"not as {pixels.array.dtype} of shape {pixels.array.shape}"
        )
    elif not _same(_bits(decoded), _bits(pixels.array)):
        yield "the pixels do not read back as they were"


def _bits(pixels: Pixels) -> Pixels:
    """Flat, as unsigned integers: NaN and the sign of zero count."""
    return np.ascontiguousarray(pixels).reshape(-1).view(f"u{pixels.dtype.itemsize}")
