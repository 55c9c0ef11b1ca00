"""Workflow commands: their escapes, and the line of the recipe that each message stands on."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicombake.pipeline.errors import Note, PlanError, Problem, RecipeError
from dicombake.pipeline.plan.lower import lower
from dicombake.pipeline.plan.model import InputFile, Output, Plan, Unit
from dicombake.pipeline.printable import printable
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.report.annotations import annotation, in_repository, of_error, of_outcome, of_plan
from dicombake.pipeline.run.unit.results import Failure, Outcome, UnitResult
from hypothesis import given
from hypothesis import strategies as st

RECIPE = """\
version: 1
conversions:
  film:
    inputs: "*.npy"
    source: array
    exports: {to: npy, path: "out/{stem}.npy"}
"""


def parsed(command: str) -> tuple[str, dict[str, str], str]:
    """A command as the runner of GitHub Actions reads it (ActionCommand.TryParseV2)."""
    assert command.startswith("::") and "\n" not in command and "\r" not in command
    end = command.index("::", 2)
    name, _, rest = command[2:end].partition(" ")
    properties = {}
    for part in filter(None, rest.split(",")):
        key, _, value = part.partition("=")
        for escape, plain in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            value = value.replace(escape, plain)
        properties[key] = value
    message = command[end + 2 :]
    for escape, plain in (("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        message = message.replace(escape, plain)
    return name, properties, message


@given(
    message=st.text(alphabet="ab%:,\r\n=;Ä 0ADC235"),
    file=st.text(alphabet="ab%:,\r\n=Ä 0ADC235", min_size=1),
    line=st.integers(1, 9999),
    title=st.text(alphabet="ab%:,\n ", min_size=1),
)
def test_a_command_is_read_as_it_was_meant(message: str, file: str, line: int, title: str) -> None:
    command = annotation("error", message, file=file, line=line, column=3, title=title)
    known = {"file": shown(file), "line": str(line), "col": "3", "title": shown(title)}
    assert parsed(command) == ("error", known, shown(message))


def shown(text: str) -> str:
    """Each line as it is safe to print."""
    return "\n".join(printable(line) for line in text.replace("\r\n", "\n").split("\n"))


def test_what_is_not_known_is_left_out() -> None:
    assert annotation("warning", "50 % of\nit") == "::warning::50 %25 of%0Ait"
    assert annotation("error", "x", file="a,b.yaml") == "::error file=a%2Cb.yaml::x"


def test_files_are_named_as_in_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "qa").mkdir()
    monkeypatch.chdir(tmp_path / "qa")
    workspace = {"GITHUB_WORKSPACE": str(tmp_path)}
    assert in_repository("film.yaml", workspace) == "qa/film.yaml"
    assert in_repository("../site.yaml", workspace) == "site.yaml"
    assert in_repository("../../other.yaml", workspace) == "../../other.yaml"
    assert in_repository("film.yaml", {}) == "film.yaml"


def test_each_mistake_stands_on_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    error = RecipeError(
        (
            Problem("qa/film.yaml", 12, 5, "conversions.film.source.chanel", "unknown key"),
            Problem("x", 0, 0, "", "gone"),
        )
    )
    assert list(of_error(Path("qa/film.yaml"), error)) == [
        "::error file=qa/film.yaml,line=12,col=5,title=dicombake%3A the recipe is wrong"
        "::conversions.film.source.chanel: unknown key",
        "::error file=x,title=dicombake%3A the recipe is wrong::gone",
    ]
    other = PlanError("no file matches", subject="film", hint="look")
    assert list(of_error(Path("film.yaml"), other)) == [
        "::error file=film.yaml,line=1,title=dicombake::film: no file matches; look"
    ]


def test_a_failure_stands_on_its_conversion_and_a_contradiction_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("film.yaml").write_text(RECIPE, encoding="utf-8")
    loaded = load_recipe(Path("film.yaml"))
    units = tuple(
        Unit(f"film/{name}", "film", 1, (InputFile(name),), (Output(f"out/{name}", 0),), problem=problem)
        for name, problem in (("a.npy", ""), ("b.npy", "is cut short"), ("c.npy", ""))
    )
    plan = Plan(loaded, lower(loaded), tmp_path, tmp_path, units)
    differs = (Note("sid-differs", "the SID differs", contradiction=True), Note("other", "fine"))
    results = (
        UnitResult("film/a.npy", "written", notes=differs),
        UnitResult("film/b.npy", "failed", error=Failure("SourceError", "is cut short", "b.npy")),
        UnitResult("film/c.npy", "written", notes=differs),
    )
    assert list(of_outcome(Outcome(plan, results))) == [
        "::warning file=film.yaml,line=3,col=3,title=film/a.npy::the SID differs",
        "::error file=film.yaml,line=3,col=3,title=film/b.npy::b.npy: is cut short",
    ]
    assert list(of_plan(plan, PlanError("foreign file", subject="out/a.npy"))) == [
        "::error file=film.yaml,line=1,title=dicombake::out/a.npy: foreign file",
        "::error file=film.yaml,line=3,col=3,title=film/b.npy::is cut short",
    ]
