"""What a cluster costs beside a pool of as many workers: ``python -m tests.services.cluster_speed``.

Processor time of everything that takes part (Linux), and wall time, over the same files and the same bytes.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .cluster_faults import Project
from .dask_cluster import DaskCluster, dask_cluster, until

_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2): orphans become ours, so that their time can be asked for."""


def run(project: Project, *words: str) -> tuple[float, float]:
    """Processor and wall seconds of one run, with all processes that it started."""
    project.clear()
    before, start = _children(), time.monotonic()
    command = [sys.executable, "-m", "dicombake.pipeline.cli", "run", "r.yaml", "--quiet", *words]
    subprocess.run(command, cwd=project.folder, check=True)
    wall = time.monotonic() - start
    with suppress(ChildProcessError):
        for number in _orphans():
            os.waitpid(number, 0)
    assert project.found() == project.expected
    return _children() - before, wall


def _orphans() -> list[int]:
    """The processes that a run left to us: the server that its workers are forked from."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    names = {number: Path(f"/proc/{number}/cmdline").read_bytes() for number in map(int, listed)}
    return [number for number, name in names.items() if b"forkserver" in name or not name]


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def spent(cluster: DaskCluster) -> Mapping[str, float]:
    """Processor seconds of the scheduler and of the workers until now."""
    assert cluster.scheduler is not None
    return {
        "scheduler": _process(cluster.scheduler.pid),
        "workers": sum(_process(worker.pid) for worker in cluster.workers),
    }


def _process(number: int) -> float:
    fields = Path(f"/proc/{number}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(words: list[str]) -> int:
    """Run both in turn, and print what each spent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(words)
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as name:
        project = Project(Path(name) / "project", asked.files, asked.size)
        pools, clusters = [], []
        with dask_cluster(asked.workers) as cluster:
            until(lambda: len(cluster.present()) == asked.workers)
            there = ["--executor", "dask", "--scheduler", cluster.address]
            run(project, *there)  # workers import what they need once
            for _ in range(asked.rounds):
                pools.append(run(project, "--jobs", str(asked.workers)))
                before = spent(cluster)
                own, wall = run(project, *there)
                parts = {part: after - before[part] for part, after in spent(cluster).items()}
                clusters.append((own + sum(parts.values()), wall))
                share = parts["scheduler"] / asked.files * 1e3
                _tell(f"pool {pools[-1][0]:.1f} s ({pools[-1][1]:.1f} s wall)")
                _tell(
                    f"cluster {clusters[-1][0]:.1f} s ({wall:.1f} s wall): program {own:.1f}, workers "
                    f"{parts['workers']:.1f}, scheduler {parts['scheduler']:.2f} ({share:.2f} ms of a unit)"
                )
        least = [min(each)[0] for each in (clusters, pools)]
        walls = [min(wall for _, wall in each) for each in (clusters, pools)]
        _tell(f"cluster / pool: {least[0] / least[1]:.2f} processor, {walls[0] / walls[1]:.2f} wall")
    return 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
