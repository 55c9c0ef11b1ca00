"""What a notebook shows of a plan, an outcome and an image: the parts of the page, bounded in size.

Nothing in it needs a script or asks for anything, and its colours are those of the notebook around it.
Inputs that are de-identified have no path in it, and no value of a tag is in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import singledispatch
from typing import Any, TypeVar, overload

from msgspec import Struct
from msgspec.structs import replace

from ...errors import DicombakeError
from ...imaging.image import Image
from ...plan.model import InputFile, Plan, Unit
from ...printable import printable
from ...run.failures import told
from ...run.forecast import SENTENCES, forecast
from ...run.preflight import RunOptions, preflight
from ...run.unit.results import Outcome, UnitResult
from .gather import DONE, Gathering, Shortening, about
from .model import Failed, Item, Row
from .page import fragment
from .shown import Budget, add_geometry, add_image, described_picture, stored_rows

MOST = 50
"""Rows of a list."""
CARDS = 24
"""Outputs with their picture, geometry and files."""
WORK = 256 * 2**20
"""Bytes of inputs that are converted once more in memory for them."""
SIDE = 384
"""Of the picture of an image, in pixels."""
_TEXT = 600
"""Characters of a reason or a note."""

Shown = TypeVar("Shown")


class Table(Struct, frozen=True):
    """Rows under a head."""

    head: Sequence[str]
    rows: Sequence[Sequence[object]]


class Summary(Struct, kw_only=True):
    """What the page, too, says of a recipe before its outputs."""

    about: Sequence[Row]
    counts: Sequence[tuple[str, int]]
    failed: Sequence[Failed]
    replaced: Sequence[str] = ()
    orphans: Sequence[str] = ()
    notes: Sequence[str]


class _Worded(Sequence[Shown]):
    """A list whose entries are put into words when they are shown, which most of a long one never are."""

    def __init__(self, entries: Sequence[Any], word: Callable[..., Shown]) -> None:
        """`word` takes the parts of an entry."""
        self.entries, self.word = entries, word

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, at: int) -> Shown: ...
    @overload
    def __getitem__(self, at: slice) -> list[Shown]: ...
    def __getitem__(self, at: int | slice) -> Shown | list[Shown]:
        if isinstance(at, slice):
            return [self.word(*entry) for entry in self.entries[at]]
        return self.word(*self.entries[at])


@singledispatch
def html_of(thing: object) -> str:
    """Return a plan, an outcome or an image as HTML for a notebook."""
    raise TypeError(f"no notebook shows {type(thing).__name__}")


@html_of.register
def _of_plan(plan: Plan) -> str:
    """Show what would be done: conversions, units and why each would run, notes."""
    short = _Short(plan)
    reasons, obstacle = _reasons(plan)
    counts = Counter("up to date" if text.startswith("up to date") else "to do" for text in reasons.values())
    paths = [output.path for unit in plan.units for output in unit.outputs]
    problems = [(unit.id, unit.problem) for unit in plan.units if unit.problem]
    problems += [("all of it", obstacle)] if obstacle else []
    found = Summary(
        about=list(about(plan.loaded)),
        counts=[("outputs", len(paths)), *counts.items()],
        failed=_Worded(problems, lambda name, why: Failed(short(name), short(why))),
        notes=_Worded([(note.text,) for note in plan.notes], short),
    )
    units = _Worded(list(reasons.items()), lambda name, why: f"{short(name)}: {short(why)}")
    return _fragment(
        repr(plan)[1:-1],
        chapter=found,
        table=Table(("conversion", "source", "files", "to", "outputs"), list(_conversions(plan))),
        lists=[("Units", units), ("Outputs", paths)],
    )


@html_of.register
def _of_outcome(outcome: Outcome) -> str:
    """Show what was done: counts, failures, notes, and the first outputs as they are now."""
    plan = outcome.plan
    short = _Short(plan)
    results = {result.unit: result for result in outcome.results}
    statuses = Counter({DONE[result.status]: 0 for result in outcome.results})
    for unit in plan.units:
        statuses[DONE[results[unit.id].status]] += len(unit.outputs)
    errors = [
        (unit, error)
        for unit in plan.units
        for error in (results[unit.id].error, *results[unit.id].further)
        if error
    ]
    found = Summary(
        about=list(about(plan.loaded)),
        counts=[("outputs", sum(statuses.values())), *(each for each in statuses.items() if each[1])],
        failed=_Worded(errors, lambda unit, error: Failed(*map(short, told(plan, unit, error)))),
        replaced=list(outcome.replaced),
        notes=_Worded([(note.text,) for note in outcome.notes], short),
    )
    written = [file.path for result in outcome.results for file in result.written]
    looked = _look(outcome, results)
    left_out = ""
    if looked.outputs < len(written):
        left_out = f"{looked.outputs} of {len(written)} outputs are shown here; 'dicombake report' shows all"
    lists = [("Outputs", written)]
    return _fragment(repr(outcome)[1:-1], chapter=found, lists=lists, items=looked.items, left_out=left_out)


@html_of.register
def _of_image(image: Image) -> str:
    """Show the picture with what is known to lie in it, the geometry with its origins, and the values."""
    title = repr(image)[1:-1]
    item = Item(title, "", "", "", image.source.format)
    picture: dict[str, Any] = {}
    item.notes = dict.fromkeys(note.text for note in image.notes)
    if not image.without_pixels:
        add_image(item, image, None, Budget(0), middle=0, side=SIDE)
        add_geometry(item, image)
        item.facts += stored_rows(image, (), (), picture=False)
        sizes = {"rows": image.rows, "columns": image.columns}
        picture = described_picture(image, sizes, 0)
    return _fragment(title, item=item, picture=picture)


def _fragment(title: str, **values: Any) -> str:
    empty: dict[str, Any] = {
        "chapter": None, "table": None, "lists": (), "items": (), "item": None, "picture": None,
        "left_out": "",
    }  # fmt: skip
    return fragment("notebook.html", title=title, most=MOST, **{**empty, **values})


class _Short:
    """Makes a text short: no folder of the plan, no path of what is de-identified, no end."""

    def __init__(self, plan: Plan) -> None:
        self.shortening = Shortening(plan)

    def __call__(self, text: str) -> str:
        return printable(self.shortening(text), _TEXT)


def _reasons(plan: Plan) -> tuple[dict[str, str], str]:
    """Return why each unit would run, as far as is known without opening files, and what is in the way."""
    try:
        lock, obstacle = preflight(plan, RunOptions())
        forecasts = list(forecast(plan, lock))
    except (DicombakeError, OSError) as error:
        return {}, str(error)
    told = {each.unit.id: each for each in forecasts if each.why != "problem"}
    reasons = {
        name: f"runs: {each.task.why}" if each.why == "changed" else SENTENCES[each.why]
        for name, each in told.items()
    }
    return reasons, str(obstacle) if obstacle else ""


def _conversions(plan: Plan) -> Iterator[tuple[object, ...]]:
    inputs: dict[str, set[InputFile]] = {}
    outputs: Counter[str] = Counter()
    for unit in plan.units:
        inputs.setdefault(unit.conversion, set()).update(unit.inputs)
        outputs[unit.conversion] += len(unit.outputs)
    for name, conversion in plan.loaded.recipe.conversions.items():
        targets = ", ".join(export.to for export in conversion.exports)
        yield name, conversion.source.format, len(inputs.get(name, ())), targets, outputs[name]


class _Looked(Struct):
    """Outputs to look at, and how many there are in them."""

    items: list[Item]
    outputs: int


def _look(outcome: Outcome, results: Mapping[str, UnitResult]) -> _Looked:
    """Look at the first outputs that were made, as they are now: of a volume at the range in its middle."""
    plan = outcome.plan
    files: dict[tuple[str, int], list[Unit]] = {}
    for unit in plan.units:
        if results[unit.id].status in ("written", "current"):
            files.setdefault((unit.conversion, unit.index), []).append(unit)
    chosen: list[Unit] = []
    slices: dict[str, list[str]] = {}
    cards, work = 0, 0
    for ranges in () if plan.remote else files.values():
        middle = ranges[len(ranges) // 2]
        own = {output.export: output.path for output in reversed(middle.outputs)}
        cards += len(own) if len(ranges) > 1 else len(middle.outputs)
        work += sum(_size(plan, item) for item in middle.files)
        if chosen and (cards > CARDS or work > WORK):
            break
        chosen.append(middle)
        for export, path in own.items() if len(ranges) > 1 else ():
            slices[path] = [each.path for unit in ranges for each in unit.outputs if each.export == export]
    looked = _Looked(Gathering("none").items(replace(plan, units=tuple(chosen)), outcome)[:CARDS], 0)
    written = {file.path: file.sha256 for result in outcome.results for file in result.written}
    for item in looked.items:
        if any(file.sha256 != written.get(file.path) for file in item.outputs):
            item.status = "altered"
        whole = slices.get(item.outputs[0].path)
        if whole:
            item.title, item.count = whole[0], len(whole)
        looked.outputs += len(whole or item.outputs)
    return looked


def _size(plan: Plan, item: InputFile) -> int:
    folder = plan.data if item.base == "data" else plan.out
    try:
        return folder.joinpath(*item.path.split("/")).stat().st_size
    except OSError:
        return 0
