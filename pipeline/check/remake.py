"""Make outputs that are not fresh anew in memory, and compare them; nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from msgspec import field

from ..errors import DicombakeError
from ..plan.model import Plan, Unit
from ..reading import content_of
from ..run.unit.results import Job, UnitResult, Work
from ..store.files import Check, Store, Written
from ..store.temporary import Chunk
from .compare import Checked, Finding
from .differences import Difference, difference


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
        try:
            present = content_of(plan.out.joinpath(*finding.path.split("/")))
        except OSError as error:
            yield finding, Difference(what=f"cannot be read: {error.strerror or error}")
            continue
        yield finding, difference(present, made, exports[targets[finding.path]].to)


def _convert(unit: Unit, job: Job) -> UnitResult:
    from ..run.unit.work import do_unit

    return do_unit(unit, job)
