"""Run in a network of its own: an Orthanc that takes every DICOM file of a folder and gives it back.

Debian's Orthanc binds every interface, and its DICOM port does not ask who is there: hence the namespace,
which has the loopback and nothing else. Keeps the arrays; prints, as JSON, what became of each file.
"""

from __future__ import annotations

import fcntl
import http.client
import io
import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

HTTP, DICOM = 8042, 4242
REST = http.client.HTTPConnection("127.0.0.1", HTTP, timeout=30)


def main(orthanc: str, storescu: str, source: Path, work: Path) -> None:
    files = sorted(source.glob("*.dcm"))
    loopback_up()
    # dcmtk's networking, on both sides, otherwise waits 40 ms between two packets
    os.environ["TCP_NODELAY"] = "1"
    told: dict[str, dict[str, Any]] = {}
    arrays: dict[str, np.ndarray] = {}
    with running(orthanc, work):
        subprocess.run([storescu, "-R", "127.0.0.1", str(DICOM), *files], check=False, capture_output=True)
        for path in files:
            told[path.stem] = {"c-store": came_by_c_store(path)} | taken(path, arrays)
    np.savez(work / "arrays.npz", **arrays)
    sys.stdout.write(json.dumps(told))


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        set_flags, up_and_running = 0x8914, 0x41
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh", b"lo", up_and_running))


@contextmanager
def running(orthanc: str, work: Path) -> Iterator[None]:
    settings = {
        "StorageDirectory": str(work / "storage"),
        "IndexDirectory": str(work / "storage"),
        "HttpPort": HTTP,
        "DicomPort": DICOM,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "DicomCheckCalledAet": False,
        "Plugins": [],
        "KeepAlive": True,
        # what C-STORE brought comes again by REST
        "OverwriteInstances": True,
        "SyncStorageArea": False,
    }
    (work / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
    with (work / "orthanc.log").open("w") as log:
        server = subprocess.Popen([orthanc, str(work / "orthanc.json")], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while not answers():
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit((work / "orthanc.log").read_text())
            time.sleep(0.05)
        yield
    finally:
        # what it holds is thrown away; asked nicely, it takes seconds to put that in order
        server.kill()
        server.wait()


def answers() -> bool:
    try:
        return ask("/system")[0] == 200
    except OSError:
        return False


def ask(path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Once more where the server had closed the connection, as it does after a second without a question."""
    method = "GET" if body is None else "POST"
    try:
        REST.request(method, path, body)
        answer = REST.getresponse()
    except (ConnectionError, http.client.HTTPException):
        REST.close()
        REST.request(method, path, body)
        answer = REST.getresponse()
    return answer.status, answer.read()


def came_by_c_store(path: Path) -> bool:
    """Whether the instance is there with every element as it was."""
    sent = pydicom.dcmread(path)
    found = json.loads(ask("/tools/lookup", sent.SOPInstanceUID.encode())[1])
    instances = [entry["Path"] for entry in found if entry["Type"] == "Instance"]
    if len(instances) != 1:
        return False
    return bool(pydicom.dcmread(io.BytesIO(ask(f"{instances[0]}/file")[1])) == sent)


def taken(path: Path, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """What REST says of a file: whether it has it byte for byte, its rescale, and whether it can draw it."""
    content = path.read_bytes()
    status, body = ask("/instances", content)
    if status != 200:
        return {"rest": False}
    instance = f"/instances/{json.loads(body)['ID']}"
    frames = int(pydicom.dcmread(path, stop_before_pixels=True).get("NumberOfFrames", 1))
    parts = [f"{instance}/frames/{frame}" for frame in range(frames)]
    # as stored: of a rescale that it applies itself, Orthanc 1.10 drops the fractions
    answers = [ask(f"{part}/numpy?rescale=false") for part in parts]
    if all(status == 200 for status, _ in answers):
        arrays[path.stem] = np.stack([np.load(io.BytesIO(body)) for _, body in answers])
    keywords = json.loads(ask(f"{instance}/simplified-tags")[1])
    return {
        "rest": ask(f"{instance}/file")[1] == content,
        "slope": float(keywords.get("RescaleSlope", 1)),
        "intercept": float(keywords.get("RescaleIntercept", 0)),
        "picture": all(ask(f"{part}/preview")[0] == 200 for part in parts),
    }


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
