"""Make outputs that are not fresh anew in memory, and compare them; nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from msgspec import field

from ..errors import DicombakeError, SourceError
from ..exporters.registry import TARGETS
from ..loaders.options import Limits
from ..loaders.registry import loader
from ..plan.model import Plan, Unit
from ..reading import content_of
from ..run.unit.results import Job, UnitResult, Work
from ..store.files import Check, Store, Written
from ..store.temporary import Chunk
from .compare import Checked, Finding
from .differences import Difference, difference

_LARGEST, _LARGER = 2**28, 16
"""A file that is larger than so many bytes, and so many times as large as what is made, is not read."""


class Memory(Store, frozen=True):
    """A store that keeps the wanted outputs in memory and drops the others."""

    wanted: frozenset[str] = frozenset()
    contents: dict[str, bytes] = field(default_factory=dict)

    def put(
        self, path: str, chunks: Iterable[Chunk], check: Check | None = None, *, keep: bool = False
    ) -> Written:
        if path not in self.wanted:
            return Written(path, 0, "")
        content = b"".join(bytes(chunk) for chunk in chunks)
        self.contents[path] = content
        return Written(path, len(content), sha256(content).hexdigest())


class Trial(Job, frozen=True):
    """A job whose outputs stay in memory."""

    memory: Memory = field(default_factory=lambda: Memory(Path()))

    def store(self) -> Store:
        return self.memory


def differences(checked: Checked, work: Work | None = None) -> Iterator[tuple[Finding, Difference]]:
    """Yield what a run would change in each existing output that is not fresh, unit by unit."""
    units = {unit.id: unit for unit in checked.plan.units}
    unfresh = {finding.unit for finding in checked.findings if finding.kind != "fresh"}
    asked: dict[str, list[Finding]] = {}
    for finding in checked.findings:
        if finding.unit and finding.kind in ("stale", "altered", "foreign"):
            asked.setdefault(finding.unit, []).append(finding)
    for name, findings in asked.items():
        first = next((need for need in units[name].needs if need in unfresh), None)
        if first is not None:
            what = f"not compared: {first}, which it needs, is to be made first"
            yield from ((finding, Difference(what=what)) for finding in findings)
        else:
            yield from _of_unit(checked.plan, units[name], findings, work or _convert)


def _of_unit(
    plan: Plan, unit: Unit, findings: list[Finding], work: Work
) -> Iterator[tuple[Finding, Difference]]:
    memory = Memory(plan.out, wanted=frozenset(finding.path for finding in findings))
    try:
        result = work(unit, Trial(plan.lowered, plan.data, plan.out, memory=memory))
        problem = str(result.error) if result.error else ""
    except DicombakeError as error:
        problem = str(error)
    targets = {output.path: output.export for output in unit.outputs}
    exports = plan.conversion(unit).exports
    for finding in findings:
        made = memory.contents.get(finding.path)
        if made is None:
            yield finding, Difference(what=f"cannot be made now: {problem}")
            continue
        file = plan.out.joinpath(*finding.path.split("/"))
        yield finding, _present(file, made, exports[targets[finding.path]].to, plan.lowered.limits)


def _present(file: Path, made: bytes, to: str, limits: Limits) -> Difference:
    """Return the differences of a file that may be anybody's from what a run would make."""
    try:
        present = content_of(file, max(_LARGEST, _LARGER * len(made)))
        if present != made:
            _check_readable(file, to, limits)
    except OSError as error:
        return Difference(what=f"cannot be read: {error.strerror or error}")
    except SourceError as error:
        return Difference(what=f"the file cannot be read as {to}: {error.what}")
    return difference(present, made, to)


def _check_readable(file: Path, to: str, limits: Limits) -> None:
    """Read a file as a source first: its claims are checked there, and decoders that it may crash run apart.

    An array of several images is none of the sources; numpy takes no more memory for it than it has bytes.

    Raises: SourceError.
    """
    known = TARGETS[to].file.read_by
    if known is None:
        return
    found = loader(known)
    if found.defaults is None:
        raise TypeError(f"{known} has no options to be read with")
    for _ in (found.any_kind or found).load(file, found.defaults, limits, None):
        pass


def _convert(unit: Unit, job: Job) -> UnitResult:
    from ..run.unit.work import do_unit

    return do_unit(unit, job)
