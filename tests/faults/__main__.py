"""Every fault at every moment: prints what was tried, and with ``--write`` puts it into the docs.

``DICOMBAKE_MOMENTS``: how many random moments, 30 where it is not set.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import faults
from .moments import Moments
from .power import power_cut_at_every_call
from .project import Project

PAGE = faults.ROOT / "docs" / "reliability.md"
WATCH: list[Moments] = []

Row = tuple[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th moment")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    options = parser.parse_args()
    sys.addaudithook(lambda event, args: [each(event, args) for each in list(WATCH)] and None)
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for row in _rows(Project.made(Path(folder)), Path(folder), options.every):
            rows.append(row)
            print(f"{row[0]}: {row[1]}", flush=True)  # noqa: T201
    if options.every > 1:
        rows.append((f"(each {options.every}th moment only)", ""))
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        table = "".join(["| fault | moments tried |\n|---|---|\n", *(f"| {a} | {b} |\n" for a, b in rows)])
        marked = re.sub(
            r"(<!-- faults: begin.*?-->\n).*?(<!-- faults: end -->)",
            lambda found: f"{found[1]}{table}{found[2]}",
            page,
            flags=re.S,
        )
        PAGE.write_text(marked, encoding="utf-8", newline="\n")


def _rows(project: Project, folder: Path, every: int) -> Iterator[Row]:
    """What was tried, and how often: an assertion ends it where something was lost."""
    kills = faults.killed_at_every_call(project, every)
    yield "killed before a call that changes the file system", str(kills)
    for whom in ("program", "worker", "server"):
        what = {"server": "the server that starts workers", "worker": "workers"}.get(whom, "the program")
        count = int(os.environ.get("DICOMBAKE_MOMENTS", "30"))
        tries = faults.killed_at_random(project, max(2, count // every), whom)
        yield f"{what} killed at a random moment", str(tries)
    foreign = faults.foreign_at_every_call(project, every, WATCH)
    yield "a foreign file put at an output's name before a call", str(foreign)
    if os.geteuid():
        yield "space on the disk in steps of 4 KiB", "not tried: only root may mount a small file system"
    else:
        yield (
            "space on the disk in steps of 4 KiB",
            str(faults.little_space(project, folder / "small", every)),
        )
    strace = shutil.which("strace")
    cuts = str(power_cut_at_every_call(project, strace, folder / "calls", every)) if strace else ""
    yield (
        "states of the disk after a power cut, with `--durable`",
        cuts or "not tried: no strace here",
    )


if __name__ == "__main__":
    main()
