"""Do chunks on a worker of a cluster, in a process that others look after.

One thread does them, however many the process has: decoders are not made for threads, and would share one
processor. What a unit brought here from an object store stays for the next one, and goes when none comes.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from ....loaders.kept_map import keep, let_go
from ..attempt import attempt
from ..malloc import keep_freed_memory
from .packing import pack_answer, unpack

KEPT_SECONDS = 60.0
"""How long files that were brought here stay, where nothing comes."""

Chunks = SimpleQueue[tuple[bytes, "Future[bytes]"]]

_starting = threading.Lock()
_chunks: list[Chunks] = []
"""The queue of this process, once it was asked for anything."""


def do_packed(packed: bytes) -> bytes:
    """Carry out a packed chunk, and return its results packed."""
    done: Future[bytes] = Future()
    with _starting:
        if not _chunks:
            _chunks.append(SimpleQueue())
            threading.Thread(target=_work, args=_chunks, name="dicombake", daemon=True).start()
    _chunks[0].put((packed, done))
    return done.result()


def _work(chunks: Chunks) -> None:
    """Do one chunk after the other. It never ends: the process does."""
    keep_freed_memory()
    while True:
        try:
            packed, done = chunks.get(timeout=KEPT_SECONDS)
        except Empty:
            from ...unit.brought import let_go as let_go_objects

            let_go_objects()
            packed, done = chunks.get()
        try:
            done.set_result(_done(packed))
        except BaseException as error:  # noqa: BLE001  whatever it is, it is raised where it is waited for
            done.set_exception(error)


def _done(packed: bytes) -> bytes:
    job, work, chunk = unpack(packed)
    start = time.perf_counter()
    keep()
    try:
        results = [attempt(task, job, work) for task in chunk]
    finally:
        let_go()
    return pack_answer(results, time.perf_counter() - start)
