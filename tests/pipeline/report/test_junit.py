"""The JUnit report: a case for each output, and text that XML can hold."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from dicombake.pipeline.errors import Note, PlanError, Problem, RecipeError
from dicombake.pipeline.plan.lower import lower
from dicombake.pipeline.plan.model import InputFile, Output, Plan, Unit
from dicombake.pipeline.recipe.loaded import LoadedRecipe
from dicombake.pipeline.report.junit import Case, Suite, junit_xml, suite_of_error, suite_of_outcome
from dicombake.pipeline.run.unit.results import Failure, Outcome, UnitResult
from dicombake.pipeline.store.files import Written
from dicombake.schemas.recipe import Recipe
from hypothesis import given
from hypothesis import strategies as st

CONVERSION = {"inputs": "*.xim", "source": "xim", "exports": {"to": "npy", "path": "{stem}.npy"}}


def outcome() -> Outcome:
    recipe = Recipe.model_validate({"version": 1, "name": "qa", "conversions": {"epid": CONVERSION}})
    units = tuple(
        Unit(f"epid/{name}", "epid", 1, (InputFile(name),), tuple(Output(path, 0) for path in paths))
        for name, paths in (
            ("a.xim", ("a.npy", "a.dcm")),
            ("b.xim", ("b.npy", "b.dcm")),
            ("c.xim", ()),
            ("d.xim", ("d.npy",)),
            ("e.xim", ("e.npy",)),
        )
    )
    results = (
        UnitResult("epid/a.xim", "current", notes=(Note("n", "text"),)),
        UnitResult(
            "epid/b.xim",
            "failed",
            (Written("b.npy", 1, "00"),),
            error=Failure("ExportError", "does not fit", "b.dcm", "cast it"),
        ),
        UnitResult("epid/c.xim", "failed", error=Failure("SourceError", "is cut short")),
        UnitResult("epid/d.xim", "skipped", error=Failure("Skipped", "not done")),
        UnitResult("epid/e.xim", "failed", error=Failure("KeyError", "a defect", traceback="Traceback\n")),
    )
    loaded = LoadedRecipe(recipe, Path("qa.yaml"), digest="ab")
    return Outcome(Plan(loaded, lower(loaded), Path(), Path(), units), results)


def test_every_output_is_a_case() -> None:
    text = junit_xml([suite_of_outcome(outcome())])
    root = ET.fromstring(text)
    counts = {"tests": "7", "failures": "2", "errors": "1", "skipped": "1"}
    assert root.attrib == {"name": "dicombake", **counts}
    (suite,) = root
    assert suite.attrib == {"name": "qa", **counts}
    assert [(p.get("name"), p.get("value")) for p in suite.iter("property")] == [
        ("recipe", "qa.yaml"), ("digest", "ab"),
    ]  # fmt: skip
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert {case.get("classname") for case in cases.values()} == {"qa.epid"}
    assert {name: [part.tag for part in case] for name, case in cases.items()} == {
        "a.npy": ["system-out"],
        "a.dcm": ["system-out"],
        "b.npy": [],
        "b.dcm": ["failure"],
        "epid/c.xim": ["failure"],
        "d.npy": ["skipped"],
        "e.npy": ["error"],
    }
    failure = cases["b.dcm"][0]
    assert failure.attrib == {"message": "b.dcm: does not fit; cast it", "type": "ExportError"}
    assert "Traceback" in str(cases["e.npy"][0].text)
    assert b"time" not in text and b"hostname" not in text and text.endswith(b"\n") and b"\r" not in text


def test_a_recipe_that_is_wrong_has_a_case_for_each_mistake() -> None:
    problems = tuple(
        Problem("qa.yaml", line, 3, where, "unknown key") for line, where in ((4, "a.b"), (9, ""))
    )
    suite = suite_of_error(Path("qa.yaml"), RecipeError(problems))
    assert [(case.name, case.verdict, case.line, case.text) for case in suite.cases] == [
        ("a.b", "error", 4, "qa.yaml:4:3: a.b: unknown key"),
        ("line 9", "error", 9, "qa.yaml:9:3: unknown key"),
    ]
    (case,) = suite_of_error(Path("qa.yaml"), PlanError("no file matches", subject="film")).cases
    assert (case.group, case.name, case.message) == ("qa", "recipe", "film: no file matches")


@given(st.text(st.characters(codec=None)))
def test_any_text_makes_valid_xml(text: str) -> None:
    case = Case(text, text, "failure", "E", text, text, "a.yaml", 3)
    (suite,) = ET.fromstring(junit_xml([Suite("s", (case,), (("p", text),))]))
    found = suite.find("testcase")
    assert found is not None and found.get("line") == "3"
    if text.isprintable() and text.isascii():
        assert (found.get("name"), found[0].text or "") == (text, text)
