"""A store that speaks S3 over HTTP, and a proxy before it that does what networks and stores do."""

from __future__ import annotations

import hashlib
import http.client
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from ..servers import free_port, listening


@contextmanager
def moto() -> Iterator[int]:
    """Start moto's server; its port."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with listening(command, port):
        yield port


@dataclass
class Request:
    """What came in, and the way to pass it on."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    handler: BaseHTTPRequestHandler
    port: int

    @property
    def key(self) -> str:
        """Bucket and key."""
        return unquote(self.path.partition("?")[0]).lstrip("/")

    def is_of(self, method: str, part: str = "") -> bool:
        """Tell whether it asks so for an object whose bucket and key hold a text."""
        return self.method == method and part in self.key and self.key.count("/") > 0

    def passed_on(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """The store's answer."""
        server = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        server.request(self.method, self.path, self.body, self.headers)
        answer = server.getresponse()
        body = answer.read()
        server.close()
        return answer.status, answer.getheaders(), body

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes, *, cut: int = 0) -> None:
        """Answer; `cut`: so many bytes of the body are lost, and the connection with them."""
        handler = self.handler
        handler.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                handler.send_header(name, value)
        length = {name.lower(): value for name, value in headers}.get("content-length", len(body))
        handler.send_header("Content-Length", str(length if self.method == "HEAD" else len(body)))
        handler.end_headers()
        if self.method != "HEAD":
            handler.wfile.write(body[: len(body) - cut])
        if cut:
            handler.close_connection = True

    def refuse(self, status: int, code: str) -> None:
        """Answer with an error of S3's."""
        text = f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>"
        self.answer(status, [("Content-Type", "application/xml")], text.encode())

    def drop(self) -> None:
        """Close the connection without an answer."""
        self.handler.close_connection = True

    def is_damaged(self) -> bool:
        """Tell whether the body is not what its checksum says; the server behind does not look."""
        told = self.headers.get("x-amz-checksum-sha256")
        return told is not None and b64decode(told) != hashlib.sha256(self.body).digest()


Fault = Callable[[Request], bool]
"""Does something to a request; says whether it was answered (or dropped) so."""


@dataclass
class Proxy:
    """The address of the store, and what goes wrong there."""

    port: int
    behind: int
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method, and bucket with key, of each request that came."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def once(self, fault: Fault, times: int = 1) -> None:
        """Let a fault happen to the first requests that it takes."""
        left = [times]
        lock = threading.Lock()

        def limited(request: Request) -> bool:
            with lock:
                if not left[0] or not fault(request):
                    return False
                left[0] -= 1
                return True

        self.faults.append(limited)


@contextmanager
def proxy(behind: int) -> Iterator[Proxy]:
    """Start the proxy."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            request = Request(self.command, self.path, headers, body, self, behind)
            found.requests.append((self.command, request.key))
            with suppress(ConnectionError):
                if not any(fault(request) for fault in list(found.faults)):
                    if request.is_damaged():
                        request.refuse(400, "BadDigest")
                    else:
                        request.answer(*request.passed_on())

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do

        def handle_expect_100(self) -> bool:
            self.send_response_only(100)
            self.end_headers()
            return True

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    found = Proxy(server.server_address[1], behind)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def slow(seconds: float) -> Fault:
    """Let the answer wait."""

    def wait(_: Request) -> bool:
        time.sleep(seconds)
        return False

    return wait
