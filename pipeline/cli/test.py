"""``dicombake test RECIPE...``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import DicombakeError, ExitStatus, UsageError
from .common import (
    Annotate,
    Annotations,
    Assignments,
    Json,
    Junit,
    Recipes,
    annotate,
    complain,
    print_json,
    reporting,
    say,
    variables,
    worst,
)
from .reports import Reports

if TYPE_CHECKING:
    from ..testing import Result


def test(
    recipes: Recipes,
    *,
    assignments: Assignments = None,
    junit: Junit = None,
    annotations: Annotations = Annotate.AUTO,
    json: Json = False,
) -> None:
    with reporting():
        from ..report.annotations import of_error, of_tests
        from ..report.outcome import error_as_json
        from ..report.tests import summary, tests_as_json

        reports = Reports(junit)
        values = variables(assignments)
        done: list[Result] = []
        shown: list[dict[str, Any]] = []
        statuses: list[ExitStatus] = []
        for path in recipes:
            try:
                results = _tested(path, values, quiet=json)
            except DicombakeError as error:
                if not json:
                    complain(error)
                annotate(annotations, of_error(path, error))
                reports.refused(path, error)
                shown.append(error_as_json(path, error))
                statuses.append(error.status)
            else:
                done += results
                annotate(annotations, of_tests(results))
                reports.tested(path, results)
                shown.append(tests_as_json(path, results))
                failed = not all(result.passed for result in results)
                statuses.append(ExitStatus.FAILED if failed else ExitStatus.DONE)
        if not done and worst(statuses) is ExitStatus.DONE:
            raise UsageError("no recipe here has tests", hint="give it some under 'tests'")
        status = worst(statuses)
        reports.write()
        if json:
            passed = sum(result.passed for result in done)
            counts = {"passed": passed, "failed": len(done) - passed}
            print_json({"schema_version": 1, "exit_status": int(status), **counts, "recipes": shown})
        else:
            say(summary(done))
        if status is not ExitStatus.DONE:
            raise typer.Exit(int(status))


def _tested(path: Path, values: dict[str, str], *, quiet: bool) -> list[Result]:
    """The tests of one recipe, told as they end."""
    from ..report.tests import result_lines
    from ..testing import run_tests

    results: list[Result] = []
    for result in run_tests(path, values):
        if not quiet:
            if not results:
                say(str(path))
            for line in result_lines(result):
                say(line)
        results.append(result)
    if not results and not quiet:
        say(f"{path}: has no tests")
    return results
