"""The same bytes, whoever makes them: ``python -m tests.services.cluster_sums``.

One tree of files with its lock by one process, by a pool, by clusters of one, two and four workers, and by
four of which ten are killed meanwhile: a line with the sha256 over all of it for each. Takes minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .cluster_faults import Project
from .dask_cluster import DaskCluster, dask_cluster, until

KILLS = 10
SIZES = (1, 2, 4)


def total(found: dict[str, bytes]) -> str:
    """Return the sha256 (hex) over the names and contents of these files."""
    lines = (f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in sorted(found.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def running(project: Project, *words: str) -> subprocess.Popen[bytes]:
    """Start a run of everything anew."""
    project.clear()
    command = [sys.executable, "-m", "dicombake.pipeline.cli", "run", "r.yaml", "--quiet", *words]
    return subprocess.Popen(command, cwd=project.folder)


def killed(cluster: DaskCluster, run: subprocess.Popen[bytes], project: Project) -> int:
    """Kill workers at random moments of a run, each started again; return how many were."""
    until(lambda: project.done() > 0 or run.poll() is not None)
    count = 0
    while count < KILLS and run.poll() is None:
        number = random.randrange(len(cluster.workers))
        cluster.workers[number].kill()
        cluster.restart_worker(number)
        count += 1
        time.sleep(random.random() * 0.7)
    return count


def main(words: list[str]) -> int:
    """Print a line for each way; the status is 1 where one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as name:
        project = Project(Path(name) / "project", asked.files, 200)
        sums = [_told("one process", total(project.expected))]

        def ended(run: subprocess.Popen[bytes], what: str) -> None:
            assert run.wait() == 0
            sums.append(_told(what, total(project.found())))

        ended(running(project, "--jobs", "2"), "a pool of two")
        for count in SIZES:
            with dask_cluster(count) as cluster:
                until(lambda cluster=cluster, count=count: len(cluster.present()) == count)  # type: ignore[misc]
                there = ("--executor", "dask", "--scheduler", cluster.address)
                ended(running(project, *there), f"a cluster of {count}")
                if count == SIZES[-1]:
                    run = running(project, *there)
                    kills = killed(cluster, run, project)
                    ended(run, f"a cluster of {count}, {kills} killed")
    return int(len(set(sums)) > 1)


def _told(what: str, sha256: str) -> str:
    sys.stdout.write(f"{what}: {sha256}\n")
    sys.stdout.flush()
    return sha256


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
