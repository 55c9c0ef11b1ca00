"""Do a chunk on a worker of a cluster, in a process that others look after."""

from __future__ import annotations

import threading
import time
from functools import cache

from ....loaders.kept_map import keep, let_go
from ..attempt import attempt
from ..malloc import keep_freed_memory
from .packing import pack_answer, unpack

_alone = threading.Lock()


@cache
def _prepare() -> None:
    """Keep freed memory for the next image, once in each process, as workers of a pool do."""
    keep_freed_memory()


def do_packed(packed: bytes) -> bytes:
    """Carry out a packed chunk, and return its results packed.

    One at a time in each process, however many threads it has: decoders are not made for threads, and would
    share one processor.
    """
    with _alone:
        _prepare()
        job, work, chunk = unpack(packed)
        start = time.perf_counter()
        keep()
        try:
            results = [attempt(task, job, work) for task in chunk]
        finally:
            let_go()
        return pack_answer(results, time.perf_counter() - start)
