"""Every fault as often as the docs say: ``python -m tests.services.sweep [--write]``.

``--write`` puts the table into docs/deliver.md. Each run of the tests tries a few of each.
"""

from __future__ import annotations

import logging
import random
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .archive import Answer
from .batch import Figures, make_inputs
from .faults import (
    aborted,
    answered,
    at_once,
    coerced,
    cut_back,
    cut_there,
    killed,
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

PAGE = Path(__file__).resolve().parents[2] / "docs" / "deliver.md"

Fault = tuple[str, int, int, Callable[["Place", int], Figures]]
"""What it is, how often for the docs and how often in each run of the tests, and what does it."""


@dataclass(frozen=True)
class Place:
    """Where faults are tried: inputs, a folder, a running Orthanc and programs by name."""

    made: Path
    folder: Path
    server: Orthanc
    program: Callable[[str], str]


def faults() -> list[Fault]:
    """All of them, in the order of the docs."""

    def broken(trouble: Callable[[random.Random], Trouble]) -> Callable[[Place, int], Figures]:
        return lambda at, times: troubled(at.made, at.server, times, trouble.__name__, trouble)

    def wrong(name: str, answer: Answer) -> Callable[[Place, int], Figures]:
        return lambda at, times: answered(at.made, times, name, answer)

    return [
        ("our process killed at a random moment (C-STORE)", 200, 4,
         lambda at, times: killed(at.made, at.server, to_orthanc(at.server.dicom), times)),
        ("our process killed at a random moment (STOW-RS)", 100, 2,
         lambda at, times: killed(at.made, at.server, to_web(at.server), times, "killed-web")),
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
         lambda at, times: restarted(at.made, at.folder / "restarted", times, at.program("Orthanc"))),
        ("storescp killed and started again", 40, 3,
         lambda at, times: storescp_restarted(at.made, at.folder / "scp", times, at.program("storescp"))),
        ("outbox deleted", 10, 1, lambda at, times: outbox_deleted(at.made, at.server, times)),
        ("two deliveries at once", 10, 1, lambda at, times: at_once(at.made, times)),
    ]  # fmt: skip


def main() -> None:
    """Try all so often as the docs say; ends with the first that loses, doubles or damages something."""
    rows = ["| fault | times | instances | lost | doubled | damaged |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as name, orthanc(which("Orthanc"), Path(name) / "orthanc") as server:
        place = Place(make_inputs(Path(name)), Path(name) / "servers", server, which)
        for what, times, _, fault in faults():
            found = fault(place, times)
            ends = f"{found.lost} | {found.doubled} | {found.damaged}"
            rows.append(f"| {what} | {found.tries} | {found.instances} | {ends} |")
            print(rows[-1], flush=True)  # noqa: T201
            assert found.right
    if "--write" in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        begin, end = page.index("<!-- faults: begin"), page.index("<!-- faults: end")
        begin = page.index("\n", begin) + 1
        PAGE.write_text(page[:begin] + "\n".join(rows) + "\n" + page[end:], encoding="utf-8", newline="\n")


def which(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is not installed"
    return found


if __name__ == "__main__":
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    main()
