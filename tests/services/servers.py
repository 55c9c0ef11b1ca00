"""Servers that tests of delivery and receiving start on loopback, and end."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def free_port() -> int:
    """A port of loopback that nobody has at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nobody listens on {port}")


@dataclass
class Orthanc:
    """A running Orthanc."""

    dicom: int
    http: int

    def ask(self, path: str) -> Any:
        """What REST says."""
        return json.loads(self.read(path))

    def read(self, path: str) -> bytes:
        """The bytes of a path of REST."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=30) as answer:
            return bytes(answer.read())

    def instances(self) -> list[bytes]:
        """Every file that it holds."""
        return [self.read(f"/instances/{name}/file") for name in self.ask("/instances")]


@contextmanager
def orthanc(program: str, folder: Path, commit_port: int = 0, *, web: bool = True) -> Iterator[Orthanc]:
    """Start Orthanc; only the modality DICOMBAKE on this machine may do anything."""
    found = Orthanc(free_port(), free_port())
    folder.mkdir(exist_ok=True)
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": found.http,
        "DicomPort": found.dicom,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomCheckModalityHost": True,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": False,
        "DicomAlwaysAllowEcho": False,
        "DicomModalities": {
            "bake": {
                "AET": "DICOMBAKE", "Host": "127.0.0.1", "Port": commit_port or 1, "AllowEcho": True,
                "AllowStore": True, "AllowFind": True, "AllowGet": True, "AllowMove": True,
                "AllowStorageCommitment": bool(commit_port),
            }
        },
        "Plugins": [str(PLUGIN)] if web else [],
        "SyncStorageArea": False,
        "OverwriteInstances": True,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
    with (folder / "orthanc.log").open("w") as log:
        server = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        wait_for(found.http)
        wait_for(found.dicom)
        yield found
    finally:
        server.kill()
        server.wait()


@contextmanager
def storescp(program: str, folder: Path, *options: str, port: int = 0) -> Iterator[int]:
    """Start dcmtk's storescp, which takes one association at a time and answers no question."""
    port = port or free_port()
    folder.mkdir(exist_ok=True)
    command = [program, "--aetitle", "SCP", "--output-directory", str(folder), *options, str(port)]
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "TCP_NODELAY": "1"}
    )
    try:
        wait_for(port)
        yield port
    finally:
        server.kill()
        server.wait()
