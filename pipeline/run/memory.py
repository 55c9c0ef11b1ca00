"""Write into the state database what a run learnt: its own outputs, fingerprints and sha256 of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from ..errors import StoreError
from ..plan.model import Plan, Unit
from ..store.database import Database, Remembered
from ..store.refusals import store_error
from ..store.rows import Seen
from ..store.stamp import Stamp
from ..store.state import State, settled
from .seen_files import SeenFiles
from .unit.results import UnitResult

ROOM = 10_000
"""Files of other folders and other days that the database may keep besides those of the plan, at least."""


class RunMemory:
    """The state of one run on its way to the database; where `database` is None, nothing is kept.

    The fingerprints, and the clock before them, are taken before any content is read: a file that changes
    later has another fingerprint by then.
    """

    def __init__(self, plan: Plan, state: State, memory: Remembered, database: Database | None) -> None:
        self._plan = plan
        self._state = state
        self._memory = memory
        self._database = database
        self._now, self._device = state.clock() if database else (0, 0)
        self.seen_files = SeenFiles(plan, memory.seen)
        self.claims = state.claims(plan.place("out")) if database else None
        """Where every process notes what it is about to put in place."""

    def begin(self, units: Iterable[Unit]) -> None:
        """Take the fingerprints of these units' inputs, and try the claims, before any output is written.

        Raises: StoreError, where they cannot.
        """
        for item in (item for unit in units for item in unit.files if item.base == "data"):
            self.seen_files.content("data", item.path)
        if self._database is None or self.claims is None:
            return
        self._state.take_claims(self._database)
        try:
            self.claims.try_out()
        except OSError as error:
            raise store_error(error, str(self._state.folder)) from error

    def note(self, result: UnitResult, lines: Iterable[str]) -> None:
        """Note that what a unit put in place is ours from now on; `lines` are for the journal."""
        if self._database is not None:
            made = {self.seen_files.key("out", file.path) for file in result.written}
            self._database.note_finished(made, lines)

    def refuse_full(self) -> None:
        """Check the database. Raises: StoreError, where the memory has no room on its disk."""
        if self._database is not None and self._database.full:
            raise StoreError(
                "cannot be written: the disk is full",
                subject=str(self._state.folder),
                hint="free some space and run again: it goes on from here",
            )

    def remember(self, results: Iterable[UnitResult]) -> None:
        """Note that these outputs are ours, and the fingerprints of the files of these results.

        `results` are gone through several times. Those of units that wrote anything are noted already.
        """
        if self._database is None:
            return
        current = (result for result in results if result.status == "current")
        keys = (self.seen_files.key("out", file.path) for result in current for file in result.written)
        unknown = [key for key in keys if key not in self._memory.written]
        if unknown:
            self._database.note_finished(unknown)
        gone = self._surplus(results)
        news = self._news(results)
        first = next(news, None)
        if first is not None or gone:
            self._database.note_seen(chain(() if first is None else (first,), news), gone)
        self._state.take_claims(self._database)

    def _news(self, results: Iterable[UnitResult]) -> Iterator[tuple[bytes, Seen]]:
        """Yield what is new to the database, of files whose fingerprint a later change would alter."""
        paths = self.seen_files.paths
        now, device = self._state.clock()
        same = self.seen_files.device() == device
        for result in results:
            for file in result.written:
                key = self.seen_files.key("out", file.path)
                if result.status == "current":
                    yield from self._as_first_seen(key, file.sha256)
                elif file.stamp is not None and settled(file.stamp, now, same_clock=same):
                    yield key, _seen(file.stamp, file.sha256)
            for name, known in result.inputs:
                base, _, path = name.partition(":")
                if base == "data":
                    yield from self._as_first_seen(self.seen_files.key("data", paths.get(path, path)), known)

    def _as_first_seen(self, key: bytes, known: str) -> Iterator[tuple[bytes, Seen]]:
        looked = self.seen_files.stamp(key)
        if looked is None:
            return
        stamp, device = looked
        seen = _seen(stamp, known)
        if seen != self._memory.seen.get(key) and settled(
            stamp, self._now, same_clock=device == self._device
        ):
            yield key, seen

    def _surplus(self, results: Iterable[UnitResult]) -> list[bytes]:
        """List files that are not of this plan, where they have become many."""
        known = self._memory.seen
        if len(known) <= ROOM:
            return []
        planned = sum(len(unit.files) + len(unit.outputs) for unit in self._plan.units)
        if len(known) <= 2 * planned + ROOM:
            return []
        files = {key for key, _ in self._news(results)}
        return [key for key in known if key not in files and self.seen_files.stamp(key) is None]


def _seen(stamp: Stamp, known: str) -> Seen:
    return stamp.size, stamp.modified, stamp.changed, known
