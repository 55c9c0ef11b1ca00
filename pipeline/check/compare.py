"""Check whether the outputs are what recipe, inputs and lock say. Reads and hashes; writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from ..errors import ExitStatus, Note
from ..places.hashing import absent
from ..plan.model import Base, InputFile, Plan, Unit
from ..run.fingerprint import Options, fingerprint
from ..run.forecast import NEW, PARTLY, locked_inputs
from ..run.orphans import files_of, orphans_of
from ..run.reasons import Reasons
from ..run.seen_files import SeenFiles
from ..run.unit.contents import key_of, sealed
from ..store.database import Remembered
from ..store.hashes import hashes
from ..store.lock import UNFINISHED, Lock
from ..store.state import journal_of, state_of

Kind = Literal["fresh", "stale", "missing", "altered", "foreign", "orphan"]
"""``fresh``: a run would leave it alone. ``stale``: recipe, inputs or versions are others now.
``missing``: it does not exist. ``altered``: its content is not the lock's. ``foreign``: it exists, and this
recipe did not write it. ``orphan``: its input is gone.
"""

KINDS: tuple[Kind, ...] = ("fresh", "stale", "missing", "altered", "foreign", "orphan")
ALTERED = "its content is not what the lock says"
PART = 10_000
"""Files that are hashed together, by as many threads as there are."""
FOREIGN = "the lock does not know it, and this recipe did not write it"
UNKNOWN = "this recipe wrote it, and the lock does not know it"
ORPHAN = "its input is gone"
GONE = "the recipe does not make it any more"


class Finding(Struct, frozen=True, gc=False):
    """One output. `unit` is empty for one that the lock names and the recipe does not make."""

    path: str
    kind: Kind
    unit: str = ""
    why: str = ""
    """The difference: keys of the recipe, paths, versions; no values."""
    keys: tuple[str, ...] = ()
    """The keys of the recipe that changed, named as by `Reasons.keys`."""


class Checked(Struct, frozen=True):
    """The result of `check`: every output in the plan's order, then those that are left over."""

    plan: Plan
    findings: tuple[Finding, ...]
    problems: tuple[tuple[str, str], ...] = ()
    """Units that cannot be made, each with the reason."""
    lock: tuple[str, ...] = ()
    """What is wrong with the lock itself."""
    notes: tuple[Note, ...] = field(default=())
    strict: bool = False
    """Whether an orphan makes a difference."""

    def count(self, kind: Kind) -> int:
        return Counter(finding.kind for finding in self.findings)[kind]

    def fine(self, finding: Finding) -> bool:
        """Tell whether an output makes no difference."""
        return finding.kind == "fresh" or (finding.kind == "orphan" and not self.strict)

    @property
    def exit_status(self) -> ExitStatus:
        """3 where a run would change anything, the lock included."""
        fresh = all(map(self.fine, self.findings)) and not self.problems and not self.lock
        return ExitStatus.DONE if fresh else ExitStatus.DIFFERENT


def check(plan: Plan, *, fast: bool = False, strict: bool = False, jobs: int | None = None) -> Checked:
    """Compare the plan's outputs with the recipe, the inputs and the lock.

    Args:
        plan: of the whole recipe.
        fast: trust the stat() fingerprint of a file whose content a run knew; else every byte is hashed.
        strict: an output whose input is gone makes a difference, too.
        jobs: threads that hash; None: as many as there are cores.

    Raises: PlanError, where the lock cannot be read.
    """
    return replace(_Check(plan, fast=fast, jobs=jobs).result(), strict=strict)


class Contents(Struct, frozen=True):
    """The sha256 (hex) of files by their paths, and why others cannot be read."""

    known: Mapping[str, str]
    wrong: Mapping[str, OSError]

    def __getitem__(self, path: str) -> str | OSError:
        return self.wrong.get(path) or self.known[path]


class _Check:
    def __init__(self, plan: Plan, *, fast: bool, jobs: int | None) -> None:
        self.plan = plan
        self.state = state_of(plan.loaded.path, trusted=plan.loaded.trusted)
        self.lock = self.state.lock(Remembered())
        self.memory = self.state.recall()
        self.seen_files = SeenFiles(plan, self.memory.seen)
        self.options = Options(plan.loaded)
        self.reasons = Reasons(self.lock, self.options)
        self.files = files_of(plan)
        self.others = sorted(path for path in self.lock.outputs if path not in self.files.outputs)
        """Outputs that the lock names and the plan does not."""
        plan.place("out").look(chain(self.files.outputs, self.others))
        self.contents: dict[Base, Contents] = {
            "data": self._contents("data", _inputs(plan), fast=fast, jobs=jobs),
            "out": self._contents("out", chain(self.files.outputs, self.others), fast=fast, jobs=jobs),
        }
        self.orphans = orphans_of(plan, self.lock, self.files)
        self.stale: set[str] = set()
        """Units whose outputs would change."""

    def result(self) -> Checked:
        findings = [finding for unit in self.plan.units for finding in self._of(unit)]
        problems = tuple((unit.id, unit.problem) for unit in self.plan.units if unit.problem)
        return Checked(
            self.plan,
            (*findings, *self._left_over()),
            problems,
            tuple(self._of_lock(problems)),
            self.plan.notes,
        )

    def _contents(self, base: Base, paths: Iterator[str], *, fast: bool, jobs: int | None) -> Contents:
        """Return the content of each file by its path; a part of them is looked at together."""
        wrong: dict[str, OSError] = {}
        seals = _seals(self.plan) if base == "data" else {}

        def found() -> Iterator[tuple[str, str]]:
            while part := tuple(islice(paths, PART)):
                unknown = []
                for path in part:
                    seen = self.seen_files.content(base, path) if fast else None
                    if seen is None:
                        unknown.append(path)
                    else:
                        yield path, seen[1]
                for path, each in self.plan.place(base).hashes(unknown, jobs).items():
                    if isinstance(each, OSError):
                        wrong[path] = each
                    else:
                        yield path, sealed(seals[path], each) if path in seals else each

        return Contents(hashes(found()), wrong)

    def _content(self, base: Base, path: str) -> str | OSError:
        return self.contents[base][path]

    def _of(self, unit: Unit) -> Iterator[Finding]:
        why = self._why(unit)
        if why:
            self.stale.add(unit.id)
        for output in unit.outputs:
            found, known = self._content("out", output.path), self.lock.outputs.get(output.path)
            keys = self.reasons.keys(unit) if why else ()
            if absent(found):
                yield Finding(output.path, "missing", unit.id, why, keys)
            elif known is None:
                ours = self.seen_files.key("out", output.path) in self.memory.written
                yield Finding(
                    output.path, "stale" if ours else "foreign", unit.id, UNKNOWN if ours else FOREIGN
                )
            elif found != known:
                reasons = f"it cannot be read: {found.strerror}" if isinstance(found, OSError) else ALTERED
                yield Finding(output.path, "altered", unit.id, f"{reasons}; {why}" if why else reasons)
            elif leak := "" if why else self._identity_in(unit, output.path):
                yield Finding(output.path, "altered", unit.id, leak)
            else:
                yield Finding(output.path, "stale" if why else "fresh", unit.id, why, keys)

    def _identity_in(self, unit: Unit, path: str) -> str:
        """Repeat the proof of a de-identified output, whose sources are there; say what was found."""
        if self.plan.lowered.conversion(unit.conversion, unit.machine).deidentify is None:
            return ""
        from .proof import identity_in

        return identity_in(self.plan, unit, path)

    def _why(self, unit: Unit) -> str:
        """Return why a run would make a unit's outputs anew, even if they matched the lock; else empty."""
        known = self.lock.units.get(unit.outputs[0].path) if unit.outputs else None
        if known is None:
            return NEW
        if known == UNFINISHED:
            return PARTLY
        inputs = locked_inputs(unit, self.lock)
        if fingerprint(self.options.of(unit), inputs) != known:
            return self.reasons.of(unit, inputs)
        reasons = [what for item in unit.files if (what := self._changed(item, inputs[key_of(item)]))]
        reasons += [f"{need} is to be made first" for need in unit.needs if need in self.stale]
        return ", ".join(reasons)

    def _changed(self, item: InputFile, known: str) -> str:
        """Return how an input changed; one that another unit makes is checked there."""
        if item.base != "data":
            return ""
        found = self._content("data", item.path)
        if isinstance(found, OSError):
            return f"{item.path} cannot be read: {found.strerror}"
        return "" if found == known else f"{item.path} changed"

    def _left_over(self) -> Iterator[Finding]:
        for path in self.others:
            if not absent(self._content("out", path)):
                orphan = path in self.orphans
                yield Finding(path, "orphan" if orphan else "stale", "", ORPHAN if orphan else GONE)

    def _of_lock(self, problems: tuple[tuple[str, str], ...]) -> Iterator[str]:
        if self.lock == Lock():
            if self.plan.units:
                yield "there is none; a run makes it"
            return
        if self.lock.recipe != self.plan.loaded.digest:
            yield "it is of another state of the recipe"
        if self.lock.updated(journal_of(self.memory)) != self.lock:
            yield "a run that did not end has done more than it says; the next run takes that up"
        if problems:
            return
        for known, now, what in (
            (self.lock.outputs, self.files.outputs, "outputs"),
            (self.lock.inputs, self.files.inputs, "inputs"),
        ):
            surplus = sum(path not in now and path not in self.orphans for path in known)
            if surplus and not (what == "inputs" and self.orphans):
                yield f"it names {surplus} {what} that the recipe does not have"


def _inputs(plan: Plan) -> Iterator[str]:
    """Yield the path of each input in the data folder, once."""
    told: set[str] = set()
    for item in (item for unit in plan.units for item in unit.files):
        if item.base == "data" and item.path not in told:
            told.add(item.path)
            yield item.path


def _seals(plan: Plan) -> dict[str, InputFile]:
    """Return the inputs that are de-identified, by their paths."""
    if all(each.deidentify is None for each in plan.lowered.conversions.values()):
        return {}
    return {item.path: item for unit in plan.units for item in unit.files if item.seal is not None}
