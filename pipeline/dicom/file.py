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

import numpy as np
from pydicom import DataElement, Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID

from ..errors import ExportError
from ..image import Pixels
from .compression import SYNTAXES, Syntax, deflated, encapsulated
from .elements import encode
from .uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, instance_uid, set_uid

PIXEL_TAGS = {"PixelData": 0x7FE00010, "FloatPixelData": 0x7FE00008, "DoubleFloatPixelData": 0x7FE00009}
_SOP_INSTANCE_UID = 0x00080018
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
    before = _encode(dataset, 0x00080000, _SOP_INSTANCE_UID - 1)
    between = _encode(dataset, _SOP_INSTANCE_UID + 1, tag - 1)
    after = _encode(dataset, tag if pixels is None else tag + 1, 0xFFFFFFFF)
    if not dataset.get("SOPInstanceUID"):
        set_uid(dataset, "SOPInstanceUID", instance_uid(tuple(_digests(before, between, after, pixels))))
    if syntax.name == "implicit-le":
        elements = _encode(dataset, 0x00080000, tag - 1, implicit=True)
        after = _encode(dataset, tag if pixels is None else tag + 1, 0xFFFFFFFF, implicit=True)
    else:
        elements = before + _encode(dataset, _SOP_INSTANCE_UID, _SOP_INSTANCE_UID) + between
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


def _encode(dataset: Dataset, first: int, last: int, *, implicit: bool = False) -> bytes:
    """The elements from one tag to another, encoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return encode(dataset, first, last, implicit=implicit)
        except (ValueError, TypeError, AttributeError, struct.error, OverflowError, UserWarning) as error:
            reason = str(error).splitlines()[0]
            raise ExportError(f"the dataset cannot be written: {reason}") from error


def implicit_bytes(element: DataElement) -> bytes:
    """An element of a dataset in Unicode, as implicit VR has it."""
    single = Dataset({element.tag: element})
    single.SpecificCharacterSet = "ISO_IR 192"
    return _encode(single, int(element.tag), int(element.tag), implicit=True)


def _meta(dataset: Dataset, syntax: Syntax) -> bytes:
    """The file meta, derived from the finished dataset."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    set_uid(meta, "MediaStorageSOPClassUID", str(dataset.get("SOPClassUID") or ""))
    set_uid(meta, "MediaStorageSOPInstanceUID", str(dataset.SOPInstanceUID))
    meta.TransferSyntaxUID = syntax.uid
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    dataset.file_meta = meta
    return _with_length(encode(meta, 0x00020000, 0x0002FFFF, implicit=False))


def _with_length(meta: bytes) -> bytes:
    """The file meta behind its own length (0002,0000)."""
    return struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta


def _digests(before: bytes, between: bytes, after: bytes, pixels: PixelElement | None) -> Iterator[str]:
    for part in (before, between, after):
        yield hashlib.sha256(part).hexdigest()
    if pixels is not None:
        yield f"{pixels.element} {pixels.array.dtype.str} {pixels.array.shape}"
        yield hashlib.sha256(pixels.view()).hexdigest()
