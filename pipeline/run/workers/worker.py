"""Run units on a worker process."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from ...loaders.kept_map import keep
from ..unit.results import Job, UnitResult, Work
from .attempt import attempt
from .malloc import keep_freed_memory
from .schedule import Chunk

Answer = tuple[list[UnitResult], float]

_worker: dict[str, Callable[[Chunk], Answer]] = {}


def begin(job: Job, work: Work, leash: Connection) -> None:
    """Prepare a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    keep()
    threading.Thread(target=_end_with, args=(leash,), daemon=True).start()

    def do(chunk: Chunk) -> Answer:
        start = time.perf_counter()
        return [attempt(task, job, work) for task in chunk], time.perf_counter() - start

    _worker["do"] = do


def _end_with(leash: Connection) -> None:
    """End this worker when the run ends, and with it the other end of the leash."""
    with contextlib.suppress(EOFError, OSError):
        leash.recv_bytes()
    os._exit(1)


def ready() -> None:
    """Do nothing: a worker that answers has started."""


def do_chunk(chunk: Chunk) -> Answer:
    return _worker["do"](chunk)
