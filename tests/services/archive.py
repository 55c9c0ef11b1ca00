"""A small archive in this process, which answers as a test tells it to: C-STORE, C-FIND and C-GET."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pydicom

from .servers import free_port

RT_IMAGE = "1.2.840.10008.5.1.4.1.1.481.1"
_FIND, _GET = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"

Answer = Callable[[Any, int], tuple[int, bytes | None]]
"""From a C-STORE and its number (from 1): the status, and what is kept."""


def content_of(event: Any) -> bytes:
    """What a C-STORE brought, as a file."""
    content: bytes = event.encoded_dataset()
    return content


def keeps(event: Any, number: int) -> tuple[int, bytes | None]:
    """Take everything."""
    return 0x0000, content_of(event)


class Archive:
    """Holds what it took. With `asked`, it answers queries and gives instances back."""

    def __init__(self, answer: Answer = keeps, *, asked: bool = True) -> None:
        self.answer, self.asked = answer, asked
        self.port = free_port()
        self.calls = 0
        self.held: dict[str, bytes] = {}
        self.taken: Counter[str] = Counter()

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

    @contextmanager
    def running(self) -> Iterator[Archive]:
        """Listen while the block lasts."""
        from pynetdicom import AE, evt

        entity = AE(ae_title="ANY")
        entity.add_supported_context(RT_IMAGE, scu_role=True, scp_role=True)
        handlers: list[Any] = [(evt.EVT_C_STORE, self._store)]
        if self.asked:
            entity.add_supported_context(_FIND)
            entity.add_supported_context(_GET)
            handlers += [(evt.EVT_C_FIND, self._find), (evt.EVT_C_GET, self._get)]
        server: Any = entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        try:
            yield self
        finally:
            server.shutdown()

    def destination(self, more: str = "") -> str:
        """How a recipe names it."""
        return f"to: dicom, host: 127.0.0.1, port: {self.port}, ae_title: ANY, timeout: 10{more}"
