"""Outputs to where they are needed: chosen, and brought to every destination at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ...schemas.delivery import (
    DicomDestination,
    DicomwebDestination,
    FolderDestination,
    RemoteDestination,
    secret_variable,
)
from ...schemas.recipe import Recipe
from ..errors import DicombakeError, PlanError, UsageError
from ..plan.model import Plan
from ..store.running import held
from ..store.state import State
from ..store.temporary import remove_leftovers
from .chosen import Chosen, chosen, is_used
from .destinations import folder
from .destinations.base import Remote
from .instance import Header, read_header
from .model import Delivered, Entry, Item
from .outbox import Outbox, Row, key_at, outbox_file
from .remote import Work

HELD_BACK = "held back: it was not made by 'deidentify', which the destination requires"
_PATIENCE = 3600.0
"""Seconds to wait for another delivery of the recipe to end."""
_LIBRARIES = {"dicom": "pynetdicom", "dicomweb": "dicomweb_client"}


class DeliverOptions(Struct, frozen=True):
    """How outputs are delivered."""

    to: str | None = None
    """The one destination; None: all that the recipe names."""
    dry_run: bool = False
    fast: bool = True
    """Believe files that look as when a run last knew their content; what is sent is hashed in any case."""
    tries: int | None = None
    """In place of what destinations say."""
    skip: frozenset[str] = frozenset()
    """Destinations that are left out this time."""
    settled: frozenset[tuple[str, str]] = frozenset()
    """Destination and path of outputs that failed for good and are not tried again."""


def require_extra(recipe: Recipe, to: str | None = None) -> None:
    """Check that what the destinations that something is delivered to need is installed and set.

    Raises: UsageError, naming the extra; PlanError, naming a variable of the environment.
    """
    for name, destination in recipe.destinations.items():
        if to not in (None, name) or not is_used(recipe, name):
            continue
        library = _LIBRARIES.get(destination.to)
        if library is not None and find_spec(library) is None:
            raise UsageError(
                f"the destination '{name}' needs {library}", hint="pip install 'dicombake[pacs]'"
            )
        if isinstance(destination, DicomwebDestination):
            for secret in filter(None, (destination.token, destination.password)):
                if not os.environ.get(secret_variable(secret)):
                    what = f"the environment has no variable '{secret_variable(secret)}'"
                    raise PlanError(what, subject=f"destinations.{name}")


def deliver_plan(plan: Plan, options: DeliverOptions | None = None) -> Delivered:
    """Bring the outputs of a plan that are fresh to where the recipe says, as far as they are not there yet.

    Raises:
        UsageError: nothing is to be delivered, or an extra is not installed.
        PlanError: a secret is not set, a certificate or the lock cannot be read.
        StoreError: the outbox cannot be written.
    """
    options = options or DeliverOptions()
    recipe = plan.loaded.recipe
    require_extra(recipe, options.to)
    state = State(plan.loaded.path)
    with _alone(state) as (outbox, unended):
        what = chosen(plan, state.lock(state.recall()), to=options.to, fast=options.fast)
        for name in options.skip:
            what.items.pop(name, None)
        delivery = _Delivery(plan, what, outbox, options, unended=unended)
        if options.dry_run:
            return delivery.forecast()
        return delivery.carry_out()


@contextmanager
def _alone(state: State) -> Iterator[tuple[Outbox, bool]]:
    """Give the outbox to this delivery alone; another one of the recipe is waited for.

    Besides, whether the last delivery did not come to its end.
    """
    state.prepare()
    with held(state.folder / f"{state.database.stem}.delivering", _PATIENCE) as holder:
        if holder.by:
            raise PlanError(f"another delivery of it goes on ({holder.by})", subject=str(state.lock_file))
        with closing(Outbox(outbox_file(state))) as outbox:
            yield outbox, holder.unended


@dataclass
class _Delivery:
    plan: Plan
    chosen: Chosen
    outbox: Outbox
    options: DeliverOptions
    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    works: list[Work] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    unended: bool = False
    """Whether the last delivery did not come to its end, and may have left something."""

    @property
    def folder(self) -> Path:
        return self.plan.loaded.path.parent

    def forecast(self) -> Delivered:
        """Say what is known, and what would be tried; nobody is asked."""
        for name, items in self.chosen.items.items():
            destination = self.plan.loaded.recipe.destinations[name]
            for item in items:
                rows = self.outbox.rows(self._key(name), item.path)
                row = next((row for row in rows if row.sha256 == item.sha256), None)
                entry = Entry(item.path, name, "pending", "would be sent")
                if row is not None:
                    goal = "proven" if getattr(destination, "prove", False) else "confirmed"
                    reached = row.state in ("proven", goal)
                    entry = Entry(item.path, name, row.state, row.status, reached=reached)
                self.entries[name, item.path] = replace(entry, reached=True)
        return self._delivered()

    def carry_out(self) -> Delivered:
        """Deliver to all destinations at once. Raises: the first error that is none of a destination's."""
        with ExitStack() as stack:
            threads = [
                threading.Thread(target=self._guarded, args=(name, stack), daemon=True, name=f"to {name}")
                for name in self.chosen.items
            ]
            try:
                for thread in threads:
                    thread.start()
                for thread in threads:
                    while thread.is_alive():
                        thread.join(0.2)
            except KeyboardInterrupt:
                self.stopped.set()
                for work in self.works:
                    work.stop()
                for thread in threads:
                    thread.join(5)
                raise
        for error in self.errors:
            raise error
        return self._delivered()

    def _guarded(self, name: str, stack: ExitStack) -> None:
        try:
            self._to(name, stack)
        except BaseException as error:  # noqa: BLE001  it is raised again where somebody waits
            self.errors.append(error)

    def _to(self, name: str, stack: ExitStack) -> None:
        destination = self.plan.loaded.recipe.destinations[name]
        items = list(self._allowed(name, self.chosen.items[name]))
        if isinstance(destination, FolderDestination):
            root = self.folder / destination.path
            if self.unended:
                remove_leftovers(root, [item.path for item in items])
            for item in items:
                if self.stopped.is_set():
                    return
                entry = self.entries[name, item.path] = folder.put(item, root, name)
                row = Row(item.sha256, "", entry.state, entry.status)
                self.outbox.note(self._key(name), item.path, row)
            return
        headers = list(self._headers(name, items))
        if not headers:
            return
        work = self._work(name, destination, stack)
        self.works.append(work)
        work.carry_out(headers)
        self.entries |= {(name, path): entry for path, entry in work.entries.items()}
        self.chosen.notes += work.notes
        self.chosen.stale |= work.stale

    def _allowed(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        destination = self.plan.loaded.recipe.destinations[name]
        for item in items:
            if destination.require == "deidentified" and not item.deidentified:
                self.entries[name, item.path] = Entry(item.path, name, "failed", HELD_BACK)
            elif (name, item.path) not in self.options.settled:
                yield item

    def _headers(self, name: str, items: Sequence[Item]) -> Iterator[Header]:
        for item in items:
            try:
                yield read_header(item)
            except DicombakeError as error:
                self.entries[name, item.path] = Entry(item.path, name, "failed", error.what)

    def _work(self, name: str, destination: RemoteDestination, stack: ExitStack) -> Work:
        remote, commit = self._remote(destination, stack)
        tries = self.options.tries or destination.tries
        return Work(name, destination, commit, remote, self.outbox, self._key(name), tries, self.stopped)

    def _remote(self, destination: RemoteDestination, stack: ExitStack) -> tuple[Remote, str]:
        if isinstance(destination, DicomDestination):
            from .destinations.associations import Associations, Listener
            from .destinations.dicom import DicomRemote

            listener = None
            if destination.commit_port is not None:
                receive = self.plan.loaded.recipe.receive
                bind = "127.0.0.1" if receive is None else receive.bind
                listener = stack.enter_context(Listener().listening(destination, bind))
            return DicomRemote(
                destination, Associations(destination, self.folder), listener
            ), destination.commit
        from .destinations.dicomweb import DicomwebRemote

        assert isinstance(destination, DicomwebDestination)
        return DicomwebRemote(destination, self.folder), "off"

    def _key(self, name: str) -> str:
        return key_at(self.folder, name, self.plan.loaded.recipe.destinations[name])

    def _delivered(self) -> Delivered:
        entries = [*self.entries.values()]
        entries += [
            Entry(path, name, "pending", f"not sent: {self.chosen.stale[path]}")
            for path, name in self.chosen.held
        ]
        order = {
            output.path: n for n, output in enumerate(o for unit in self.plan.units for o in unit.outputs)
        }
        names = list(self.plan.loaded.recipe.destinations)
        entries.sort(key=lambda entry: (order.get(entry.path, 0), names.index(entry.destination)))
        return Delivered(tuple(entries), tuple(self.chosen.notes), dict(self.chosen.stale))
