"""The command ``dicombake test RECIPE...``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...confined import folders_of
from ...errors import ExitStatus, UsageError
from ..common import (
    Annotate,
    Annotations,
    Assignments,
    Json,
    Junit,
    Recipes,
    Untrusted,
    annotate,
    reporting,
    say,
    variables,
    worst,
)
from ..program.each import EachRecipe, Shown
from ..program.reports import Reports

if TYPE_CHECKING:
    from ...testing import Result


def test(
    recipes: Recipes,
    *,
    assignments: Assignments = None,
    junit: Junit = None,
    annotations: Annotations = Annotate.AUTO,
    untrusted: Untrusted = False,
    json: Json = False,
) -> None:
    with reporting():
        from ...report.annotations import of_tests
        from ...report.commands.tests import summary, tests_as_json

        reports = Reports(junit, confined_to=folders_of(recipes, None, None) if untrusted else ())
        reports.check(recipes)
        values = variables(assignments)
        done: list[Result] = []

        def tested(path: Path) -> Shown:
            results = _tested(path, values, quiet=json, trusted=not untrusted)
            done.extend(results)
            annotate(annotations, of_tests(results))
            reports.tested(path, results)
            failed = not all(result.passed for result in results)
            return tests_as_json(path, results), ExitStatus.FAILED if failed else ExitStatus.DONE

        each = EachRecipe(json, annotations, reports)
        each.run(recipes, tested)
        if not done and worst(each.statuses) is ExitStatus.DONE:
            raise UsageError("no recipe here has tests", hint="give it some under 'tests'")
        if not json:
            say(summary(done))
        passed = sum(result.passed for result in done)
        each.finish("recipes", passed=passed, failed=len(done) - passed)


def _tested(path: Path, values: dict[str, str], *, quiet: bool, trusted: bool) -> list[Result]:
    """Return the tests of one recipe, each printed when it ends."""
    from ...report.commands.tests import result_lines
    from ...testing import run_tests

    results: list[Result] = []
    for result in run_tests(path, values, trusted=trusted):
        if not quiet:
            if not results:
                say(str(path))
            for line in result_lines(result):
                say(line)
        results.append(result)
    if not results and not quiet:
        say(f"{path}: has no tests")
    return results
