"""Gathers what a page shows of a recipe: outputs as they are, and what the recipe makes of its inputs now."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ...check.compare import Checked, Finding
from ...check.remake import Memory, Trial
from ...deliver.known import Known
from ...diff.side import open_side
from ...errors import DicombakeError
from ...explain.explain import stories_of
from ...exporters.options import ExportOptions, JpgOptions, PngOptions
from ...exporters.registry import TARGETS
from ...imaging.image import Image
from ...plan.aliases import Aliases
from ...plan.model import Output, Plan, Unit
from ...reading import file_sha256
from ...recipe.loaded import LoadedRecipe
from ...run.failures import told as why
from ...run.unit.results import Outcome, UnitResult
from ...run.versions import codecs
from ...store.files import Store
from ...trace import UNTRACED, Following, Trace
from ...version import program_version
from .model import BUDGET, Chapter, Failed, File, Item, Pictures, Row
from .shown import Budget, add_geometry, add_image, stored_rows

DONE = {"written": "written", "current": "up to date", "failed": "failed", "skipped": "not done"}
Lines = Mapping[str, tuple[tuple[str, str], ...]]


class _Job(Trial, frozen=True):
    """A job that keeps what each output is made of."""

    with_tags: bool = False
    made: dict[str, list[Image]] = msgspec.field(default_factory=dict)
    followed: dict[str, Following] = msgspec.field(default_factory=dict)

    def trace(self, path: str, images: Sequence[Image]) -> Trace:
        self.made[path] = list(images)
        return self.followed.setdefault(path, Following()) if self.with_tags else UNTRACED

    def store(self) -> Store:
        return self.memory


@dataclass
class Gathering:
    """One page's worth of recipes, and what they share: the budget, and what is to be shown."""

    pictures: Pictures = "all"
    with_tags: bool = False
    budget: Budget = field(default_factory=lambda: Budget(BUDGET))

    def chapter(self, checked: Checked, lines: Lines, outcome: Outcome | None = None) -> Chapter:
        """Return what is known of one recipe; `outcome` where it was run just now."""
        return _Gatherer(self, checked, lines, outcome).chapter()

    def items(self, plan: Plan, outcome: Outcome) -> list[Item]:
        """Return what is known of the outputs of a run, of the units in `plan` alone; nothing is checked."""
        gatherer, told = _Gatherer(self, Checked(plan, ()), {}, outcome), Chapter("", "")
        return [item for unit in plan.units for item in gatherer.of_unit(unit, told)]


def about(loaded: LoadedRecipe) -> Iterator[Row]:
    """Yield what a recipe is, and the versions that its outputs are made with."""
    if loaded.recipe.description:
        yield Row("description", loaded.recipe.description)
    yield Row("recipe", f"{loaded.path.name}, sha256 of what it says: {loaded.digest}")
    versions = (f"{name} {version}" for name, version in codecs(loaded.recipe).items())
    yield Row("made with", ", ".join((f"dicombake {program_version()}", *versions)))


class _Gatherer:
    def __init__(self, gathering: Gathering, checked: Checked, lines: Lines, outcome: Outcome | None) -> None:
        self.gathering = gathering
        self.checked = checked
        self.plan: Plan = checked.plan
        self.lines = lines
        self.outcome = outcome
        self.findings = {finding.path: finding for finding in checked.findings}
        self.results: dict[str, UnitResult] = (
            {result.unit: result for result in outcome.results} if outcome else {}
        )
        self.volumes: dict[tuple[str, int, int], Item] = {}
        self.seen: set[str] = set()
        self.short = Shortening(self.plan)
        self.known = Known(self.plan)

    def chapter(self) -> Chapter:
        loaded = self.plan.loaded
        found = Chapter(loaded.recipe.name, loaded.path.name)
        found.about += about(loaded)
        notes = self.outcome.notes if self.outcome else self.plan.notes
        found.notes = [self.short(note.text) for note in notes]
        for unit in self.plan.units:
            found.items += self.of_unit(unit, found)
        found.counts = self._counts(found)
        found.notes += [f"the lock: {what}" for what in self.checked.lock if self.outcome is None]
        found.replaced = list(self.outcome.replaced) if self.outcome else []
        found.orphans = [each.path for each in self.checked.findings if each.kind == "orphan"]
        return found

    def _counts(self, chapter: Chapter) -> list[tuple[str, int]]:
        counts: dict[str, int] = {}
        delivered: dict[str, int] = {}
        for item in chapter.items:
            for file in item.outputs:
                counts[file.status] = counts.get(file.status, 0) + 1
                for name, state in file.delivered:
                    there = f"{state} at {name}"
                    delivered[there] = delivered.get(there, 0) + 1
        counted = [*sorted(counts.items()), *sorted(delivered.items())]
        return [("outputs", sum(counts.values())), *counted]

    def of_unit(self, unit: Unit, chapter: Chapter) -> Iterator[Item]:
        """Yield what is new to look at in a unit's outputs; what failed goes into the chapter."""
        if unit.problem:
            chapter.failed.append(Failed(self.short(unit.id), self.short(unit.problem)))
            return
        job = self._job()
        result = self._remade(unit, job)
        told = self.results.get(unit.id)
        errors = [error for error in ((told.error, *told.further) if told else ()) if error]
        if not told and result.error:
            errors = [result.error, *result.further]
        chapter.failed += [Failed(*map(self.short, why(self.plan, unit, error))) for error in errors]
        for output in unit.outputs:
            yield from self._of_output(unit, output, job, result, told)

    def _job(self) -> _Job:
        memory = Memory(self.plan.out)
        return _Job(
            self.plan.lowered,
            self.plan.data,
            self.plan.out,
            memory=memory,
            with_tags=self.gathering.with_tags,
        )

    def _remade(self, unit: Unit, job: _Job) -> UnitResult:
        """Do the unit again, in memory: its images say where each number came from."""
        from ...run.unit.results import Failure
        from ...run.unit.work import do_unit
        from ...run.workers.attempt import defect

        try:
            return do_unit(unit, job)
        except DicombakeError as error:
            return UnitResult(unit.id, "failed", error=Failure.of(error))
        except Exception as error:  # noqa: BLE001  a defect of ours must not take the page along
            return UnitResult(unit.id, "failed", error=defect(error))

    def _of_output(
        self, unit: Unit, output: Output, job: _Job, result: UnitResult, told: UnitResult | None
    ) -> Iterator[Item]:
        options = job.recipe.conversions[unit.conversion].exports[output.export]
        sliced = output.page is not None and TARGETS[options.to].made_of == "slices"
        key = (unit.conversion, unit.index, output.export)
        item = self.volumes.get(key) if sliced else None
        finding = self.findings.get(output.path)
        if item is None:
            item = Item(output.path, unit.conversion, self.short(unit.id), _status(finding, told), options.to)
            item.why = self.short(finding.why if finding else "")
            item.lines = self.lines.get(unit.conversion, ())
            yield item
            if sliced:
                self.volumes[key] = item
        elif item.status in ("written", "up to date", "fresh"):
            item.status = _status(finding, told)
        item.outputs.append(self._file(output.path, finding, told))
        item.inputs |= {file.path: file for file in self._inputs(result)}
        item.notes |= dict.fromkeys(self.short(note.text) for note in (told or result).notes)
        made = job.made.get(output.path, [])
        if made and not item.ledger:
            add_geometry(item, made[0], self.short)
        if len(item.outputs) == 1 and output.path in job.followed:
            item.tags = [
                Row(
                    f"{story.element.tag} {story.element.name}",
                    story.element.value,
                    self.short(str(story.layers[0].origin)),
                )
                for story in stories_of(job.followed[output.path])
            ]
        self._look(item, output, options, made, sliced=sliced)

    def _look(
        self, item: Item, output: Output, options: ExportOptions, made: list[Image], *, sliced: bool
    ) -> None:
        """Read the output, image by image."""
        path = self.plan.out.joinpath(*output.path.split("/"))
        if not path.is_file():
            return
        middle = self._slices(item, output) // 2 if sliced else None
        budget = self._budget(item)
        written: list[Image] = []
        try:
            for number, image in enumerate(open_side(path, None, self.plan.lowered.limits).images):
                count = image.source.pages
                at = (count // 2 if count > 2 else 0) if middle is None else middle
                add_image(item, image, made[number] if number < len(made) else None, budget, middle=at)
                written.append(image)
        except (DicombakeError, OSError) as error:
            item.notes[f"the output cannot be read: {self.short(str(error))}"] = None
        if written and not any(row.name == "pixels" for row in item.facts):
            item.facts += stored_rows(written[0], made, written, picture=_windowed(options))

    def _slices(self, item: Item, output: Output) -> int:
        first = item.unit.partition("[")[0]
        return sum(
            1
            for unit in self.plan.units
            if unit.conversion == item.conversion and self.short(unit.id).partition("[")[0] == first
            for each in unit.outputs
            if each.export == output.export
        )

    def _budget(self, item: Item) -> Budget:
        wanted = self.gathering.pictures
        again = wanted == "first" and item.conversion in self.seen and not item.pictures
        if wanted == "none" or again:
            item.left_out = item.left_out or f"the full picture is left out: --pictures {wanted}"
            return Budget(0)
        self.seen.add(item.conversion)
        return self.gathering.budget

    def _file(self, path: str, finding: Finding | None, told: UnitResult | None) -> File:
        status = _status(finding, told)
        why = self.short(finding.why) if finding else ""
        file = self.plan.out.joinpath(*path.split("/"))
        try:
            sha256 = file_sha256(file)
            return File(path, file.stat().st_size, sha256, status, why, self.known.states(path, sha256))
        except OSError:
            return File(path, None, "", status, why)

    def _inputs(self, result: UnitResult) -> Iterable[File]:
        for key, known in result.inputs:
            base, _, path = key.partition(":")
            folder = self.plan.data if base == "data" else self.plan.out
            try:
                yield File(path, folder.joinpath(*path.split("/")).stat().st_size, known)
            except OSError:
                yield File(path, None, known)


def _windowed(options: ExportOptions) -> bool:
    return isinstance(options, JpgOptions) or (isinstance(options, PngOptions) and options.window is not None)


def _status(finding: Finding | None, told: UnitResult | None) -> str:
    if told is not None:
        return DONE[told.status]
    return finding.kind if finding else "missing"


class Shortening:
    """Takes the folders of a recipe, its data and its outputs out of a text: where they lie is no matter."""

    def __init__(self, plan: Plan) -> None:
        folders: dict[str, None] = {}
        self.aliases = Aliases(plan)
        for folder in (plan.out, plan.data, plan.loaded.path.parent):
            for each in (str(folder), os.path.abspath(folder), os.path.realpath(folder)):  # noqa: PTH100
                if Path(each) != Path() and each not in (os.sep, ""):
                    folders[f"{each.rstrip(os.sep)}{os.sep}"] = None
        self.folders = sorted(folders, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for folder in self.folders:
            text = text.replace(folder, "")
        return self.aliases.text(text)
