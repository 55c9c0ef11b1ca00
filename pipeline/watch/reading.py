"""Reading what callers send, within bounds: of a PDU, of a message, and of the time between two bytes."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from queue import Empty
from typing import Any

from ..deliver.destinations.associations import tune
from ..deliver.destinations.c_store import one_pdu, response

MOST_PDU = 2**22
"""Bytes of the longest PDU that is read; longer ones end the association."""
_OWN = frozenset({"Evt7", "Evt8", "Evt9", "Evt11", "Evt14", "Evt15"})
"""What comes from this side: answers, datasets, releases, aborts (PS3.8, table 9-10)."""
_P_DATA = 0x04
"""The type of a P-DATA-TF PDU (PS3.8 9.3.5)."""


class Reading:
    """Takes the place of pynetdicom's reading of one connection, which waits without end and by 4 KiB.

    `most`: bytes of a message; `idle`: seconds between two bytes of a PDU. What goes beyond is an OSError,
    which pynetdicom takes for a connection that was closed.
    """

    def __init__(self, association: Any, most: int, idle: float) -> None:
        self.most, self.bytes = most, 0
        """Bytes since the last whole message."""
        self._association, self._upper_layer = association, association.dul
        self._connection = self._upper_layer.socket
        self._socket: socket.socket = self._connection.socket
        self._socket.settimeout(idle)
        self._buffer = bytearray()
        self._ahead = b""
        """What was read and is pynetdicom's to read."""
        tune(self._upper_layer)
        self._connection.recv = self.read
        self._read_pdu, self._upper_layer._read_pdu_data = self._upper_layer._read_pdu_data, self.read_pdus
        self._send, association.dimse.send_msg = association.dimse.send_msg, self.answer
        states = self._upper_layer.state_machine
        self._act, states.do_action = states.do_action, self.act

    def read(self, count: int) -> bytes | bytearray:
        """Return so many bytes, or fewer where the caller ends. Raises: OSError."""
        if self._ahead:
            ahead, self._ahead = self._ahead[:count], self._ahead[count:]
            return ahead if len(ahead) == count else ahead + self.read(count - len(ahead))
        content = bytearray(self._counted(count))
        return content[: self._fill(memoryview(content))]

    def _counted(self, count: int) -> int:
        """Count what is about to be read. Raises: OSError: it is more than is allowed."""
        self.bytes += count
        if count > MOST_PDU or self.bytes > self.most + MOST_PDU:
            raise OSError("more than the limit allows")
        return count

    def _fill(self, there: memoryview) -> int:
        """Read until it is full or the caller ends; returns how many bytes came. Raises: OSError."""
        count = 0
        while count < len(there):
            taken = self._socket.recv_into(there[count:])
            if not taken:
                break
            count += taken
        return count

    def read_pdus(self) -> None:
        """Read what is there: fragments of a C-STORE's dataset go to its message, the rest to pynetdicom.

        pynetdicom copies each fragment eight times on its way there; here it is copied once. The last
        fragment of a message, with which it is whole, is pynetdicom's again.
        """
        from pynetdicom.dimse_messages import C_STORE_RQ

        layer = self._upper_layer
        try:
            while True:
                message: Any = self._association.dimse.message
                stores = isinstance(message, C_STORE_RQ)
                if not stores or layer.state_machine.current_state != "Sta6":
                    break
                data = self._fragment(message.context_id)
                if data is None:
                    break
                message.data_set.write(data)
                layer._idle_timer.restart()
                if layer.to_provider_queue.queue or layer._kill_thread or not self._connection.ready:
                    return
        except OSError:
            layer.event_queue.put("Evt17")  # the connection was closed (PS3.8 9.2.3)
            return
        self._read_pdu()

    def answer(self, primitive: Any, context_id: int) -> None:
        """Send the answer to a C-STORE at once; pynetdicom takes two milliseconds for it, and sends the rest.

        Over TLS it sends all: two threads may not use one TLS connection.
        """
        from pynetdicom.dimse_primitives import C_STORE

        if not isinstance(primitive, C_STORE) or isinstance(self._socket, ssl.SSLSocket):
            self._send(primitive, context_id)
            return
        number, status = primitive.MessageIDBeingRespondedTo, primitive.Status
        sop_class, uid = str(primitive.AffectedSOPClassUID or ""), str(primitive.AffectedSOPInstanceUID or "")
        if number is None or status is None or not (sop_class + uid).isascii():
            self._send(primitive, context_id)
            return
        command = response(number, status, sop_class, uid)
        with suppress(OSError):  # that the caller is gone is seen where it is read
            self._socket.sendall(one_pdu(context_id, command))

    def act(self, event: str) -> None:
        """Act on an event; what is answered after the association ended is dropped.

        A caller who sends on before he is let in is cut off while he is being answered; what he sends may
        be no request. At both pynetdicom's thread ends by an error, which Python prints.
        """
        from pynetdicom.fsm import TRANSITION_TABLE

        layer = self._upper_layer
        if event in _OWN and (event, layer.state_machine.current_state) not in TRANSITION_TABLE:
            with suppress(Empty):  # pynetdicom may have told of it twice
                layer.to_provider_queue.get(block=False)
            return
        try:
            self._act(event)
        except Exception:  # noqa: BLE001  what a caller sends may be anything
            self._end()

    def _end(self) -> None:
        """End the connection as pynetdicom does where it cannot read what comes."""
        association = self._association
        association.is_aborted, association.is_established, association._kill = True, False, True
        self._upper_layer._kill_thread = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _fragment(self, context_id: int) -> memoryview | None:
        """Read a P-DATA-TF PDU of one fragment of a dataset, not the last one (PS3.8 9.3.5, annex E).

        None: it is another PDU, whose beginning is put ahead. Raises: OSError.
        """
        head = self.read(6)
        length = int.from_bytes(head[2:6], "big")
        if len(head) == 6 and head[0] == _P_DATA and length > 6:
            head += self.read(6)
            if head[6:] == (length - 4).to_bytes(4, "big") + bytes((context_id, 0)):
                count = self._counted(length - 6)
                if len(self._buffer) < count:
                    self._buffer = bytearray(count)
                view = memoryview(self._buffer)[:count]
                if self._fill(view) < count:
                    raise OSError("the caller ended within a PDU")
                return view
        self._ahead = bytes(head)
        return None
