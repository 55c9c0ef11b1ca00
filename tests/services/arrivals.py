"""Thousands of files that arrive at once under `watch`: ``python -m tests.services.arrivals [FILES]``.

They are written at once, grow slowly, are renamed into place, vanish, and come back under the same name,
before and after they were converted. Prints how long it took and what memory it needed, a quarter at a time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

RECIPE = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  a:
    inputs: "in/*.npy"
    source: array
    exports: {to: npy, path: "out/{stem}.npy"}
"""
KINDS = ("whole", "grown", "renamed", "vanished", "back", "back-later")


@dataclass
class Arrivals:
    """A folder that is watched by a process of its own, and what arrives in it."""

    folder: Path
    count: int
    settle: float = 2.0
    expected: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    """By name, what a file held when it came to rest."""
    events: list[dict[str, Any]] = field(default_factory=list)
    figures: list[tuple[int, float, float]] = field(default_factory=list)
    """How many were done after so many seconds, and the process's memory in MB then."""
    seconds_to_end: float = 0.0
    exit_status: int = -1

    def carry_out(self) -> None:
        """Start the watch, let everything arrive, wait until all is done, and end it."""
        (self.folder / "in").mkdir()
        (self.folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
        command = [sys.executable, "-m", "dicombake.pipeline.cli", "watch", "r.yaml", "--json"]
        with subprocess.Popen(
            [*command, "--settle", str(self.settle), "--interval", "1"],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            self._start = time.monotonic()
            reader = threading.Thread(target=self._read, args=(process,))
            reader.start()
            try:
                self._arrive()
                self._wait(len(self.expected))
                self._come_back_later()
                self._wait(len(self.expected) + len(self._later))
            finally:
                end = time.monotonic()
                process.send_signal(signal.SIGTERM)
                self.exit_status = process.wait(60)
                self.seconds_to_end = time.monotonic() - end
                reader.join()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.events.append(json.loads(line))
            if len(self.events) % max(1, self.count // 4) == 0:
                self.figures.append((len(self.events), time.monotonic() - self._start, memory(process.pid)))

    def _arrive(self) -> None:
        """Write them all; those that grow do so over less than the time that a file rests."""
        growing: list[tuple[Path, bytes]] = []
        rng = np.random.default_rng(1)
        for number in range(self.count):
            kind, name = KINDS[number % len(KINDS)], f"{number:06}.npy"
            path = self.folder / "in" / name
            content = rng.integers(0, 65535, (64, 64), dtype=np.uint16)
            self.expected[name] = content
            if kind in ("renamed", "grown"):
                hidden = path.with_name(f".{name}")
                np.save(hidden, content)
                if kind == "renamed":
                    hidden.rename(path)
                else:
                    growing.append((path, hidden.read_bytes()))
                    hidden.unlink()
                continue
            np.save(path, content)
            if kind == "vanished":
                path.unlink()
                del self.expected[name]
            elif kind == "back":
                path.unlink()
                self.expected[name] = content[::-1].copy()
                np.save(path, self.expected[name])
        for third in (1, 2, 3):
            for path, whole in growing:
                path.write_bytes(whole[: len(whole) * third // 3])
            time.sleep(self.settle / 2)

    @property
    def _later(self) -> list[str]:
        return [name for name in self.expected if int(name[:6]) % len(KINDS) == KINDS.index("back-later")]

    def _come_back_later(self) -> None:
        """Other content under the names of files that were converted: their outputs stay."""
        for name in self._later:
            path = self.folder / "in" / name
            path.unlink()
            np.save(path, self.expected[name] + 1)

    def _wait(self, events: int) -> None:
        deadline = time.monotonic() + 60 + self.count
        while len(self.events) < events and time.monotonic() < deadline:
            time.sleep(0.05)

    def judge(self) -> None:
        """Everything that stayed is there once, as it was when it came to rest; what came back is told."""
        told = Counter((event["event"], event["unit"].removeprefix("a/")) for event in self.events)
        wanted = [("done", name) for name in self.expected] + [("failed", name) for name in self._later]
        assert told == Counter(wanted)
        written = sorted(path.name for path in (self.folder / "out").iterdir())
        assert written == sorted(self.expected)
        for name, content in self.expected.items():
            assert np.array_equal(np.load(self.folder / "out" / name), content), name
        assert self.exit_status == 0


def memory(process: int) -> float:
    """What a process has in memory, in MB; 0 where nothing says so."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(count: int) -> None:
    """Let so many arrive, and print what it took."""
    with tempfile.TemporaryDirectory() as name:
        arrivals = Arrivals(Path(name), count)
        arrivals.carry_out()
        for events, seconds, megabytes in arrivals.figures:
            sys.stdout.write(f"{events:6} files after {seconds:6.1f} s, {megabytes:5.0f} MB\n")
        sys.stdout.write(f"ended after {arrivals.seconds_to_end:.1f} s\n")
        arrivals.judge()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
