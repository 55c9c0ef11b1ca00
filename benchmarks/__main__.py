"""``python -m benchmarks``: the tables, as they are measured here and now."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from . import report
from .growth import PLOTS, parts_of, plot
from .inputs import Inputs, real_folder
from .jobs import JOBS, TIFF, XIM, Bench, volume
from .memory import figures


def against(bench: Bench, names: list[str], *, write: bool) -> None:
    rows = []
    for name in names or JOBS:
        for row in JOBS[name](bench):
            print(report.against([row]).splitlines()[-1], flush=True)
            rows.append(row)
    if write:
        report.put("against", report.against(rows))


def memory(bench: Bench, *, write: bool) -> None:
    found = list(figures(bench))
    print(report.memory(found), flush=True)
    if write:
        report.put("memory", report.memory(found))


def parts(bench: Bench, *, write: bool) -> None:
    inputs, count = bench.inputs, 40
    found = {
        "XIM to RT Image": parts_of(bench, XIM, inputs.xim(100), count),
        "TIFF of 1280x1280 to RT Image": parts_of(bench, TIFF, inputs.tiff(100), count),
        "slice of 512x512 on the first axis": parts_of(bench, volume(0), inputs.volume(0), 9),
        "slice of 512x512 on the last axis": parts_of(bench, volume(2), inputs.volume(2), 9),
    }
    print(report.parts(found), flush=True)
    if write:
        report.put("parts", report.parts(found))


def growth(bench: Bench, *, write: bool) -> None:
    folder = report.PAGE.with_suffix("")
    for name, (measure, counted, least) in PLOTS.items():
        lines = list(measure(bench))
        for line in lines:
            points = ", ".join(f"{x:g}: {y:.3g} s" for x, y in line.points)
            print(f"{name}: {line.name}: {points}; slope {line.slope(least):.2f}", flush=True)
        if write:
            folder.mkdir(exist_ok=True)
            plot(lines, counted, least, folder / f"{name}.svg")


WHAT = {"memory": memory, "parts": parts, "growth": growth}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="*", help=f"some of {', '.join([*JOBS, *WHAT])}; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="of each program, in turn")
    parser.add_argument("--write", action="store_true", help="put what is measured into docs/benchmarks.md")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "dicombake-benchmarks",
        help="for inputs (10 GB), outputs and the alternatives' environments; kept for the next time",
    )
    options = parser.parse_args()
    unknown = set(options.what) - JOBS.keys() - WHAT.keys()
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    bench = Bench(Inputs(options.folder, real_folder()), options.folder, options.rounds)
    try:
        measure(bench, options)
    finally:
        bench.clear()


def measure(bench: Bench, options: argparse.Namespace) -> None:
    jobs = [name for name in options.what if name in JOBS]
    if jobs or not options.what:
        # a part of the table would replace the whole
        against(bench, jobs, write=options.write and not jobs)
    for name, more in WHAT.items():
        if name in options.what or not options.what:
            more(bench, write=options.write)
    if options.write and not options.what:
        report.put("machine", report.machine(bench))


if __name__ == "__main__":
    main()
