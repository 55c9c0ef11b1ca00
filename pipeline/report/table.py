"""Report what a run did, for people: a table of counts, the failures, the notes with equal ones together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import Note
from ..plan.model import Plan, Unit
from ..run.failures import failure_line
from ..run.unit.results import Outcome, Status, UnitResult

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS: dict[Status, str] = {
    "written": "written",
    "current": "up to date",
    "failed": "failed",
    "skipped": "not done",
}
_STYLES: dict[Status, str] = {"written": "green", "current": "dim", "failed": "bold red", "skipped": "yellow"}
SHOWN = 20
LIKE = 3
"""The most different texts of notes of one code; of more, an example stands for them."""


def table(outcome: Outcome) -> Table:
    """Return one row for each conversion, in the recipe's order; the sums below where there are several."""
    from rich import box
    from rich.table import Table

    counts: dict[str, Counter[Status]] = {}
    for unit, result in zip(outcome.plan.units, outcome.results, strict=True):
        counts.setdefault(unit.conversion, Counter())[result.status] += images_of(unit)
    many = len(counts) > 1
    found = Table(box=box.SIMPLE, show_footer=many, pad_edge=False)
    found.add_column("conversion", "all" if many else "", overflow="fold", ratio=None)
    for status, title in COLUMNS.items():
        total = sum(row[status] for row in counts.values())
        found.add_column(title, str(total), justify="right", style=_STYLES[status] if total else "dim")
    for conversion, row in counts.items():
        found.add_row(conversion, *(str(row[status]) if row[status] else "-" for status in COLUMNS))
    return found


def images_of(unit: Unit) -> int:
    """Return how many images a unit is: a range of a volume as many as it has slices, any other one."""
    return max([1, *Counter(output.export for output in unit.outputs).values()])


def _counts(outcome: Outcome) -> Counter[Status]:
    counts: Counter[Status] = Counter()
    for unit, result in zip(outcome.plan.units, outcome.results, strict=True):
        counts[result.status] += images_of(unit)
    return counts


def headline(outcome: Outcome) -> str:
    """Return the run in one line, for a log. Files are those in place, also those of failed images."""
    counts = _counts(outcome)
    parts = [f"{counts[status]} {title}" for status, title in COLUMNS.items() if counts[status]]
    files, replaced = sum(len(r.written) for r in outcome.results if r.status != "current"), outcome.replaced
    of_them = f", {len(replaced)} replaced" if replaced else ""
    made = f" ({files} {'file' if files == 1 else 'files'}{of_them})" if files else ""
    state = "interrupted: " if outcome.interrupted else ""
    return f"{outcome.plan.loaded.recipe.name}: {state}{', '.join(parts) or 'nothing to do'}{made}"


def failure_lines(outcome: Outcome, *, verbose: bool = False) -> list[str]:
    """Return each failure with its reason, defects with their traceback; skipped units by reason."""
    if not outcome.count("failed") and not outcome.count("skipped"):
        return []
    done = zip(outcome.plan.units, outcome.results, strict=True)
    failed = [(unit, result) for unit, result in done if result.status == "failed"]
    shown = failed if verbose else failed[:SHOWN]
    lines = [line for unit, result in shown for line in _failure_of(outcome.plan, unit, result)]
    if len(failed) > len(shown):
        lines.append(f"and {len(failed) - len(shown)} more failed; --verbose tells all")
    reasons: Counter[str] = Counter()
    for unit, result in zip(outcome.plan.units, outcome.results, strict=True):
        if result.status == "skipped" and result.error:
            reasons[result.error.message] += images_of(unit)
    lines += [f"{_images(number)}: {reason}" for reason, number in reasons.items()]
    return lines


def _failure_of(plan: Plan, unit: Unit, result: UnitResult) -> Iterator[str]:
    """Yield each failure of a unit: a line, and the traceback of a defect."""
    errors = [error for error in (result.error, *result.further) if error]
    yield from (f"failed: {failure_line(plan, unit, error)}" for error in errors)
    if result.written:
        yield f"  in place all the same: {', '.join(file.path for file in result.written)}"
    if result.error and result.error.traceback:
        yield from result.error.traceback.splitlines()


def note_lines(outcome: Outcome, *, verbose: bool = False) -> list[str]:
    """Return notes of the run, then those of units: each one if verbose, else equal ones in one line."""
    own = [f"note: {note}" for note in outcome.notes]
    notes = [(result.unit, note) for result in outcome.results for note in result.notes]
    if verbose:
        return own + [f"note: {unit}: {note}" for unit, note in notes]
    if not notes:
        return own
    return own + [f"note: {line}" for line in _grouped(notes, _sizes(outcome))]


def notes_of(result: UnitResult) -> list[str]:
    """Return the notes of one unit, as `note_lines` does."""
    return [f"note: {line}" for line in _grouped([(result.unit, note) for note in result.notes], {})]


def why_lines(outcome: Outcome, *, verbose: bool = False) -> list[str]:
    """Return why units were done again: each if verbose, else those with one reason together."""
    from ..run.forecast import FORCED, NEW  # loads Pydantic, which `notes_of` does without

    units: dict[str, list[str]] = {}
    for result in outcome.results:
        if result.why and result.status in ("written", "failed") and result.why not in (NEW, FORCED):
            units.setdefault(result.why, []).append(result.unit)
    if verbose:
        return [f"why: {unit}: {why}" for why, names in units.items() for unit in names]
    if not units:
        return []
    sizes = _sizes(outcome)
    lines = [f"why: {_named(names, sizes)}: {why}" for why, names in units.items()]
    more = [f"why: and {len(lines) - SHOWN} more reasons; --verbose tells each"] if len(lines) > SHOWN else []
    return lines[:SHOWN] + more


def replaced_lines(outcome: Outcome, *, verbose: bool = False) -> list[str]:
    """Return every output that now has the content of another input; only the first ones unless verbose."""
    paths = outcome.replaced
    shown = paths if verbose else paths[:SHOWN]
    more = (
        [f"replaced: and {len(paths) - SHOWN} more; --verbose names each"] if len(shown) < len(paths) else []
    )
    return [f"replaced: {path}" for path in shown] + more


def _sizes(outcome: Outcome) -> dict[str, int]:
    """Return how many images each unit is, by its id."""
    return {unit.id: images_of(unit) for unit in outcome.plan.units}


def _named(units: Sequence[str], sizes: Mapping[str, int]) -> str:
    """Return the name of the only unit; of several, how many images they are."""
    return units[0] if len(units) == 1 else _images(sum(sizes.get(unit, 1) for unit in units))


def _grouped(notes: Sequence[tuple[str, Note]], sizes: Mapping[str, int]) -> Iterator[str]:
    codes: dict[str, dict[str, list[str]]] = {}
    for unit, note in notes:
        units = codes.setdefault(note.code, {}).setdefault(note.text, [])
        if unit not in units[-1:]:
            units.append(unit)
    for texts in codes.values():
        if len(texts) > LIKE:
            every = {unit for units in texts.values() for unit in units}
            number = sum(sizes.get(unit, 1) for unit in every)
            text, units = next(iter(texts.items()))
            yield f"{_images(number)}: for example {units[0]}: {text}; --verbose tells each"
            continue
        for text, units in texts.items():
            yield f"{_named(units, sizes)}: {text}"


def _images(number: int) -> str:
    return "1 image" if number == 1 else f"{number} images"
