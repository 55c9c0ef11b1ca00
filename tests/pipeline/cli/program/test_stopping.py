"""Interrupted at any moment, or with outputs that nobody takes: one line or none, never a traceback."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dicombake.pipeline.run.run import run_plan
from dicombake.pipeline.run.unit.results import Outcome
from msgspec.structs import replace

from ....support import called

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals and shells of POSIX")
SWEEP = os.environ.get("DICOMBAKE_SWEEPS") == "1"
"""Whether all is tried at many moments and beside every output, or a part of it."""
PROGRAM = [sys.executable, "-m", "dicombake.pipeline.cli"]

START = """
import sys
from dicombake.pipeline.cli.program import stopping
stopping.watch()
print("begun", flush=True)
from dicombake.pipeline.cli.__main__ import main
main()
"""
"""The program from the moment on that its first line has run; what Python says before that is Python's."""


@pytest.fixture(autouse=True)
def hears_ctrl_c() -> Iterator[None]:
    """Let programs hear Ctrl-C where a shell runs the tests in its background, and has them ignore it."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    subprocess.run([*PROGRAM, "demo", str(folder / "d")], check=True, capture_output=True)
    return folder / "d" / "demo.yaml"


def interrupted(words: list[str], after: float, number: int) -> tuple[int, str]:
    """Status and stderr of a command whose processes all got a signal so many seconds after its begin."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(after)
    process.send_signal(number)
    return process.wait(120), process.communicate()[1]


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_it_ends_with_one_line_at_any_moment(recipe: Path, number: int, jobs: str) -> None:
    moments = random.Random(f"{number} {jobs}")
    statuses = []
    for _ in range(8 if SWEEP else 3):
        after = moments.uniform(0, 1.5)
        status, said = interrupted(["run", str(recipe), "--force", "--quiet", "--jobs", jobs], after, number)
        assert status in (0, 130), (after, said)
        assert "Traceback" not in said and "ignored in" not in said, (after, said)
        assert status == 0 or 1 <= len(said.splitlines()) <= 2, (after, said)
        assert status == 0 or "interrupted" in said
        statuses.append(status)
    assert 130 in statuses
    done = subprocess.run(
        [*PROGRAM, "run", str(recipe), "--quiet"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_the_server_of_the_workers_is_silent(recipe: Path, number: int) -> None:
    """The whole group gets what the terminal sends, at a moment when the server loads numpy."""
    stopped = 0
    for after in (0.05, 0.2, 0.4):
        process = subprocess.Popen(
            [sys.executable, "-c", START, "run", str(recipe), "--force", "--quiet", "--jobs", "2"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(after)
        done = process.poll() is not None  # on a machine that slept far too long
        if not done:
            os.killpg(process.pid, number)
        said = process.communicate(timeout=120)[1]
        assert "Traceback" not in said, said
        assert process.returncode == (0 if done else 130)
        stopped += not done
    assert stopped


WORDS = ("--help", "--version", "formats", "schema", "run --help")
FULL = ">/dev/full"
PLACES = {
    FULL: (1, "dicombake: the output could not be written: No space left on device\n"),
    ">&-": (0, ""),
    "2>&-": (0, ""),
    "2>/dev/full": (0, ""),
    "<&-": (0, ""),
}


@POSIX
@pytest.mark.parametrize(
    ("words", "where"),
    [(words, where) for words in WORDS for where in PLACES if SWEEP or where == FULL or words == "formats"],
)
def test_outputs_that_nobody_takes(words: str, where: str) -> None:
    if where.endswith("full") and not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    command = f'"{sys.executable}" -m dicombake.pipeline.cli {words} {where}'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == PLACES[where]


@POSIX
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_one_file_that_is_converted_where_nobody_takes_outputs(unbuffered: str, recipe: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    source, out = recipe.parent / "samples" / "epid" / "mlc_g000.xim", recipe.parent / "one.dcm"
    command = f'"{sys.executable}" -m dicombake.pipeline.cli convert {source} {out} >/dev/full'
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    said = "dicombake: the output could not be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)
    out.unlink()


@POSIX
def test_a_reader_that_goes_is_no_failure_worth_a_word() -> None:
    command = f'"{sys.executable}" -m dicombake.pipeline.cli schema | head -c 1'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("{", "")


@POSIX
def test_what_is_printed_never_goes_into_a_file_in_the_place_of_a_closed_output(recipe: Path) -> None:
    path = recipe.parent / "photo.npy"
    import numpy as np

    np.save(path, np.zeros((4, 4), np.uint8))
    before = path.read_bytes()
    command = f'"{sys.executable}" -m dicombake.pipeline.cli inspect "{path}" <&- >&- 2>&-'
    subprocess.run(["sh", "-c", command], timeout=60, check=False)
    assert path.read_bytes() == before


@POSIX
def test_a_job_that_ignores_ctrl_c_goes_on() -> None:
    """As a shell has it for a command in the background."""
    command = f'trap "" INT; "{sys.executable}" -c \'{START}\' formats'
    process = subprocess.Popen(
        ["sh", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (0, "")
    assert "ct-series" in said


def test_an_interruption_that_came_when_all_was_done_is_told(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted_at_its_end(*arguments: Any) -> Outcome:
        return replace(run_plan(*arguments), interrupted=True)

    monkeypatch.setattr("dicombake.pipeline.run.run.run_plan", interrupted_at_its_end)
    done = called("run", str(recipe), "--quiet", "--jobs", "1")
    assert (done.returncode, done.stderr) == (130, "dicombake: interrupted\n")
