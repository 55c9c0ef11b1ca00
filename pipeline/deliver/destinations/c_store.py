"""One C-STORE whose dataset travels as the bytes that were written.

pynetdicom decodes and encodes what it sends, and hands over one PDU at a time to another thread. Association
and answers stay its own; here only the P-DATA of the request is cut, which makes it several times as fast.
"""

from __future__ import annotations

import io
import ssl
import struct
import time
from typing import TYPE_CHECKING, Any

from ....schemas.delivery import DicomDestination
from ..instance import Header
from .base import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHOLE = 2**17
"""Bytes of a PDU where the destination names no bound."""
_AT_ONCE = 2**18
"""Bytes that are put together and handed to the system at once: what a processor's cache holds."""
_LOW = 2
"""The priority of a request (PS3.7 9.3.1.1)."""


def store(
    association: Any, context: Any, header: Header, data: memoryview, options: DicomDestination
) -> int | None:
    """Send an instance and return the status; None where the association ended. Raises: Unreachable."""
    association._reactor_checkpoint.clear()
    try:
        while not association._is_paused and association.is_established:
            time.sleep(0.0001)
        if not association.is_established:
            return None
        _send(association, context.context_id, header, data, options.timeout)
        _, response = association.dimse.get_msg(block=True)
    finally:
        association._reactor_checkpoint.set()
    if response is None or not response.is_valid_response:
        association.abort()
        return None
    association._reactor_checkpoint.clear()  # it goes round once, and rests while the next file is read
    return int(response.Status)


def _send(association: Any, context_id: int, header: Header, data: memoryview, timeout: float) -> None:
    """Send the request: over TLS by pynetdicom's own thread, since two may not use one TLS connection."""
    socket = association.dul.socket.socket
    if socket is None:  # it was closed meanwhile
        association.abort()
        raise Unreachable("the connection broke: it is closed")
    if isinstance(socket, ssl.SSLSocket):
        from pynetdicom.dimse_primitives import C_STORE

        request = C_STORE()
        request.MessageID = 1
        request.Priority = _LOW
        request.AffectedSOPClassUID = header.sop_class
        request.AffectedSOPInstanceUID = header.uid
        request.DataSet = io.BytesIO(data)
        association.dimse.send_msg(request, context_id)
        return
    most = association.dimse.maximum_pdu_size or _WHOLE
    try:
        socket.settimeout(timeout)
        for chunk in _chunks(context_id, _request(header), data, most):
            socket.sendall(chunk)
    except OSError as error:
        association.abort()
        raise Unreachable(f"the connection broke: {error.strerror or error}") from error


def _request(header: Header) -> bytes:
    """Return the command set of a C-STORE-RQ (PS3.7 9.3.1.1)."""
    return command_set(
        {
            0x0002: header.sop_class,  # Affected SOP Class UID
            0x0100: 0x0001,  # Command Field
            0x0110: 1,  # Message ID
            0x0700: _LOW,  # Priority
            0x0800: 0x0001,  # Command Data Set Type: there is one
            0x1000: header.uid,  # Affected SOP Instance UID
        }
    )


def response(number: int, status: int, sop_class: str, uid: str) -> bytes:
    """Return the command set of a C-STORE-RSP to the message of a number (PS3.7 9.3.1.2)."""
    return command_set(
        {
            0x0002: sop_class,
            0x0100: 0x8001,  # Command Field
            0x0120: number,  # Message ID Being Responded To
            0x0800: 0x0101,  # Command Data Set Type: there is none
            0x0900: status,
            0x1000: uid,
        }
    )


def command_set(values: dict[int, int | str]) -> bytes:
    """Encode elements of group 0000, US or UI, in Implicit VR Little Endian (PS3.7 6.3.1)."""
    elements = b""
    for tag, value in values.items():
        if isinstance(value, int):
            encoded = struct.pack("<H", value)
        else:
            encoded = value.encode("ascii") + b"\0" * (len(value) % 2)
        elements += struct.pack("<HHL", 0, tag, len(encoded)) + encoded
    return struct.pack("<HHLL", 0, 0, 4, len(elements)) + elements


def one_pdu(context_id: int, command: bytes) -> bytes:
    """Return a command set that fits into one P-DATA-TF PDU as that."""
    return b"".join(_pdus(context_id, memoryview(command), len(command), command=True, ends=True))


def _chunks(context_id: int, command: bytes, data: memoryview, most: int) -> Iterator[bytes]:
    """Cut command and dataset into P-DATA-TF PDUs of one value each (PS3.8 9.3.5, annex E).

    Gives as many of them as are sent at once.
    """
    step = most - 6
    several = max(1, _AT_ONCE // step) * step
    before = b"".join(_pdus(context_id, memoryview(command), step, command=True, ends=True))
    for start in range(0, len(data), several):
        part = data[start : start + several]
        pdus = _pdus(context_id, part, step, command=False, ends=start + several >= len(data))
        yield before + b"".join(pdus) if before else b"".join(pdus)
        before = b""


def _pdus(
    context_id: int, part: memoryview, step: int, *, command: bool, ends: bool
) -> Iterator[bytes | memoryview]:
    """Give head and value of each PDU; with `ends`, the last one ends what it is of (PS3.8 annex E.2)."""
    last = (len(part) - 1) // step * step
    whole = _head(step, context_id, int(command))
    for start in range(0, last, step):
        yield whole
        yield part[start : start + step]
    yield _head(len(part) - last, context_id, int(command) | (2 if ends else 0))
    yield part[last:]


def _head(count: int, context_id: int, control: int) -> bytes:
    """Return what is before a value of so many bytes: PDU type, lengths, context and control header."""
    return struct.pack(">BBLLBB", 4, 0, count + 6, count + 2, context_id, control)
