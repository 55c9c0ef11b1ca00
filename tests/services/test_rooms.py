"""Destinations that are full or cut off for a while, and our own disk that is: late, and nothing lost."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.watch.receive import Receiver

from .batch import COUNT, Figures, deliver, files, states, write_recipe
from .rooms import machine, small_disk
from .servers import free_port, storescp, wait_for

pytest.importorskip("pynetdicom")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("no_leftovers")]


def test_a_destination_that_is_full_for_a_while(
    made: Path, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    with small_disk(tmp_path / "disk", 700) as disk, storescp(checker("storescp"), disk.folder) as port:
        destination = f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: SCP, timeout: 10, tries: 1"
        path = write_recipe(made, "full", destination)
        result = deliver(path)
        assert (states(result), result.exit_status) == ({"sent", "pending"}, 1)
        told = {entry.status for entry in result.entries if entry.state == "pending"}
        assert told == {"A700: Refused: Out of Resources"}
        disk.resize(8000)
        result = deliver(path)
        assert (states(result), result.exit_status) == ({"sent"}, 0)
        figures = Figures(tries=1)
        figures.judge(path, [each.read_bytes() for each in disk.folder.iterdir()])
    assert figures.right, figures


def test_a_folder_that_is_full_for_a_while(made: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 700) as disk:
        path = write_recipe(made, "full-folder", f"to: folder, path: {disk.folder}")
        result = deliver(path)
        assert (states(result), result.exit_status) == ({"proven", "pending"}, 1)
        assert any("disk is full" in entry.status for entry in result.entries)
        kept = sorted(each.name for each in disk.folder.rglob("*") if each.is_file())
        assert kept == sorted(Path(entry.path).name for entry in result.entries if entry.state == "proven"), (
            "nothing half-written is left"
        )
        disk.resize(8000)
        assert deliver(path).exit_status == 0
        there = {each.read_bytes() for each in disk.folder.rglob("*.dcm")}
    assert there == set(files(path).values())


def test_our_disk_is_full_for_a_while(made: Path, tmp_path: Path) -> None:
    """What we did not write is answered A700, and so the sender keeps it and tries again."""
    with small_disk(tmp_path / "disk", 700) as disk:
        port = free_port()
        path = write_recipe(
            made, "sender", f"to: dicom, host: 127.0.0.1, port: {port}, ae_title: DICOMBAKE, tries: 1"
        )
        text = (
            f"receive: {{port: {port}, into: in, allow: DICOMBAKE, limits: {{free_bytes: 1}}}}\nconversions:"
        )
        receiving = tmp_path / "r.yaml"
        receiving.write_text(path.read_text(encoding="utf-8").replace("conversions:", text), encoding="utf-8")
        receiver = Receiver(load_recipe(receiving), disk.folder, lambda event: None, lambda: None)
        with receiver.listening():
            wait_for(port)
            result = deliver(path)
            kept = list(disk.folder.rglob("*.*"))
            assert len(kept) == sum(entry.state == "sent" for entry in result.entries) < COUNT
            assert all(each.suffix == ".dcm" for each in kept)
            disk.resize(8000)
            assert states(deliver(path)) == {"sent"}
        figures = Figures(tries=1)
        figures.judge(path, [each.read_bytes() for each in disk.folder.rglob("*.dcm")])
    assert figures.right, figures


def test_a_machine_that_is_cut_off_for_a_while(
    made: Path, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    """Its cable is out before and while instances travel: they wait, and each gets there once."""
    scp = checker("storescp")
    with machine(16 + os.getpid() % 200) as far:
        folder = tmp_path / "scp"
        folder.mkdir()
        command = far.inside(scp, "--aetitle", "SCP", "--output-directory", str(folder), "11112")
        quiet = subprocess.DEVNULL
        server = subprocess.Popen(command, stdout=quiet, stderr=quiet, env={**os.environ, "TCP_NODELAY": "1"})
        try:
            wait_for(11112, far.address)
            path = write_recipe(
                made, "far", f"to: dicom, host: {far.address}, port: 11112, ae_title: SCP, timeout: 1"
            )
            far.cable("down")
            result = deliver(path, tries=1)
            assert (result.exit_status, states(result)) == (1, {"pending"})
            far.cable("up")
            cut = threading.Timer(0.1, far.cable, ["down"])  # in the middle, or when it is done already
            cut.start()
            deliver(path, tries=1)
            cut.join()
            far.cable("up")
            deadline = time.monotonic() + 60
            while deliver(path, tries=1).exit_status != 0:
                assert time.monotonic() < deadline
        finally:
            server.terminate()
            server.wait(10)
        held = [each.read_bytes() for each in folder.iterdir()]
    figures = Figures(tries=1)
    figures.judge(path, held)
    assert figures.right, figures
