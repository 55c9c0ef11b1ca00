"""A Storage SCP: an instance is written whole, as it was sent, and synced before it is acknowledged."""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...schemas.delivery import Receive, ServerTls
from ..deliver.compare import compared
from ..deliver.destinations.associations import refuse_taken, share_contexts
from ..errors import PlanError, StoreError, UsageError
from ..inputs.render import Scope, render_path
from ..reading import content_of
from ..recipe.loaded import LoadedRecipe
from ..store.files import Store
from ..store.temporary import remove_abandoned
from .arrived import Arrived
from .reading import Reading

if TYPE_CHECKING:
    from pydicom import Dataset

SUCCESS, NOT_ALLOWED, FULL, WRONG, OTHER, INVALID = 0x0000, 0x0124, 0xA700, 0xA900, 0x0111, 0x0117
_FOR_A_REQUEST = 5.0
"""Seconds for which a connection that asks for no association counts as one."""
_PLACE = re.compile(r"\{([A-Za-z]+)\}")
_UID = re.compile(r"(?=.{1,64}\Z)(0|[1-9]\d*)(\.(0|[1-9]\d*))*")


class Receiver:
    """What arrives by C-STORE, for one recipe. Raises: UsageError: the extra is not installed."""

    def __init__(
        self,
        loaded: LoadedRecipe,
        data: Path,
        tell: Callable[[dict[str, Any]], None],
        woken: Callable[[], None],
        *,
        durable: bool = True,
    ) -> None:
        from importlib.util import find_spec

        if find_spec("pynetdicom") is None:
            raise UsageError("'receive' needs pynetdicom", hint="pip install 'dicombake[pacs]'")
        receive = loaded.recipe.receive
        assert receive is not None
        self.receive: Receive = receive
        self.loaded, self.data, self.tell, self.woken = loaded, data, tell, woken
        self.durable = durable
        """Whether the disk has an instance before it is acknowledged; only a measurement says no."""
        self.networks = {
            caller.ae_title: [ipaddress.ip_network(address) for address in caller.address]
            for caller in receive.allow
        }
        self.template = _PLACE.sub(r"{source.\1}", receive.into).rstrip("/\\")
        self._writing = [threading.Lock() for _ in range(64)]

    @contextmanager
    def listening(self) -> Iterator[Receiver]:
        """Listen while the block lasts. Raises: StoreError: the port is taken; PlanError: certificates."""
        from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt

        limits = self.receive.limits
        entity = AE(ae_title=self.receive.ae_title)
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
        entity.add_supported_context("1.2.840.10008.1.1")
        entity.require_calling_aet = list(self.networks)
        entity.require_called_aet = True
        entity.maximum_associations = limits.associations
        entity.maximum_pdu_size = 131072
        entity.network_timeout = entity.dimse_timeout = limits.idle
        entity.acse_timeout = min(limits.idle, _FOR_A_REQUEST)
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, self._connected),
            (evt.EVT_ACCEPTED, self._accepted),
            (evt.EVT_DIMSE_RECV, self._message),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_ECHO, self._echo),
        ]
        where = (self.receive.bind, self.receive.port)
        tls = self.receive.tls
        secured = None if tls is None else server_context(tls, self.loaded.path.parent)
        try:
            refuse_taken(where)
            server: Any = entity.start_server(where, block=False, evt_handlers=handlers, ssl_context=secured)
        except OSError as error:
            what = f"cannot listen on {where[0]}:{where[1]}: {error.strerror or error}"
            raise StoreError(what, subject="receive") from error
        share_contexts(server)
        self._clean()
        try:
            yield self
        finally:
            server.shutdown()
            entity.shutdown()

    def _clean(self) -> None:
        """Remove what a receiver that was killed left half-written."""
        fixed = takewhile(lambda part: "{" not in part, self.receive.into.split("/"))
        for folder, _, _ in os.walk(self.data.joinpath(*fixed)):
            remove_abandoned(Path(folder), _is_instance, begun=False)

    def _connected(self, event: Any) -> None:
        """Bound what is read of a connection: one PDU, one message, and the time that it may take."""
        association = event.assoc
        limits = self.receive.limits
        association.dicombake_reading = Reading(association, limits.instance_bytes, limits.idle)

    def _message(self, event: Any) -> None:
        event.assoc.dicombake_reading.bytes = 0

    def _accepted(self, event: Any) -> None:
        if not self._allowed(event.assoc):
            event.assoc.abort()

    def _allowed(self, association: Any) -> bool:
        """Tell whether the caller is one that may send, from where it calls; nobody who is not bounded."""
        if getattr(association, "dicombake_reading", None) is None:
            return False
        networks = self.networks.get(str(association.requestor.ae_title).strip())
        if networks is None:
            return False
        try:
            address: Any = ipaddress.ip_address(association.requestor.address)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return not networks or any(address in network for network in networks)

    def _echo(self, event: Any) -> int:
        return SUCCESS if self._allowed(event.assoc) else NOT_ALLOWED

    def _store(self, event: Any) -> int:
        """Write an instance. The status says what became of it: nothing but success means it is there."""
        if not self._allowed(event.assoc):
            return NOT_ALLOWED
        arrived = Arrived.of(event)
        if not _UID.fullmatch(arrived.uid):
            return self._refused(INVALID, "its SOP Instance UID is no UID")
        if arrived.is_larger(self.receive.limits.instance_bytes):
            return self._refused(FULL, "is larger than 'limits.instance_bytes'")
        try:
            path, head = self._path(arrived), arrived.head
        except Exception:  # noqa: BLE001  what comes may be anything
            return self._refused(WRONG, "its dataset cannot be read")
        if path is None:
            return self._refused(WRONG, "its dataset is of another UID than it says")
        with self._writing[hash(arrived.uid) % len(self._writing)]:
            return self._write(path, (head, arrived.data))

    def _path(self, arrived: Arrived) -> str | None:
        """Where an instance goes; None where its dataset is of another UID. Raises: it cannot be read."""
        dataset, uid = arrived.read(), arrived.uid
        if str(dataset.get("SOPInstanceUID") or "") != uid:
            return None
        scope = Scope(path=uid, index=1, source=lambda name: _text(dataset, name))
        return render_path(f"{self.template}/{uid}.dcm", scope)

    def _write(self, path: str, content: tuple[bytes, bytes]) -> int:
        file = self.data.joinpath(*path.split("/"))
        try:
            if file.exists():
                there, here = content_of(file), b"".join(content)
                if there == here or compared(there, here).same:
                    return SUCCESS
                return self._refused(OTHER, f"{path} is there with other content")
            limit = self.receive.limits.free_bytes + sum(map(len, content))
            if shutil.disk_usage(self.data).free < limit:
                return self._refused(FULL, "the disk has less room than 'limits.free_bytes'")
            Store(self.data, durable=self.durable, hashed=False).put(path, content, keep=True)
        except (OSError, StoreError) as error:
            return self._refused(FULL, f"cannot be written: {getattr(error, 'what', None) or error}")
        self.tell({"event": "received", "recipe": str(self.loaded.path), "path": path})
        self.woken()
        return SUCCESS

    def _refused(self, status: int, why: str) -> int:
        self.tell(
            {
                "event": "refused",
                "recipe": str(self.loaded.path),
                "message": f"an instance {why}",
                "status": f"{status:04X}",
            }
        )
        return status


def _is_instance(name: str) -> bool:
    return name.endswith(".dcm") and _UID.fullmatch(name[:-4]) is not None


def _text(dataset: Dataset, keyword: str) -> str:
    """Return an element as a part of a path; one that is absent or empty is ``unknown``."""
    value = dataset.get(keyword)
    return str(value).strip() or "unknown" if value is not None else "unknown"


def server_context(tls: ServerTls, folder: Path) -> ssl.SSLContext:
    """Return TLS that asks callers for a certificate. Raises: PlanError."""
    context = _Context(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(folder / tls.cert, folder / tls.key)
        context.load_verify_locations(folder / tls.ca)
    except (OSError, ssl.SSLError) as error:
        what = f"certificates cannot be read: {error.strerror or error}"
        raise PlanError(what, subject=f"{tls.cert}, {tls.key}, {tls.ca}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    return context


class _Context(ssl.SSLContext):
    """Waits a few seconds for a handshake: while it waits, nobody else is let in."""

    def wrap_socket(self, sock: Any, *arguments: Any, **named: Any) -> ssl.SSLSocket:
        sock.settimeout(5)
        wrapped = super().wrap_socket(sock, *arguments, **named)
        wrapped.settimeout(None)
        return wrapped
