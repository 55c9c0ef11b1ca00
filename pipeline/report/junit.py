"""Write JUnit XML: one suite per recipe, one case per output or test, for any CI that shows test reports.

No time, host or date: the same results give the same file. GitLab, Jenkins, GitHub's reporters and Azure read
``testsuites > testsuite > testcase`` with ``failure``, ``error`` or ``skipped`` inside; ``file`` and ``line``
name the recipe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

from msgspec import Struct
from msgspec.structs import replace

from ..check.compare import Checked
from ..errors import DicombakeError, RecipeError
from ..plan.aliases import Aliases
from ..plan.model import Plan, Unit
from ..recipe.lock_path import lock_path
from ..run.unit.results import Failure, Outcome, UnitResult
from ..testing import Result

Verdict = Literal["passed", "failure", "error", "skipped"]


class Case(Struct, frozen=True):
    """One test: an output, or the unit where there is none."""

    group: str
    """``recipe.conversion``."""
    name: str
    verdict: Verdict = "passed"
    kind: str = ""
    """The class of the error."""
    message: str = ""
    text: str = ""
    """More about it, of several lines."""
    file: str = ""
    line: int = 0


class Suite(Struct, frozen=True):
    """One recipe."""

    name: str
    cases: tuple[Case, ...]
    properties: tuple[tuple[str, str], ...] = ()


def suite_of_outcome(outcome: Outcome) -> Suite:
    """Return the suite of a recipe that was run."""
    loaded = outcome.plan.loaded
    cases = [
        case
        for unit, result in zip(outcome.plan.units, outcome.results, strict=True)
        for case in _cases(outcome, unit, result)
    ]
    cases = _masked(cases, outcome.plan)
    return Suite(loaded.recipe.name, tuple(cases), (("recipe", str(loaded.path)), ("digest", loaded.digest)))


def _masked(cases: Sequence[Case], plan: Plan) -> list[Case]:
    """Return the cases without names of inputs that are de-identified."""
    aliases = Aliases(plan)
    if not aliases.ids:
        return list(cases)
    return [
        replace(
            case,
            name=aliases.text(case.name),
            message=aliases.text(case.message),
            text=aliases.text(case.text),
        )
        for case in cases
    ]


def _cases(outcome: Outcome, unit: Unit, result: UnitResult) -> Iterator[Case]:
    loaded = outcome.plan.loaded
    place = loaded.place("conversions", unit.conversion)
    file, line = (place.file, place.line) if place else (str(loaded.path), 0)
    group = f"{loaded.recipe.name}.{unit.conversion}"
    done = {file.path for file in result.written}
    for name in [output.path for output in unit.outputs] or [unit.id]:
        if result.status in ("written", "current") or name in done:
            yield Case(group, name, text="\n".join(map(str, result.notes)), file=file, line=line)
        else:
            own = next((error for error in result.further if error.subject == name), result.error)
            yield _failed(Case(group, name, file=file, line=line), replace(result, error=own))


def _failed(case: Case, result: UnitResult) -> Case:
    error = result.error or Failure("", "not done")
    verdict: Verdict = "skipped" if result.status == "skipped" else "error" if error.traceback else "failure"
    notes = [str(note) for note in result.notes]
    text = "\n".join([str(error), *notes, *([error.traceback] if error.traceback else [])])
    return Case(case.group, case.name, verdict, error.kind, str(error), text, case.file, case.line)


def suite_of_checked(checked: Checked) -> Suite:
    """Return the suite of a recipe whose outputs were checked: fresh ones pass."""
    loaded = checked.plan.loaded
    conversions = {unit.id: unit.conversion for unit in checked.plan.units}
    name, recipe = loaded.recipe.name, str(loaded.path)
    cases = []
    for finding in checked.findings:
        group = f"{name}.{conversions[finding.unit]}" if finding.unit in conversions else name
        fresh = checked.fine(finding)
        text = "" if finding.kind == "fresh" else f"{finding.kind}{f': {finding.why}' if finding.why else ''}"
        verdict: Verdict = "passed" if fresh else "failure"
        cases.append(Case(group, finding.path, verdict, "" if fresh else finding.kind, text, text, recipe))
    for unit, why in checked.problems:
        cases.append(Case(f"{name}.{conversions[unit]}", unit, "failure", "SourceError", why, why, recipe))
    lock = lock_path(loaded.path).name
    cases += [Case(name, lock, "failure", "lock", what, what, recipe) for what in checked.lock]
    cases = _masked(cases, checked.plan)
    return Suite(name, tuple(cases), (("recipe", recipe), ("digest", loaded.digest)))


def suite_of_tests(recipe: Path, results: Sequence[Result]) -> Suite:
    """Return the suite of a recipe whose own tests were run: a case for each test."""
    cases = []
    for result in results:
        text = [str(mismatch) for mismatch in result.mismatches]
        verdict: Verdict = "passed" if result.passed else "failure"
        case = Case(
            f"{recipe.stem}.{result.conversion}",
            result.name,
            verdict,
            "" if result.passed else "Mismatch",
            text[0] if text else "",
            "\n".join(text),
            result.file,
            result.line,
        )
        cases.append(case)
    return Suite(recipe.stem, tuple(cases), (("recipe", str(recipe)),))


def suite_of_error(recipe: Path, error: DicombakeError) -> Suite:
    """Return the suite of a recipe that was not run: one case for each mistake in it."""
    name, kind = recipe.stem, type(error).__name__
    if not isinstance(error, RecipeError):
        return Suite(name, (Case(name, "recipe", "error", kind, str(error), str(error), str(recipe)),))
    cases = tuple(
        Case(
            name,
            problem.where or f"line {problem.line}",
            "error",
            kind,
            problem.what,
            str(problem),
            problem.file,
            problem.line,
        )
        for problem in error.problems
    )
    return Suite(name, cases)


def junit_xml(suites: Sequence[Suite]) -> bytes:
    """Return the report, UTF-8 with LF."""
    root = ET.Element("testsuites", {"name": "dicombake", **_counts([c for s in suites for c in s.cases])})
    for suite in suites:
        part = ET.SubElement(root, "testsuite", {"name": _legal(suite.name), **_counts(suite.cases)})
        if suite.properties:
            known = ET.SubElement(part, "properties")
            for name, value in suite.properties:
                ET.SubElement(known, "property", {"name": name, "value": _legal(value)})
        for case in suite.cases:
            _append(part, case)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    verdicts = [case.verdict for case in cases]
    return {
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count("failure")),
        "errors": str(verdicts.count("error")),
        "skipped": str(verdicts.count("skipped")),
    }


def _append(suite: ET.Element, case: Case) -> None:
    given = {"classname": _legal(case.group), "name": _legal(case.name)}
    if case.file:
        given["file"] = _legal(Path(case.file).as_posix())
    if case.line:
        given["line"] = str(case.line)
    found = ET.SubElement(suite, "testcase", given)
    if case.verdict == "passed":
        if case.text:
            ET.SubElement(found, "system-out").text = _legal(case.text)
        return
    kind = {"type": case.kind} if case.kind and case.verdict != "skipped" else {}
    detail = ET.SubElement(found, case.verdict, {"message": _legal(case.message), **kind})
    if case.verdict != "skipped":
        detail.text = _legal(case.text)


_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _legal(text: str) -> str:
    """Return text with characters that XML 1.0 does not allow as \\xNN or \\uNNNN."""
    return _ILLEGAL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
