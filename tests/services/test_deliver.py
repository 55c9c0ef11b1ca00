"""Delivery to real servers: once, as it was written, and how sure that is."""

from __future__ import annotations

import hashlib
import http.server
import io
import socket
import sqlite3
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.deliver.compare import compared
from dicombake.pipeline.deliver.destinations.associations import Associations, Listener
from dicombake.pipeline.deliver.destinations.dicom import DicomRemote
from dicombake.pipeline.deliver.instance import read_header, read_instance
from dicombake.pipeline.deliver.model import Item
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.schemas.delivery import DicomDestination
from msgspec.structs import replace
from typer.testing import CliRunner

from ..support import bake
from .archive import Archive, keeps
from .batch import RECIPE, deliver, files, forget, make_inputs, states, uid, write_recipe
from .conftest import COMMIT_PORT
from .faults import coerced, with_status
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
    path = write_recipe(made, "pacs", dicom(server, ", prove: true, calling_ae_title: BAKE"))
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


def test_storage_commitment_confirms(few: Path, server: Orthanc) -> None:
    more = f", commit: require, commit_port: {COMMIT_PORT}"
    result = deliver(write_recipe(few, "commit", dicom(server, more)))
    assert (states(result), result.exit_status) == ({"confirmed"}, 0)


def test_commitment_that_is_demanded_and_not_given_leaves_it_pending(few: Path) -> None:
    with Archive().running() as archive:
        result = deliver(write_recipe(few, "demand", archive.destination(", commit: require, tries: 2")))
    assert (states(result), result.exit_status) == ({"sent"}, 1)
    assert {entry.status for entry in result.entries} == {"no storage commitment was given"}


REFUSED = {
    "no-room": (0x0213, True, False, "pending", 4),
    "not-there": (0x0112, True, True, "pending", 4),
    "cannot-be-asked": (0x0213, False, True, "pending", 6),
    "another-class": (0x0119, True, False, "failed", 4),
    "not-for-this-class": (0x0122, True, False, "confirmed", 4),
    "no-word": (None, True, True, "confirmed", 4),
}
"""The reason; whether the archive answers queries, and whether it reports on an association of its own; what
an instance is then; how often instances were sent in the end."""


@pytest.mark.old_pydicom
@pytest.mark.parametrize("name", REFUSED)
def test_some_are_committed_to_and_some_are_not(few: Path, name: str) -> None:
    """Half of them are refused until all are committed to; what is there is never sent again for it."""
    reason, asked, own, state, taken = REFUSED[name]
    port, willing = free_port(), False

    def commit(uid: str, number: int) -> int | None:
        return 0 if willing or number_of[uid] % 2 else reason

    with Archive(asked=asked, commit=commit, reports_to=port if own else None).running() as archive:
        more = f", tries: 1, commit_port: {port}" if own else ", tries: 1"
        path = write_recipe(few, name, archive.destination(more))
        number_of = {each: number for number, each in enumerate(sorted(files(path)))}
        result = deliver(path)
        found = {number_of[uid((few / entry.path).read_bytes())]: entry for entry in result.entries}
        assert {number: entry.state for number, entry in found.items()} == {
            number: "confirmed" if number % 2 else state for number in range(4)
        }
        assert result.exit_status == (state != "confirmed")
        if state != "confirmed":
            refused = f"success was answered, and storage commitment refused: {reason:04X} "
            assert all(found[number].status.startswith(refused) for number in range(0, 4, 2))
        willing = True
        result = deliver(path)
        assert (states(result), result.exit_status) == ({"confirmed"}, 0)
        assert {entry.status for entry in result.entries} == {""}
        assert (sum(archive.taken.values()), len(archive.held)) == (taken, 4)


@pytest.mark.parametrize("prove", [False, True])
def test_commitment_that_is_demanded_is_not_replaced_by_a_query(few: Path, prove: bool) -> None:
    """Neither at another try nor where the outbox is gone: nothing else than a report confirms."""
    willing = False
    with Archive(commit=lambda name, number: 0 if willing else 0x0110).running() as archive:
        more = f", commit: require, tries: 2{', prove: true' if prove else ''}"
        path = write_recipe(few, f"require-{prove}", archive.destination(more))
        result = deliver(path)
        assert (states(result), result.exit_status) == ({"pending"}, 1)
        forget(path)
        result = deliver(path, tries=1)
        assert (states(result), result.exit_status) == ({"pending"}, 1)
        willing = True
        result = deliver(path)
        assert (states(result), result.exit_status) == ({"proven" if prove else "confirmed"}, 0)
        assert {entry.status for entry in result.entries} == {""}
        assert archive.taken == dict.fromkeys(files(path), 1)


def test_orthanc_does_not_commit_to_what_it_does_not_have(few: Path, server: Orthanc) -> None:
    path = write_recipe(few, "not-there", dicom(server, ", commit: off"))
    assert deliver(path).exit_status == 0
    destination = load_recipe(path).recipe.destinations["there"]
    assert isinstance(destination, DicomDestination)
    options = destination.model_copy(update={"commit_port": COMMIT_PORT})
    headers = [
        read_header(Item(f"not-there/{number}.dcm", few / f"not-there/{number}.dcm", "", dicom=True))
        for number in range(2)
    ]
    gone = replace(headers[1], uid="2.25.1")
    with (
        Listener().listening(options, "127.0.0.1") as listener,
        DicomRemote(options, Associations(options, few), listener).session(headers) as session,
    ):
        assert session.committed([headers[0], gone]) == {headers[0].uid: 0, gone.uid: 0x0112}


@pytest.mark.parametrize(("warned", "state"), [(True, "proven"), (False, "failed")])
def test_an_answer_that_we_were_killed_before_is_asked_for_again(few: Path, warned: bool, state: str) -> None:
    """The patient's name was coerced: only the answer tells whether the archive says so (B000)."""

    def answer(event: Any, number: int) -> tuple[int, bytes | None]:
        return 0xB000 if warned else 0x0000, coerced(event, number)[1]

    with Archive(answer).running() as archive:
        path = write_recipe(few, f"killed-{state}", archive.destination(", prove: true, tries: 1"))
        assert states(deliver(path)) == {state}
        with closing(sqlite3.connect(next((few / ".dicombake").glob(f"{path.stem}.outbox*")))) as outbox:
            outbox.execute("UPDATE delivered SET state = 'pending', status = ''")  # as it is noted before
            outbox.commit()
        result = deliver(path)
        assert states(result) == {state}
        assert all("PatientName" in entry.status for entry in result.entries)
        assert len(archive.held) == 4
        assert states(deliver(path)) == {state} and set(archive.taken.values()) == {2}


@pytest.mark.parametrize(("reason", "state"), [(0x0112, "pending"), (0x0119, "failed")])
def test_what_was_coerced_and_not_committed_to_is_ours_and_not_sent_again(
    few: Path, reason: int, state: str
) -> None:
    """The warning that it was coerced outlasts a refused commitment, and a connection that is refused."""
    willing = False
    archive = Archive(coerced, commit=lambda name, number: 0 if willing else reason)
    path = write_recipe(few, f"coerced-{state}", archive.destination(", tries: 1"))
    with archive.running():
        assert states(deliver(path)) == {state}
    assert states(deliver(path)) == {"pending"}
    willing = True
    with archive.running():
        result = deliver(path)
    assert (states(result), result.exit_status) == ({"confirmed"}, 0)
    assert all(entry.status.startswith("B000") for entry in result.entries)
    assert archive.taken == dict.fromkeys(files(path), 1)


def test_what_was_corrected_at_a_pacs_is_never_sent_over(few: Path) -> None:
    """The outbox is gone, and nobody listens at first: what is found there then is not known as ours."""
    archive = Archive()
    path = write_recipe(few, "corrected", archive.destination(", tries: 1"))
    with archive.running():
        assert states(deliver(path)) == {"confirmed"}
    forget(path)
    for name, content in archive.held.items():
        corrected = pydicom.dcmread(io.BytesIO(content))
        corrected.PatientName = "CORRECTED"
        corrected.save_as(buffer := io.BytesIO())
        archive.held[name] = buffer.getvalue()
    told = "the same UID is there with other content: PatientName"
    for _ in range(2):
        assert states(deliver(path)) == {"pending"}  # also after it was found
        with archive.running():
            assert {(entry.state, entry.status) for entry in deliver(path).entries} == {("failed", told)}
    assert archive.taken == dict.fromkeys(files(path), 1)


@pytest.mark.parametrize("released", [False, True])
def test_an_association_that_its_peer_left_between_two_instances_costs_no_try(
    few: Path, released: bool
) -> None:
    """Our thread rests meanwhile, and does not notice it, but for a moment that it may wake in."""
    associations: list[Any] = []

    def keeping(event: Any, number: int) -> tuple[int, bytes | None]:
        associations.append(event.assoc)
        return keeps(event, number)

    def leave() -> None:
        association = associations[-1]
        if released:
            association.acse.send_release()
        else:
            association.abort()
        ours, deadline = session._open, time.monotonic() + 10
        while ours.dul.peek_next_pdu() is None and ours.is_established:  # unless our thread woke at once
            assert time.monotonic() < deadline
            time.sleep(0.01)

    archive = Archive(keeping)
    path = write_recipe(few, f"left-{released}", archive.destination(", tries: 1"))
    destination = load_recipe(path).recipe.destinations["there"]
    assert isinstance(destination, DicomDestination)
    instances = []
    for each in sorted((few / path.stem).glob("*.dcm")):
        item = Item(each.name, each, hashlib.sha256(each.read_bytes()).hexdigest(), dicom=True)
        instances.append(read_instance(read_header(item)))
    with (
        archive.running(),
        DicomRemote(destination, Associations(destination, few), None).session(
            [each.header for each in instances]
        ) as session,
    ):
        for instance in instances[:2]:
            session.send(instance)
            leave()
        assert session.holds(instances[0].header)
        session.send(instances[2])
        leave()
        start = time.monotonic()
    assert time.monotonic() - start < 2
    assert len(archive.taken) == 3 and len(set(map(id, associations))) == 3


def test_a_report_that_never_comes_is_replaced_by_a_query(few: Path) -> None:
    """Nobody listens where it is sent; `auto` waits for it, and no longer than for any answer."""
    with Archive(commit=lambda name, number: 0, reports_to=free_port()).running() as archive:
        path = write_recipe(few, "no-report", archive.destination().replace("timeout: 10", "timeout: 1"))
        result = deliver(path)
        assert (states(result), result.exit_status) == ({"confirmed"}, 0)
    assert archive.requests == 1


def test_what_can_only_be_moved_is_proven_by_a_move(
    few: Path, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    """dcmqrscp without C-GET sends to our port, on an association of its own (PS3.4 C.4.2)."""
    port = free_port()
    with dcmqrscp(checker("dcmqrscp"), tmp_path, {"BAKE": port}, "--disable-get") as pacs:
        destination = f"to: dicom, host: 127.0.0.1, port: {pacs}, ae_title: QR, calling_ae_title: BAKE"
        path = write_recipe(few, "moved", f"{destination}, prove: true, timeout: 10, commit_port: {port}")
        result = deliver(path)
        assert (states(result), result.exit_status) == ({"proven"}, 0)
        forget(path)
        assert {entry.status for entry in deliver(path).entries} == {"found there and compared"}
        unlistened = write_recipe(few, "unmoved", f"{destination}, prove: true, timeout: 10, tries: 1")
        result = deliver(unlistened)
    assert (states(result), result.exit_status) == ({"confirmed"}, 1)
    assert {entry.status for entry in result.entries} == {
        "it cannot be retrieved from there, and so not be proven"
    }


@pytest.mark.old_pydicom
def test_dcmqrscp_gives_it_back_by_c_get(few: Path, tmp_path: Path, checker: Callable[[str], str]) -> None:
    with dcmqrscp(checker("dcmqrscp"), tmp_path, {"BAKE": 1}) as pacs:
        destination = f"to: dicom, host: 127.0.0.1, port: {pacs}, ae_title: QR, prove: true, timeout: 10"
        result = deliver(write_recipe(few, "got", destination))
    assert (states(result), result.exit_status) == ({"proven"}, 0)


def test_a_query_confirms(few: Path, server: Orthanc) -> None:
    result = deliver(write_recipe(few, "query", dicom(server, ", commit: off")))
    assert (states(result), result.exit_status) == ({"confirmed"}, 0)


@pytest.mark.old_pydicom
def test_dicomweb_gets_it_once(few: Path, server: Orthanc) -> None:
    url = f"http://127.0.0.1:{server.http}/dicom-web"
    path = write_recipe(few, "web", f'to: dicomweb, url: "{url}", prove: true')
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


@pytest.mark.old_pydicom
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


def test_a_destination_that_is_down_costs_no_other(few: Path, tmp_path: Path) -> None:
    path = write_recipe(
        few, "down", f"to: dicom, host: 127.0.0.1, port: {free_port()}, ae_title: NONE, tries: 1"
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
def test_what_a_status_means(few: Path, status: int, state: str, exit_status: int) -> None:
    with Archive(with_status(status), asked=False).running() as archive:
        path = write_recipe(few, f"s{status:04x}", archive.destination(", tries: 1"))
        result = deliver(path)
    assert (states(result), result.exit_status) == ({state}, exit_status)
    told = {entry.status.partition(":")[0] for entry in result.entries}
    assert told == {"" if status == 0 else f"{status:04X}"}


@pytest.mark.old_pydicom
def test_no_more_is_asked_of_a_destination_than_it_takes(tmp_path: Path) -> None:
    """PDUs are no longer than it says, and associations no more than the recipe says."""

    def slowly(event: Any, number: int) -> tuple[int, bytes | None]:
        time.sleep(0.05)
        return keeps(event, number)

    archive = Archive(slowly)
    archive.max_pdu = 5000
    with archive.running():
        path = write_recipe(make_inputs(tmp_path, 24), "bounds", archive.destination(", associations: 3"))
        assert states(deliver(path)) == {"confirmed"}
    assert archive.longest_pdu == 5000
    assert archive.most_at_once == 3
    assert archive.taken == dict.fromkeys(files(path), 1)


def test_silence_is_waited_for_so_long_and_no_longer(tmp_path: Path) -> None:
    """A machine that takes connections and no associations; one that takes an instance and never answers."""
    made, over = make_inputs(tmp_path, 2), threading.Event()

    def never(event: Any, number: int) -> tuple[int, bytes | None]:
        over.wait(30)
        return 0x0110, None

    with Archive(never).running() as archive, socket.create_server(("127.0.0.1", 0)) as mute:
        ports = archive.port, mute.getsockname()[1]
        for name, port in zip(("no-answer", "no-association"), ports, strict=True):
            destination = f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: ANY, timeout: 0.5, tries: 1"
            path = write_recipe(made, name, destination)
            start = time.monotonic()
            result = deliver(path)
            assert (states(result), result.exit_status) == ({"pending"}, 1)
            assert time.monotonic() - start < 10
        over.set()


def test_no_name_of_a_patient_is_in_the_outbox_or_told(tmp_path: Path) -> None:
    path = make_inputs(tmp_path, 2) / "names.yaml"
    with Archive(coerced).running() as archive:
        text = RECIPE.format(destination=archive.destination(", prove: true"), syntax="", name="names")
        tags = "    tags: {PatientName: VERY^SECRET, PatientID: SECRET-7}\n    deliver:"
        path.write_text(text.replace("    deliver:", tags), encoding="utf-8")
        bake(path)
        told = [CliRunner().invoke(app, ["deliver", str(path), *more]).output for more in ([], ["--json"])]
    assert all(b"SECRET" in content for content in files(path).values())
    kept = b"".join(each.read_bytes() for each in (tmp_path / ".dicombake").glob("*.outbox*"))
    assert b"proven" in kept and b"PatientName" in kept
    assert "proven" in told[0] and "proven" in told[1]
    for word in ("SECRET", "COERCED"):
        assert word.encode() not in kept and word not in "".join(told)


def test_a_server_that_loses_what_it_took_is_found_out(few: Path) -> None:
    with Archive(with_status(0x0000)).running() as archive:
        path = write_recipe(few, "losing", archive.destination(", tries: 2"))
        result = deliver(path)
    assert (states(result), result.exit_status) == ({"pending"}, 1)
    assert {entry.status for entry in result.entries} == {"success was answered, and it is not there"}


def test_other_content_under_the_same_uid_is_no_delivery(few: Path, server: Orthanc) -> None:
    path = write_recipe(few, "same", dicom(server, ", commit: off"))
    changed = pydicom.dcmread(next((few / "same").glob("*.dcm")))
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


def test_nobody_is_followed_to_another_host(few: Path) -> None:
    """A service that redirects gets nothing further, and the other host nothing at all."""
    asked: list[str] = []
    with (
        answering_http(asked.append) as other,
        answering_http(lambda path: f"http://localhost:{other}{path}") as service,
    ):
        url = f"http://127.0.0.1:{service}/dicom-web"
        result = deliver(write_recipe(few, "redirected", f'to: dicomweb, url: "{url}", tries: 1'))
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
