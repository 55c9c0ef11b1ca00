"""Report what a run did for programs: the object that ``dicombake run --json`` prints.

The keys are stable. No tag value is in it: paths, hashes, sizes, versions, notes and reasons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import DicombakeError, ExitStatus, Note, RecipeError
from ..plan.aliases import masked
from ..plan.model import Unit
from ..run.unit.results import Failure, Outcome, UnitResult

SCHEMA_VERSION = 1


def runs_as_json(
    runs: Sequence[dict[str, Any]], status: ExitStatus, key: str = "runs", **facts: object
) -> dict[str, Any]:
    """Return the whole answer: `facts`, and under `key` an item for each recipe of the command line."""
    return {"schema_version": SCHEMA_VERSION, "exit_status": int(status), **facts, key: list(runs)}


def outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    """Return one recipe that was run; inputs that are de-identified have no path in it."""
    found: dict[str, Any] = masked(outcome.plan, _outcome(outcome))
    return found


def _outcome(outcome: Outcome) -> dict[str, Any]:
    loaded = outcome.plan.loaded
    counts = Counter(result.status for result in outcome.results)
    return {
        "recipe": str(loaded.path),
        "name": loaded.recipe.name,
        "digest": loaded.digest,
        "exit_status": int(outcome.exit_status),
        "interrupted": outcome.interrupted,
        "counts": {
            **{status: counts[status] for status in ("written", "current", "failed", "skipped")},
            "replaced": len(outcome.replaced),
        },
        "replaced": list(outcome.replaced),
        "notes": [_note(note) for note in outcome.notes],
        "units": [
            _unit(unit, result) for unit, result in zip(outcome.plan.units, outcome.results, strict=True)
        ],
    }


def error_as_json(recipe: Path, error: DicombakeError) -> dict[str, Any]:
    """Return one recipe that was not run."""
    found: dict[str, Any] = {
        "recipe": str(recipe),
        "exit_status": int(error.status),
        "error": _failure(Failure.of(error)),
    }
    if isinstance(error, RecipeError):
        found["problems"] = [
            {key: getattr(problem, key) for key in ("file", "line", "column", "where", "what")}
            for problem in error.problems
        ]
    return found


def _unit(unit: Unit, result: UnitResult) -> dict[str, Any]:
    return {
        "id": unit.id,
        "conversion": unit.conversion,
        "status": result.status,
        "why": result.why or None,
        "inputs": [
            {"path": key.partition(":")[2], "base": key.partition(":")[0], "sha256": known}
            for key, known in result.inputs
        ]
        or [{"path": item.shown, "base": item.base, "sha256": None} for item in unit.files],
        "outputs": [
            {"path": file.path, "sha256": file.sha256, "bytes": file.size} for file in result.written
        ],
        "notes": [_note(note) for note in result.notes],
        "error": _failure(result.error) if result.error else None,
        **({"further_errors": [_failure(error) for error in result.further]} if result.further else {}),
    }


def _note(note: Note) -> dict[str, str]:
    return {"code": note.code, "text": note.text}


def _failure(failure: Failure) -> dict[str, str]:
    found = {
        "kind": failure.kind,
        "message": failure.message,
        "subject": failure.subject,
        "hint": failure.hint,
    }
    return {**found, "traceback": failure.traceback} if failure.traceback else found
