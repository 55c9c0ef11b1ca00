"""A finished dataset as the bytes of a Part 10 file.

Little endian, the file meta last and derived from the dataset (PS3.10 section 7.1). The SOP
Instance UID derives from everything else in the dataset and from the pixels, so each part is encoded once.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import xxhash
from pydicom import DataElement, Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import UID

from ..errors import ExportError
from ..image import Pixels
from .compression import SYNTAXES, Syntax, deflated, encapsulated
from .elements import encode_each
from .uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, instance_uid, set_uid

PIXEL_TAGS = {"PixelData": 0x7FE00010, "FloatPixelData": 0x7FE00008, "DoubleFloatPixelData": 0x7FE00009}
_SOP_INSTANCE_UID = 0x00080018
_MEDIA_STORAGE_UID = 0x00020003
_MOST_BYTES = 2**32 - 2
_END_OF_ITEMS = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


@dataclass(frozen=True, slots=True)
class PixelElement:
    """The pixels of a file: the array as stored, and the element that holds it.

    `array`: (rows, columns), (rows, columns, samples) or with frames before them; little endian,
    contiguous.
    """

    array: Pixels
    element: str = "PixelData"

    @property
    def tag(self) -> int:
        return PIXEL_TAGS[self.element]

    @property
    def vr(self) -> str:
        """OF and OD for floats, OB for 8 bits, OW above (PS3.5 section 8)."""
        if self.element != "PixelData":
            return {"FloatPixelData": "OF", "DoubleFloatPixelData": "OD"}[self.element]
        return "OB" if self.array.dtype.itemsize == 1 else "OW"

    def view(self) -> memoryview:
        """The bytes, without a copy."""
        return self.array.reshape(-1).view(np.uint8).data


Chunks = tuple[bytes | memoryview, ...]
EXPLICIT = SYNTAXES["explicit-le"]


def encoded(
    dataset: Dataset, pixels: PixelElement | None, syntax: Syntax = EXPLICIT
) -> tuple[Chunks, Dataset]:
    """The chunks of the file, and the dataset that it holds (with its SOP Instance UID; pixels apart).

    `pixels` None: the dataset has its own pixel element (an override), or none. A SOP Instance UID that
    the dataset already has is kept. One that is made derives from the elements in explicit VR and from the
    pixels as they are, so that it is the same in every transfer syntax.

    Raises:
        ExportError: values that cannot be written, pixels of more than 4 GB.
    """
    if pixels is not None and pixels.array.nbytes > _MOST_BYTES:
        raise ExportError(f"{pixels.array.nbytes} bytes of pixels; one DICOM element holds {_MOST_BYTES}")
    tag = pixels.tag if pixels is not None else PIXEL_TAGS["PixelData"]
    each = _encode_each(dataset)
    before = _between(each, 0x00080000, _SOP_INSTANCE_UID)
    between = _between(each, _SOP_INSTANCE_UID + 1, tag)
    after = _between(each, tag if pixels is None else tag + 1)
    if not dataset.get("SOPInstanceUID"):
        set_uid(dataset, "SOPInstanceUID", instance_uid(tuple(_digests(before, between, after, pixels))))
    if syntax.name == "implicit-le":
        each = _encode_each(dataset, implicit=True)
        elements = _between(each, 0x00080000, tag)
        after = _between(each, tag if pixels is None else tag + 1)
    else:
        own = _encode_each(Dataset({Tag(_SOP_INSTANCE_UID): dataset[_SOP_INSTANCE_UID]}))
        elements = before + _between(own, 0) + between
    head = b"\0" * 128 + b"DICM" + _meta(dataset, syntax)
    body: Chunks = (elements, *_pixel_chunks(dataset, pixels, syntax), after)
    if syntax.name == "deflated":
        body = (deflated(b"".join(body)),)
    return tuple(chunk for chunk in (head + body[0], *body[1:]) if len(chunk)), dataset


def _pixel_chunks(dataset: Dataset, pixels: PixelElement | None, syntax: Syntax) -> Chunks:
    """The pixel element; native in the way of the syntax, or its compressed frames as OB (PS3.5 A.4)."""
    if pixels is None:
        return ()
    group, element = pixels.tag >> 16, pixels.tag & 0xFFFF
    if syntax.compressed:
        opening = struct.pack("<HH2sHI", group, element, b"OB", 0, 0xFFFFFFFF)
        return opening, encapsulated(syntax, dataset, pixels.array), _END_OF_ITEMS
    size = pixels.array.nbytes
    if syntax.name == "implicit-le":
        opening = struct.pack("<HHI", group, element, size + size % 2)
    else:
        opening = struct.pack("<HH2sHI", group, element, pixels.vr.encode(), 0, size + size % 2)
    return opening, pixels.view(), b"\0" * (size % 2)


def _encode_each(dataset: Dataset, *, implicit: bool = False) -> list[tuple[int, bytes]]:
    """Every element with its tag, encoded. Raises: ExportError."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return encode_each(dataset, implicit=implicit)
        except (ValueError, TypeError, AttributeError, struct.error, OverflowError, UserWarning) as error:
            reason = str(error).splitlines()[0]
            raise ExportError(f"the dataset cannot be written: {reason}") from error


def _between(each: list[tuple[int, bytes]], first: int, end: int = 2**32) -> bytes:
    """The elements from one tag up to another."""
    return b"".join(made for tag, made in each if first <= tag < end)


def implicit_bytes(element: DataElement) -> bytes:
    """An element of a dataset in Unicode, as implicit VR has it."""
    single = Dataset({element.tag: element})
    single.SpecificCharacterSet = "ISO_IR 192"
    return dict(_encode_each(single, implicit=True))[int(element.tag)]


def file_meta(dataset: Dataset, syntax: Syntax = EXPLICIT) -> FileMetaDataset:
    """The file meta, derived from the finished dataset."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    set_uid(meta, "MediaStorageSOPClassUID", str(dataset.get("SOPClassUID") or ""))
    set_uid(meta, "MediaStorageSOPInstanceUID", str(dataset.get("SOPInstanceUID") or ""))
    meta.TransferSyntaxUID = syntax.uid
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return meta


def _meta(dataset: Dataset, syntax: Syntax) -> bytes:
    """The file meta as bytes; all but the instance is the same in file after file."""
    before, after = _meta_around(str(dataset.get("SOPClassUID") or ""), syntax)
    instance = Dataset()
    set_uid(instance, "MediaStorageSOPInstanceUID", str(dataset.SOPInstanceUID))
    return _with_length(before + _between(encode_each(instance, implicit=False), 0) + after)


@lru_cache(maxsize=64)
def _meta_around(sop_class: str, syntax: Syntax) -> tuple[bytes, bytes]:
    """What stands before and after the instance."""
    kind = Dataset()
    set_uid(kind, "SOPClassUID", sop_class)
    each = encode_each(file_meta(kind, syntax), implicit=False)
    return _between(each, 0, _MEDIA_STORAGE_UID), _between(each, _MEDIA_STORAGE_UID + 1)


def _with_length(meta: bytes) -> bytes:
    """The file meta behind its own length (0002,0000)."""
    return struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta


def _digests(before: bytes, between: bytes, after: bytes, pixels: PixelElement | None) -> Iterator[str]:
    """What the SOP Instance UID derives from.

    Of the pixels XXH3-128, thirty times as fast as SHA-256: a digest that nobody attacks need not withstand
    attacks, and 128 bits are more than a UID keeps.
    """
    for part in (before, between, after):
        yield hashlib.sha256(part).hexdigest()
    if pixels is not None:
        yield f"{pixels.element} {pixels.array.dtype.str} {pixels.array.shape}"
        yield xxhash.xxh3_128_hexdigest(pixels.view())
