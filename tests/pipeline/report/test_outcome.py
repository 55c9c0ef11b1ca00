"""What a run tells people and programs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from dicombake.pipeline.errors import ExitStatus, Note, Problem, RecipeError
from dicombake.pipeline.plan.lower import lower
from dicombake.pipeline.plan.model import InputFile, Output, Plan, Unit
from dicombake.pipeline.recipe.loaded import LoadedRecipe
from dicombake.pipeline.report.outcome import error_as_json, outcome_as_json, runs_as_json
from dicombake.pipeline.report.progress import Bar, Lines
from dicombake.pipeline.report.table import failure_lines, headline, note_lines, table, why_lines
from dicombake.pipeline.run.unit.results import Failure, Outcome, UnitResult
from dicombake.pipeline.store.files import Written
from dicombake.schemas.recipe import Recipe
from rich.console import Console

CONVERSION = {"inputs": "*.xim", "source": "xim", "exports": {"to": "npy", "path": "{stem}.npy"}}


def outcome(*results: UnitResult, notes: tuple[Note, ...] = (), interrupted: bool = False) -> Outcome:
    """Units are named ``conversion/file``."""
    names = dict.fromkeys(result.unit.split("/")[0] for result in results)
    recipe = Recipe.model_validate(
        {"version": 1, "name": "qa", "conversions": dict.fromkeys(names or ["c"], CONVERSION)}
    )
    units = tuple(
        Unit(
            result.unit,
            result.unit.split("/")[0],
            1,
            (InputFile(f"raw/{result.unit.split('/')[1]}"),),
            (Output("a.npy", 0),),
        )
        for result in results
    )
    loaded = LoadedRecipe(recipe, Path("qa.yaml"), digest="ab")
    return Outcome(Plan(loaded, lower(loaded), Path(), Path(), units), results, notes, interrupted)


WRITTEN = UnitResult(
    "epid/a.xim", "written", (Written("a.npy", 12, "cd"),), (("data:raw/a.xim", "ef"),), (Note("n", "text"),)
)
FAILED = UnitResult(
    "epid/b.xim", "failed", error=Failure("SourceError", "is cut short", "raw/b.xim", "copy it again")
)
SKIPPED = UnitResult("film/c.tif", "skipped", error=Failure("Skipped", "not done: it needs x, which failed"))
DEFECT = UnitResult(
    "film/d.tif", "failed", error=Failure("E", "this is a defect", traceback="Traceback:\n  x\n")
)


def text_of(found: object, width: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(found)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines() if line.strip())


def test_the_object_for_programs() -> None:
    found = runs_as_json([outcome_as_json(outcome(WRITTEN, FAILED))], ExitStatus.FAILED)
    assert json.loads(json.dumps(found)) == {
        "schema_version": 1,
        "exit_status": 1,
        "runs": [
            {
                "recipe": "qa.yaml",
                "name": "qa",
                "digest": "ab",
                "exit_status": 1,
                "interrupted": False,
                "counts": {"written": 1, "current": 0, "failed": 1, "skipped": 0, "replaced": 0},
                "replaced": [],
                "notes": [],
                "units": [
                    {
                        "id": "epid/a.xim",
                        "conversion": "epid",
                        "status": "written",
                        "why": None,
                        "inputs": [{"path": "raw/a.xim", "base": "data", "sha256": "ef"}],
                        "outputs": [{"path": "a.npy", "sha256": "cd", "bytes": 12}],
                        "notes": [{"code": "n", "text": "text"}],
                        "error": None,
                    },
                    {
                        "id": "epid/b.xim",
                        "conversion": "epid",
                        "status": "failed",
                        "why": None,
                        "inputs": [{"path": "raw/b.xim", "base": "data", "sha256": None}],
                        "outputs": [],
                        "notes": [],
                        "error": {
                            "kind": "SourceError",
                            "message": "is cut short",
                            "subject": "raw/b.xim",
                            "hint": "copy it again",
                        },
                    },
                ],
            }
        ],
    }


def test_a_wrong_recipe_for_programs() -> None:
    found = error_as_json(Path("qa.yaml"), RecipeError((Problem("qa.yaml", 3, 5, "conversions.x", "wrong"),)))
    assert found["problems"] == [
        {"file": "qa.yaml", "line": 3, "column": 5, "where": "conversions.x", "what": "wrong"}
    ]
    assert found["exit_status"] == 2


def test_the_table() -> None:
    told = outcome(WRITTEN, FAILED, SKIPPED, DEFECT, WRITTEN)
    expected = """\
 conversion   written   up to date   failed   not done
 ─────────────────────────────────────────────────────
 epid               2            -        1          -
 film               -            -        1          1
 ─────────────────────────────────────────────────────
 all                2            0        2          1"""
    assert text_of(table(told), 80) == expected
    assert text_of(table(told), 120) == expected


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    name = "a" * 64
    found = text_of(table(outcome(UnitResult(f"{name}/x", "written"))), width)
    assert max(map(len, found.splitlines())) <= width
    if width == 120:
        assert name in found


def test_the_headline() -> None:
    assert headline(outcome(WRITTEN, FAILED, SKIPPED)) == "qa: 1 written, 1 failed, 1 not done (1 file)"
    assert headline(outcome()) == "qa: nothing to do"
    assert headline(outcome(SKIPPED, interrupted=True)) == "qa: interrupted: 1 not done"


def test_failures_have_their_reason_and_defects_their_traceback() -> None:
    assert failure_lines(outcome(WRITTEN, FAILED, SKIPPED, DEFECT)) == [
        "failed: epid: raw/b.xim: is cut short; copy it again",
        "failed: film: raw/d.tif: this is a defect",
        "Traceback:",
        "  x",
        "1 image: not done: it needs x, which failed",
    ]


def test_many_failures_are_told_in_full_only_when_asked() -> None:
    told = outcome(*(UnitResult(f"c/{number}", "failed", error=FAILED.error) for number in range(25)))
    lines = failure_lines(told)
    assert len(lines) == 21
    assert lines[-1] == "and 5 more failed; --verbose tells all"
    assert len(failure_lines(told, verbose=True)) == 25


def test_like_notes_are_one_line() -> None:
    same = [
        UnitResult(f"c/{n}", "written", notes=(Note("float16", "stored as float32"),)) for n in range(500)
    ]
    each = [UnitResult(f"d/{n}", "written", notes=(Note("sid", f"differs by {n} mm"),)) for n in range(5)]
    one = UnitResult("e/x", "written", notes=(Note("odd", "is odd"), Note("odd", "is odd")))
    told = outcome(*same, *each, one, notes=(Note("no-lock", "no lock is kept"),))
    assert note_lines(told) == [
        "note: no lock is kept",
        "note: 500 images: stored as float32",
        "note: 5 images: for example d/0: differs by 0 mm; --verbose tells each",
        "note: e/x: is odd",
    ]
    assert len(note_lines(told, verbose=True)) == 1 + 500 + 5 + 2


def test_without_a_terminal_progress_is_a_line_every_few_seconds() -> None:
    now = [0.0]
    said: list[str] = []
    lines = Lines(said.append, lambda: now[0])
    unit = Unit("epid/a", "epid", 1, (), ())
    lines.start(100)
    for number in range(100):
        now[0] += 0.25
        lines.finished(unit, UnitResult("epid/a", "failed" if number == 7 else "written"))
    lines.close()
    assert said == [
        "20 of 100 done, 1 failed, 4.0 a second, about 20 s left (epid)",
        "40 of 100 done, 1 failed, 4.0 a second, about 15 s left (epid)",
        "60 of 100 done, 1 failed, 4.0 a second, about 10 s left (epid)",
        "80 of 100 done, 1 failed, 4.0 a second, about 5 s left (epid)",
    ]


@pytest.mark.parametrize("width", [30, 80, 120])
def test_a_bar_fits_its_terminal(width: int) -> None:
    stream = io.StringIO()
    screen = Console(file=stream, width=width, force_terminal=True, color_system=None, legacy_windows=False)
    bar = Bar(screen)
    unit = Unit("epid/a", "epid", 1, (), ())
    bar.start(3)
    for status in ("written", "failed", "current"):
        bar.finished(unit, UnitResult("epid/a", status))  # type: ignore[arg-type]
    bar.stopping()
    bar.close()
    assert "3/3" in stream.getvalue()
    assert "interrupted; finishing what" in stream.getvalue()


def test_why_units_were_done_again() -> None:
    def done(name: str, why: str, status: str = "written") -> UnitResult:
        return UnitResult(f"epid/{name}", status, why=why)  # type: ignore[arg-type]

    told = outcome(
        done("a", "not made before"),
        done("b", "tags.PatientID changed"),
        done("c", "tags.PatientID changed", "failed"),
        done("d", "d.xim changed"),
        done("e", "", "current"),
        done("f", "--force"),
    )
    assert why_lines(told) == ["why: 2 images: tags.PatientID changed", "why: epid/d: d.xim changed"]
    assert why_lines(told, verbose=True) == [
        "why: epid/b: tags.PatientID changed",
        "why: epid/c: tags.PatientID changed",
        "why: epid/d: d.xim changed",
    ]
    many = outcome(*(done(str(number), f"{number}.xim changed") for number in range(25)))
    assert why_lines(many)[20:] == ["why: and 5 more reasons; --verbose tells each"]
