"""How worker processes start on this system, and their start ahead of time.

Workers are spawned, as Windows and macOS need it, or forked from a server that did nothing but import (Linux,
where starting them takes milliseconds then). Nothing of ours is imported here, so that the server can start
before the program itself is loaded.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from multiprocessing.context import BaseContext


def warm_up() -> None:
    """Begin to start workers, where that can be done ahead and helps: they will be wanted soon."""
    context = start_context()
    if cores() > 1 and not open_files() and context.get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        with no_interrupt(), contextlib.suppress(OSError, EOFError):  # the run will meet it, and say so
            ensure_running()


FEWEST_FILES = 64
"""Files that a process must be able to open to start workers: pipes and sockets for each."""


def open_files() -> int:
    """Say how many files this process may open, where that is less than workers need; else 0."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return allowed if 0 <= allowed < FEWEST_FILES else 0


def cores() -> int:
    """Return those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def start_context() -> BaseContext:
    """Say how this system starts workers."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"{__package__}.{name}" for name in ("preloaded", "ending")])
    return context


@contextlib.contextmanager
def no_interrupt() -> Iterator[None]:
    """Hold back Ctrl-C while processes start; they inherit that, so that it never reaches a worker."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    # starts with the first process otherwise, and lets Ctrl-C through again right after
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
