"""Waking up when something changes below some folders: by events where watchfiles is, else by looking."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

LOOK = 5.0
"""Seconds between two looks where there are no events."""
LOOK_BESIDE = 30.0
"""The same beside events: a network share may give none."""

ONE_WAIT = 0.5 if sys.platform == "win32" else LOOK_BESIDE
"""Seconds of one wait: on Windows Ctrl-C is not noticed before it ends."""


class Changes:
    """Waits for changes; another thread may wake it up, too."""

    def __init__(self, interval: float | None) -> None:
        self.events = find_spec("watchfiles") is not None
        self.interval = interval or (LOOK_BESIDE if self.events else LOOK)
        self.woken = threading.Event()
        self._stopped = threading.Event()
        self._folders: frozenset[Path] = frozenset()

    def watch(self, folders: Iterable[Path]) -> None:
        """Watch these folders from now on, as far as they are there."""
        there = frozenset(folder for folder in folders if folder.is_dir())
        if not self.events or there == self._folders:
            return
        self._stopped.set()
        self._stopped, self._folders = threading.Event(), there
        if there:
            threading.Thread(target=self._follow, args=(there, self._stopped), daemon=True).start()

    def _follow(self, folders: frozenset[Path], stopped: threading.Event) -> None:
        from watchfiles import watch

        try:
            for _ in watch(
                *folders, stop_event=stopped, watch_filter=None, raise_interrupt=False, debounce=400, step=100
            ):
                self.woken.set()
        except Exception:  # noqa: BLE001  a folder that goes away: looking goes on
            self._folders = frozenset()

    def wait(self, seconds: float) -> None:
        """Wait for a change, for so long at most, and no longer than the interval."""
        end = time.monotonic() + max(0.05, min(seconds, self.interval))
        while (left := end - time.monotonic()) > 0 and not self.woken.wait(min(left, ONE_WAIT)):
            pass
        self.woken.clear()

    def stop(self) -> None:
        """End the thread that follows events."""
        self._stopped.set()
