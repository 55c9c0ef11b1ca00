"""Delivery to real servers: once, as it was written, and how sure that is."""

from __future__ import annotations

import http.server
import io
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.deliver.compare import compared

from ..support import bake
from .archive import Archive
from .batch import deliver, files, forget, states, uid, write_recipe
from .conftest import COMMIT_PORT
from .faults import with_status
from .servers import Orthanc, dcmqrscp, free_port, storescp

pytest.importorskip("pynetdicom")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("no_leftovers")]


def there_once(server: Orthanc, path: Path) -> None:
    """Every output is there once, equal element by element and pixel by pixel."""
    held = [content for content in server.instances() if uid(content) in files(path)]
    assert sorted(map(uid, held)) == sorted(files(path))
    for content in held:
        assert compared(files(path)[uid(content)], content).same


def dicom(server: Orthanc, more: str = "") -> str:
    return f"to: dicom, host: 127.0.0.1, port: {server.dicom}, ae_title: ORTHANC, timeout: 10{more}"


def test_a_pacs_gets_it_once_and_gives_it_back(made: Path, server: Orthanc) -> None:
    path = write_recipe(made, "pacs", dicom(server, ", prove: true"))
    first = deliver(path)
    assert (states(first), first.exit_status) == ({"proven"}, 0)
    assert {entry.status for entry in first.entries} == {""}
    assert deliver(path).exit_status == 0
    forget(path)
    again = deliver(path)
    assert {(entry.state, entry.status) for entry in again.entries} == {
        ("proven", "found there and compared")
    }
    there_once(server, path)


def test_storage_commitment_confirms(made: Path, server: Orthanc) -> None:
    more = f", commit: require, commit_port: {COMMIT_PORT}"
    result = deliver(write_recipe(made, "commit", dicom(server, more)))
    assert (states(result), result.exit_status) == ({"confirmed"}, 0)


def test_commitment_that_is_demanded_and_not_given_leaves_it_pending(made: Path) -> None:
    with Archive().running() as archive:
        result = deliver(write_recipe(made, "demand", archive.destination(", commit: require, tries: 1")))
    assert (states(result), result.exit_status) == ({"sent"}, 1)
    assert {entry.status for entry in result.entries} == {"no storage commitment was given"}


def test_what_can_only_be_moved_is_proven_by_a_move(
    made: Path, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    """dcmqrscp without C-GET sends to our port, on an association of its own (PS3.4 C.4.2)."""
    port = free_port()
    with dcmqrscp(checker("dcmqrscp"), tmp_path, {"BAKE": port}, "--disable-get") as pacs:
        destination = f"to: dicom, host: 127.0.0.1, port: {pacs}, ae_title: QR, calling_ae_title: BAKE"
        path = write_recipe(made, "moved", f"{destination}, prove: true, timeout: 10, commit_port: {port}")
        result = deliver(path)
        assert (states(result), result.exit_status) == ({"proven"}, 0)
        forget(path)
        assert {entry.status for entry in deliver(path).entries} == {"found there and compared"}
        unlistened = write_recipe(made, "unmoved", f"{destination}, prove: true, timeout: 10, tries: 1")
        result = deliver(unlistened)
    assert (states(result), result.exit_status) == ({"confirmed"}, 1)
    assert {entry.status for entry in result.entries} == {
        "it cannot be retrieved from there, and so not be proven"
    }


def test_a_query_confirms(made: Path, server: Orthanc) -> None:
    result = deliver(write_recipe(made, "query", dicom(server, ", commit: off")))
    assert (states(result), result.exit_status) == ({"confirmed"}, 0)


def test_dicomweb_gets_it_once(made: Path, server: Orthanc) -> None:
    url = f"http://127.0.0.1:{server.http}/dicom-web"
    path = write_recipe(made, "web", f'to: dicomweb, url: "{url}", prove: true')
    for _ in range(2):
        result = deliver(path)
        assert (states(result), result.exit_status) == ({"proven"}, 0)
    there_once(server, path)


def test_a_server_that_cannot_be_asked_says_success(
    made: Path, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    with storescp(checker("storescp"), tmp_path / "scp") as port:
        path = write_recipe(
            made, "scp", f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: SCP, timeout: 10"
        )
        for _ in range(2):
            result = deliver(path)
            assert (states(result), result.exit_status) == ({"sent"}, 0)
    held = [each.read_bytes() for each in (tmp_path / "scp").iterdir()]
    assert sorted(map(uid, held)) == sorted(files(path))
    assert all(compared(files(path)[uid(content)], content).same for content in held)


def test_a_server_that_takes_no_compression_gets_it_without(
    made: Path, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    with storescp(checker("storescp"), tmp_path / "scp", "+xe") as port:
        destination = f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: SCP, timeout: 10"
        path = write_recipe(made, "rle", destination, ", transfer_syntax: rle")
        result = deliver(path)
    assert (states(result), result.exit_status) == ({"sent"}, 0)
    assert all("sent as Explicit VR Little Endian" in entry.status for entry in result.entries)
    held = [each.read_bytes() for each in (tmp_path / "scp").iterdir()]
    assert len(held) == 12 and all(compared(files(path)[uid(content)], content).same for content in held)


def test_a_destination_that_is_down_costs_no_other(made: Path, tmp_path: Path) -> None:
    path = write_recipe(
        made, "down", f"to: dicom, host: 127.0.0.1, port: {free_port()}, ae_title: NONE, tries: 1"
    )
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
    with Archive(with_status(status), asked=False).running() as archive:
        path = write_recipe(made, f"s{status:04x}", archive.destination(", tries: 1"))
        result = deliver(path)
    assert (states(result), result.exit_status) == ({state}, exit_status)
    told = {entry.status.partition(":")[0] for entry in result.entries}
    assert told == {"" if status == 0 else f"{status:04X}"}


def test_a_server_that_loses_what_it_took_is_found_out(made: Path) -> None:
    with Archive(with_status(0x0000)).running() as archive:
        path = write_recipe(made, "losing", archive.destination(", tries: 2"))
        result = deliver(path)
    assert (states(result), result.exit_status) == ({"pending"}, 1)
    assert {entry.status for entry in result.entries} == {"success was answered, and it is not there"}


def test_other_content_under_the_same_uid_is_no_delivery(made: Path, server: Orthanc) -> None:
    path = write_recipe(made, "same", dicom(server))
    changed = pydicom.dcmread(next((made / "same").glob("*.dcm")))
    changed.Manufacturer = "OTHER"
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, changed)
    urllib.request.urlopen(f"http://127.0.0.1:{server.http}/instances", buffer.getvalue(), timeout=30).close()
    result = deliver(path)
    told = sorted({(entry.state, entry.status) for entry in result.entries})
    assert told == [("confirmed", ""), ("failed", "the same UID is there with other content: Manufacturer")]


def test_the_instance_of_an_output_that_was_replaced_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    np.save(tmp_path / "raw/1.npy", np.zeros((4, 4), np.uint16))
    with Archive().running() as archive:
        path = write_recipe(tmp_path, "replaced", archive.destination())
        assert deliver(path).notes == ()
        (former,) = files(path)
        np.save(tmp_path / "raw/1.npy", np.ones((4, 4), np.uint16))
        assert bake(path).exit_status == 0
        result = deliver(path)
        told = f"replaced/1.dcm was replaced: its former instance {former} is still at there"
        assert (result.notes, states(result)) == ((told,), {"confirmed"})
        assert deliver(path).notes == ()
        assert len(archive.held) == 2


def test_nobody_is_followed_to_another_host(made: Path) -> None:
    """A service that redirects gets nothing further, and the other host nothing at all."""
    asked: list[str] = []
    with (
        answering_http(asked.append) as other,
        answering_http(lambda path: f"http://localhost:{other}{path}") as service,
    ):
        url = f"http://127.0.0.1:{service}/dicom-web"
        result = deliver(write_recipe(made, "redirected", f'to: dicomweb, url: "{url}", tries: 1'))
    assert (states(result), asked) == ({"failed"}, [])
    assert {entry.status for entry in result.entries} == {
        "the service points to another host, which is not followed"
    }


@contextmanager
def answering_http(where: Callable[[str], str | None]) -> Iterator[int]:
    """A server that redirects each request to where it is told, or has nothing."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            target = where(self.path)
            self.send_response(404 if target is None else 307)
            if target is not None:
                self.send_header("Location", target)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
