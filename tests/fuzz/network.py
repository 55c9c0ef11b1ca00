"""What callers send to `receive`, over a real connection."""

from __future__ import annotations

import io
import socket
import tempfile
import threading
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Any

from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.watch.receive import Receiver

from . import corpus

RECIPE = """
version: 1
receive:
  port: {port}
  into: "in/{{PatientID}}"
  allow: LINAC
  limits: {{free_bytes: 1, instance_bytes: 1 MB, idle: 1}}
conversions:
  a: {{inputs: "in/*/*.dcm", source: dicom, exports: {{to: npy, path: "out/{{stem}}.npy"}}}}
"""
SECONDS = 0.1
"""For an answer: a caller who sends no whole message gets none."""
_FAILED: list[str] = []
_LISTENING = ExitStack()


@cache
def _port() -> int:
    """Listen as long as the process lives; what fails in a thread is kept."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="fuzz"))
    path = folder / "r.yaml"
    path.write_text(RECIPE.format(port=port), encoding="utf-8")
    threading.excepthook = lambda failed: _FAILED.append(repr(failed.exc_value))
    receiver = Receiver(load_recipe(path), folder, lambda event: None, lambda: None)
    _LISTENING.enter_context(receiver.listening())
    return port


def received(data: bytes) -> None:
    """Send an input as a caller, hang up, and see that the next one is still let in."""
    with socket.create_connection(("127.0.0.1", _port()), 5) as caller:
        caller.settimeout(SECONDS)
        with suppress(OSError):
            caller.sendall(data)
            caller.shutdown(socket.SHUT_WR)
            while caller.recv(2**16):
                pass
    assert not _FAILED, _FAILED


def calls() -> list[bytes]:
    """What callers send: an association that stores, one that asks for an echo, an instance in two pieces."""
    from pynetdicom import AE

    return [_call(AE, content) for content in (*corpus.dicoms()[:2], None)]


def _call(entity: Any, content: bytes | None) -> bytes:
    """Record what pynetdicom sends to a listener of its own, which takes everything."""
    from pydicom import dcmread
    from pynetdicom import ALL_TRANSFER_SYNTAXES, evt

    sent: list[bytes] = []
    where = ("127.0.0.1", 0)
    classes = ("1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.7")
    there, here = entity(ae_title="DICOMBAKE"), entity(ae_title="LINAC")
    for each in (there, here):
        for uid in classes:
            each.add_supported_context(uid, ALL_TRANSFER_SYNTAXES)
            each.add_requested_context(uid, "1.2.840.10008.1.2.1")
    server = there.start_server(where, block=False, evt_handlers=[(evt.EVT_C_STORE, lambda event: 0)])
    recording: list[Any] = [(evt.EVT_DATA_SENT, lambda event: sent.append(event.data))]
    link = here.associate("127.0.0.1", server.server_address[1], ae_title="DICOMBAKE", evt_handlers=recording)
    if content is None:
        link.send_c_echo()
    else:
        dataset = dcmread(io.BytesIO(content))
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        link.send_c_store(dataset)
    link.release()
    server.shutdown()
    return b"".join(sent)
