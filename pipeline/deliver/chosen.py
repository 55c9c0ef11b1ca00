"""Which outputs go where: what the recipe says of those that are fresh."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...schemas.language.suggest import did_you_mean
from ..check.compare import check
from ..errors import UsageError
from ..exporters.registry import DICOM, TARGETS
from ..plan.model import Plan
from ..store.lock import Lock
from .model import Item

if TYPE_CHECKING:
    from ...schemas.recipe import Conversion, Recipe


@dataclass
class Chosen:
    """What is to be delivered."""

    items: dict[str, list[Item]] = field(default_factory=dict)
    """By destination, in the plan's order; each destination that the recipe delivers to is there."""
    stale: dict[str, str] = field(default_factory=dict)
    """Outputs that are held back, and why."""
    held: list[tuple[str, str]] = field(default_factory=list)
    """Output and destination of each pair that `stale` holds back."""
    notes: list[str] = field(default_factory=list)


def chosen(plan: Plan, lock: Lock, *, to: str | None = None, fast: bool = False) -> Chosen:
    """Choose what is to be delivered, to one destination or to each that the recipe names.

    `fast`: believe a file that looks as when a run last knew its content; what is sent is hashed in any case.

    Raises:
        UsageError: `to` is no destination of the recipe; or nothing is delivered at all.
        PlanError: the lock cannot be read.
    """
    recipe = plan.loaded.recipe
    if to is not None and to not in recipe.destinations:
        known = ", ".join(recipe.destinations) or "none"
        hint = did_you_mean(to, recipe.destinations, otherwise=f"it has {known}")
        raise UsageError(f"the recipe has no destination '{to}'", hint=hint)
    pairs = list(wanted(plan, to))
    found = Chosen({name: [] for name in recipe.destinations if to in (None, name) and is_used(recipe, name)})
    if not found.items:
        what = f"nothing is delivered to '{to}'" if to else "the recipe delivers nothing"
        hint = "name destinations under 'deliver' in a conversion or an export"
        raise UsageError(what, subject=str(plan.loaded.path), hint=hint)
    findings = {finding.path: finding for finding in check(plan, fast=fast).findings}
    skipped: dict[str, int] = {}
    for item, name in pairs:
        finding = findings.get(item.path)
        if finding is None or finding.kind != "fresh":
            kind = finding.kind if finding is not None else "missing"
            why = f": {finding.why}" if finding is not None and finding.why else ""
            found.stale[item.path] = f"{kind}{why}"
            found.held.append((item.path, name))
        elif recipe.destinations[name].to != "folder" and not item.dicom:
            skipped[name] = skipped.get(name, 0) + 1
        else:
            found.items[name].append(
                Item(item.path, item.file, lock.outputs[item.path], item.dicom, item.deidentified)
            )
    for name, count in skipped.items():
        found.notes.append(f"{name} takes DICOM: {count} other outputs are not sent there")
    for unit in plan.units:
        if unit.problem:
            found.notes.append(f"{unit.id} has no outputs to send: {unit.problem}")
    return found


def is_used(recipe: Recipe, name: str) -> bool:
    """Tell whether anything is delivered to a destination."""
    return any(
        name in _names(conversion, number)
        for conversion in recipe.conversions.values()
        for number in range(len(conversion.exports))
    )


def _names(conversion: Conversion, export: int) -> tuple[str, ...]:
    """Return the destinations of an export: its own, else its conversion's."""
    own = conversion.exports[export].deliver
    return (conversion.deliver if own is None else own) or ()


def wanted(plan: Plan, to: str | None) -> Iterator[tuple[Item, str]]:
    """Give each output with each destination that it is to go to, or with the one; hashes are empty."""
    for unit in plan.units:
        conversion = plan.conversion(unit)
        for output in unit.outputs:
            export = conversion.exports[output.export]
            file = plan.out.joinpath(*output.path.split("/"))
            item = Item(
                output.path,
                file,
                "",
                TARGETS[export.to].file is DICOM,
                getattr(conversion, "deidentify", None) is not None,
            )
            yield from (
                (item, name)
                for name in dict.fromkeys(_names(conversion, output.export))
                if to in (None, name)
            )
