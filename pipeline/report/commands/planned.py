"""Show a plan, for people and for programs: every step, and why its unit would run or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from ...plan.aliases import masked
from ...plan.model import InputFile, Plan, Step
from ...run.forecast import SENTENCES, Forecast

LATER = "check"
"""The reason that means: nothing to do, as far as is known."""


def plan_lines(
    plan: Plan, forecasts: Callable[[], Iterable[Forecast]], *, verbose: bool = True
) -> Iterator[str]:
    """Yield the plan as text: units with their reason, steps with their files; `verbose` off: units only.

    `forecasts`: of every unit, made twice: the first line counts what the others say.
    """
    yield f"{plan.loaded.recipe.name}: {_summary(forecasts())}"
    steps = groupby(plan.steps(), attrgetter("unit")) if verbose else iter(())
    following = next(steps, None)
    for item in forecasts():
        problem = f": {item.unit.problem}" if item.unit.problem else ""
        sentence = f"runs: {item.task.why}" if item.why == "changed" else SENTENCES[item.why]
        yield f"  {item.unit.id}  {sentence}{problem}"
        if following is not None and following[0] == item.unit.id:
            for step in following[1]:
                yield f"    {_step(step)}"
            following = next(steps, None)


def _summary(forecasts: Iterable[Forecast]) -> str:
    counts: Counter[str] = Counter()
    for item in forecasts:
        counts[
            "up to date" if item.why == LATER else "cannot run" if item.why == "problem" else "to run"
        ] += 1
    broken = counts.pop("cannot run", 0)
    parts = [f"{number} {what}" for what, number in counts.items()] + (
        [f"{broken} cannot run"] if broken else []
    )
    return ", ".join(parts) or "nothing to do"


def _step(step: Step) -> str:
    files = [*(f"< {path}" for path in step.inputs), *(f"> {path}" for path in step.outputs)]
    return "  ".join([f"{step.kind} {step.does}", *files])


def plan_as_json(plan: Plan, forecasts: Sequence[Forecast]) -> dict[str, Any]:
    """Return the plan as an object with stable keys; no tag value stands in it."""
    found: dict[str, Any] = masked(plan, _plan(plan, forecasts))
    return found


def _plan(plan: Plan, forecasts: Sequence[Forecast]) -> dict[str, Any]:
    steps: dict[str, list[dict[str, Any]]] = {}
    for step in plan.steps():
        steps.setdefault(step.unit, []).append(
            {
                "id": step.id,
                "kind": step.kind,
                "does": step.does,
                "inputs": list(step.inputs),
                "outputs": list(step.outputs),
                "needs": list(step.needs),
            }
        )
    return {
        "recipe": str(plan.loaded.path),
        "name": plan.loaded.recipe.name,
        "digest": plan.loaded.digest,
        "notes": [{"code": note.code, "text": note.text} for note in plan.notes],
        "units": [
            {
                "id": item.unit.id,
                "conversion": item.unit.conversion,
                "why": item.why,
                "reason": item.task.why or None,
                "runs": item.why not in (LATER, "problem"),
                "problem": item.unit.problem or None,
                "inputs": [_input(file) for file in item.unit.files],
                "outputs": [output.path for output in item.unit.outputs],
                "needs": list(item.unit.needs),
                "steps": steps.get(item.unit.id, []),
            }
            for item in forecasts
        ],
    }


def _input(file: InputFile) -> dict[str, str]:
    return {"path": file.shown, "base": file.base}
