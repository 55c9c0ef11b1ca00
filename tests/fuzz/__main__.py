"""Fuzz all targets in turn: ``python -m tests.fuzz [--seconds 60] [--each SECONDS] [TARGET ...]``.

``--seconds`` is for all targets together, ``--each`` for one; ``--part 1/3`` takes every
third target, from the first on. Each target is a process of its own, within limits of memory and of the
processor's time for one input, since a codec may take the process with it. Exit status 1: an input was found
that ends in a traceback, a crash, too much memory or no end; it lies in the folder that is named. ``--write``
puts the figures of the targets into docs/reliability.md. Where atheris is not installed, and has no wheel for
this Python, nothing is done and the reason said.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .table import Row, write_rows
from .tried import LARGEST, new_tried, read_tried

if TYPE_CHECKING:
    from .targets import Target

MEGABYTES = 2048
"""Of memory for one target."""
LONGEST = 30
"""Seconds of the processor for one input, in code that is instrumented. A busy machine makes none longer."""
WAITING = 1200
"""Seconds of the clock for one input, which may wait: for a decoder in its cage, on a busy machine."""
STARTING = 1800
"""Seconds that a target may take besides, on a busy machine, until it begins and after it ended."""
_TRIES = re.compile(r"stat::number_of_executed_units:\s*(\d+)|#(\d+)\t")
_COVERAGE = re.compile(r"cov: (\d+)")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--each", type=float, help="for each target")
    parser.add_argument("--part", default="1/1", help="of the targets, as in 2/3: where all take too long")
    parser.add_argument("--finds", type=Path, default=Path("build/fuzz"), help="where inputs that fail go")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/reliability.md")
    parser.add_argument("target", nargs="*")
    asked = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print(
            f"fuzz: skipped, atheris is not installed (Python {sys.version.split()[0]}: pip install atheris)"
        )
        return 0
    from .targets import TARGETS

    part, parts = map(int, asked.part.split("/"))
    names = (asked.target or list(TARGETS))[part - 1 :: parts]
    each = asked.each or max(asked.seconds / len(names), 1.0)
    asked.finds.mkdir(parents=True, exist_ok=True)
    print(f"{'target':16}{'tries':>9}{'coverage':>10}  found", flush=True)
    failed = []
    for name in names:
        row, found = _fuzz(name, TARGETS[name], each, asked.finds, 0 if asked.each else 1)
        if found:
            failed.append(name)
        elif asked.write:
            write_rows([row])
    print(f"{len(names)} targets, {each:.0f} s each: {', '.join(failed) or 'nothing'} found")
    return 1 if failed else 0


def _fuzz(name: str, target: Target, seconds: float, finds: Path, seed: int) -> tuple[Row, bool]:
    """Fuzz one target and print a line; what was done, and whether something was found.

    `seed`: of the dice, 0 for any.
    """
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as beside:
        for number, start in enumerate(target.seeds()):
            (Path(folder) / f"seed{number}").write_bytes(start)
        tried = Path(beside) / "tried"
        new_tried(tried)
        words = Path(beside) / "words"
        lines = [f'"{_quoted(word)}"\n' for word in re.split("[;\n]", target.words) if word]
        words.write_text("".join(lines), encoding="ascii")
        dictionary = [f"-dict={words}"] if lines else []
        command = [
            sys.executable, "-m", "tests.fuzz.one", name, str(tried), str(LONGEST),
            f"-max_total_time={max(int(seconds), 1)}", f"-rss_limit_mb={MEGABYTES}", f"-timeout={WAITING}",
            f"-artifact_prefix={finds}/{name}-", f"-seed={seed}", f"-max_len={LARGEST}",
            "-print_final_stats=1", *dictionary, folder,
        ]  # fmt: skip
        try:
            ran = subprocess.run(command, capture_output=True, timeout=seconds + STARTING, check=False)
        except subprocess.TimeoutExpired:
            print(f"{name:16}{'':19}  no end", flush=True)
            return Row(name, 0, 0, 0), True
        if ran.returncode == -signal.SIGPROF:
            (finds / f"{name}-no-end").write_bytes(read_tried(tried))
    text = (ran.stdout + ran.stderr).decode("utf-8", "replace")
    tries = max((int(one or other) for one, other in _TRIES.findall(text)), default=0)
    coverage = max(map(int, _COVERAGE.findall(text)), default=0)
    what = "nothing" if ran.returncode == 0 else f"exit status {ran.returncode}, see {finds}/{name}-*"
    print(f"{name:16}{tries:>9}{coverage:>10}  {what}", flush=True)
    if ran.returncode:
        print("\n".join(f"    {line}" for line in text.splitlines()[-25:]))
    return Row(name, round(time.monotonic() - begun), tries, coverage), ran.returncode != 0


def _quoted(word: str) -> str:
    """In the form of libFuzzer's dictionaries."""
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


if __name__ == "__main__":
    sys.exit(main())
