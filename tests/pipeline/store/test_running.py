"""One run at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dicombake.pipeline.errors import StoreError
from dicombake.pipeline.store.running import Held, held

HOLD = (
    "import sys, time; from pathlib import Path; from dicombake.pipeline.store.running import held\n"
    "with held(Path(sys.argv[1]), 0.0) as holder:\n"
    "    print(holder.by or 'free', flush=True)\n"
    "    time.sleep(float(sys.argv[2]))"
)


def start(path: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    with held(tmp_path / "new/x.running") as holder:
        assert holder.by == ""
        with start(tmp_path / "new/x.running", 0) as other:
            assert said(other) == f"process {os.getpid()}"
    with start(tmp_path / "new/x.running", 0) as other:
        assert said(other) == "free"


def test_the_second_waits_a_moment(tmp_path: Path) -> None:
    with start(tmp_path / "x.running", 0.5) as other:
        assert said(other) == "free"
        with held(tmp_path / "x.running", 30.0) as holder:
            assert holder.by == ""


def test_a_process_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    with start(tmp_path / "x.running", 60) as other:
        assert said(other) == "free"
        with held(tmp_path / "x.running", 0.0) as holder:
            assert holder.by == f"process {other.pid}"
        other.kill()
        other.wait(timeout=20)
        start_of_wait = time.monotonic()
        with held(tmp_path / "x.running", 30.0) as holder:
            assert holder == Held(unended=True)
        assert time.monotonic() - start_of_wait < 20


def test_a_file_that_says_nothing_names_nobody(tmp_path: Path) -> None:
    with held(tmp_path / "x.running"):
        (tmp_path / "x.running").write_bytes(b"")
        with start(tmp_path / "x.running", 0) as other:
            assert said(other) == "another process"


def test_a_holder_that_came_to_its_end_leaves_nothing_to_clean(tmp_path: Path) -> None:
    for _ in range(2):
        with held(tmp_path / "x.running") as holder:
            assert holder == Held()


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "x.running").symlink_to(tmp_path / "precious")
    with held(tmp_path / "x.running") as holder:
        assert holder == Held()
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "x.running").is_symlink()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="a part of its path is a file"), held(tmp_path / "file/x.running"):
        pass
