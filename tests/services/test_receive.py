"""Receiving from dcmtk's storescu and from whoever knocks: what is acknowledged is there as it was sent."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pydicom
import pytest
from dicombake.pipeline.deliver.compare import compared
from dicombake.pipeline.deliver.destinations.associations import Associations
from dicombake.pipeline.deliver.destinations.c_store import store
from dicombake.pipeline.deliver.instance import Header
from dicombake.pipeline.deliver.model import Item
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.samples import write_samples
from dicombake.pipeline.watch.followed import Settings
from dicombake.pipeline.watch.receive import Receiver
from dicombake.pipeline.watch.watch import Watch
from dicombake.schemas.delivery import DicomDestination

from ..fuzz.network import calls
from .archive import RT_IMAGE
from .servers import dcmqrscp, free_port, wait_for

pytest.importorskip("pynetdicom")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("no_leftovers")]

RECIPE = """\
version: 1
receive:
  port: {port}
  into: "in/{{PatientID}}"
  allow: {allow}
  limits: {{free_bytes: {free}, instance_bytes: 20 MB, idle: {idle}, associations: 6}}
conversions:
  a: {{inputs: "in/*/*.dcm", source: dicom, exports: {{to: npy, path: "out/{{stem}}.npy"}}}}
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    found = next(
        path for path in sorted(folder.rglob("*.dcm")) if pydicom.dcmread(path, force=True).file_meta
    )
    dataset = pydicom.dcmread(found)
    dataset.PatientID = "P/1"
    dataset.save_as(found)
    return found


class Listening:
    """A receiver that listens, and what it told."""

    def __init__(self, folder: Path, port: int, storescu: str) -> None:
        self.folder, self.port, self.storescu = folder, port, storescu
        self.events: list[dict[str, Any]] = []

    def send(self, path: Path, title: str = "LINAC", *options: str) -> int:
        command = [
            self.storescu,
            "-aet",
            title,
            "-aec",
            "DICOMBAKE",
            *options,
            "127.0.0.1",
            str(self.port),
            str(path),
        ]
        environment = {**os.environ, "TCP_NODELAY": "1"}
        return subprocess.run(
            command, check=False, capture_output=True, env=environment, timeout=60
        ).returncode

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("in/*/*"))


@contextmanager
def listening(
    folder: Path, storescu: str, allow: str = "LINAC", free: str = "1 MB", idle: float = 5
) -> Iterator[Listening]:
    port = free_port()
    recipe = folder / "r.yaml"
    recipe.write_text(RECIPE.format(port=port, allow=allow, free=free, idle=idle), encoding="utf-8")
    found = Listening(folder, port, storescu)
    receiver = Receiver(load_recipe(recipe), folder, found.events.append, lambda: None)
    with receiver.listening():
        wait_for(port)
        yield found


@pytest.mark.old_pydicom
def test_what_is_acknowledged_is_there_as_it_was_sent(
    tmp_path: Path, sample: Path, checker: Callable[[str], str]
) -> None:
    with listening(tmp_path, checker("storescu")) as receiver:
        assert receiver.send(sample) == 0
        (file,) = receiver.files
        uid = pydicom.dcmread(sample).SOPInstanceUID
        assert file.relative_to(tmp_path).as_posix() == f"in/P_1/{uid}.dcm"
        assert compared(sample.read_bytes(), file.read_bytes()).same
        before = file.read_bytes()
        assert receiver.send(sample) == 0
        assert (receiver.files, file.read_bytes()) == ([file], before)


@pytest.mark.old_pydicom
def test_an_echo_is_answered(tmp_path: Path, checker: Callable[[str], str]) -> None:
    with listening(tmp_path, "") as receiver:
        for title, answered in (("LINAC", True), ("OTHER", False)):
            command = [
                checker("echoscu"),
                "-aet",
                title,
                "-aec",
                "DICOMBAKE",
                "127.0.0.1",
                str(receiver.port),
            ]
            ended = subprocess.run(command, check=False, capture_output=True, timeout=60)
            assert (ended.returncode == 0) == answered


def test_what_a_killed_receiver_left_half_written_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    (tmp_path / "in" / "P").mkdir(parents=True)
    left, other = (tmp_path / "in" / "P" / f".{name}.{gone.pid}.part" for name in ("1.2.3.dcm", "a.npy"))
    for path in (left, other):
        path.write_bytes(b"half")
    with listening(tmp_path, ""):
        assert [path.name for path in (tmp_path / "in" / "P").iterdir()] == [other.name]


@pytest.mark.parametrize("context", [1, 0x30], ids=["too early", "no request"])
def test_a_caller_who_sends_nonsense_ends_no_thread_by_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: int
) -> None:
    """What is sent before the caller is let in, and a context whose number is even."""
    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    *_, echo = calls()
    sent = echo.replace(b"\1\0\0\0\x30\0\0\x11", bytes((context,)) + b"\0\0\0\x30\0\0\x11", 1)
    assert (sent == echo) == (context == 1)
    with listening(tmp_path, "") as receiver:
        for _ in range(10):  # more than the associations that are let in at once
            with socket.create_connection(("127.0.0.1", receiver.port), 5) as caller, suppress(OSError):
                caller.sendall(sent)
                while caller.recv(2**16):
                    pass
    assert failed == []


def test_other_content_under_its_uid_is_refused(
    tmp_path: Path, sample: Path, checker: Callable[[str], str]
) -> None:
    other = tmp_path / "other.dcm"
    changed = pydicom.dcmread(sample)
    changed.Manufacturer = "OTHER"
    changed.save_as(other)
    with listening(tmp_path, checker("storescu")) as receiver:
        receiver.send(sample)
        before = receiver.files[0].read_bytes()
        receiver.send(other)
        assert receiver.files[0].read_bytes() == before
    assert [event.get("status") for event in receiver.events] == [None, "0111"]


@pytest.mark.parametrize(
    ("allow", "title"), [("LINAC", "EVIL"), ("{ae_title: LINAC, address: 10.1.2.0/24}", "LINAC")]
)
def test_nobody_else_may_send(
    tmp_path: Path, sample: Path, checker: Callable[[str], str], allow: str, title: str
) -> None:
    with listening(tmp_path, checker("storescu"), allow) as receiver:
        assert receiver.send(sample, title) != 0
        assert receiver.files == []


def test_a_full_disk_is_out_of_resources(tmp_path: Path, sample: Path, checker: Callable[[str], str]) -> None:
    with listening(tmp_path, checker("storescu"), free="900 TB") as receiver:
        receiver.send(sample)
        assert receiver.files == []
    assert [event["status"] for event in receiver.events] == ["A700"]


REQUEST = b"\x01\x00\x00\x00\x00\x50\x00\x01\x00\x00" + b"DICOMBAKE       LINAC           " + bytes(48)
"""An A-ASSOCIATE-RQ without items (PS3.8 9.3.2)."""
HOSTILE = [
    b"\x01\x00\xff\xff\xff\xff" + b"\0" * 1000,
    b"\x04\x00\x7f\xff\xff\xff" + b"\0" * 1000,
    b"\x09\x00\x00\x00\x00\x04abcd",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x01\x00\x00\x00\x00\x44" + b"\xff" * 0x44,
    b"\x01\x00\x00\x00\x00\x50\x00\x01\x00\x00"
    + b"DICOMBAKE       LINAC           "
    + b"\0" * 32
    + b"\x10\x00\xff\xff"
    + b"\0" * 8,
    b"",
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_caller_ends_alone(
    tmp_path: Path, sample: Path, checker: Callable[[str], str], content: bytes
) -> None:
    with listening(tmp_path, checker("storescu")) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.port), 5) as hostile, suppress(OSError):
            hostile.sendall(content)
            hostile.settimeout(1)
            hostile.recv(1000)
        assert receiver.send(sample) == 0
        assert len(receiver.files) == 1


def test_a_caller_that_stops_in_the_middle_takes_nobodys_place(
    tmp_path: Path, sample: Path, checker: Callable[[str], str]
) -> None:
    """Six stop within a PDU, as many as may call at once; they end after `idle`."""
    with listening(tmp_path, checker("storescu"), idle=1) as receiver:
        stopped = [socket.create_connection(("127.0.0.1", receiver.port), 5) for _ in range(6)]
        for number, each in enumerate(stopped):
            each.sendall((REQUEST[:-1], REQUEST[:3])[number % 2])
        deadline = time.monotonic() + 20
        while receiver.send(sample) != 0:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        for each in stopped:
            each.close()
        assert len(receiver.files) == 1


def nested(depth: int) -> bytes:
    """Sequences within sequences, of undefined length, without an end."""
    return b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * depth


def deflated(size: int) -> bytes:
    """A little that becomes much: one element of zeros."""
    deflating = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = b"\x09\x00\x10\x10OB\0\0" + size.to_bytes(4, "little")
    return deflating.compress(head + bytes(size)) + deflating.flush()


@pytest.mark.old_pydicom
@pytest.mark.parametrize(
    ("dataset", "syntax", "status"),
    [
        (nested(5000), "1.2.840.10008.1.2.1", 0xA900),
        (deflated(40_000_000), "1.2.840.10008.1.2.1.99", 0xA700),
        (b"\x08\x00\x18\x00UI\xff\xff1.2.3", "1.2.840.10008.1.2.1", 0xA900),
        (b"\0", "1.2.840.10008.1.2.1", 0xA900),
    ],
    ids=["nested", "inflated", "too short", "no element"],
)
def test_a_hostile_dataset_is_refused(tmp_path: Path, dataset: bytes, syntax: str, status: int) -> None:
    """The association goes on, and the process does."""
    with listening(tmp_path, "") as receiver:
        options = DicomDestination(
            host="127.0.0.1", port=receiver.port, ae_title="DICOMBAKE", calling_ae_title="LINAC"
        )
        association = Associations(options, tmp_path).open([(RT_IMAGE, [syntax])])
        (context,) = association.accepted_contexts
        header = Header(Item("x", tmp_path, "", dicom=True), RT_IMAGE, "1.2.3", "1.2", "1.2", syntax)
        for _ in range(2):
            assert store(association, context, header, memoryview(dataset), options) == status
        association.release()
        assert receiver.files == []


@pytest.mark.old_pydicom
def test_what_movescu_asks_a_pacs_for_comes_here(
    tmp_path: Path, sample: Path, checker: Callable[[str], str]
) -> None:
    with listening(tmp_path, checker("storescu"), allow="QR") as receiver:
        with dcmqrscp(checker("dcmqrscp"), tmp_path, {"DICOMBAKE": receiver.port}) as pacs:
            there = ("-aec", "QR", "127.0.0.1", str(pacs))
            subprocess.run([checker("storescu"), *there, str(sample)], check=True, timeout=60)
            study = pydicom.dcmread(sample).StudyInstanceUID
            keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}")
            subprocess.run(
                [checker("movescu"), "-S", "-aem", "DICOMBAKE", *keys, *there], check=True, timeout=60
            )
        (file,) = receiver.files
        assert compared(sample.read_bytes(), file.read_bytes()).same


def test_more_callers_than_may_come(tmp_path: Path, sample: Path, checker: Callable[[str], str]) -> None:
    """Associations beyond the bound are rejected, and nothing that was acknowledged is missing."""
    with listening(tmp_path, checker("storescu")) as receiver:
        results: list[int] = []
        threads = [threading.Thread(target=lambda: results.append(receiver.send(sample))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 0 in results
        assert len(receiver.files) == 1
        assert compared(sample.read_bytes(), receiver.files[0].read_bytes()).same


def test_what_is_edited_of_receive_is_taken_up(
    tmp_path: Path, sample: Path, checker: Callable[[str], str]
) -> None:
    """Another caller, another port, none; what cannot be is told once, and the last right one kept."""
    ports, receiver = (free_port(), free_port()), Listening(tmp_path, 0, checker("storescu"))
    recipe = tmp_path / "r.yaml"

    def edit(port: int, allow: str) -> None:
        recipe.write_text(RECIPE.format(port=port, allow=allow, free="1 MB", idle=5), encoding="utf-8")

    def sends(port: int, title: str) -> bool:
        receiver.port = port
        return receiver.send(sample, title) == 0

    edit(ports[0], "LINAC")
    watch = Watch([recipe], Settings(settle=1000), receiver.events.append)
    with watch.listening():
        assert sends(ports[0], "LINAC") and not sends(ports[0], "OTHER")
        edit(ports[0], "OTHER")
        watch.step()
        assert sends(ports[0], "OTHER") and not sends(ports[0], "LINAC")
        edit(ports[1], "LINAC")
        watch.step()
        assert sends(ports[1], "LINAC") and not sends(ports[0], "OTHER")
        with socket.create_server(("127.0.0.1", ports[0])):
            edit(ports[0], "OTHER")
            receiver.events.clear()
            for _ in range(2):
                watch.step()
            (told,) = (event["message"] for event in receiver.events if event["event"] == "error")
            assert "the last right one is kept" in told
            assert sends(ports[1], "LINAC")
        text = recipe.read_text(encoding="utf-8")
        recipe.write_text(f"version: 1\n{text[text.index('conversions:') :]}", encoding="utf-8")
        watch.step()
        assert not sends(ports[1], "LINAC")
        edit(ports[0], "LINAC")
        watch.step()
        assert sends(ports[0], "LINAC")
    assert not sends(ports[0], "LINAC")
    assert len(receiver.files) == 1
