"""Start worker processes in the way of this system, on Linux ahead of time.

Workers are spawned (Windows and macOS need that) or forked from a server that only imported modules (Linux,
where starting them then takes milliseconds). This module imports next to nothing of the project, so that the
server can start before the program itself is loaded.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
from collections.abc import Iterator
from multiprocessing.context import BaseContext

from ...places.cores import cores


def warm_up() -> None:
    """Begin to start workers, where that can be done ahead and helps: a run will need them soon."""
    context = start_context()
    if cores() > 1 and not open_files() and context.get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        with (
            no_interrupt(),
            contextlib.suppress(OSError, EOFError),
        ):  # the run meets the same error, and reports it
            ensure_running()


FEWEST_FILES = 64
"""Files that a process must be able to open to start workers: each needs pipes and sockets."""


def open_files() -> int:
    """Return how many files this process may open, where that is less than workers need; else 0."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return allowed if 0 <= allowed < FEWEST_FILES else 0


def start_context() -> BaseContext:
    """Return the multiprocessing context for this system."""
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

    # it would start with the first process otherwise, and let Ctrl-C through again right after
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
