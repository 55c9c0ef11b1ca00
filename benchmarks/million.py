"""Time and memory by the number of files: ``python -m benchmarks.million 10000 50000``.

Each file is a TIFF of 8x8. Inputs are hard links to a thousand different ones, so that a million of them take
no more than their names; outputs take 4 KiB of disk each. All of it lies in the temporary folder, or in
``--folder``, and is deleted in the end.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dicombake.pipeline.samples import files

from .growth import Line, plot
from .inputs import field, recipe
from .jobs import TIFF
from .measuring import OURS

DIFFERENT = 1000
SIDE = 8
IN_A_FOLDER = 10_000
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2): workers become ours when a run ends, and their time is counted."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took; `peak`: bytes of memory of its largest process, mapped files included."""

    seconds: float
    cpu: float
    peak: int


def inputs(folder: Path, count: int) -> Path:
    """Make so many files, ten thousand in a folder."""
    patterns = folder / "patterns"
    patterns.mkdir(parents=True)
    for number in range(DIFFERENT):
        image = field(SIDE, SIDE, 60.0, number)
        (patterns / f"{number}.tif").write_bytes(files.tiff(image, dpi=100))
    data = folder / "data"
    for number in range(count):
        below = data / f"f{number // IN_A_FOLDER:03d}"
        if number % IN_A_FOLDER == 0:
            below.mkdir(parents=True)
        os.link(patterns / f"{number % DIFFERENT}.tif", below / f"i{number:07d}.tif")
    return data


def cost(*words: str) -> Cost:
    """Run one command of ours. Raises: RuntimeError, where it fails."""
    start, before = time.perf_counter(), _children()
    with Path(os.devnull).open("wb") as nowhere:
        actions = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1)]
        number = os.posix_spawn(sys.executable, [*OURS, *words], os.environ, file_actions=actions)
        _, status, used = os.wait4(number, 0)
    if status:
        raise RuntimeError(f"{' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}")
    seconds = time.perf_counter() - start
    with suppress(ChildProcessError):
        while True:
            os.wait()
    return Cost(seconds, _children() - before, used.ru_maxrss * 1024)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def costs(folder: Path, count: int, jobs: int, *, plan: bool) -> Iterator[tuple[str, Cost]]:
    """Yield what each command costs over so many files; `plan`: that one alone."""
    said = TIFF.replace("*.tif", "**/*.tif").replace("{stem}", "{parent}/{stem}")
    path = str(recipe(folder / "recipe" / "million.yaml", said))
    where = ["--data", str(inputs(folder, count)), "--out", str(folder / "out")]
    yield "plan", cost("plan", path, "--brief", *where)
    if plan:
        return
    yield "run", cost("run", path, "--quiet", "--jobs", str(jobs), *where)
    yield "run again", cost("run", path, "--quiet", "--jobs", str(jobs), *where)
    yield "check", cost("check", path, *where)


def slope(points: list[tuple[int, float]]) -> float:
    """Return the slope of the logarithms from the first point to the last: 1 is proportional."""
    (least, first), (most, last) = points[0], points[-1]
    return math.log(last / first) / math.log(most / least)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million", description=__doc__)
    parser.add_argument("counts", type=int, nargs="+")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--plan", action="store_true", help="measure the plan alone")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--plot", type=Path, help="draw the processor time of each command into this SVG")
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    found: dict[str, list[tuple[int, Cost]]] = {}
    for count in sorted(options.counts):
        folder = Path(tempfile.mkdtemp(prefix="dicombake-million-", dir=options.folder))
        try:
            for command, each in costs(folder, count, options.jobs, plan=options.plan):
                found.setdefault(command, []).append((count, each))
                mib = each.peak / 2**20
                print(f"{count:,} | {command} | {each.seconds:.1f} | {each.cpu:.1f} | {mib:.0f}", flush=True)
        finally:
            shutil.rmtree(folder)
    if options.plot:
        lines = [
            Line(command, tuple((float(count), each.cpu) for count, each in points))
            for command, points in found.items()
        ]
        plot(lines, "files", min(options.counts), options.plot, spent="seconds of processor time")
    for command, points in found.items() if len(options.counts) > 1 else ():
        wall, cpu = (
            slope([(count, getattr(each, name)) for count, each in points]) for name in ("seconds", "cpu")
        )
        print(f"{command}: slope of time {wall:.2f}, of processor time {cpu:.2f}", flush=True)


if __name__ == "__main__":
    main()
