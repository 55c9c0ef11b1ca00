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
from collections.abc import Callable
from pathlib import Path

from . import faults
from .moments import Moments
from .power import power_cut_at_every_call
from .project import Project

PAGE = faults.ROOT / "docs" / "reliability.md"
WATCH: list[Moments] = []

Fault = Callable[[Project, Path, int], "int | str"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th moment")
    parser.add_argument("--only", choices=FAULTS, action="append", help="this fault; may be repeated")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/reliability.md")
    options = parser.parse_args()
    sys.addaudithook(lambda event, args: [each(event, args) for each in list(WATCH)] and None)
    with tempfile.TemporaryDirectory() as folder:
        project = Project.made(Path(folder))
        for name in options.only or FAULTS:
            what, done = FAULTS[name]
            tries = done(project, Path(folder), options.every)
            print(f"{what}: {tries}", flush=True)  # noqa: T201
            if options.write:
                _write(what, f"{tries}" if options.every == 1 else f"{tries} (each {options.every}th only)")


def _write(what: str, tries: str) -> None:
    """Put a row into the table of the docs in place of that of the same fault."""
    page = PAGE.read_text(encoding="utf-8")
    marked = re.search(r"(?<=<!-- faults: begin)[^\n]*\n(.*?)(?=<!-- faults: end -->)", page, re.S)
    assert marked is not None
    head, rows = marked[1].splitlines()[:2], marked[1].splitlines()[2:]
    known = dict(row.strip("| ").split(" | ") for row in rows)
    known[what] = tries
    table = "".join(f"{row}\n" for row in (*head, *(f"| {a} | {b} |" for a, b in known.items())))
    PAGE.write_text(page[: marked.start(1)] + table + page[marked.end(1) :], encoding="utf-8", newline="\n")


def _killed(whom: str) -> Fault:
    """At random moments, as many as DICOMBAKE_MOMENTS says."""

    def tried(project: Project, folder: Path, every: int) -> int:
        count = int(os.environ.get("DICOMBAKE_MOMENTS", "30"))
        return faults.killed_at_random(project, max(2, count // every), whom)

    return tried


def _little_space(project: Project, folder: Path, every: int) -> int | str:
    if os.geteuid():
        return "not tried: only root may mount a small file system"
    return faults.little_space(project, folder / "small", every)


def _power_cut(project: Project, folder: Path, every: int) -> int | str:
    strace = shutil.which("strace")
    return (
        power_cut_at_every_call(project, strace, folder / "calls", every)
        if strace
        else "not tried: no strace here"
    )


FAULTS: dict[str, tuple[str, Fault]] = {
    "calls": (
        "killed before a call that changes the file system",
        lambda project, folder, every: faults.killed_at_every_call(project, every),
    ),
    "program": ("the program killed at a random moment", _killed("program")),
    "workers": ("workers killed at a random moment", _killed("worker")),
    "server": ("the server that starts workers killed at a random moment", _killed("server")),
    "foreign": (
        "a foreign file put at an output's name before a call",
        lambda project, folder, every: faults.foreign_at_every_call(project, every, WATCH),
    ),
    "space": ("space on the disk in steps of 4 KiB", _little_space),
    "power": ("states of the disk after a power cut, with `--durable`", _power_cut),
}
"""What each is called in the docs, and how it is done: an assertion ends it where something was lost."""


if __name__ == "__main__":
    main()
