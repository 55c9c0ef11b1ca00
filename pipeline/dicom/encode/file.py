"""Encode a finished dataset as the bytes of a Part 10 file.

Little endian; the file meta is derived from the dataset (PS3.10 section 7.1) and made last. The SOP Instance
UID derives from everything else in the dataset and from the pixels, so each part is encoded once.

Why the file is not left to pydicom's `dcmwrite`: the UID depends on the encoded elements and is one of them,
so the dataset would be encoded twice and its pixels copied into it; elements that recur from file to file are
encoded once for all (`elements`); and pixels go from the array to the disk in chunks, never joined in memory.
Each element is still encoded by pydicom, and the tests compare whole files with `dcmwrite`'s.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache

import xxhash
from pydicom import DataElement, Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID

from ...errors import ExportError
from ...printable import without_values
from .compression import deflated, encapsulated
from .elements import encode_each
from .pixel_element import PIXEL_TAGS, PixelElement
from .syntaxes import SYNTAXES, Syntax
from .uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, instance_uid, set_uid

SOP_INSTANCE_UID = 0x00080018
MEDIA_STORAGE_UID = 0x00020003
_FIRST = 0x00080000
"""Elements below it belong to commands, file meta and directories (PS3.5 section 7.1)."""
_MOST_BYTES = 2**32 - 2
_SHORT = 2**16
_END_OF_ITEMS = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


Chunks = tuple[bytes | memoryview, ...]
EXPLICIT = SYNTAXES["explicit-le"]


def encoded(
    dataset: Dataset, pixels: PixelElement | None, syntax: Syntax = EXPLICIT
) -> tuple[Chunks, Dataset]:
    """Return the chunks of the file, and the dataset that it holds (with its SOP Instance UID; pixels apart).

    `pixels` None: the dataset has its own pixel element (an override), or none. A SOP Instance UID that
    the dataset already has is kept. One that is made derives from the elements in explicit VR and from the
    pixels as they are, so that it is the same in every transfer syntax.

    Raises:
        ExportError: values that cannot be written, pixels of more than 4 GB.
    """
    if pixels is not None and pixels.array.nbytes > _MOST_BYTES:
        raise ExportError(f"{pixels.array.nbytes} bytes of pixels; one DICOM element holds {_MOST_BYTES}")
    each = encoded_elements(dataset)
    parts = _parts(each, pixels)
    if not dataset.get("SOPInstanceUID"):
        set_uid(dataset, "SOPInstanceUID", instance_uid(tuple(_digests(parts, pixels))))
    if syntax.name == "implicit-le":
        each = encoded_elements(dataset, implicit=True)
        before, between, after = _parts(each, pixels)
        elements = before + _between(each, SOP_INSTANCE_UID, SOP_INSTANCE_UID + 1) + between
    else:
        before, between, after = parts
        elements = before + _one(dataset[SOP_INSTANCE_UID]) + between
    own = Dataset()
    set_uid(own, "MediaStorageSOPInstanceUID", str(dataset.SOPInstanceUID))
    head = _head(str(dataset.get("SOPClassUID") or ""), _one(own[MEDIA_STORAGE_UID]), syntax)
    body: Chunks = (elements, *_pixel_chunks(dataset, pixels, syntax), after)
    if syntax.name == "deflated":
        body = (deflated(b"".join(body)),)
    return _merged((head, *body)), dataset


def composed(each: Iterable[tuple[int, bytes]], sop_class: str, pixels: PixelElement) -> tuple[Chunks, str]:
    """Return the chunks of a file in explicit VR, as `encoded` makes them, and the SOP Instance UID in it.

    `each`: what `encoded_elements` gives, without that UID and the pixels, in the order of tags.
    """
    before, between, after = parts = _parts(each, pixels)
    uid = instance_uid(tuple(_digests(parts, pixels)))
    head = _head(sop_class, text_element(MEDIA_STORAGE_UID, "UI", uid), EXPLICIT)
    own = text_element(SOP_INSTANCE_UID, "UI", uid)
    return _merged((head, before, own, between, *_native(pixels, EXPLICIT), after)), uid


def text_element(tag: int, vr: str, text: str) -> bytes:
    """Return a short element of ASCII text in explicit VR: IS, DS and UI among others (PS3.5 section 7.1.2).

    Padded to even length, UI with NUL and others with a blank (PS3.5 section 6.2).
    """
    value = text.encode("ascii")
    value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value


def _merged(chunks: Chunks) -> Chunks:
    """Return the same bytes with short chunks joined to their neighbours, written and hashed at once."""
    merged: list[bytes | memoryview] = []
    for chunk in chunks:
        if not len(chunk):
            continue
        before = merged[-1] if merged else b""
        if merged and isinstance(chunk, bytes) and isinstance(before, bytes) and len(before) <= _SHORT:
            merged[-1] = before + chunk
        else:
            merged.append(chunk)
    return tuple(merged)


def _pixel_chunks(dataset: Dataset, pixels: PixelElement | None, syntax: Syntax) -> Chunks:
    """Return the pixel element: native, or its compressed frames as OB (PS3.5 A.4)."""
    if pixels is None:
        return ()
    if syntax.compressed:
        group, element = pixels.tag >> 16, pixels.tag & 0xFFFF
        opening = struct.pack("<HH2sHI", group, element, b"OB", 0, 0xFFFFFFFF)
        return opening, encapsulated(syntax, dataset, pixels), _END_OF_ITEMS
    return _native(pixels, syntax)


def _native(pixels: PixelElement, syntax: Syntax) -> Chunks:
    """Return the pixel element, its value padded to even length (PS3.5 section 8)."""
    group, element = pixels.tag >> 16, pixels.tag & 0xFFFF
    size = pixels.array.nbytes
    if syntax.name == "implicit-le":
        opening = struct.pack("<HHI", group, element, size + size % 2)
    else:
        opening = struct.pack("<HH2sHI", group, element, pixels.vr.encode(), 0, size + size % 2)
    return opening, pixels.view(), b"\0" * (size % 2)


def encoded_elements(dataset: Dataset, *, implicit: bool = False) -> list[tuple[int, bytes]]:
    """Return every element with its tag, encoded, in the order of tags. Raises: ExportError."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return encode_each(dataset, implicit=implicit)
        except (ValueError, TypeError, AttributeError, struct.error, OverflowError, UserWarning) as error:
            reason = without_values(str(error).splitlines()[0])
            raise ExportError(f"the dataset cannot be written: {reason}") from error


_Parts = tuple[bytes, bytes, bytes]


def _parts(each: Iterable[tuple[int, bytes]], pixels: PixelElement | None) -> _Parts:
    """Return the encoded elements before the SOP Instance UID, from there to the pixels, and after those."""
    tag = pixels.tag if pixels is not None else PIXEL_TAGS["PixelData"]
    before, between, after = [], [], []
    for number, made in each:
        if _FIRST <= number < SOP_INSTANCE_UID:
            before.append(made)
        elif SOP_INSTANCE_UID < number < tag:
            between.append(made)
        elif number > tag or (number == tag and pixels is None):
            after.append(made)
    return b"".join(before), b"".join(between), b"".join(after)


def _one(element: DataElement) -> bytes:
    """Return an element as explicit VR has it."""
    return _between(encoded_elements(Dataset({element.tag: element})), 0)


def _between(each: Iterable[tuple[int, bytes]], first: int, end: int = 2**32) -> bytes:
    """Return the elements from one tag up to another."""
    return b"".join(made for tag, made in each if first <= tag < end)


def implicit_bytes(element: DataElement) -> bytes:
    """Return an element of a dataset in Unicode, as implicit VR has it."""
    single = Dataset({element.tag: element})
    single.SpecificCharacterSet = "ISO_IR 192"
    return dict(encoded_elements(single, implicit=True))[int(element.tag)]


def file_meta(dataset: Dataset, syntax: Syntax = EXPLICIT) -> FileMetaDataset:
    """Return the file meta, derived from the finished dataset."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    set_uid(meta, "MediaStorageSOPClassUID", str(dataset.get("SOPClassUID") or ""))
    set_uid(meta, "MediaStorageSOPInstanceUID", str(dataset.get("SOPInstanceUID") or ""))
    meta.TransferSyntaxUID = UID(syntax.uid)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return meta


def _head(sop_class: str, instance: bytes, syntax: Syntax) -> bytes:
    """Return preamble and file meta; all but the encoded `instance` is the same in file after file."""
    before, after = _meta_around(sop_class, syntax)
    return b"\0" * 128 + b"DICM" + _with_length(before + instance + after)


@lru_cache(maxsize=64)
def _meta_around(sop_class: str, syntax: Syntax) -> tuple[bytes, bytes]:
    """Return what comes before and after the instance."""
    kind = Dataset()
    set_uid(kind, "SOPClassUID", sop_class)
    each = encode_each(file_meta(kind, syntax), implicit=False)
    return _between(each, 0, MEDIA_STORAGE_UID), _between(each, MEDIA_STORAGE_UID + 1)


def _with_length(meta: bytes) -> bytes:
    """Return the file meta with its own length (0002,0000) in front."""
    return struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta


def _digests(parts: _Parts, pixels: PixelElement | None) -> Iterator[str]:
    """Yield what the SOP Instance UID derives from.

    The digest of the pixels is XXH3-128, thirty times as fast as SHA-256: it need not withstand attacks, and
    128 bits are more than a UID keeps.
    """
    for part in parts:
        yield hashlib.sha256(part).hexdigest()
    if pixels is not None and pixels.streams:
        yield f"{pixels.element} {pixels.streams[0].syntax}"
        yield from (xxhash.xxh3_128_hexdigest(stream.data) for stream in pixels.streams)
    elif pixels is not None:
        yield f"{pixels.element} {pixels.array.dtype.str} {pixels.array.shape}"
        yield xxhash.xxh3_128_hexdigest(pixels.view())
