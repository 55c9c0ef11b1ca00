"""Data that passes between a run and its workers: small, frozen, never an array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct, field

from ...errors import DicombakeError, DifferenceError, ExitStatus, Note
from ...places.place import LocalPlace, Place
from ...plan.lowered import LoweredRecipe
from ...plan.model import Base, Plan, Unit
from ...store.claims import Claims
from ...store.files import Store, Written
from ...trace import UNTRACED, Trace

if TYPE_CHECKING:
    from ...imaging.image import Image
    from ...places.objects import ObjectPlace

Status = Literal["written", "current", "failed", "skipped"]
"""``current``: up to date, nothing was done. ``skipped``: not tried, because what it needs failed."""

_TOLD: dict[Status, str] = {
    "written": "written", "current": "up to date", "failed": "failed", "skipped": "not done",
}  # fmt: skip


class Failure(Struct, frozen=True):
    """Why a unit has no outputs. `kind` is the class of the error; `traceback` only of our own defects."""

    kind: str
    message: str
    subject: str = ""
    hint: str = ""
    traceback: str = ""

    @classmethod
    def of(cls, error: DicombakeError) -> Failure:
        return cls(type(error).__name__, error.what, error.subject, error.hint)

    def __str__(self) -> str:
        start = f"{self.subject}: " if self.subject else ""
        return f"{start}{self.message}{f'; {self.hint}' if self.hint else ''}"


class UnitResult(Struct, frozen=True, omit_defaults=True):
    """What became of one unit.

    `inputs` are the files read, ``data:film/a.tif`` or (chained) ``out:dicom/a.dcm``, each with the sha256
    (hex) of its content. `written` of a failed unit names the outputs that were finished before it failed.
    """

    unit: str
    status: Status
    written: tuple[Written, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    notes: tuple[Note, ...] = ()
    error: Failure | None = None
    """The first failure."""
    stats: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """In place of `inputs`, where the run hashes them: the stat() of each file when its reading began."""
    why: str = ""
    """The reason why it was done: what was missing, altered or changed.

    Names keys, paths and versions, no values.
    """
    replaced: tuple[str, ...] = ()
    """Those of `written` that had other content before, because an input changed since."""
    further: tuple[Failure, ...] = ()
    """Failures of other outputs of the unit."""
    worker: str = ""
    """The worker of a cluster that did it, for those who watch; it goes into nothing that is kept."""


class Job(Struct, frozen=True):
    """What every unit of a run shares; each worker gets it once.

    `ours` are the existing outputs (as in the plan, relative to `out`) that may be replaced. `expected`
    is set by ``--locked``: path -> the sha256 that the output must have to be put in place.
    """

    recipe: LoweredRecipe
    data: Path
    out: Path
    overwrite: bool = False
    durable: bool = False
    ours: frozenset[str] = frozenset()
    expected: Mapping[str, str] = field(default_factory=dict)
    keep: bool = False
    """Whether no output is replaced by other content, whatever the recipe says."""
    claims: Claims | None = None
    links: frozenset[str] = frozenset()
    planned_on: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The stat() of inputs (by `key_of`) when the plan read their headers."""
    placed: list[Written] = field(default_factory=list)
    """The outputs of the present unit that are in place already, however it ends."""
    hashed_apart: bool = False
    """Whether the inputs of a unit are hashed elsewhere (see `Task`)."""
    shared: bool = False
    """Whether workers may be on other machines, and an output be written by two of them at the same time."""
    remote: Mapping[Base, ObjectPlace] = field(default_factory=dict)
    """As in the plan; `data` and `out` are then folders of the worker's own, for one unit (see `brought`)."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """The sha256 (hex), by `key_of`, of inputs of the present unit that were brought here and hashed then."""

    def place(self, base: Base) -> Place:
        """Return where the inputs lie, or the outputs."""
        return self.remote.get(base) or LocalPlace(self.data if base == "data" else self.out)

    def trace(self, path: str, images: Sequence[Image]) -> Trace:
        """Return the trace for an output: its layers and the images that it is made of."""
        return UNTRACED

    def store(self) -> Store:
        """Return the store that a unit puts its outputs into."""
        store = Store(
            self.out,
            overwrite=self.overwrite,
            ours=self.ours,
            durable=self.durable,
            expected=self.expected,
            claims=self.claims,
            links=self.links,
            shared=self.shared,
            placed=self.placed,
        )
        if "out" not in self.remote:
            return store
        from ...store.objects import ObjectStore

        return ObjectStore.like(store, self.remote["out"])


Work = Callable[[Unit, Job], UnitResult]
"""Does one unit. It raises for wrong files or options nothing but a DicombakeError, which becomes the unit's
failure; any other exception but KeyboardInterrupt is reported as a defect.
"""


class Watching(Protocol):
    """Follows a run; its methods are called in the process that started the run."""

    def start(self, units: int) -> None:
        """Be told of the start, before the first unit that is not up to date by its files' stat()."""

    def finished(self, unit: Unit, result: UnitResult) -> None: ...

    def stopping(self) -> None:
        """Be told of the first Ctrl-C: units that are under way are finished."""

    def told(self, line: str) -> None:
        """Be told of the workers of a cluster: the address of its dashboard, those that come and go."""


class Outcome(Struct, frozen=True, dict=True):
    """The results of a run: one for each unit of the plan, in its order."""

    plan: Plan
    results: Sequence[UnitResult]
    notes: tuple[Note, ...] = ()
    """Notes of the plan and of the run as a whole; those of units are in their results."""
    interrupted: bool = False

    def __repr__(self) -> str:
        found = ((self.count(status), text) for status, text in _TOLD.items())
        text = ", ".join(f"{count} {name}" for count, name in found if count) or "nothing to do"
        return f"<Outcome {self.plan.loaded.recipe.name}: {text}, exit status {int(self.exit_status)}>"

    def _repr_html_(self) -> str:
        from ...notebook import shown

        return shown(self)

    @property
    def replaced(self) -> tuple[str, ...]:
        """Every output that was replaced."""
        return tuple(path for result in self.results for path in result.replaced)

    def count(self, status: Status) -> int:
        return self._counts[status]

    @cached_property
    def _counts(self) -> Counter[Status]:
        """How many results are of each status: a pass over many, which are packed, costs time."""
        return Counter(result.status for result in self.results)

    @property
    def exit_status(self) -> ExitStatus:
        """0; 1 for a failed unit; 3 where every failure is a difference from the lock; 130 after Ctrl-C."""
        if self.interrupted:
            return ExitStatus.INTERRUPTED
        if not self.count("failed"):
            return ExitStatus.DONE
        failed = [
            error
            for result in self.results
            if result.status == "failed"
            for error in (result.error, *result.further)
        ]
        if all(error is not None and error.kind == DifferenceError.__name__ for error in failed):
            return ExitStatus.DIFFERENT
        return ExitStatus.FAILED
