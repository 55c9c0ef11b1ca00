"""Delivery to real servers, with faults: in the end every output is there once, as it was written."""

from __future__ import annotations

import io
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.deliver.compare import compared
from dicombake.pipeline.deliver.deliver import DeliverOptions, deliver_plan
from dicombake.pipeline.deliver.model import Delivered
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe

from ..support import bake
from .servers import PLUGIN, Orthanc, free_port, orthanc, storescp

pytest.importorskip("pynetdicom")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("no_leftovers")]

KILLS = int(os.environ.get("DICOMBAKE_KILLS", "6"))
"""How often our own process is killed; docs/deliver.md has the figures of 200."""
RECIPE = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
destinations:
  there: {{{destination}}}
conversions:
  a:
    inputs: raw/*.npy
    source: array
    geometry: {{dpi: 100, sid: 1000}}
    exports: {{to: rt-image, path: "d/{{stem}}.dcm"{syntax}}}
    deliver: there
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    (folder / "raw").mkdir()
    rng = np.random.default_rng(1)
    for number in range(12):
        np.save(folder / f"raw/{number}.npy", rng.integers(0, 4000, (256, 256), dtype=np.uint16))
    return folder


@pytest.fixture(scope="module")
def server(checker: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    if not PLUGIN.exists() and os.environ.get("DICOMBAKE_REQUIRE_CHECKERS") != "1":
        pytest.skip("Orthanc's DICOMweb plugin is not installed")
    with orthanc(checker("Orthanc"), tmp_path_factory.mktemp("orthanc"), COMMIT_PORT) as found:
        yield found


COMMIT_PORT = free_port()


def recipe(made: Path, name: str, destination: str, syntax: str = "") -> Path:
    path = made / f"{name}.yaml"
    path.write_text(
        RECIPE.format(destination=destination, syntax=syntax).replace('"d/', f'"{name}/'), encoding="utf-8"
    )
    assert bake(path).exit_status == 0
    return path


def deliver(path: Path, **options: Any) -> Delivered:
    return deliver_plan(plan(load_recipe(path)), DeliverOptions(**options))


def states(result: Delivered) -> set[str]:
    return {entry.state for entry in result.entries}


def files(path: Path) -> dict[str, bytes]:
    """What was written, by UID."""
    found = [each.read_bytes() for each in (path.parent / path.stem).glob("*.dcm")]
    return {uid(content): content for content in found}


def uid(content: bytes) -> str:
    return str(pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True).SOPInstanceUID)


def there_once(server: Orthanc, path: Path) -> None:
    """Every output is there once, equal element by element and pixel by pixel."""
    held = [content for content in server.instances() if uid(content) in files(path)]
    assert sorted(map(uid, held)) == sorted(files(path))
    for content in held:
        assert compared(files(path)[uid(content)], content).same


def dicom(server: Orthanc, more: str = "") -> str:
    return f"to: dicom, host: 127.0.0.1, port: {server.dicom}, ae_title: ORTHANC, timeout: 10{more}"


def test_a_pacs_gets_it_once_and_gives_it_back(made: Path, server: Orthanc) -> None:
    path = recipe(made, "pacs", dicom(server, ", prove: true"))
    first = deliver(path)
    assert (states(first), first.exit_status) == ({"proven"}, 0)
    assert {entry.status for entry in first.entries} == {""}
    assert deliver(path).exit_status == 0
    for outbox in (made / ".dicombake").glob("pacs.outbox*"):
        outbox.unlink()
    again = deliver(path)
    assert {(entry.state, entry.status) for entry in again.entries} == {
        ("proven", "found there and compared")
    }
    there_once(server, path)


def test_storage_commitment_confirms(made: Path, server: Orthanc) -> None:
    more = f", commit: require, commit_port: {COMMIT_PORT}"
    result = deliver(recipe(made, "commit", dicom(server, more)))
    assert (states(result), result.exit_status) == ({"confirmed"}, 0)


def test_a_query_confirms(made: Path, server: Orthanc) -> None:
    result = deliver(recipe(made, "query", dicom(server, ", commit: off")))
    assert (states(result), result.exit_status) == ({"confirmed"}, 0)


def test_dicomweb_gets_it_once(made: Path, server: Orthanc) -> None:
    url = f"http://127.0.0.1:{server.http}/dicom-web"
    path = recipe(made, "web", f'to: dicomweb, url: "{url}", prove: true')
    for _ in range(2):
        result = deliver(path)
        assert (states(result), result.exit_status) == ({"proven"}, 0)
    there_once(server, path)


def test_our_process_is_killed_at_any_moment(made: Path, server: Orthanc) -> None:
    path = recipe(made, "killed", dicom(server, ", prove: true"))
    command = [sys.executable, "-m", "dicombake.pipeline.cli", "deliver", str(path)]
    rng = random.Random(1)
    for _ in range(KILLS):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.3, 3))
        process.kill()
        process.wait()
    result = deliver(path)
    assert (states(result), result.exit_status) == ({"proven"}, 0)
    there_once(server, path)


def test_a_connection_cut_in_the_middle(made: Path, server: Orthanc) -> None:
    rng = random.Random(2)
    with cutting(server.dicom, [rng.randrange(1_000, 400_000) for _ in range(4)]) as port:
        path = recipe(made, "cut", dicom(server, ", prove: true").replace(str(server.dicom), str(port)))
        for _ in range(4):
            result = deliver(path)
            if result.exit_status == 0:
                break
    assert states(result) == {"proven"}
    there_once(server, path)


@contextmanager
def cutting(port: int, limits: list[int]) -> Iterator[int]:
    """A proxy whose first connections break after so many bytes."""
    listening = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket, limit: int | None) -> None:
        passed = 0
        try:
            while chunk := source.recv(8192):
                sink.sendall(chunk)
                passed += len(chunk)
                if limit is not None and passed > limit:
                    break
        except OSError:
            pass
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        while True:
            try:
                inner, _ = listening.accept()
            except OSError:
                return
            outer = socket.create_connection(("127.0.0.1", port))
            limit = limits.pop(0) if limits else None
            threading.Thread(target=pump, args=(inner, outer, limit), daemon=True).start()
            threading.Thread(target=pump, args=(outer, inner, None), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.close()


def test_a_server_that_cannot_be_asked_says_success(
    made: Path, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    with storescp(checker("storescp"), tmp_path / "scp") as port:
        path = recipe(made, "scp", f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: SCP, timeout: 10")
        for _ in range(2):
            result = deliver(path)
            assert (states(result), result.exit_status) == ({"sent"}, 0)
    held = [each.read_bytes() for each in (tmp_path / "scp").iterdir()]
    assert sorted(map(uid, held)) == sorted(files(path))
    assert all(compared(files(path)[uid(content)], content).same for content in held)


def test_a_destination_is_killed_and_started_again(
    made: Path, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    port, rng, over = free_port(), random.Random(3), threading.Event()

    def restarting() -> None:
        for _ in range(4):
            with storescp(checker("storescp"), tmp_path / "scp", port=port):
                time.sleep(rng.uniform(0.05, 0.6))
        with storescp(checker("storescp"), tmp_path / "scp", port=port):
            over.wait(120)

    thread = threading.Thread(target=restarting, daemon=True)
    thread.start()
    path = recipe(made, "restarted", f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: SCP, timeout: 5")
    while deliver(path).exit_status != 0:
        pass
    over.set()
    thread.join()
    held = [each.read_bytes() for each in (tmp_path / "scp").iterdir()]
    assert sorted(map(uid, held)) == sorted(files(path))
    assert all(compared(files(path)[uid(content)], content).same for content in held)


def test_a_server_that_takes_no_compression_gets_it_without(
    made: Path, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    with storescp(checker("storescp"), tmp_path / "scp", "+xe") as port:
        destination = f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: SCP, timeout: 10"
        path = recipe(made, "rle", destination, ", transfer_syntax: rle")
        result = deliver(path)
    assert (states(result), result.exit_status) == ({"sent"}, 0)
    assert all("sent as Explicit VR Little Endian" in entry.status for entry in result.entries)
    held = [each.read_bytes() for each in (tmp_path / "scp").iterdir()]
    assert len(held) == 12 and all(compared(files(path)[uid(content)], content).same for content in held)


def test_a_destination_that_is_down_costs_no_other(made: Path, tmp_path: Path) -> None:
    path = recipe(made, "down", f"to: dicom, host: 127.0.0.1, port: {free_port()}, ae_title: NONE, tries: 1")
    text = path.read_text(encoding="utf-8").replace(
        "conversions:", f"  share: {{to: folder, path: {tmp_path}}}\nconversions:"
    )
    path.write_text(text.replace("deliver: there", "deliver: [there, share]"), encoding="utf-8")
    result = deliver(path)
    assert {(entry.destination, entry.state) for entry in result.entries} == {
        ("there", "pending"),
        ("share", "proven"),
    }
    assert result.exit_status == 1


@pytest.mark.parametrize(
    ("status", "state", "exit_status"),
    [
        (0x0000, "sent", 0),
        (0xB000, "sent", 0),
        (0xA700, "pending", 1),
        (0x0110, "pending", 1),
        (0xA900, "failed", 1),
        (0xC000, "failed", 1),
        (0x0122, "failed", 1),
    ],
)
def test_what_a_status_means(made: Path, status: int, state: str, exit_status: int) -> None:
    with answering(lambda event: status) as port:
        path = recipe(
            made, f"s{status:04x}", f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: ANY, tries: 1"
        )
        result = deliver(path)
    assert (states(result), result.exit_status) == ({state}, exit_status)
    told = {entry.status.partition(":")[0] for entry in result.entries}
    assert told == {"" if status == 0 else f"{status:04X}"}


def test_a_server_that_loses_what_it_took_is_found_out(made: Path) -> None:
    with answering(lambda event: 0x0000, finds=[]) as port:
        path = recipe(made, "lost", f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: ANY, tries: 2")
        result = deliver(path)
    assert (states(result), result.exit_status) == ({"pending"}, 1)
    assert {entry.status for entry in result.entries} == {"success was answered, and it is not there"}


@contextmanager
def answering(store: Callable[[Any], int], finds: list[Any] | None = None) -> Iterator[int]:
    """A server that answers C-STORE as it is told; with `finds`, it answers C-FIND with those."""
    from pynetdicom import AE, evt

    entity = AE(ae_title="ANY")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.1.481.1")
    handlers: list[Any] = [(evt.EVT_C_STORE, store)]
    if finds is not None:
        entity.add_supported_context("1.2.840.10008.5.1.4.1.2.2.1")
        handlers.append((evt.EVT_C_FIND, lambda event: iter(finds)))
    port = free_port()
    running: Any = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield port
    finally:
        running.shutdown()


def test_other_content_under_the_same_uid_is_no_delivery(made: Path, server: Orthanc) -> None:
    path = recipe(made, "same", dicom(server))
    changed = pydicom.dcmread(next((made / "same").glob("*.dcm")))
    changed.Manufacturer = "OTHER"
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, changed)
    import urllib.request

    urllib.request.urlopen(f"http://127.0.0.1:{server.http}/instances", buffer.getvalue(), timeout=30).close()
    result = deliver(path)
    told = sorted({(entry.state, entry.status) for entry in result.entries})
    assert told == [("confirmed", ""), ("failed", "the same UID is there with other content: Manufacturer")]


def test_two_deliveries_at_once_send_nothing_twice(made: Path) -> None:
    seen: list[str] = []

    def take(event: Any) -> int:
        seen.append(str(event.request.AffectedSOPInstanceUID))
        return 0x0000

    with answering(take) as port:
        path = recipe(made, "twice", f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: ANY")
        command = [sys.executable, "-m", "dicombake.pipeline.cli", "deliver", str(path), "--quiet"]
        both = [subprocess.Popen(command) for _ in range(2)]
        assert [process.wait(60) for process in both] == [0, 0]
    assert sorted(seen) == sorted(files(path))
