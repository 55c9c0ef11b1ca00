"""Fresh, stale, missing, altered, foreign: each with its reason, and nothing written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dicombake.pipeline.check.compare import Checked, check
from dicombake.pipeline.errors import ExitStatus, PlanError
from dicombake.pipeline.plan.model import Plan
from dicombake.pipeline.recipe.loaded import LoadedRecipe
from dicombake.pipeline.run import fingerprint, reasons, versions
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import run_plan
from dicombake.pipeline.store.lock import Lock, format_lock, read_lock
from dicombake.pipeline.store.state import State
from msgspec import structs

from ..run.made_plans import make_plan, recipe, shout

FILES = {"a": "one", "b": "two", "c": "three"}
NEEDS = {"c": ["b"]}


def made(folder: Path, **changes: Any) -> Plan:
    loaded = LoadedRecipe(recipe(**changes), folder / "fake.yaml", digest="0" * 64)
    return make_plan(folder, FILES, needs=NEEDS, loaded=loaded)


def run(plan: Plan) -> None:
    run_plan(plan, RunOptions(), work=shout)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A plan that was carried out."""
    plan = made(tmp_path)
    run(plan)
    return plan


def told(checked: Checked) -> dict[str, tuple[str, str]]:
    return {finding.path[4:5]: (finding.kind, finding.why) for finding in checked.findings}


FRESH = dict.fromkeys("abc", ("fresh", ""))


def test_after_a_run_all_is_fresh(plan: Plan) -> None:
    for fast in (False, True):
        checked = check(plan, fast=fast)
        assert told(checked) == FRESH
        assert checked.lock == ()
        assert checked.exit_status is ExitStatus.DONE


def test_nothing_is_written_whatever_is_found(plan: Plan, tmp_path: Path) -> None:
    def everything() -> list[tuple[str, int, bytes]]:
        return [
            (str(path), path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path in sorted(tmp_path.rglob("*"))
        ]

    (tmp_path / "a.txt").write_text("other")
    (tmp_path / "out/b.out").unlink()
    before = everything()
    assert check(plan).exit_status is ExitStatus.DIFFERENT
    assert everything() == before


def test_a_check_of_what_was_never_made_leaves_no_folder(tmp_path: Path) -> None:
    plan = made(tmp_path)
    checked = check(plan)
    assert told(checked) == dict.fromkeys("abc", ("missing", "not made before"))
    assert checked.lock == ("there is none; a run makes it",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt", "c.txt"]


def test_an_input_that_changed(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("new")
    assert told(check(plan)) == {
        "a": ("fresh", ""),
        "b": ("stale", "b.txt changed"),
        "c": ("stale", "b is to be made first"),
    }


def test_an_output_that_is_gone_or_altered(plan: Plan, tmp_path: Path) -> None:
    """What is made again comes out as before, so that what hangs on it stays fresh."""
    (tmp_path / "out/a.out").unlink()
    (tmp_path / "out/b.out").write_text("by hand")
    assert told(check(plan)) == {
        "a": ("missing", ""),
        "b": ("altered", "its content is not what the lock says"),
        "c": ("fresh", ""),
    }
    run(plan)
    assert told(check(plan)) == FRESH


def test_altered_and_stale_at_once_says_both(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("new")
    (tmp_path / "out/a.out").write_text("by hand")
    assert told(check(plan))["a"] == (
        "altered",
        "its content is not what the lock says; a.txt changed",
    )


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ({}, {"tags": {"PatientID": "SECRET"}}, "tags.PatientID added"),
        ({"tags": {"PatientID": "SECRET"}}, {}, "tags.PatientID removed"),
        (
            {"tags": {"PatientID": "SECRET", "RTImageName": "x"}},
            {"tags": {"PatientID": "OTHER", "RTImageName": "x"}},
            "tags.PatientID changed",
        ),
        ({"geometry": {"sid": "1000"}}, {"geometry": {"sid": "1500"}}, "geometry.sid changed"),
        ({}, {"process": ["invert"]}, "process added"),
        ({}, {"combine": {"method": "sum"}}, "combine.method added"),
        (
            {"exports": [{"to": "png", "path": "{stem}.out"}]},
            {"exports": [{"to": "png", "path": "{stem}.out", "window": "full"}]},
            "exports[0].window added",
        ),
        ({"source": {"format": "image", "page": "1"}}, {"source": "image"}, "source.page removed"),
        ({}, {"strict": "true", "remove_tags": ["PatientID"]}, "remove_tags added, strict added"),
    ],
    ids=str,
)
def test_a_changed_option_has_a_name_and_no_value(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any], why: str
) -> None:
    run(made(tmp_path, **before))
    assert told(check(made(tmp_path, **after)))["a"] == ("stale", why)
    assert "SECRET" not in (tmp_path / "fake.lock").read_text()


def test_many_changes_are_cut_short(tmp_path: Path) -> None:
    run(made(tmp_path))
    names = ("PatientID", "PatientName", "RTImageName", "RTImageLabel", "StationName", "StudyID")
    why = told(check(made(tmp_path, tags=dict.fromkeys(names, "x"), process=["invert"])))["a"][1]
    assert why == (
        "process added, tags.PatientID added, tags.PatientName added, tags.RTImageLabel added, "
        "tags.RTImageName added, and 2 more"
    )


def test_globs_are_no_part_of_an_output(tmp_path: Path) -> None:
    run(made(tmp_path))
    assert told(check(made(tmp_path, inputs=["*.t?t"], on_empty="ok"))) == FRESH


def test_a_variable_that_is_used_has_a_name(tmp_path: Path) -> None:
    def plan(who: str) -> Plan:
        conversion = {
            "inputs": "*.txt",
            "source": "xim",
            "tags": {"PatientID": "{vars.who}"},
            "exports": [{"to": "npy", "path": "{stem}.out"}],
        }
        document = {"version": 1, "name": "fake", "vars": {"who": who}, "conversions": {"c": conversion}}
        loaded = LoadedRecipe(
            type(recipe()).model_validate(document), tmp_path / "fake.yaml", digest="0" * 64
        )
        return make_plan(tmp_path, FILES, loaded=loaded)

    run(plan("A"))
    assert told(check(plan("B")))["a"] == ("stale", "vars.who changed")


def test_versions_are_named(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (fingerprint, reasons):
        monkeypatch.setattr(module, "program_version", lambda: "9.9")
    before = versions.installed("dicombake")
    assert told(check(plan))["a"] == ("stale", f"dicombake {before} -> 9.9")


def test_a_codec_is_named(plan: Plan, tmp_path: Path) -> None:
    lock = read_lock(tmp_path / "fake.lock")
    installed = lock.codecs["numpy"]
    older = structs.replace(lock, codecs={**lock.codecs, "numpy": "1.0"})
    (tmp_path / "fake.lock").write_text(format_lock(older))
    stale = structs.replace(
        older, units=dict.fromkeys(lock.units, "0" * 64), options={**lock.options, "c:versions": "0" * 12}
    )
    assert told(check(plan)) == FRESH, "the fingerprint decides"
    (tmp_path / "fake.lock").write_text(format_lock(stale))
    assert told(check(plan))["a"] == ("stale", f"numpy 1.0 -> {installed}")


def test_a_new_input_of_a_group_is_named(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "extra.txt").write_text("more")
    unit = plan.units[0]
    more = structs.replace(unit, inputs=(*unit.inputs, type(unit.inputs[0])("extra.txt")))
    wider = structs.replace(plan, units=(more, *plan.units[1:]))
    assert told(check(wider))["a"] == ("stale", "extra.txt is a new input")


def test_an_input_that_is_gone_from_a_group_leaves_a_reason(plan: Plan, tmp_path: Path) -> None:
    unit = plan.units[2]
    fewer = structs.replace(unit, inputs=unit.inputs[:1], needs=())
    narrower = structs.replace(plan, units=(*plan.units[:2], fewer))
    assert told(check(narrower))["c"] == ("stale", reasons.UNNAMED)


def test_a_foreign_file_and_one_of_our_own(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "fake.lock").unlink()
    known = told(check(plan))
    assert known["a"] == ("stale", "this recipe wrote it, and the lock does not know it")
    for file in (tmp_path / ".dicombake").iterdir():
        file.unlink()
    assert told(check(plan)) == dict.fromkeys(
        "abc", ("foreign", "the lock does not know it, and this recipe did not write it")
    )


def test_what_the_recipe_makes_no_more(plan: Plan, tmp_path: Path) -> None:
    checked = check(make_plan(tmp_path, {"a": "one"}))
    assert told(checked) == {
        "a": ("fresh", ""),
        "b": ("stale", "the recipe does not make it any more"),
        "c": ("stale", "the recipe does not make it any more"),
    }
    assert checked.lock == (
        "it names 2 outputs that the recipe does not have",
        "it names 2 inputs that the recipe does not have",
    )


def test_a_lock_of_another_recipe_is_out_of_date_though_no_output_is(plan: Plan) -> None:
    loaded = structs.replace(plan.loaded, digest="1" * 64)
    checked = check(structs.replace(plan, loaded=loaded))
    assert told(checked) == FRESH
    assert checked.lock == ("it is of another state of the recipe",)
    assert checked.exit_status is ExitStatus.DIFFERENT


def test_a_unit_that_cannot_be_made_is_told(plan: Plan) -> None:
    broken = structs.replace(plan.units[0], outputs=(), problem="its header is cut short")
    checked = check(structs.replace(plan, units=(broken, *plan.units[1:])))
    assert checked.problems == (("a", "its header is cut short"),)
    assert checked.exit_status is ExitStatus.DIFFERENT


def test_a_run_that_was_killed_is_told(plan: Plan, tmp_path: Path) -> None:
    state = State(plan.loaded.path)
    database = state.open()
    database.begin_journal(format_lock(Lock(recipe="0" * 64)).splitlines())
    database.note_finished([b"a"], [f"output {'1' * 64}  out:out/a.out"])
    database.close()
    assert check(plan).lock == (
        "a run that did not end has done more than it says; the next run takes that up",
    )


def test_a_lock_with_the_marks_of_a_merge_is_refused(plan: Plan, tmp_path: Path) -> None:
    text = (tmp_path / "fake.lock").read_text()
    (tmp_path / "fake.lock").write_text(text.replace("output", "<<<<<<< HEAD\noutput", 1))
    actions: tuple[Callable[[Plan], object], ...] = (check, run)
    for action in actions:
        with pytest.raises(PlanError, match=r"fake\.lock:\d+: has the marks of an unsolved merge"):
            action(plan)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
@pytest.mark.parametrize("fast", [False, True])
def test_a_pipe_in_the_place_of_an_output_is_not_waited_for(plan: Plan, tmp_path: Path, fast: bool) -> None:
    (tmp_path / "out/a.out").unlink()
    os.mkfifo(tmp_path / "out/a.out")
    kind, why = told(check(plan, fast=fast))["a"]
    assert (kind, why) == ("altered", "it cannot be read: it is a pipe, a device or a socket, and no file")


def test_a_folder_in_the_place_of_an_output(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "out/a.out").unlink()
    (tmp_path / "out/a.out").mkdir()
    kind, why = told(check(plan))["a"]
    assert kind == "altered"
    assert why.startswith("it cannot be read: ")


def test_fast_believes_looks_and_full_does_not(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen_files = "dicombake.pipeline.run.seen_files.SeenFiles.content"
    (tmp_path / "out/a.out").write_text("by hand")
    known = read_lock(tmp_path / "fake.lock")
    monkeypatch.setattr(seen_files, lambda self, base, path: (1, {**known.inputs, **known.outputs}[path]))
    assert told(check(plan, fast=True)) == FRESH
    assert told(check(plan))["a"][0] == "altered"
