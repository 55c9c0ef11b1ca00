"""Stands between us and a server on loopback, and breaks some of the connections."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

REJECTED = bytes.fromhex("03000000000400020302")
"""A-ASSOCIATE-RJ: transient, by the presentation layer, local limit exceeded (PS3.8 9.3.4)."""
ABORTED = bytes.fromhex("07000000000400000200")
"""A-ABORT by the provider (PS3.8 9.3.8)."""


@dataclass
class Trouble:
    """What befalls one connection: it ends after so many bytes, on the way there or back."""

    there: int | None = None
    back: int | None = None
    last: bytes = b""
    """What we are told at its end."""


@dataclass
class Proxy:
    """The first connections get these troubles, one each; `struck` counts those that came to pass."""

    server: int
    troubles: list[Trouble]
    struck: int = 0
    port: int = 0
    _threads: list[threading.Thread] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        """Listen while the block lasts."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(listening.getsockname()[1])
        threading.Thread(target=self._serve, args=(listening,), daemon=True).start()
        try:
            yield self
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                inner, _ = listening.accept()
            except OSError:
                return
            try:
                outer = socket.create_connection(("127.0.0.1", self.server))
            except OSError:
                inner.close()
                continue
            trouble = self.troubles.pop(0) if self.troubles else Trouble()
            for source, sink, limit in ((inner, outer, trouble.there), (outer, inner, trouble.back)):
                thread = threading.Thread(
                    target=self._pump, args=(source, sink, limit, inner, trouble.last), daemon=True
                )
                thread.start()

    def _pump(
        self, source: socket.socket, sink: socket.socket, limit: int | None, us: socket.socket, last: bytes
    ) -> None:
        passed = 0
        with suppress(OSError):
            while chunk := source.recv(8192):
                if limit is not None and passed + len(chunk) > limit:
                    sink.sendall(chunk[: limit - passed])
                    self.struck += 1
                    if last:
                        us.sendall(last)
                    break
                sink.sendall(chunk)
                passed += len(chunk)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
