"""Faults on a cluster whose hosts have addresses of their own: ``python -m tests.services.cluster_faults``.

A scheduler, four workers and the program, each in a network namespace. Each fault is caused at random moments
of a run; then the run, or the next one, has to end with the files and the lock that one machine makes.
``--write`` puts the table into docs/cluster.md. Needs root, and minutes; the tests do a part of it.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile

from ..pipeline.run.test_run import tree
from ..support import bake
from .dask_cluster import ROOT, DaskCluster, Host, dask_cluster, hosts, no_namespaces, until

WORKERS = 4
RECIPE = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  film:
    inputs: raw/*.tif
    source: image
    geometry: {dpi: 100, sid: 1000}
    process: [{filter: {kind: median, size: 5}}]
    exports: {to: rt-image, path: "d/{stem}.dcm"}
"""


@dataclass
class Row:
    """What a fault left, over all tries."""

    fault: str
    tries: int = 0
    units: int = 0
    lost: int = 0
    doubled: int = 0
    differing: int = 0
    statuses: list[int] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.differing)


class Project:
    """A recipe with its inputs, and what one machine makes of it."""

    def __init__(self, folder: Path, count: int, size: int = 300) -> None:
        self.folder = folder
        self.count = count
        (folder / "raw").mkdir(parents=True)
        rng = np.random.default_rng(3)
        for number in range(count):
            pixels = rng.integers(0, 4000, (size, size), dtype=np.uint16)
            tifffile.imwrite(folder / f"raw/f{number:04d}.tif", pixels)
        (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
        assert bake(folder / "r.yaml").exit_status == 0
        self.expected = self.found()
        self.clear()

    def found(self) -> dict[str, bytes]:
        return {path: content for path, content in tree(self.folder).items() if not path.startswith("raw/")}

    def clear(self) -> None:
        """Forget every run."""
        for name in ("d", ".dicombake"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / "r.lock").unlink(missing_ok=True)

    def done(self) -> int:
        """The number of outputs that are there."""
        return sum(1 for _ in (self.folder / "d").glob("*.dcm"))

    def wrong(self) -> int:
        """The number of outputs that are there and are not what they should be: half-written, or others."""
        found = {path: content for path, content in self.found().items() if path.endswith(".dcm")}
        return sum(content != self.expected.get(path) for path, content in found.items())

    def count_into(self, row: Row) -> None:
        """Compare with what one machine makes, lock and all."""
        found = self.found()
        row.units += self.count
        row.lost += len(self.expected.keys() - found.keys())
        row.doubled += len(found.keys() - self.expected.keys())
        row.differing += sum(
            found[path] != self.expected[path] for path in self.expected.keys() & found.keys()
        )


@dataclass
class Site:
    """The cluster, the host of the program, and the project."""

    cluster: DaskCluster
    host: Host
    project: Project

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        """A run that goes on: something is done already."""
        words = ["run", "r.yaml", "--executor", "dask", "--scheduler", self.cluster.address]
        process = subprocess.Popen(
            self.host.command(sys.executable, "-m", "dicombake.pipeline.cli", *words),
            cwd=self.project.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            until(lambda: self.project.done() > 0 or process.poll() is not None)
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def end(self, process: subprocess.Popen[str], row: Row, seconds: float = 300) -> int:
        """Wait for the end; nothing that is there then may be half-written."""
        output, _ = process.communicate(timeout=seconds)
        row.statuses.append(process.returncode)
        row.differing += self.project.wrong()
        if process.returncode not in (0, 1, 130, -9):
            sys.stderr.write(output)
        return process.returncode

    def moment(self) -> None:
        """Wait for a random moment of a run."""
        part = random.random() * 0.6
        until(lambda: self.project.done() >= part * self.project.count, 120)

    def go_on(self, row: Row) -> None:
        """Run again after one that did not end, and compare."""
        with self.running() as process:
            assert self.end(process, row) == 0
        self.project.count_into(row)
        self.project.clear()

    def whole(self, row: Row, process: subprocess.Popen[str]) -> None:
        """Wait for a run that ends well by itself, and compare."""
        assert self.end(process, row) == 0
        self.project.count_into(row)
        self.project.clear()

    def restart(self) -> None:
        """Start the scheduler and every worker again."""
        self.cluster.stop()
        self.cluster.start()
        until(lambda: len(self.present()) == WORKERS)

    def present(self) -> set[str]:
        words = ["-c", _PRESENT, self.cluster.address]
        found = subprocess.run(
            self.host.command(sys.executable, *words), capture_output=True, text=True, check=False
        )
        return set(found.stdout.split())


_PRESENT = "import sys, distributed; print(*distributed.Client(sys.argv[1], timeout=5).nthreads())"


def workers_killed(site: Site, row: Row, tries: int) -> None:
    with site.running() as process:
        for _ in range(tries):
            time.sleep(random.random())
            if process.poll() is not None or site.project.done() > 0.8 * site.project.count:
                break
            number = random.randrange(WORKERS)
            site.cluster.workers[number].kill()
            site.cluster.restart_worker(number)
            row.tries += 1
        site.whole(row, process)


def all_workers_gone(site: Site, row: Row, tries: int) -> None:
    for _ in range(tries):
        with site.running() as process:
            site.moment()
            for worker in site.cluster.workers:
                worker.kill()
            time.sleep(2)
            for number in range(WORKERS):
                site.cluster.restart_worker(number)
            row.tries += 1
            site.whole(row, process)


def cut(which: Callable[[Site], Host]) -> Callable[[Site, Row, int], None]:
    def cable_pulled(site: Site, row: Row, tries: int) -> None:
        for _ in range(tries):
            with site.running() as process:
                site.moment()
                host = which(site)
                host.plug(in_=False)
                time.sleep(10)
                host.plug(in_=True)
                row.tries += 1
                site.whole(row, process)

    return cable_pulled


def scheduler_killed(site: Site, row: Row, tries: int) -> None:
    for _ in range(tries):
        with site.running() as process:
            site.moment()
            assert site.cluster.scheduler is not None
            site.cluster.scheduler.kill()
            row.tries += 1
            assert site.end(process, row) == 1
        site.restart()
        site.go_on(row)


def scheduler_killed_and_back(site: Site, row: Row, tries: int) -> None:
    for _ in range(tries):
        with site.running() as process:
            site.moment()
            assert site.cluster.scheduler is not None
            site.cluster.scheduler.kill()
            time.sleep(3)
            site.cluster.stop()
            site.cluster.start()
            row.tries += 1
            site.whole(row, process)


def program_killed(site: Site, row: Row, tries: int) -> None:
    for _ in range(tries):
        with site.running() as process:
            site.moment()
            os.killpg(process.pid, signal.SIGKILL)
            row.tries += 1
            site.end(process, row)
        site.go_on(row)


def out_of_memory(site: Site, row: Row, tries: int) -> None:
    """An image that is larger than the memory of each worker, under Dask's own nannies."""
    large = site.project.folder / "raw/large.tif"
    for _ in range(tries):
        tifffile.imwrite(large, np.zeros((14000, 14000), np.uint16), compression="zlib", bigtiff=True)
        with dask_cluster(WORKERS, ("--memory-limit", "400MB")) as cluster:
            narrow = Site(cluster, Host(), site.project)
            until(lambda found=narrow: len(found.present()) == WORKERS)  # type: ignore[misc]
            with narrow.running() as process:
                row.tries += 1
                assert narrow.end(process, row) == 1
        assert site.project.done() == site.project.count
        large.unlink()
        site.go_on(row)


def ctrl_c(site: Site, row: Row, tries: int) -> None:
    for _ in range(tries):
        with site.running() as process:
            site.moment()
            os.killpg(process.pid, signal.SIGINT)
            row.tries += 1
            assert site.end(process, row) == 130
        site.go_on(row)


FAULTS: dict[str, tuple[Callable[[Site, Row, int], None], int]] = {
    "a worker killed (SIGKILL), another one started": (workers_killed, 10),
    "a worker out of memory, three times by one image": (out_of_memory, 1),
    "all workers killed, back after two seconds": (all_workers_gone, 3),
    "the network of a worker cut for ten seconds": (cut(lambda site: site.cluster.worker_hosts[1]), 2),
    "the network of the scheduler cut for ten seconds": (cut(lambda site: site.cluster.scheduler_host), 2),
    "the network of the program cut for ten seconds": (cut(lambda site: site.host), 2),
    "the scheduler killed, and not back": (scheduler_killed, 2),
    "the scheduler killed, back after three seconds with its workers": (scheduler_killed_and_back, 2),
    "the program killed (SIGKILL)": (program_killed, 3),
    "Ctrl-C": (ctrl_c, 3),
}
"""By what is said of a fault: what causes it, and how often the whole round does."""


@contextmanager
def site(count: int) -> Iterator[Site]:
    """Hosts, a cluster on them, and a project of so many files."""
    with hosts(WORKERS + 2) as every, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        project = Project(Path(name) / "project", count)
        with dask_cluster(WORKERS, at=every[:-1]) as cluster:
            found = Site(cluster, every[-1], project)
            until(lambda: len(found.present()) == WORKERS)
            yield found


def caused(found: Site, name: str, tries: int) -> Row:
    """Cause one fault, and count what it left."""
    row = Row(name)
    FAULTS[name][0](found, row, tries)
    return row


def main(words: list[str]) -> int:
    """Cause every fault, print the table, and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--only", default="", help="a part of the fault's name")
    parser.add_argument("--write", action="store_true", help="write the table into docs/cluster.md")
    asked = parser.parse_args(words)
    if why := no_namespaces():
        sys.stderr.write(f"{why}\n")
        return 2
    rows = []
    with site(asked.files) as found:
        for name, (_, tries) in FAULTS.items():
            if asked.only in name:
                row = caused(found, name, tries)
                rows.append(row)
                sys.stdout.write(f"{row}\n")
                sys.stdout.flush()
    if asked.write:
        _write(rows)
    return 0 if all(row.is_good for row in rows) else 1


def _write(rows: list[Row]) -> None:
    page = ROOT / "docs/cluster.md"
    text = page.read_text(encoding="utf-8")
    known = {line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines() if line[:2] == "| "}
    for row in rows:
        figures = (row.fault, row.tries, row.units, row.lost, row.doubled, row.differing)
        known[row.fault] = f"| {' | '.join(map(str, figures))} |"
    head = ["| fault | tries | units | lost | doubled | differing files |", "|---|---|---|---|---|---|"]
    table = "\n".join([*head, *(known[name] for name in FAULTS if name in known)])
    new = re.sub(
        r"(<!-- cluster faults: begin.*?-->\n).*?(<!-- cluster faults: end -->)",
        lambda found: f"{found[1]}{table}\n{found[2]}",
        text,
        flags=re.S,
    )
    page.write_text(new, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
