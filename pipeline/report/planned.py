"""Show a plan, for people and for programs: every step, and why its unit would run or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ..plan.aliases import masked
from ..plan.model import InputFile, Plan, Step
from ..run.forecast import SENTENCES, Forecast

LATER = "check"
"""The reason that means: nothing to do, as far as is known."""


def plan_lines(plan: Plan, forecasts: Sequence[Forecast], *, verbose: bool = True) -> Iterator[str]:
    """Yield the plan as text: units with their reason, steps with their files; `verbose` off: units only."""
    yield f"{plan.loaded.recipe.name}: {_summary(forecasts)}"
    steps: dict[str, list[Step]] = {}
    for step in plan.steps():
        steps.setdefault(step.unit, []).append(step)
    for item in forecasts:
        problem = f": {item.unit.problem}" if item.unit.problem else ""
        sentence = f"runs: {item.task.why}" if item.why == "changed" else SENTENCES[item.why]
        yield f"  {item.unit.id}  {sentence}{problem}"
        for step in steps.get(item.unit.id, ()) if verbose else ():
            yield f"    {_step(step)}"


def _summary(forecasts: Sequence[Forecast]) -> str:
    counts = Counter(
        "up to date" if item.why == LATER else "to run" for item in forecasts if item.why != "problem"
    )
    broken = sum(item.why == "problem" for item in forecasts)
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
