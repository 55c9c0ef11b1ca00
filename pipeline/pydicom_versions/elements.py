"""Handle datasets and elements with pydicom 3 and 2.4."""

from __future__ import annotations

from collections.abc import MutableSequence
from io import BytesIO
from typing import TYPE_CHECKING

from pydicom import DataElement, Dataset, __version_info__
from pydicom.dataelem import RawDataElement

if TYPE_CHECKING:
    from pydicom.tag import BaseTag

Charset = str | MutableSequence[str] | None
PYDICOM_3 = int(__version_info__[0]) >= 3


def original_encoding(dataset: Dataset) -> tuple[bool | None, bool | None]:
    """Tell whether a dataset was read as implicit VR, and as little endian; None where it was not read."""
    if PYDICOM_3:
        return dataset.original_encoding
    return dataset.read_implicit_vr, dataset.read_little_endian


def original_character_set(dataset: Dataset) -> Charset:
    """Return the Python encodings that the text of a dataset is read with."""
    return dataset.original_character_set if PYDICOM_3 else dataset.read_encoding


def set_original_encoding(dataset: Dataset, source: Dataset, charset: Charset = None) -> None:
    """Let elements that `dataset` took from `source` undecoded be decoded as those of `source`.

    Args:
        dataset: whose elements they are now.
        source: the dataset that was read.
        charset: read text with these Python encodings; None: with those of `source`.
    """
    implicit, little = original_encoding(source)
    encodings = charset or original_character_set(source)
    dataset.set_original_encoding(implicit, little, encodings)
    if not PYDICOM_3:
        dataset.is_implicit_VR, dataset.is_little_endian = implicit, little


def element_from_bytes(tag: BaseTag, vr: str, data: bytes) -> DataElement:
    """Return the element whose explicit VR little endian value has these bytes; text is UTF-8.

    Raises:
        ValueError, TypeError, NotImplementedError, OverflowError: they are no value of that VR.
    """
    raw = RawDataElement(tag, vr, len(data), data, 0, False, True)
    if PYDICOM_3:
        from pydicom.dataelem import convert_raw_data_element

        return convert_raw_data_element(raw, encoding=["utf_8"])
    from pydicom.dataelem import DataElement_from_raw

    element: DataElement = DataElement_from_raw(raw, ["utf_8"])
    return element


def file_bytes(dataset: Dataset) -> bytes:
    """Return a whole file: preamble, file meta, and the dataset in its transfer syntax (uncompressed)."""
    stream = BytesIO()
    if PYDICOM_3:
        dataset.save_as(stream, enforce_file_format=True)
    else:
        syntax = dataset.file_meta.TransferSyntaxUID
        dataset.is_implicit_VR, dataset.is_little_endian = syntax.is_implicit_VR, syntax.is_little_endian
        dataset.save_as(stream, write_like_original=False)
    return stream.getvalue()


def implicit_bytes(dataset: Dataset) -> bytes:
    """Return the dataset alone as implicit VR little endian: no preamble, no file meta."""
    stream = BytesIO()
    if PYDICOM_3:
        dataset.save_as(stream, implicit_vr=True, little_endian=True, enforce_file_format=False)
    else:
        dataset.is_implicit_VR = dataset.is_little_endian = True
        dataset.save_as(stream, write_like_original=True)
    return stream.getvalue()


def tag_text(tag: int) -> str:
    """Return a tag as pydicom 3 writes it, ``(0010,0020)``; 2.4 has a blank in it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
