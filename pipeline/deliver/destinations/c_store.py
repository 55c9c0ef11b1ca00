"""One C-STORE whose dataset travels as the bytes that were written.

pynetdicom decodes and encodes what it sends, and hands over one PDU at a time to another thread. Association
and answers stay its own; here only the P-DATA of the request is cut, which makes it several times as fast.
"""

from __future__ import annotations

import io
import ssl
import time
from typing import TYPE_CHECKING, Any

from ....schemas.delivery import DicomDestination
from ..instance import Header
from .base import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHOLE = 2**17
"""Bytes of a PDU where the destination names no bound."""
_AT_ONCE = 2**20
"""Bytes that are handed to the system at once."""


def store(
    association: Any, context: Any, header: Header, data: memoryview, options: DicomDestination
) -> int | None:
    """Send an instance and return the status; None where the association ended. Raises: Unreachable."""
    from pynetdicom.dimse_primitives import C_STORE

    request = C_STORE()
    request.MessageID = 1
    request.Priority = 2
    request.AffectedSOPClassUID = header.sop_class
    request.AffectedSOPInstanceUID = header.uid
    association._reactor_checkpoint.clear()
    try:
        while not association._is_paused:
            time.sleep(0.0001)
        if not association.is_established:
            return None
        _send(association, context.context_id, request, data, options.timeout)
        _, response = association.dimse.get_msg(block=True)
    finally:
        association._reactor_checkpoint.set()
    if response is None or not response.is_valid_response:
        association.abort()
        return None
    return int(response.Status)


def _send(association: Any, context_id: int, request: Any, data: memoryview, timeout: float) -> None:
    """Send the request: over TLS by pynetdicom's own thread, since two may not use one TLS connection."""
    socket = association.dul.socket.socket
    if isinstance(socket, ssl.SSLSocket):
        request.DataSet = io.BytesIO(data)
        association.dimse.send_msg(request, context_id)
        return
    from pynetdicom.dimse_messages import C_STORE_RQ
    from pynetdicom.dsutils import encode

    request.DataSet = io.BytesIO(b"\0\0")  # the command says that there is one
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    command = encode(message.command_set, True, True)
    assert command is not None
    most = association.dimse.maximum_pdu_size or _WHOLE
    socket.settimeout(timeout)
    try:
        for chunk in _chunks(context_id, memoryview(command), data, most):
            socket.sendall(chunk)
    except OSError as error:
        association.abort()
        raise Unreachable(f"the connection broke: {error.strerror or error}") from error


def _chunks(context_id: int, command: memoryview, data: memoryview, most: int) -> Iterator[bytearray]:
    """Cut command and dataset into P-DATA-TF PDUs of one value each (PS3.8 9.3.5, PS3.7 6.3.1)."""
    chunk = bytearray()
    for part, kind in ((command, 1), (data, 0)):
        step = most - 6
        for start in range(0, len(part), step):
            piece = part[start : start + step]
            last = 2 if start + step >= len(part) else 0
            chunk += b"\x04\x00" + (len(piece) + 6).to_bytes(4, "big") + (len(piece) + 2).to_bytes(4, "big")
            chunk += bytes((context_id, kind | last))
            chunk += piece
            if len(chunk) >= _AT_ONCE:
                yield chunk
                chunk = bytearray()
    if chunk:
        yield chunk
