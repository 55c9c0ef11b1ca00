"""Reading what callers send, within bounds: of a PDU, of a message, and of the time between two bytes."""

from __future__ import annotations

import socket
import zlib
from typing import TYPE_CHECKING, Any

from ..deliver.destinations.associations import tune
from ..deliver.instance import DEFLATED

if TYPE_CHECKING:
    from pydicom import Dataset

MOST_PDU = 2**22
"""Bytes of the longest PDU that is read; longer ones end the association."""
_AT_ONCE = 2**20
_UNDEFINED = 2**32 - 1
"""The length of an element that ends with a delimiter (PS3.5 7.1.1)."""


class Reading:
    """Takes the place of pynetdicom's reading of one connection, which waits without end and by 4 KiB.

    `most`: bytes of a message; `idle`: seconds between two bytes of a PDU. What goes beyond is an OSError,
    which pynetdicom takes for a connection that was closed.
    """

    def __init__(self, upper_layer: Any, most: int, idle: float) -> None:
        self.most, self.bytes = most, 0
        """Bytes since the last whole message."""
        connection = upper_layer.socket
        self._socket: socket.socket = connection.socket
        self._socket.settimeout(idle)
        tune(upper_layer)
        connection.recv = self.read

    def read(self, count: int) -> bytearray:
        """Return so many bytes, or fewer where the caller ends. Raises: OSError."""
        self.bytes += count
        if count > MOST_PDU or self.bytes > self.most + MOST_PDU:
            raise OSError("more than the limit allows")
        content = bytearray(count)
        there = memoryview(content)
        while there:
            taken = self._socket.recv_into(there)
            if not taken:
                return content[: count - len(there)]
            there = there[taken:]
        return content


def is_larger(content: bytes, event: Any, most: int) -> bool:
    """Tell whether an instance has more bytes than allowed, as it came or when it is inflated."""
    if len(content) > most:
        return True
    if str(event.context.transfer_syntax) != DEFLATED:
        return False
    inflating, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    rest: bytes = event.encoded_dataset(include_meta=False)
    try:
        while rest and not inflating.eof and size <= most:
            size += len(inflating.decompress(rest, _AT_ONCE))
            rest = inflating.unconsumed_tail
    except zlib.error:
        return False  # it cannot be read, which is said of it then
    return size > most


def refuse_cut(dataset: Dataset) -> None:
    """Refuse a dataset that ends within an element: pydicom gives what is there. Raises: ValueError."""
    for element in dataset.values():
        length, value = getattr(element, "length", _UNDEFINED), element.value
        if length != _UNDEFINED and isinstance(value, bytes) and len(value) < length:
            raise ValueError("it ends within an element")
