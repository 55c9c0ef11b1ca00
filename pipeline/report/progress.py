"""Show the progress of a run: a bar on a terminal, else a line now and then. Only this uses a clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..plan.model import Unit
from ..run.unit.results import UnitResult

if TYPE_CHECKING:
    from rich.console import Console

SECONDS_BETWEEN_LINES = 5.0
NARROW = 60
STOPPING = "interrupted; finishing what is being written (Ctrl-C again stops at once)"


class Lines:
    """Progress in logs: a line every few seconds."""

    def __init__(self, say: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._units = self._done = self._failed = 0
        self._begun = self._last_line = 0.0

    def start(self, units: int) -> None:
        self._units = units
        self._begun = self._last_line = self._clock()

    def finished(self, unit: Unit, result: UnitResult) -> None:
        self._done += 1
        if result.status == "failed":
            self._failed += 1
        now = self._clock()
        if now - self._last_line >= SECONDS_BETWEEN_LINES and self._done < self._units:
            self._last_line = now
            rate = self._done / (now - self._begun)
            left = (self._units - self._done) / rate
            failed = f", {self._failed} failed" if self._failed else ""
            on = f" on {result.worker}" if result.worker else ""
            self._say(
                f"{self._done} of {self._units} done{failed}, {rate:.1f} a second, "
                f"about {left:.0f} s left ({unit.conversion}{on})"
            )

    def stopping(self) -> None:
        self._say(STOPPING)

    def told(self, line: str) -> None:
        self._say(line)

    def close(self) -> None:
        """Do nothing: no line has to be removed."""


class Bar:
    """Progress on a terminal: one line, removed at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Any = None
        self._task: Any = None
        self._failed = 0

    def start(self, units: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns: list[Any] = [BarColumn(bar_width=None), MofNCompleteColumn()]
        if self._console.width >= NARROW:
            columns = [
                TextColumn("{task.description}", markup=False),
                *columns,
                TextColumn("{task.fields[rate]}", markup=False),
                TimeRemainingColumn(compact=True),
            ]
        self._progress = Progress(*columns, console=self._console, transient=True, expand=True)
        self._task = self._progress.add_task("starting", total=units, rate="")
        self._progress.start()

    def finished(self, unit: Unit, result: UnitResult) -> None:
        task = self._progress.tasks[0]
        rate = f"{task.speed:.1f}/s" if task.speed else ""
        rate += f" {self._failed} failed" if self._failed else ""
        self._progress.update(self._task, advance=1, description=unit.conversion[:24], rate=rate)
        self._failed += result.status == "failed"

    def stopping(self) -> None:
        self.told(STOPPING)

    def told(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
