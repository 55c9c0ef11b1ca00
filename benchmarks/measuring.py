"""Whole processes, one after the other: their time, their processor time, their memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":  # where nothing is measured, and the rest is imported by tests
    import resource

Command = Sequence[str]
OURS = (sys.executable, "-m", "dicombake.pipeline.cli")


@dataclass(frozen=True, slots=True)
class Run:
    """What one process, with its children, took. `peak`: bytes of private memory of its largest process."""

    seconds: float
    cpu: float
    peak: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, median and most of several measurements."""

    values: tuple[float, ...]

    @property
    def least(self) -> float:
        return min(self.values)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def most(self) -> float:
        return max(self.values)


def run(command: Command, *, before: Callable[[], None] | None = None, memory: bool = False) -> Run:
    """Run a command to its end. Raises: RuntimeError with what it said, where it fails."""
    if before is not None:
        before()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    with subprocess.Popen(
        list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_environment()
    ) as process:
        watch = _Watch(process.pid) if memory else None
        said, _ = process.communicate()
        seconds = time.perf_counter() - start
        peak = watch.stop() if watch else 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{said[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return Run(seconds, cpu, peak)


def alternate(commands: dict[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Return a B A B ...: one run of each to warm up, then `rounds` of each in turn."""
    for once in commands.values():
        once()
    found: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, once in commands.items():
            found[name].append(once())
    return found


def ratios(ours: Sequence[float], other: Sequence[float]) -> Spread:
    """Say how many times as long the other took, round by round."""
    return Spread(tuple(b / a for a, b in zip(ours, other, strict=True)))


def _environment() -> dict[str, str]:
    """Return the user's, but with compiled modules kept: start-up would compile them each time otherwise."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


class _Watch:
    """Samples the private memory of a process and its children, every few milliseconds (Linux)."""

    def __init__(self, pid: int) -> None:
        self.pid, self.peak = pid, 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self) -> None:
        while not self.over.wait(0.01):
            for pid in self._family():
                self.peak = max(self.peak, private_bytes(pid))

    def _family(self) -> list[int]:
        family, pending = [], [self.pid]
        while pending:
            pid = pending.pop()
            family.append(pid)
            try:
                for task in Path(f"/proc/{pid}/task").iterdir():
                    pending += map(int, (task / "children").read_text().split())
            except OSError:
                continue
        return family

    def stop(self) -> int:
        self.over.set()
        self.thread.join()
        return self.peak


def private_bytes(pid: int) -> int:
    """Memory that is this process's alone and not a file's mapped page; 0 where nobody knows."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("RssAnon"))
