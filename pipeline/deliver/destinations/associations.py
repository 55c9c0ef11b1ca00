"""Associations with one destination, and the port that its reports and retrieved instances come to."""

from __future__ import annotations

import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....schemas.delivery import ClientTls, DicomDestination
from ...errors import PlanError, StoreError
from ..commitment import COMMITTED, FAILED
from .base import Down

if TYPE_CHECKING:
    import ssl

Contexts = list[tuple[str, list[str]]]
"""Abstract syntax, transfer syntaxes."""
Reports = dict[str, dict[str, int]]
"""Of storage commitment: by transaction, by SOP Instance UID: `COMMITTED`, or why it is refused."""
_LOOK = 0.001
"""Seconds between two looks for what is to be sent."""
_PREAMBLE = bytes(128) + b"DICM"


class Associations:
    """Opens associations as a recipe says. Raises: PlanError, where its certificates cannot be read."""

    def __init__(self, options: DicomDestination, folder: Path) -> None:
        self.options = options
        self.tls = None if options.tls is None else client_context(options.tls, folder)

    def open(
        self, contexts: Contexts, storage: Contexts | None = None, take: Callable[[Any], int] | None = None
    ) -> Any:
        """Return an association; None where the destination accepts none of what is asked.

        `storage`: kinds that are taken on it, by `take` (C-GET). Raises: Down.
        """
        from pynetdicom import AE, build_role, evt

        entity = AE(ae_title=self.options.calling_ae_title)
        for kind, syntaxes in [*contexts, *(storage or [])]:
            entity.add_requested_context(kind, syntaxes)
        roles = [build_role(kind, scp_role=True) for kind, _ in storage or []]
        association = self._associated(entity, roles, [(evt.EVT_C_STORE, take)] if take else [])
        return None if association is None else _answered_alone(association)

    def open_commitment(self, kind: str, reports: Reports) -> Any:
        """Return an association for storage commitment, whose reports go into `reports`; None: no offer."""
        from pynetdicom import AE, evt

        entity = AE(ae_title=self.options.calling_ae_title)
        entity.add_requested_context(kind)
        return self._associated(entity, [], [(evt.EVT_N_EVENT_REPORT, _reporting(reports))])

    def _associated(self, entity: Any, roles: list[Any], handlers: list[Any]) -> Any:
        from pynetdicom import evt

        options = self.options
        entity.acse_timeout = entity.dimse_timeout = options.timeout
        entity.network_timeout = entity.connection_timeout = options.timeout
        association = entity.associate(
            options.host,
            options.port,
            ae_title=options.ae_title,
            max_pdu=options.max_pdu,
            ext_neg=roles,
            evt_handlers=[(evt.EVT_CONN_OPEN, _opened), *handlers],
            tls_args=None if self.tls is None else (self.tls, options.host),
        )
        if association.is_established:
            return association
        if association.is_rejected:
            primitive = association.acceptor.primitive
            reason = getattr(primitive, "reason_str", "") if primitive is not None else ""
            raise Down(f"the association was rejected{f': {reason}' if reason else ''}")
        if association.acceptor.primitive is not None:
            return None  # it answered, and accepts nothing of what is asked
        where = f"{options.host}:{options.port}"
        raise Down(f"no association with {where}: it is not reached, or ended it")

    @staticmethod
    def report(box: Reports, transaction: str, patience: float) -> dict[str, int] | None:
        """Wait for the report of a transaction; None where none comes in time."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if transaction in box:
                return box.pop(transaction)
            time.sleep(0.02)
        return None


def refuse_taken(where: tuple[str, int]) -> None:
    """Refuse an address that another program listens on. Raises: OSError.

    Elsewhere listening itself does so. On Windows pynetdicom's socket would share it, and callers reach
    either of the two.
    """
    if sys.platform == "win32":
        with socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            probe.bind(where)


def tune(upper_layer: Any) -> None:
    """Make pynetdicom's handling of a connection quick, and have it closed behind a peer that is gone.

    A request is a command and a dataset, in a PDU each: Nagle's algorithm holds back the second one until the
    peer acknowledges the first, which takes it 40 ms. Between two looks for data pynetdicom sleeps for a
    millisecond, at each PDU that is not there yet; here it waits as long, or until data come. And version 3
    does not close a socket whose peer closed it first.
    """
    _without_logs(upper_layer.assoc)
    connection = upper_layer.socket
    own, look = connection.socket, upper_layer._is_transport_event

    def look_or_wait() -> bool:
        if look():
            return True
        try:
            select.select([own], [], [], _LOOK)
        except (OSError, ValueError):  # it is closed
            time.sleep(_LOOK)
        return bool(look())

    def shut() -> None:
        with suppress(OSError):
            own.shutdown(socket.SHUT_RDWR)
        own.close()

    upper_layer._is_transport_event, upper_layer._run_loop_delay = look_or_wait, 0
    connection._shutdown_socket = shut
    with suppress(OSError):
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


class _Contexts(list[Any]):
    """Presentation contexts that a server supports; callers share their transfer syntaxes.

    pynetdicom copies all of them deeply for each caller: half a second for every kind of storage.
    """

    def __deepcopy__(self, _: dict[int, Any]) -> list[Any]:
        return [copy(context) for context in self]


def share_contexts(server: Any) -> None:
    """Let callers share what a server supports, so that each is answered quickly."""
    server.contexts = _Contexts(server.contexts)


def _without_logs(association: Any) -> None:
    """Leave out pynetdicom's logs of each message and PDU: they read every message for nobody."""
    from pynetdicom import _handlers, evt

    for event, name in (
        (evt.EVT_DIMSE_RECV, "standard_dimse_recv_handler"),
        (evt.EVT_DIMSE_SENT, "standard_dimse_sent_handler"),
        (evt.EVT_PDU_RECV, "standard_pdu_recv_handler"),
        (evt.EVT_PDU_SENT, "standard_pdu_sent_handler"),
    ):
        association.unbind(event, getattr(_handlers, name))


def _opened(event: Any) -> None:
    tune(event.assoc.dul)


def _answered_alone(association: Any) -> Any:
    """Keep answers from the association's own thread: where it is slow to pause, it takes and drops them.

    It looks for requests of the peer, of which there are none on this association outside of a C-GET.
    """
    messages = association.dimse
    taken = messages.get_msg

    def get_msg(block: bool = False) -> Any:
        return (None, None) if threading.current_thread() is association else taken(block)

    messages.get_msg = get_msg
    return association


def _reporting(reports: Reports) -> Callable[[Any], tuple[int, None]]:
    def take(event: Any) -> tuple[int, None]:
        said = event.event_information
        found = {
            str(item.ReferencedSOPInstanceUID): COMMITTED for item in said.get("ReferencedSOPSequence", [])
        }
        for item in said.get("FailedSOPSequence", []):
            found[str(item.ReferencedSOPInstanceUID)] = int(item.get("FailureReason", None) or FAILED)
        reports[str(said.TransactionUID)] = found
        return 0x0000, None

    return take


def fetched_file(event: Any) -> bytes:
    """Return what a C-STORE brought as a file, its dataset as it came."""
    content: bytes = event.encoded_dataset()
    return content if content[128:132] == b"DICM" else _PREAMBLE + content


def client_context(tls: ClientTls, folder: Path) -> ssl.SSLContext:
    """Return TLS that checks the destination's certificate and name. Raises: PlanError."""
    import ssl

    try:
        context = ssl.create_default_context(cafile=None if tls.ca is None else folder / tls.ca)
        if tls.cert is not None and tls.key is not None:
            context.load_cert_chain(folder / tls.cert, folder / tls.key)
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(name for name in (tls.ca, tls.cert, tls.key) if name)
        reason = error.strerror or error
        raise PlanError(f"certificates cannot be read: {reason}", subject=named) from None
    return context


class Listener:
    """A port that takes reports of storage commitment, and instances that were asked for by C-MOVE."""

    def __init__(self) -> None:
        self.reports: Reports = {}
        self._came: dict[str, bytes | None] = {}
        self._lock = threading.Condition()

    def wanted(self, uid: str) -> None:
        """Say that an instance is expected; others are refused."""
        with self._lock:
            self._came[uid] = None

    def taken(self, uid: str, patience: float) -> bytes | None:
        """Return an instance that came."""
        with self._lock:
            self._lock.wait_for(lambda: self._came.get(uid) is not None, patience)
            return self._came.pop(uid, None)

    def _store(self, event: Any) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        with self._lock:
            if uid not in self._came:
                return 0x0124
            self._came[uid] = fetched_file(event)
            self._lock.notify_all()
        return 0x0000

    @contextmanager
    def listening(self, options: DicomDestination, bind: str) -> Iterator[Listener]:
        """Listen while the block lasts, to the destination alone. Raises: StoreError: the port is taken."""
        from pynetdicom import AE, AllStoragePresentationContexts, evt

        port = options.commit_port
        assert port is not None
        entity = AE(ae_title=options.calling_ae_title)
        entity.add_supported_context("1.2.840.10008.1.20.1", scu_role=True, scp_role=True)
        entity.add_supported_context("1.2.840.10008.1.1")
        for context in AllStoragePresentationContexts[:120]:
            entity.add_supported_context(str(context.abstract_syntax))
        entity.require_calling_aet = [options.ae_title]
        entity.require_called_aet = True
        entity.network_timeout = entity.dimse_timeout = entity.acse_timeout = options.timeout
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, _opened),
            (evt.EVT_N_EVENT_REPORT, _reporting(self.reports)),
            (evt.EVT_C_STORE, self._store),
        ]
        try:
            refuse_taken((bind, port))
            server: Any = entity.start_server((bind, port), block=False, evt_handlers=handlers)
        except OSError as error:
            what = f"cannot listen on {bind}:{port}: {error.strerror or error}"
            raise StoreError(what, subject="commit_port") from error
        share_contexts(server)
        try:
            yield self
        finally:
            server.shutdown()
