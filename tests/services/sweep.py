"""Every fault as often as the docs say: ``python -m tests.services.sweep [--seconds N] [--write]``.

It goes piece by piece and gathers what it finds in build/sweep.json: a run goes on where another one ended,
``--anew`` begins again, and ``--write`` puts the table into docs/deliver.md. Each run of the tests tries a
few of each.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import random
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from .archive import Answer
from .batch import Figures, make_inputs, write_recipe
from .faults import (
    aborted,
    answered,
    at_once,
    coerced,
    cut_back,
    cut_there,
    killed,
    killed_and_coerced,
    outbox_deleted,
    rejected,
    restarted,
    storescp_restarted,
    to_orthanc,
    to_web,
    troubled,
    with_status,
)
from .proxy import Trouble
from .servers import Orthanc, orthanc

ROOT = Path(__file__).resolve().parents[2]
PAGE, GATHERED = ROOT / "docs/deliver.md", ROOT / "build/sweep.json"
PIECE = 5
"""So many times as a run of the tests does make a piece."""

Fault = tuple[str, int, int, Callable[["Place", int], Figures]]
"""What it is, how often for the docs and how often in each run of the tests, and what does it."""


@dataclass(frozen=True)
class Place:
    """Where faults are tried: inputs, a folder, a running Orthanc and programs by name."""

    made: Path
    folder: Path
    server: Orthanc
    program: Callable[[str], str]
    rng: random.Random
    """Says when and where they strike."""


def faults() -> list[Fault]:
    """All of them, in the order of the docs."""

    def broken(trouble: Callable[[random.Random], Trouble]) -> Callable[[Place, int], Figures]:
        return lambda at, times: troubled(at.made, at.server, times, at.rng, trouble)

    def wrong(name: str, answer: Answer) -> Callable[[Place, int], Figures]:
        return lambda at, times: answered(at.made, times, at.rng, name, answer)

    def ended(name: str, destination: Callable[[Orthanc], str]) -> Callable[[Place, int], Figures]:
        return lambda at, times: killed(
            write_recipe(at.made, name, destination(at.server)), at.server, times, at.rng
        )

    return [
        ("our process killed at a random moment (C-STORE)", 200, 4,
         ended("killed", lambda server: to_orthanc(server.dicom))),
        ("our process killed at a random moment (STOW-RS)", 100, 2, ended("killed-web", to_web)),
        ("our process killed, and the patient's name coerced (B000)", 100, 2,
         lambda at, times: killed_and_coerced(at.made, times, at.rng)),
        ("connection cut in the middle of an instance", 60, 3, broken(cut_there)),
        ("connection cut in the middle of the answers", 60, 3, broken(cut_back)),
        ("association rejected", 60, 3, broken(rejected)),
        ("association aborted in the middle of an instance", 60, 3, broken(aborted)),
        ("A700 out of resources", 100, 3, wrong("a700", with_status(0xA700))),
        ("0110 processing failure", 100, 3, wrong("p0110", with_status(0x0110))),
        ("0110 answered, and stored all the same", 100, 3, wrong("stored", with_status(0x0110, stored=True))),
        ("B000, the patient's name coerced", 100, 3, wrong("coerced", coerced)),
        ("success answered, and the instance lost", 100, 3, wrong("lost", with_status(0x0000))),
        ("Orthanc killed and started again", 40, 0,
         lambda at, times: restarted(at.made, at.folder / "o", times, at.rng, at.program("Orthanc"))),
        ("storescp killed and started again", 40, 3,
         lambda at, times: storescp_restarted(
             at.made, at.folder / "scp", times, at.rng, at.program("storescp"))),
        ("outbox deleted", 10, 1, lambda at, times: outbox_deleted(at.made, at.server, times)),
        ("two deliveries at once", 10, 1, lambda at, times: at_once(at.made, times)),
    ]  # fmt: skip


def gathered() -> dict[str, Figures]:
    """What runs until now found, by fault."""
    if not GATHERED.exists():
        return {}
    return {what: Figures(**found) for what, found in json.loads(GATHERED.read_text("utf-8")).items()}


def gather(what: str, found: Figures) -> None:
    """Add what a fault did to what is known of it."""
    known = gathered()
    known[what] = known.get(what, Figures()) + found
    GATHERED.parent.mkdir(exist_ok=True)
    GATHERED.write_text(json.dumps({what: asdict(each) for what, each in known.items()}, indent=1), "utf-8")


def row(what: str, found: Figures) -> str:
    ends = f"{found.lost} | {found.doubled} | {found.damaged}"
    return f"| {what} | {found.tries} | {found.instances} | {ends} |"


def sweep(only: str, seconds: float) -> bool:
    """Try each fault piece by piece until it has been tried so often as the docs say, or time is over.

    Whether nothing was lost, doubled or damaged. What was found is gathered after each piece.
    """
    end, right = time.monotonic() + seconds, True
    for what, times, few, fault in faults():
        while only in what and (left := times - gathered().get(what, Figures()).tries) > 0:
            if time.monotonic() > end:
                return right
            with (
                tempfile.TemporaryDirectory() as name,
                orthanc(which("Orthanc"), Path(name) / "orthanc") as server,
            ):
                rng = random.Random(f"{what} {gathered().get(what, Figures()).tries}")
                place = Place(make_inputs(Path(name)), Path(name) / "servers", server, which, rng)
                found = fault(place, min(left, max(few, 1) * PIECE))
            gather(what, found)
            print(row(what, gathered()[what]), flush=True)  # noqa: T201
            right = right and found.right
    return right


def write() -> None:
    """Put what was gathered into the docs; a row that is not yet tried so often stays as it is there."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = page.index("<!-- faults: begin"), page.index("<!-- faults: end")
    begin = page.index("\n", begin) + 1
    rows = page[begin:end].splitlines()
    former = {line.split(" | ")[0].removeprefix("| "): line for line in rows[2:]}
    known, rows = gathered(), rows[:2]
    for what, times, *_ in faults():
        found = known.get(what, Figures())
        if found.tries >= times or (what in known and what not in former):
            rows.append(row(what, found))
        elif what in former:
            rows.append(former[what])
    PAGE.write_text(page[:begin] + "\n".join(rows) + "\n" + page[end:], encoding="utf-8", newline="\n")


def which(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is not installed"
    return found


if __name__ == "__main__":
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="faults whose name contains this")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin nothing after so long")
    parser.add_argument("--anew", action="store_true", help="forget what was gathered")
    parser.add_argument("--write", action="store_true", help="put what was gathered into docs/deliver.md")
    options = parser.parse_args()
    if options.anew:
        GATHERED.unlink(missing_ok=True)
    right = sweep(options.only, options.seconds)
    if options.write:
        write()
    sys.exit(0 if right else "something was lost, doubled or damaged")
