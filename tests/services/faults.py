"""What is thrown at delivery, so often as one asks; each fault returns what became of its instances."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom

from .archive import Answer, Archive, content_of
from .batch import Figures, deliver, forget, states, write_recipe
from .proxy import ABORTED, REJECTED, Proxy, Trouble
from .servers import Orthanc, free_port, orthanc, storescp

MOST = 60
"""Deliveries after which a batch is given up: then something is not there."""


def to_orthanc(port: int) -> str:
    """Proven there; where storage commitment is offered, each try would wait 5 s for a report."""
    return (
        f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: ORTHANC, timeout: 10, prove: true, commit: off"
    )


def to_web(server: Orthanc) -> str:
    return f'to: dicomweb, url: "http://127.0.0.1:{server.http}/dicom-web", prove: true'


def until_there(path: Path) -> None:
    """Deliver until all is where it was asked to be, and the outbox says so."""
    for _ in range(MOST):
        result = deliver(path, tries=1)
        if result.exit_status == 0:
            return
    raise AssertionError({(entry.state, entry.status) for entry in result.entries})


def killed(
    path: Path, server: Orthanc | Archive, kills: int, rng: random.Random, *, again: bool = False
) -> Figures:
    """Kill our own process at random moments of a delivery, again and again until it is done; then anew.

    `again`: whether it may send again what it was killed beside.
    """
    figures = Figures()
    with _killing(path) as after:
        whole = float(after(600.0).split()[1])
        while figures.tries < kills:
            server.empty()
            forget(path)
            while after(rng.uniform(0, 1.1 * whole)) == "killed":
                figures.tries += 1
            until_there(path)
            assert states(deliver(path, dry_run=True)) == {"proven"}
            figures.judge(path, server.instances(), None if again else server.taken)
    return figures


def killed_and_coerced(made: Path, kills: int, rng: random.Random) -> Figures:
    """The same where the patient's name is coerced: whether that was said, only an answer that is asked for
    again tells."""
    with Archive(coerced).running() as archive:
        path = write_recipe(made, "killed-coerced", archive.destination(", prove: true"))
        forget(path)  # an archive before it may have had this port
        return killed(path, archive, kills, rng, again=True)


@contextmanager
def _killing(path: Path) -> Iterator[Callable[[float], str]]:
    """Start what delivers in children; gives what ends one after so many seconds and tells its end."""
    command = [sys.executable, "-m", "tests.services.killed", str(path)]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
    assert process.stdin is not None and process.stdout is not None
    ask, answers = process.stdin, process.stdout

    def after(seconds: float) -> str:
        ask.write(f"{seconds}\n")
        ask.flush()
        return answers.readline().strip()

    try:
        yield after
    finally:
        ask.close()
        process.wait(60)


def troubled(
    made: Path, server: Orthanc, times: int, rng: random.Random, trouble: Callable[[random.Random], Trouble]
) -> Figures:
    """Break connections to Orthanc, three of each batch."""
    figures, name = Figures(), trouble.__name__
    while figures.tries < times:
        server.empty()
        proxy = Proxy(server.dicom, [trouble(rng) for _ in range(3)])
        with proxy.running():
            path = write_recipe(made, name, to_orthanc(proxy.port))
            forget(path)  # a proxy before it may have had this port
            until_there(path)
        assert states(deliver(path, dry_run=True)) == {"proven"}
        figures.tries += proxy.struck
        figures.judge(path, server.instances(), server.taken)
    return figures


def cut_there(rng: random.Random) -> Trouble:
    """In the middle of an instance."""
    return Trouble(there=rng.randrange(1_000, 600_000))


def cut_back(rng: random.Random) -> Trouble:
    """In the middle of the answers: what was answered last may be there or not."""
    return Trouble(back=rng.randrange(500, 3_000))


def rejected(rng: random.Random) -> Trouble:
    return Trouble(there=0, last=REJECTED)


def aborted(rng: random.Random) -> Trouble:
    return Trouble(there=rng.randrange(1_000, 600_000), last=ABORTED)


def answered(made: Path, times: int, rng: random.Random, name: str, answer: Answer) -> Figures:
    """Let a server answer other than it should, for a third of what it is sent."""
    figures = Figures()

    def sometimes(event: Any, number: int) -> tuple[int, bytes | None]:
        if rng.random() < 0.6:
            return 0x0000, content_of(event)
        figures.tries += 1
        return answer(event, number)

    while figures.tries < times:
        with Archive(sometimes).running() as archive:
            path = write_recipe(made, name, archive.destination(", prove: true"))
            forget(path)  # an archive before it may have had this port
            until_there(path)
        assert states(deliver(path, dry_run=True)) == {"proven"}
        figures.judge(path, list(archive.held.values()), archive.taken)
    return figures


def with_status(status: int, *, stored: bool = False) -> Answer:
    """Answer with a status; `stored`: and keep the instance all the same."""
    return lambda event, number: (status, content_of(event) if stored else None)


def coerced(event: Any, number: int) -> tuple[int, bytes | None]:
    """Keep it under another patient's name, and say so with a warning."""
    from io import BytesIO

    dataset = pydicom.dcmread(BytesIO(content_of(event)))
    dataset.PatientName = "COERCED"
    buffer = BytesIO()
    dataset.save_as(buffer)
    return 0xB000, buffer.getvalue()


def restarted(made: Path, folder: Path, times: int, rng: random.Random, program: str) -> Figures:
    """Kill Orthanc at random moments and start it again, with what it has."""
    figures, ports = Figures(), (free_port(), free_port())
    path = write_recipe(made, "restarted", to_orthanc(ports[0]))
    while figures.tries < times:
        forget(path)
        figures.tries += 4
        figures.judge(path, _orthanc_restarted(path, folder / str(figures.tries), ports, program, rng))
    return figures


def _orthanc_restarted(
    path: Path, folder: Path, ports: tuple[int, int], program: str, rng: random.Random
) -> list[bytes]:
    """Kill it four times while a batch is delivered; what it has in the end.

    How often it took an instance says nothing here: what it had not yet written died with it.
    """
    over = threading.Event()
    result: list[list[bytes]] = []
    folder.mkdir(parents=True)

    def restarting() -> None:
        for _ in range(4):
            with orthanc(program, folder, web=False, ports=ports):
                over.wait(rng.uniform(0.05, 0.8))
        with orthanc(program, folder, web=False, ports=ports) as last:
            over.wait(300)
            result.append(last.instances())

    _patiently_beside(restarting, over, path)
    return result[0]


def _patiently_beside(work: Callable[[], None], over: threading.Event, path: Path) -> None:
    """Deliver while something else is done; then tell it that it is over, and wait for its end."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        _patiently(path)
    finally:
        over.set()
        thread.join()


def storescp_restarted(made: Path, folder: Path, times: int, rng: random.Random, program: str) -> Figures:
    """The same with storescp, which cannot be asked: nothing is confirmed, and nothing may be missing."""
    figures, port, over = Figures(), free_port(), threading.Event()
    path = write_recipe(made, "scp", f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: SCP, timeout: 5")

    def restarting() -> None:
        for _ in range(times):
            with storescp(program, folder, port=port):
                over.wait(rng.uniform(0.05, 0.6))
        with storescp(program, folder, port=port):
            over.wait(300)

    _patiently_beside(restarting, over, path)
    figures.tries += times
    figures.judge(path, [each.read_bytes() for each in folder.iterdir()])
    return figures


def _patiently(path: Path) -> None:
    deadline = time.monotonic() + 300
    while deliver(path, tries=1).exit_status != 0:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def outbox_deleted(made: Path, server: Orthanc, times: int) -> Figures:
    """Delete the outbox between two deliveries, and in the middle of what one has done."""
    server.empty()
    path, figures = write_recipe(made, "deleted", to_orthanc(server.dicom)), Figures()
    for _ in range(times):
        until_there(path)
        forget(path)
        figures.tries += 1
    until_there(path)
    figures.judge(path, server.instances(), server.taken)
    return figures


def at_once(made: Path, times: int) -> Figures:
    """Start two deliveries at the same time."""
    figures = Figures()
    command = [sys.executable, "-m", "dicombake.pipeline.cli", "deliver", "--quiet"]
    for _ in range(times):
        with Archive().running() as archive:
            path = write_recipe(made, "twice", archive.destination(", prove: true"))
            forget(path)
            both = [subprocess.Popen([*command, str(path)]) for _ in range(2)]
            assert [process.wait(120) for process in both] == [0, 0]
        figures.tries += 1
        figures.judge(path, list(archive.held.values()), archive.taken)
    return figures
