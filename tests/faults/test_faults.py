"""The part of the faults that every run of the tests does; ``python -m tests.faults`` does all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from . import faults
from .moments import Moments
from .power import power_cut_at_every_call
from .project import Project

linux = pytest.mark.skipif(sys.platform != "linux", reason="signals, processes and mounts of Linux")
pytestmark = pytest.mark.slow
WATCH: list[Moments] = []
Tried = Callable[[str, int], int]
sys.addaudithook(lambda event, args: [each(event, args) for each in list(WATCH)] and None)


@pytest.fixture
def tried(record_property: Callable[[str, object], None]) -> Tried:
    """Keep a figure for the end of the run (tests/conftest.py prints it), and give it back."""

    def keep(what: str, count: int) -> int:
        record_property(f"fault: {what}", count)
        return count

    return keep


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.made(tmp_path)


@linux
def test_kills(project: Project, tried: Tried) -> None:
    assert tried("killed before a call that changes files", faults.killed_at_every_call(project, step=17)) > 2


@linux
@pytest.mark.parametrize("whom", ["program", "worker", "server"])
def test_random_kills(project: Project, whom: str, tried: Tried) -> None:
    assert tried(f"{whom} killed at a random moment", faults.killed_at_random(project, 1, whom)) == 1


def test_foreign_files(project: Project, tried: Tried) -> None:
    count = faults.foreign_at_every_call(project, 3, WATCH)
    assert tried("a foreign file put at an output's name", count) > 5


@linux
def test_little_space(project: Project, tmp_path: Path, tried: Tried) -> None:
    if os.geteuid():
        pytest.skip("only root may mount a small file system")
    count = faults.little_space(project, tmp_path / "small", step=6)
    assert tried("little space on the disk", count) > 1


@linux
def test_power_cuts(project: Project, tmp_path: Path, tried: Tried) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    if subprocess.run([strace, "-o", os.devnull, sys.executable, "-c", ""], check=False).returncode:
        pytest.skip("strace may not trace here")
    count = power_cut_at_every_call(project, strace, tmp_path / "calls", step=19)
    assert tried("states of the disk after a power cut", count) > 5
