"""`--executor slurm` on Slurm's own daemons (nox -s cluster): the same bytes, and no job is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .cluster_faults import Project
from .dask_cluster import ROOT, until
from .slurm import missing, slurm

pytest.importorskip("dask_jobqueue")
pytestmark = [
    pytest.mark.skipif(
        os.environ.get("DICOMBAKE_CLUSTER") != "1", reason="faults of clusters: nox -s cluster"
    ),
    pytest.mark.skipif(bool(missing()), reason=missing() or "-"),
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with slurm(tmp_path_factory.mktemp("slurm")) as found:
        settings = {
            "CORES": "1",
            "MEMORY": "700MB",
            "INTERFACE": "lo",
            "LOG_DIRECTORY": str(tmp_path_factory.mktemp("logs")),
            "WALLTIME": "'00:10:00'",
        }
        names = {f"DASK_JOBQUEUE__SLURM__{name}": value for name, value in settings.items()}
        yield {**os.environ, **found, **names, "PYTHONPATH": str(ROOT)}


def jobs(environment: dict[str, str]) -> list[str]:
    """The numbers of Slurm's jobs that run or wait."""
    words = ["squeue", "--noheader", "--format=%i", "--states=RUNNING,PENDING"]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout.split()


@contextmanager
def running(project: Project, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    words = ["run", "r.yaml", "--executor", "slurm", "--jobs", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "dicombake.pipeline.cli", *words],
        cwd=project.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("slurm") / "project", 100)


def test_jobs_make_the_same_bytes_whoever_cancels_them(project: Project, environment: dict[str, str]) -> None:
    with running(project, environment) as process:
        until(lambda: project.done() > 5, 120)
        for job in jobs(environment):
            subprocess.run(["scancel", "--signal=KILL", job], env=environment, check=True)
        output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    assert project.found() == project.expected
    until(lambda: not jobs(environment))
    project.clear()


def test_ctrl_c_ends_with_130_and_no_job_is_left(project: Project, environment: dict[str, str]) -> None:
    with running(project, environment) as process:
        until(lambda: project.done() > 5, 120)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert project.wrong() == 0 and 0 < project.done() < project.count
    until(lambda: not jobs(environment))
    project.clear()


def test_what_is_missing_is_one_line(project: Project, environment: dict[str, str]) -> None:
    without = {key: value for key, value in environment.items() if not key.endswith("__CORES")}
    for changed, told in (
        (without, "needs jobqueue.slurm.cores and jobqueue.slurm.memory in Dask's settings"),
        ({**environment, "PATH": "/nowhere"}, "sbatch cannot be asked (No such file or directory)"),
        ({**environment, "DASK_JOBQUEUE__SLURM__QUEUE": "nobodys"}, "Slurm would not take such a job"),
    ):
        with running(project, changed) as process:
            output, _ = process.communicate(timeout=120)
        assert (process.returncode, output.count("\n")) == (2, 1) and told in output, output
        assert project.done() == 0
