"""An instance as it arrived: the file that it becomes, and what its dataset says, within bounds."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ..deliver.instance import DEFLATED

if TYPE_CHECKING:
    from pydicom import Dataset

_AT_ONCE = 2**20
_UNDEFINED = 2**32 - 1
"""The length of an element that ends with a delimiter (PS3.5 7.1.1)."""
_LONG = 2**16
"""Bytes of a value that is not read: no path is made of it."""


class Arrived(Struct, frozen=True):
    """What a C-STORE brought; `data`: its dataset as it came."""

    sop_class: str
    uid: str
    syntax: str
    data: bytes

    @classmethod
    def of(cls, event: Any) -> Arrived:
        """Take it from pynetdicom's event."""
        request = event.request
        data: bytes = event.encoded_dataset(include_meta=False)
        return cls(
            str(request.AffectedSOPClassUID or ""),
            str(request.AffectedSOPInstanceUID or ""),
            str(event.context.transfer_syntax),
            data,
        )

    @property
    def head(self) -> bytes:
        """Preamble and file meta information (PS3.10 7.1), those that pynetdicom gives a file."""
        from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION

        meta = struct.pack("<HH2sHL2s", 2, 1, b"OB", 0, 2, b"\0\1") + b"".join(
            (
                _element(0x0002, b"UI", self.sop_class),
                _element(0x0003, b"UI", self.uid),
                _element(0x0010, b"UI", self.syntax),
                _element(0x0012, b"UI", str(PYNETDICOM_IMPLEMENTATION_UID)),
                _element(0x0013, b"SH", str(PYNETDICOM_IMPLEMENTATION_VERSION)),
            )
        )
        return bytes(128) + b"DICM" + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(meta)) + meta

    def is_larger(self, most: int) -> bool:
        """Tell whether its dataset has more bytes than allowed, as it came or when it is inflated."""
        if len(self.data) > most:
            return True
        if self.syntax != DEFLATED:
            return False
        inflating, size, rest = zlib.decompressobj(-zlib.MAX_WBITS), 0, self.data
        try:
            while rest and not inflating.eof and size <= most:
                size += len(inflating.decompress(rest, _AT_ONCE))
                rest = inflating.unconsumed_tail
        except zlib.error:
            return False  # it cannot be read, which is said of it then
        return size > most

    def read(self) -> Dataset:
        """Return its dataset without long values. Raises: ValueError: it ends within an element; others."""
        from pydicom.filereader import read_dataset
        from pydicom.uid import UID

        syntax = UID(self.syntax)
        data = zlib.decompress(self.data, -zlib.MAX_WBITS) if self.syntax == DEFLATED else self.data
        dataset = read_dataset(
            io.BytesIO(data), syntax.is_implicit_VR, syntax.is_little_endian, defer_size=_LONG
        )
        for element in dataset.values():
            length = getattr(element, "length", _UNDEFINED)
            if length != _UNDEFINED and getattr(element, "value_tell", 0) + length > len(data):
                raise ValueError("it ends within an element")
        return dataset


def _element(tag: int, vr: bytes, text: str) -> bytes:
    """Return an element of the file meta information (PS3.5 7.1.2)."""
    value = text.encode("ascii")
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", 2, tag, vr, len(value)) + value
