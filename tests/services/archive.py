"""A small archive in this process, which answers as a test tells it to.

C-STORE, C-FIND, C-GET, and storage commitment on the association that asks or on one of its own.
"""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pydicom
from dicombake.pipeline.deliver.destinations.associations import tune

from .servers import free_port

RT_IMAGE = "1.2.840.10008.5.1.4.1.1.481.1"
_ENDS = (5, 7)
"""Types of PDU: A-RELEASE-RQ and A-ABORT (PS3.8 9.3)."""
_FIND, _GET = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"
_COMMIT, _COMMIT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"

Answer = Callable[[Any, int], tuple[int, bytes | None]]
"""From a C-STORE and its number (from 1): the status, and what is kept."""
Commit = Callable[[str, int], int | None]
"""From a SOP Instance UID and the number of the request: 0, why it is not committed to, or no word of it."""


def content_of(event: Any) -> bytes:
    """What a C-STORE brought, as a file."""
    content: bytes = event.encoded_dataset()
    return content


def keeps(event: Any, number: int) -> tuple[int, bytes | None]:
    """Take everything."""
    return 0x0000, content_of(event)


class Archive:
    """Holds what it took. With `asked`, it answers queries and gives instances back.

    With `commit`, it reports which instances it commits to: on the association that asked, or to a port.
    """

    def __init__(
        self,
        answer: Answer = keeps,
        *,
        asked: bool = True,
        commit: Commit | None = None,
        reports_to: int | None = None,
    ) -> None:
        self.answer, self.asked, self.commit, self.reports_to = answer, asked, commit, reports_to
        self.requests = 0
        """For storage commitment."""
        self.max_pdu, self.longest_pdu, self.most_at_once = 16382, 0, 0
        self._open: set[Any] = set()
        self.port = free_port()
        self.calls = 0
        self.held: dict[str, bytes] = {}
        self.taken: Counter[str] = Counter()

    def instances(self) -> list[bytes]:
        """Every file that it holds."""
        return list(self.held.values())

    def empty(self) -> None:
        """Forget everything."""
        self.held.clear()
        self.taken.clear()

    def _measure(self, event: Any) -> None:
        self.longest_pdu = max(self.longest_pdu, len(event.data) - 6)  # without its own head (PS3.8 9.3.1)
        if event.data[0] in _ENDS:  # seen before the other side is answered, and may begin the next one
            self._open.discard(event.assoc)

    def _count(self, event: Any) -> None:
        self._open.add(event.assoc)
        self.most_at_once = max(self.most_at_once, len(self._open))

    def _store(self, event: Any) -> int:
        self.calls += 1
        status, content = self.answer(event, self.calls)
        if content is not None:
            name = str(event.request.AffectedSOPInstanceUID)
            self.held[name] = content
            self.taken[name] += 1
        return status

    def _find(self, event: Any) -> Iterator[tuple[int, Any]]:
        if event.identifier.SOPInstanceUID in self.held:
            yield 0xFF00, event.identifier

    def _get(self, event: Any) -> Iterator[Any]:
        content = self.held.get(event.identifier.SOPInstanceUID)
        yield int(content is not None)
        if content is not None:
            yield 0xFF00, pydicom.dcmread(io.BytesIO(content))

    def _action(self, event: Any) -> tuple[int, None]:
        self.requests += 1
        asked = event.action_information
        threading.Thread(target=self._report, args=(event.assoc, asked, self.requests)).start()
        return 0x0000, None

    def _report(self, association: Any, asked: Any, number: int) -> None:
        """Report (PS3.4 J.3.3): event type 1 where all is committed to, else 2."""
        from pydicom.dataset import Dataset
        from pynetdicom import AE, build_role

        assert self.commit is not None
        committed, failed = [], []
        for item in asked.ReferencedSOPSequence:
            reason = self.commit(item.ReferencedSOPInstanceUID, number)
            if reason:
                item.FailureReason = reason
            if reason is not None:
                (failed if reason else committed).append(item)
        report = Dataset()
        report.TransactionUID = asked.TransactionUID
        if committed:
            report.ReferencedSOPSequence = committed
        if failed:
            report.FailedSOPSequence = failed
        if self.reports_to is not None:
            entity = AE(ae_title="ANY")
            entity.add_requested_context(_COMMIT)
            role = build_role(_COMMIT, scp_role=True)
            association = entity.associate("127.0.0.1", self.reports_to, ae_title="DICOMBAKE", ext_neg=[role])
        association.send_n_event_report(report, 2 if failed else 1, _COMMIT, _COMMIT_INSTANCE)
        if self.reports_to is not None:
            association.release()

    @contextmanager
    def running(self) -> Iterator[Archive]:
        """Listen while the block lasts."""
        from pynetdicom import AE, evt

        entity = AE(ae_title="ANY")
        entity.add_supported_context(RT_IMAGE, scu_role=True, scp_role=True)
        entity.maximum_pdu_size = self.max_pdu
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, lambda event: tune(event.assoc.dul)),  # else small packets wait 40 ms
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_DATA_RECV, self._measure),
            (evt.EVT_ACCEPTED, self._count),
            (evt.EVT_CONN_CLOSE, lambda event: self._open.discard(event.assoc)),
        ]
        if self.asked:
            entity.add_supported_context(_FIND)
            entity.add_supported_context(_GET)
            handlers += [(evt.EVT_C_FIND, self._find), (evt.EVT_C_GET, self._get)]
        if self.commit is not None:
            entity.add_supported_context(_COMMIT)
            handlers.append((evt.EVT_N_ACTION, self._action))
        server: Any = entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        try:
            yield self
        finally:
            server.shutdown()

    def destination(self, more: str = "") -> str:
        """How a recipe names it."""
        return f"to: dicom, host: 127.0.0.1, port: {self.port}, ae_title: ANY, timeout: 10{more}"
