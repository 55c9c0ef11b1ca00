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
    if cores() > 1 and context.get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        with no_interrupt():
            ensure_running()


def cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def start_context() -> BaseContext:
    """How this system starts workers."""
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
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
