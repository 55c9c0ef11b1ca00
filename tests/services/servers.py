"""Servers that tests of delivery and receiving start on loopback, and end."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
RECEIVED = "received the instance"
LUA = f"""
function ReceivedInstanceFilter(dicom, origin, info)
  print("{RECEIVED} " .. dicom["SOPInstanceUID"])
  return true
end
"""


def free_port() -> int:
    """A port of loopback that nobody has at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int, host: str = "127.0.0.1") -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, port), 1).close()
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
    log: Path
    told: int = 0
    """Characters of the log that were there when it was emptied."""

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

    @property
    def taken(self) -> Counter[str]:
        """How often each SOP Instance UID reached it since it was last emptied, however it came."""
        told = self.log.read_text(encoding="utf-8", errors="replace")[self.told :]
        return Counter(re.findall(rf"{RECEIVED} ([0-9.]+)", told))

    def empty(self) -> None:
        """Delete everything."""
        for path in [f"/patients/{name}" for name in self.ask("/patients")] + ["/changes"]:
            request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", method="DELETE")
            urllib.request.urlopen(request, timeout=30).close()
        self.told = len(self.log.read_text(encoding="utf-8", errors="replace"))


def _modality(title: str, commit_port: int) -> dict[str, Any]:
    may = dict.fromkeys(("AllowEcho", "AllowStore", "AllowFind", "AllowGet", "AllowMove"), True)
    return {
        "AET": title,
        "Host": "127.0.0.1",
        "Port": commit_port or 1,
        "AllowStorageCommitment": bool(commit_port),
        **may,
    }


@contextmanager
def orthanc(
    program: str,
    folder: Path,
    commit_port: int = 0,
    *,
    web: bool = True,
    ports: tuple[int, int] | None = None,
) -> Iterator[Orthanc]:
    """Start Orthanc; only DICOMBAKE and BAKE on this machine may do anything. `ports`: of DICOM and HTTP.

    It commits to what DICOMBAKE stores, where there is a port to report to, and not to what BAKE does.
    """
    found = Orthanc(*(ports or (free_port(), free_port())), folder / "orthanc.log")
    folder.mkdir(exist_ok=True)
    (folder / "received.lua").write_text(LUA, encoding="utf-8")
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
        "DicomModalities": {"DICOMBAKE": _modality("DICOMBAKE", commit_port), "BAKE": _modality("BAKE", 0)},
        "Plugins": [str(PLUGIN)] if web else [],
        "LuaScripts": [str(folder / "received.lua")],
        "SyncStorageArea": False,
        "OverwriteInstances": True,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
    with found.log.open("a") as log:
        command = [program, str(folder / "orthanc.json")]
        server = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "TCP_NODELAY": "1"})
    try:
        wait_for(found.http)
        wait_for(found.dicom)
        yield found
    finally:
        server.kill()
        server.wait()


@contextmanager
def listening(command: Sequence[str], port: int) -> Iterator[int]:
    """Run a server until the end of the block, which begins when it listens; its port."""
    quiet = subprocess.DEVNULL
    # without TCP_NODELAY dcmtk waits for acknowledgements of small packets
    server = subprocess.Popen(command, stdout=quiet, stderr=quiet, env={**os.environ, "TCP_NODELAY": "1"})
    try:
        wait_for(port)
        yield port
    finally:
        server.kill()
        server.wait()


@contextmanager
def storescp(program: str, folder: Path, *options: str, port: int = 0) -> Iterator[int]:
    """Start dcmtk's storescp, which takes one association at a time and answers no question."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [program, "--aetitle", "SCP", "--output-directory", str(folder), *options, str(port)]
    with listening(command, port):
        yield port


@contextmanager
def dcmqrscp(program: str, folder: Path, hosts: dict[str, int], *options: str) -> Iterator[int]:
    """Start dcmtk's dcmqrscp, called QR; it moves to `hosts`, AE titles with ports of this machine."""
    port = free_port()
    (folder / "qr").mkdir(exist_ok=True)
    known = "".join(
        f"h{number} = ({title}, 127.0.0.1, {each})\n" for number, (title, each) in enumerate(hosts.items())
    )
    (folder / "qr.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 131072\nMaxAssociations = 16\n"
        f"HostTable BEGIN\n{known}HostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nQR {folder / 'qr'} RW (1000, 1024mb) ANY\nAETable END\n",
        encoding="utf-8",
    )
    command = [program, "--config", str(folder / "qr.cfg"), *options]
    with listening(command, port):
        yield port
