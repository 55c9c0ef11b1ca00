"""Report the results of recipes' tests, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ...testing import Result


def result_lines(result: Result) -> Iterator[str]:
    """Yield a test, and below it what differs from the statement."""
    if result.passed:
        yield f"  passed  {result.name}"
        return
    yield f"  FAILED  {result.name} ({result.place})"
    for mismatch in result.mismatches:
        yield f"          {mismatch}"


def summary(results: Iterable[Result]) -> str:
    """Return ``3 passed, 1 failed``."""
    listed = list(results)
    passed = sum(result.passed for result in listed)
    return f"{passed} passed, {len(listed) - passed} failed"


def tests_as_json(recipe: Path, results: Iterable[Result]) -> dict[str, Any]:
    """Return the tests of one recipe."""
    return {
        "recipe": str(recipe),
        "tests": [
            {
                "name": result.name,
                "conversion": result.conversion,
                "place": result.place,
                "passed": result.passed,
                "mismatches": [
                    {key: getattr(mismatch, key) for key in ("file", "what", "expected", "found")}
                    for mismatch in result.mismatches
                ],
            }
            for result in results
        ],
    }
