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
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.utils import pixel_array
from pydicom.valuerep import PersonName

from ..errors import VerificationError
from .compression import Syntax
from .file import EXPLICIT, PixelElement, implicit_bytes
from .uids import IMPLEMENTATION_CLASS_UID

_UNREADABLE = (
    InvalidDicomError, BytesLengthException, OSError, ValueError, TypeError, LookupError, EOFError,
    AttributeError, RuntimeError, OverflowError, MemoryError, struct.error, zlib.error,
)  # fmt: skip
"""What pydicom and its parts raise on bytes that are no sound file."""

_TOLERANCE = 1e-9
"""Relative; what 16 characters of a decimal string keep of a length or an angle, and more."""


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
        read = [float(value) for value in _values(found.get(keyword))]
        if len(read) != len(values) or not np.allclose(read, values, rtol=_TOLERANCE, atol=_TOLERANCE):
            yield f"{keyword} is not the number that was meant"
    if meant.pixels is not None:
        yield from _pixels(found, meant)


def _same_bytes(data: bytes, chunks: tuple[bytes | memoryview, ...]) -> bool:
    view, start = memoryview(data), 0
    for chunk in chunks:
        size = len(chunk)
        ours = np.frombuffer(chunk, np.uint8)
        theirs = np.frombuffer(view[start : start + size], np.uint8)
        if not np.array_equal(ours, theirs):
            return False
        start += size
    return start == len(data)


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
    for tag in sorted(set(meant.keys()) | (set(found.keys()) - skipped)):
        if tag in skipped:
            continue
        name = f"{meant[tag].name if tag in meant else tag}"
        if tag not in found or tag not in meant:
            yield f"{name} {'is missing' if tag not in found else 'was not meant to be there'}"
            continue
        ours, theirs = meant[tag], found[tag]
        if ours.VR != theirs.VR and implicit:
            if implicit_bytes(ours) != implicit_bytes(theirs):
                yield name
        elif ours.VR != theirs.VR:
            yield f"{name} has the VR {theirs.VR}, not {ours.VR}"
        elif ours.VR == "SQ":
            yield from _items(name, list(ours.value), list(theirs.value), implicit)
        elif [_plain(value) for value in _values(ours.value)] != [_plain(v) for v in _values(theirs.value)]:
            yield name


def _items(name: str, ours: list[Dataset], theirs: list[Dataset], implicit: bool) -> Iterator[str]:
    if len(ours) != len(theirs):
        yield f"{name} has {len(theirs)} items, not {len(ours)}"
        return
    for index, (item, other) in enumerate(zip(ours, theirs, strict=True)):
        for difference in differences(item, other, implicit=implicit):
            yield f"{name}[{index}]: {difference}"


def _values(value: Any) -> list[Any]:
    if isinstance(value, str | bytes | PersonName) or not hasattr(value, "__iter__"):
        return [] if value is None or value in ("", b"") else [value]
    return list(value)


def _plain(value: Any) -> Any:
    """A value without what padding adds; a decimal string as its text and so to the last digit."""
    if isinstance(value, bytes):
        return value + b"\0" * (len(value) % 2)
    text = getattr(value, "original_string", None)
    if isinstance(text, str):
        return text.strip()
    if isinstance(value, int | float):
        return value
    return str(value).rstrip(" \0")


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
    decoded = pixel_array(found, raw=True)
    if decoded.dtype != pixels.array.dtype or decoded.shape != pixels.array.shape:
        yield (
            f"the pixels read as {decoded.dtype} of shape {decoded.shape}, "
            f"not as {pixels.array.dtype} of shape {pixels.array.shape}"
        )
    elif not np.array_equal(decoded, pixels.array, equal_nan=decoded.dtype.kind == "f"):
        yield "the pixels do not read back as they were"
