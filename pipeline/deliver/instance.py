"""A DICOM output as it travels: its UIDs, its transfer syntax, and the bytes of its dataset as they are."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import DifferenceError, ExportError
from ..printable import without_values
from ..reading import content_of
from .model import Item

if TYPE_CHECKING:
    from pydicom import Dataset

_META = 132
"""Where the file meta information begins: behind preamble and prefix (PS3.10 7.1)."""
_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"
_ASKED = ("StudyInstanceUID", "SeriesInstanceUID")
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"


class Header(Struct, frozen=True):
    """What is said of an instance before it is sent."""

    item: Item
    sop_class: str
    uid: str
    study: str
    series: str
    syntax: str


class Instance(Struct, frozen=True):
    """An instance with its bytes, which are those that were written."""

    header: Header
    content: bytes
    """The file."""
    start: int
    """Where the dataset begins in it."""

    @property
    def data(self) -> memoryview:
        """The dataset, encoded in the header's transfer syntax."""
        return memoryview(self.content)[self.start :]


def read_header(item: Item) -> Header:
    """Return what the head of a file says. Raises: ExportError: it lacks a UID that delivery needs."""
    from pydicom import dcmread

    try:
        dataset = dcmread(item.file, stop_before_pixels=True, specific_tags=list(_ASKED))
        meta = dataset.file_meta
        found = Header(
            item,
            str(meta.MediaStorageSOPClassUID),
            str(meta.MediaStorageSOPInstanceUID),
            str(dataset.get("StudyInstanceUID") or ""),
            str(dataset.get("SeriesInstanceUID") or ""),
            str(meta.TransferSyntaxUID),
        )
    except Exception as error:
        raise ExportError(
            f"cannot be read as DICOM: {without_values(str(error))}", subject=item.path
        ) from error
    if not (found.study and found.series):
        raise ExportError("has no study or series, without which no PACS takes it", subject=item.path)
    return found


def read_instance(header: Header) -> Instance:
    """Return the whole instance. Raises: DifferenceError: the file is not the one that was written."""
    item = header.item
    try:
        content = content_of(item.file)
    except OSError as error:
        raise DifferenceError(f"cannot be read: {error.strerror}", subject=item.path) from error
    if hashlib.sha256(content).hexdigest() != item.sha256:
        raise DifferenceError("changed since it was checked; it is not sent", subject=item.path)
    if content[_META : _META + len(_LENGTH)] != _LENGTH:
        raise DifferenceError("has no file meta information as we write it", subject=item.path)
    start = _META + 12 + int.from_bytes(content[_META + 8 : _META + 12], "little")
    return Instance(header, content, start)


def transcoded(instance: Instance, syntax: str) -> memoryview | None:
    """Return the dataset in another transfer syntax; None where that would not be without loss.

    Raises: ExportError: it cannot be decoded.
    """
    from pydicom import dcmread
    from pydicom.uid import UID

    own = UID(instance.header.syntax)
    if syntax not in (EXPLICIT, IMPLICIT) or (own.is_compressed and own not in _lossless()):
        return None
    try:
        dataset = dcmread(io.BytesIO(instance.content))
        if own.is_compressed and own != DEFLATED:
            _decode(dataset, str(own))
        return memoryview(_encoded(dataset, implicit=syntax == IMPLICIT))
    except Exception as error:
        what = f"cannot be sent uncompressed: {without_values(str(error))}"
        raise ExportError(what, subject=instance.header.item.path) from error


def _decode(dataset: Dataset, syntax: str) -> None:
    """Put the pixels themselves in the place of the compressed ones. Raises: ValueError: no codec."""
    from ..pydicom_versions.frames import decode_frame, decoding_plugins

    plugin = next(iter(decoding_plugins(syntax)), "")
    if not plugin:
        raise ValueError("no codec for it is installed")
    count = int(dataset.get("NumberOfFrames") or 1)
    frames = [decode_frame(dataset, syntax, index, plugin) for index in range(count)]
    pixels = b"".join(frame.astype(frame.dtype.newbyteorder("<")).tobytes() for frame, _ in frames)
    wide = int(dataset.BitsAllocated) > 8
    dataset.add_new(0x7FE00010, "OW" if wide else "OB", pixels + bytes(len(pixels) % 2))
    dataset.PhotometricInterpretation = frames[0][1]
    if int(dataset.SamplesPerPixel) > 1:
        dataset.PlanarConfiguration = 0


def _lossless() -> frozenset[str]:
    """Transfer syntaxes whose pixels come back exactly (PS3.5 annex A.4)."""
    return frozenset(
        {
            DEFLATED,
            "1.2.840.10008.1.2.5",
            "1.2.840.10008.1.2.4.57",
            "1.2.840.10008.1.2.4.70",
            "1.2.840.10008.1.2.4.80",
            "1.2.840.10008.1.2.4.90",
            "1.2.840.10008.1.2.4.201",
        }
    )


def _encoded(dataset: Dataset, *, implicit: bool) -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit
    write_dataset(buffer, dataset)
    return buffer.getvalue()
