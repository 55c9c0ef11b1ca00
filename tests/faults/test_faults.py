"""The part of the faults that every run of the tests does; ``python -m tests.faults`` does all."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from . import faults
from .moments import Moments
from .project import Project

linux = pytest.mark.skipif(sys.platform != "linux", reason="signals, processes and mounts of Linux")
pytestmark = pytest.mark.slow
WATCH: list[Moments] = []
sys.addaudithook(lambda event, args: [each(event, args) for each in list(WATCH)] and None)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.made(tmp_path)


@linux
def test_kills(project: Project) -> None:
    assert faults.killed_at_every_call(project, step=17) > 2


@linux
@pytest.mark.parametrize("whom", ["program", "worker", "server"])
def test_random_kills(project: Project, whom: str) -> None:
    assert faults.killed_at_random(project, 1, whom) == 1


def test_foreign_files(project: Project) -> None:
    assert faults.foreign_at_every_call(project, 3, WATCH) > 5


@linux
def test_little_space(project: Project, tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root may mount a small file system")
    assert faults.little_space(project, tmp_path / "small", step=6) > 1


@linux
def test_power_cuts(project: Project, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    assert faults.power_cut_at_every_call(project, strace, tmp_path / "calls") > 50
