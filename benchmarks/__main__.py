"""``python -m benchmarks``: the table, as it is measured here and now."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from .inputs import Inputs, real_folder
from .jobs import JOBS, Bench, Row


def told(row: Row) -> str:
    times = row.times
    wanted = "" if row.wanted == float("inf") else f"{'>=' if row.at_least else '<='} {row.wanted:g}"
    verdict = "" if not wanted else "yes" if row.reached else "NO"
    spread = f"{times.median:7.2f}  ({times.least:.2f} to {times.most:.2f})"
    return f"{row.job:45} {row.against:45} {spread:26} {wanted:8} {verdict:4} {row.remark}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("jobs", nargs="*", help=f"some of {', '.join(JOBS)}; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "dicombake-benchmarks",
        help="for inputs, outputs and the alternatives' environments; kept for the next time",
    )
    options = parser.parse_args()
    bench = Bench(Inputs(options.folder, real_folder()), options.folder, options.rounds)
    for name in options.jobs or JOBS:
        for row in JOBS[name](bench):
            print(told(row), flush=True)


if __name__ == "__main__":
    main()
