"""How cost grows: with the number of files, with the side of the image, with the workers; and its plots."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .inputs import recipe
from .jobs import NAMES, TIFF, Bench, numbers
from .parts import PARTS

FILES = (10, 100, 1000, 10_000, 100_000)
SIDES = (256, 512, 1024, 2048, 4096)
TINY = 16


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot: what was counted, and seconds."""

    name: str
    points: tuple[tuple[float, float], ...]

    def slope(self, least: float = 0.0) -> float:
        """Of the logarithms, by least squares, from `least` on: 1 is proportional."""
        found = [(math.log(x), math.log(y)) for x, y in self.points if x >= least]
        mean_x = sum(x for x, _ in found) / len(found)
        mean_y = sum(y for _, y in found) / len(found)
        over = sum((x - mean_x) * (y - mean_y) for x, y in found)
        return over / sum((x - mean_x) ** 2 for x, _ in found)


def files(bench: Bench) -> Iterator[Line]:
    """Measure a run of so many TIFF of 16x16 with two workers, and the plan of so many files."""
    points = []
    for count in FILES:
        run = bench.convert(TIFF, bench.inputs.tiff(count, TINY), "--jobs", "2")
        points.append((float(count), run.seconds))
    yield Line("run, 16 x 16", tuple(points))
    path = recipe(bench.folder / "names" / "names.yaml", NAMES)
    planned = []
    for count in FILES:
        found = numbers(
            [
                sys.executable,
                "-m",
                "benchmarks.within",
                "plan",
                "3",
                str(path),
                str(bench.inputs.names(count)),
            ]
        )
        planned.append((float(count), sorted(found[::2])[1]))
    yield Line("plan", tuple(planned))


def sides(bench: Bench) -> Iterator[Line]:
    """Yield one image of so many rows and columns, by pixels; start-up aside."""
    found: dict[str, list[tuple[float, float]]] = {}
    for side in SIDES:
        each = parts_of(bench, TIFF, bench.inputs.tiff(8, side), 7)
        for name in ("read and decode", "write and hash", "read back and verify", "all"):
            found.setdefault(name, []).append((float(side * side), each[name]))
    for name, points in found.items():
        yield Line(name, tuple(points))


def workers(bench: Bench) -> Iterator[Line]:
    """2,000 TIFF of 256x256 by one and by two workers."""
    data = bench.inputs.tiff(2000, 256)
    yield Line(
        "2,000 TIFF of 256 x 256",
        tuple((float(jobs), bench.convert(TIFF, data, "--jobs", str(jobs)).seconds) for jobs in (1, 2)),
    )


def parts_of(bench: Bench, conversion: str, data: Path, count: int) -> dict[str, float]:
    """Seconds for each output by the names of `PARTS`, and under ``least`` the floor."""
    path = recipe(bench.folder / "recipe" / "parts.yaml", conversion)
    out = str(bench.fresh())
    found = numbers([sys.executable, "-m", "benchmarks.parts", str(path), str(data), out, str(count)])
    return dict(zip((*PARTS, "least"), found, strict=True))


PLOTS: dict[str, tuple[Callable[[Bench], Iterator[Line]], str, float]] = {
    "files": (files, "files", 1000.0),
    "image": (sides, "pixels of an image", 2.0**20),
    "workers": (workers, "workers", 0.0),
}
"""Name of the plot -> its lines, what is counted, and from where the slope is taken."""


def plot(lines: Sequence[Line], counted: str, least: float, path: Path, *, spent: str = "seconds") -> None:
    """Draw an SVG that is the same for the same numbers."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "dicombake"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    for line in lines:
        slope = f"{line.name} (slope {line.slope(least):.2f})"
        axes.plot([x for x, _ in line.points], [y for _, y in line.points], marker="o", label=slope)
    axes.set(xscale="log", yscale="log", xlabel=counted, ylabel=spent)
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
