"""The tables as Markdown, and their place in docs/benchmarks.md."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from .environments import PACKAGES, version_of
from .jobs import Bench, Row
from .memory import Figure
from .parts import FLOOR, PARTS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def against(rows: Iterable[Row]) -> str:
    """Return the jobs against their alternatives."""
    head = ("job", "against", "times: median (least to most)", "wanted", "reached", "medians")
    return table(head, (_line(row) for row in rows))


def _line(row: Row) -> tuple[str, ...]:
    times = row.times
    wanted = "" if row.wanted == float("inf") else f"{'≥' if row.at_least else '≤'} {row.wanted:g}"
    spread = f"{times.median:.2f} ({times.least:.2f} to {times.most:.2f})"
    reached = "" if not wanted else "yes" if row.reached else "**no**"
    return row.job, row.against, spread, wanted, reached, row.remark


def memory(figures: Iterable[Figure]) -> str:
    """Peaks of private memory."""
    head = ("job", "peak of a process, MiB", "bound, MiB", "which is", "kept")
    return table(
        head,
        (
            (each.job, f"{each.peak:.0f}", f"{each.bound:.0f}", each.why, "yes" if each.reached else "**no**")
            for each in figures
        ),
    )


def parts(found: Mapping[str, Mapping[str, float]]) -> str:
    """Say where the time of one output goes, in milliseconds."""
    rows = [
        (job, *(f"{each[name] * 1e3:.1f}" for name in PARTS), f"{each['least'] * 1e3:.1f}",
         f"{each[PARTS[-1]] / each['least']:.1f}")
        for job, each in found.items()
    ]  # fmt: skip
    return table(("one output, ms", *PARTS, FLOOR, "times the least"), rows)


def machine(bench: Bench) -> str:
    """When, on what, and against which versions. No name of a host."""
    processor = platform.processor() or platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text()
        processor = re.findall(r"model name\s*: (.+)", text)[0]
    except (OSError, IndexError):
        pass
    others = ", ".join(
        f"{name} {version_of(name, python)}"
        for name, python in sorted(bench.pythons.items())
        if name in PACKAGES
    )
    own = ", ".join(f"{name} {version(name)}" for name in ("dicombake", "numpy", "pydicom"))
    files = "real .xim files" if bench.inputs.real else "made .xim files"
    return (
        f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}; {processor}, {os.cpu_count()} cores; "
        f"{platform.system()}, Python {platform.python_version()}; {own}; {others}; {files}; "
        f"{bench.rounds} rounds.\n"
    )


def put(name: str, text: str, page: Path = PAGE) -> None:
    """Write a part of the page between its two marks."""
    content = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: begin (python -m benchmarks --write) -->\n", f"<!-- {name}: end -->"
    before, rest = content.split(begin)
    after = rest.split(end)[1]
    page.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")
