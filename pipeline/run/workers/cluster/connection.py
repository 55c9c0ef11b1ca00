"""The connection to Dask's scheduler: who is there, whether they may work, and what comes back.

All that happens elsewhere is put into one queue, which the executor reads.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from msgspec import Struct

from ....errors import PlanError
from ....first_of import first_of
from ....version import installed
from .look import Wanted, another_version, look
from .remote import do_packed

CONNECT_SECONDS = 30
"""How long a scheduler is looked for, at the start and after the connection to it broke."""
LOOK_SECONDS = 0.5
"""Seconds between two looks at who is there."""
_FETCH_SECONDS = 60
_PROGRAM = "dicombake"
SHOWN = 3


class Present(Struct, frozen=True):
    """The workers that are there now and may work, by address; the news of others in words."""

    workers: tuple[str, ...]
    news: tuple[str, ...] = ()


class Answered(Struct, frozen=True):
    """What became of a chunk: its packed answer, the error in place of it, or None: it was lost."""

    key: str
    answer: bytes | Exception | None
    killed: bool = False
    """Whether it was lost because workers died of it."""


class Unreachable(Struct, frozen=True):
    """The scheduler does not answer; `closed`: and is not looked for any more."""

    closed: bool


Event = Present | Answered | Unreachable


class Connection:
    """A client of the scheduler, for one run."""

    def __init__(self, address: str | Any, wanted: Wanted) -> None:
        """Connect. `address`: of a scheduler, or a cluster object of Dask. Raises: PlanError."""
        from distributed import Client

        self.events: SimpleQueue[Event] = SimpleQueue()
        self._wanted = wanted
        self._refused: dict[str, str] = {}
        self._fit: set[str] = set()
        self._ended = threading.Event()
        self._fetching = ThreadPoolExecutor(8, "fetching")
        self._quiet = contextlib.ExitStack()
        self._quiet.enter_context(_quiet())
        try:
            self._client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
            self._quiet.close()
            raise PlanError(
                f"no scheduler answers there ({error})",
                subject=str(address),
                hint="nothing was written; look whether it runs, and under tls:// at Dask's own settings "
                "(distributed.comm.tls)",
            ) from error
        self.dashboard = str(self._client.dashboard_link or "")
        self._watching = threading.Thread(target=self._watch, name="workers", daemon=True)

    def first(self) -> Present:
        """Return who is there, and from now on put into the queue who comes and goes.

        Raises: PlanError, where a worker that is there cannot do what this process would do.
        """
        try:
            found = self._present()
        except (OSError, TimeoutError, RuntimeError) as error:
            raise PlanError(f"the scheduler does not answer ({error})", hint="nothing was written") from error
        if self._refused:
            raise PlanError(*found.news, hint="give workers the environment and the folders of this program")
        self._watching.start()
        return found

    def send(self, key: str, worker: str, packed: bytes) -> Any:
        """Send a chunk to a worker, and to no other if that one dies. Return its future."""
        future = self._client.submit(
            do_packed, packed, key=key, workers=[worker], allow_other_workers=False, pure=False
        )
        future.add_done_callback(lambda done: self._fetching.submit(self._fetch, key, done))
        return future

    def cancel(self, futures: Sequence[Any]) -> None:
        """Forget chunks, whatever becomes of them."""
        with contextlib.suppress(OSError, TimeoutError, RuntimeError):
            self._client.cancel(list(futures), force=True)

    def close(self) -> None:
        """Let go of the scheduler."""
        self._ended.set()
        self._fetching.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(OSError, TimeoutError, RuntimeError):
            self._client.close(timeout=5)
        self._quiet.close()

    def _fetch(self, key: str, future: Any) -> None:
        from distributed import KilledWorker
        from distributed.scheduler import NoValidWorkerError

        try:
            self.events.put(Answered(key, future.result(timeout=_FETCH_SECONDS)))
        except (KilledWorker, NoValidWorkerError) as error:
            self.events.put(Answered(key, None, killed=isinstance(error, KilledWorker)))
        except Exception as error:  # noqa: BLE001  of the chunk, or of the way to it
            self.events.put(Answered(key, error if future.status == "error" else None))

    def _watch(self) -> None:
        told: Event | None = None
        while not self._ended.wait(LOOK_SECONDS):
            event: Event
            try:
                event = self._present()
            except Exception:  # noqa: BLE001  whatever keeps it from answering
                event = Unreachable(closed=self._client.status == "closed")
            if event != told and not self._ended.is_set():
                self.events.put(event)
            told = Present(event.workers) if isinstance(event, Present) else event

    def _present(self) -> Present:
        """Return who is there, and look at those who came. Raises: Exception, where nobody answers."""
        there = set(self._client.nthreads())
        self._fit &= there
        self._refused = {worker: why for worker, why in self._refused.items() if worker in there}
        new = sorted(there - self._fit - self._refused.keys())
        news = self._judge(new) if new else {}
        return Present(tuple(sorted(self._fit)), tuple(_sentences(news)))

    def _judge(self, workers: list[str]) -> dict[str, list[str]]:
        """Return what is wrong with each of these workers, and note who may work."""
        from importlib.metadata import version

        ours = installed(_PROGRAM)
        found: dict[str, list[str]] = {}
        programs = self._client.run(version, _PROGRAM, workers=workers, on_error="return")
        for worker in workers:
            theirs = programs.get(worker)
            if isinstance(theirs, OSError) or theirs is None:
                continue  # it has gone meanwhile
            if theirs != ours:
                theirs = theirs if isinstance(theirs, str) else None
                found[worker] = [another_version(_PROGRAM, theirs, ours)]
        same = [worker for worker in workers if programs.get(worker) == ours]
        looked = self._client.run(look, self._wanted, workers=same, on_error="return") if same else {}
        for worker, wrong in looked.items():
            if isinstance(wrong, list):
                found[worker] = wrong
            elif not isinstance(wrong, OSError):
                found[worker] = [f"cannot do the work ({type(wrong).__name__}: {wrong})"]
        for worker, reasons in found.items():
            if reasons:
                self._refused[worker] = reasons[0]
            else:
                self._fit.add(worker)
        return found


def _sentences(found: dict[str, list[str]]) -> Iterator[str]:
    """Say each thing that is wrong once, with the first few workers that it is true of."""
    reasons: dict[str, list[str]] = {}
    for worker, wrong in found.items():
        for reason in wrong:
            reasons.setdefault(reason, []).append(worker)
    for reason, workers in reasons.items():
        yield f"worker {first_of(workers, SHOWN)} {reason}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence Dask's log: what users need to know is told in our words."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
