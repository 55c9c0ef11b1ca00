"""Folders that are kept converted: look, convert what is ready, deliver, wait for the next change."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ..deliver.deliver import DeliverOptions, deliver_plan, require_extra
from ..deliver.model import Delivered
from ..errors import DicombakeError, ExitStatus
from ..plan.aliases import Aliases
from ..plan.model import Plan
from ..run.failures import failure_line
from ..run.unit.results import Outcome
from .changes import Changes
from .events import SAID
from .followed import Followed, Settings, Tell
from .ports import Ports
from .settling import Settling

LONGEST = 900.0
"""Seconds between two deliveries to a destination that does not answer: 15 minutes."""
_FIRST = 4.0
PAGE = 60.0
"""Seconds between two pages."""


@dataclass
class _Postal:
    """When the outputs of a recipe are delivered again: new ones at once, others later and later."""

    due: bool = True
    at: dict[str, float] = field(default_factory=dict)
    """By destination: when it is tried again."""
    pause: dict[str, float] = field(default_factory=dict)
    failed: set[tuple[str, str]] = field(default_factory=set)
    """Destination and path of what failed for good and was told."""


@dataclass
class Watch:
    """Recipes that are followed until somebody ends it. `clock` and `wall` are seconds."""

    paths: Sequence[Path]
    settings: Settings
    tell: Tell
    interval: float | None = None
    deliver: bool = False
    page: Callable[[Sequence[Plan]], None] | None = None
    """Writes the page that is kept fresh."""
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        """Read the recipes. Raises: RecipeError, UsageError."""
        self.changes = Changes(self.interval)
        self.followed = [
            Followed(path, self.settings, Settling(self.clock, self.wall), self.tell) for path in self.paths
        ]
        self._shown = 0.0
        """When the page was written; 0: it is to be."""
        self._news = True
        self.ports: Ports | None = None
        """Where it listens; None while it does not."""
        self.postal = {each.path: _Postal() for each in self.followed}
        if self.deliver:
            for each in self.followed:
                require_extra(each.loaded.recipe)

    def forever(self, ready: Callable[[], None] = lambda: None) -> None:
        """Go on until KeyboardInterrupt, which ends it within seconds and with nothing half-done."""
        with self.listening():
            ready()
            try:
                while True:
                    wait = self.step()
                    if wait is None:
                        return
                    self.changes.watch(folder for each in self.followed for folder in each.folders())
                    self.changes.wait(wait)
            except KeyboardInterrupt:
                return
            finally:
                self._show(at_once=True)

    @contextmanager
    def listening(self) -> Iterator[Watch]:
        """Receive what recipes say while the block lasts. Raises: UsageError, StoreError, PlanError."""
        self.ports = Ports(self.tell, self.changes.woken.set)
        try:
            for each in self.followed:
                self.ports.open(each, each.loaded)
            yield self
        finally:
            self.changes.stop()
            self.ports.close()
            self.ports = None

    def once(self) -> ExitStatus:
        """Convert what is there, once it has come to rest; the exit status is that of `run`."""
        statuses = []
        for each in self.followed:
            while True:
                outcome, wait = each.step()
                if outcome is not None:
                    self._tell_outcome(each, outcome)
                    statuses.append(outcome.exit_status)
                    if outcome.interrupted:
                        return ExitStatus.INTERRUPTED
                if math.isinf(wait):
                    break
                time.sleep(min(wait + 0.05, 1.0))
            if each.told:
                statuses.append(ExitStatus.FAILED)
            self._show(at_once=True)
            if self.deliver and each.plan is not None and each.plan.units:
                statuses.append(self._delivered(each, None).exit_status)
        order = (ExitStatus.WRONG, ExitStatus.FAILED, ExitStatus.DIFFERENT)
        return next((status for status in order if status in statuses), ExitStatus.DONE)

    def step(self) -> float | None:
        """Do what is to be done now; the seconds until something else may be. None: it was interrupted."""
        wait = math.inf
        for each in self.followed:
            each.refresh()
            if self.ports is not None:
                self.ports.keep(each)
            outcome, left = each.step()
            wait = min(wait, left, each.again)
            postal = self.postal[each.path]
            if outcome is not None:
                self._tell_outcome(each, outcome)
                if outcome.interrupted:
                    return None
                self._news = True
                postal.due = postal.due or any(result.written for result in outcome.results)
            if self.deliver:
                wait = min(wait, self._post(each, postal))
        return min(wait, self._show())

    def _show(self, *, at_once: bool = False) -> float:
        """Write the page where there is news, once a minute at most; the seconds until it is due."""
        if self.page is None or not self._news:
            return math.inf
        left = self._shown + PAGE - self.clock()
        if left > 0 and self._shown and not at_once:
            return left
        self._shown, self._news = self.clock(), False
        try:
            self.page([each.plan for each in self.followed if each.plan is not None])
        except DicombakeError as error:
            self.tell({"event": "error", "recipe": "", "message": f"the page: {error}"})
        return math.inf

    def _post(self, each: Followed, postal: _Postal) -> float:
        """Deliver where that is due; the seconds until it is due again."""
        now = self.clock()
        late = {name for name, at in postal.at.items() if at > now}
        due = postal.due or any(at <= now for at in postal.at.values())
        if due and each.plan is not None and each.plan.units:
            result = self._delivered(each, postal, frozenset(late))
            postal.due = False
            waiting = {
                entry.destination
                for entry in result.entries
                if not entry.reached and entry.state != "failed" and entry.path not in result.stale
            }
            for name in {entry.destination for entry in result.entries}:
                if name in waiting:
                    postal.pause[name] = min(postal.pause.get(name, _FIRST / 2) * 2, LONGEST)
                    postal.at[name] = self.clock() + postal.pause[name]
                else:
                    postal.pause.pop(name, None)
                    postal.at.pop(name, None)
        return min((at - self.clock() for at in postal.at.values()), default=math.inf)

    def _delivered(
        self, each: Followed, postal: _Postal | None, skip: frozenset[str] = frozenset()
    ) -> Delivered:
        assert each.plan is not None
        options = DeliverOptions(fast=True, skip=skip)
        if postal is not None:
            options = replace(options, tries=1, settled=frozenset(postal.failed))
        try:
            result = deliver_plan(replace(each.plan, loaded=each.loaded), options)
        except DicombakeError as error:
            self.tell({"event": "error", "recipe": str(each.path), "message": str(error)})
            return Delivered(())
        for entry in result.entries:
            if postal is not None and entry.state == "failed":
                postal.failed.add((entry.destination, entry.path))
            if entry.path in result.stale or (entry.known and entry.reached):
                continue
            self._tell_entry(each, entry.path, entry.destination, entry.state, entry.status)
        return result

    def _tell_entry(self, each: Followed, path: str, destination: str, state: str, status: str) -> None:
        event = {
            "event": "delivery",
            "path": path,
            "destination": destination,
            "state": state,
            "status": status,
        }
        key = f"{destination} {path} {state} {status}"
        if key not in each.told_deliveries:
            each.told_deliveries[key] = None
            self._news = True
            self.tell({**event, "recipe": str(each.path)})
        while len(each.told_deliveries) > 100_000:
            each.told_deliveries.pop(next(iter(each.told_deliveries)))

    def _tell_outcome(self, each: Followed, outcome: Outcome) -> None:
        aliases: Aliases | None = None
        for unit, result in zip(outcome.plan.units, outcome.results, strict=True):
            if result.status == "current":
                continue
            event: dict[str, Any] = {
                "event": "failed" if result.error else "done",
                "recipe": str(each.path),
                "unit": result.unit,
                "outputs": [file.path for file in result.written],
            }
            if result.error:
                aliases = aliases or Aliases(outcome.plan)
                event["message"] = aliases.text(str(result.error), result.unit)
                event[SAID] = failure_line(outcome.plan, unit, result.error)
            elif (count := len(dict(result.inputs))) > 1:
                event["message"] = f"made of {count} files"
            self.tell(event)
