"""The calls of a process that change the file system, one by one: each is a moment for something to happen.

Python tells of them as audit events (PEP 578); what it does not tell of (write, fsync) is wrapped. A new call
is a new moment by itself. As a program: ``python -m tests.faults.moments NUMBER RECIPE`` runs a recipe and
kills its own process before the call of that number; 0 only tells how many there are.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

EVENTS = frozenset(
    {
        "os.rename",
        "os.link",
        "os.remove",
        "os.mkdir",
        "os.chmod",
        "os.truncate",
        "os.utime",
        "sqlite3.connect",
    }
)
WRAPPED = ("write", "fsync", "ftruncate")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Moments:
    """Counts, and does something before the call of a number."""

    def __init__(self, number: int, harm: Callable[[], None]) -> None:
        self.number, self.harm, self.count = number, harm, 0

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """An audit event."""
        writes = event == "open" and isinstance(args[2], int) and args[2] & WRITING
        if event in EVENTS or writes:
            self.passed()

    def passed(self) -> None:
        """A call is about to be made."""
        self.count += 1
        if self.count == self.number:
            self.harm()

    def wrap(self) -> None:
        """See the calls of `os` that are no events; for a process that ends after it."""
        for name in WRAPPED:
            setattr(os, name, self._told(getattr(os, name)))

    def _told(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any) -> Any:
            self.passed()
            return call(*args)

        return wrapper


def main() -> None:
    from dicombake.pipeline.api import run

    moments = Moments(int(sys.argv[1]), lambda: os.kill(os.getpid(), signal.SIGKILL))
    moments.wrap()
    sys.addaudithook(moments)
    outcome = run(sys.argv[2])
    print(moments.count)  # noqa: T201
    sys.stdout.flush()
    os._exit(int(outcome.exit_status))


if __name__ == "__main__":
    main()
