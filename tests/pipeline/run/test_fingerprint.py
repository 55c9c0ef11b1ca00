"""What makes a unit another unit, and what does not."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from dicombake.pipeline.plan.model import InputFile, Output, Unit
from dicombake.pipeline.recipe.loaded import LoadedRecipe, Place
from dicombake.pipeline.run import fingerprint as module
from dicombake.pipeline.run.fingerprint import Options, fingerprint
from dicombake.pipeline.run.unit.contents import content, content_sha256, remember_content
from dicombake.schemas.recipe import Recipe
from msgspec import structs

UNIT = Unit("c/a.xim", "c", 1, (InputFile("a.xim", captures=(("g", "10"),)),), (Output("a.dcm", 0),))


def described(
    unit: Unit = UNIT, layer: str = "conversion", top: dict[str, Any] | None = None, **c: Any
) -> str:
    conversion = {
        "inputs": "*.xim",
        "source": "xim",
        "geometry": {"sid": "1500"},
        "exports": [{"to": "npy", "path": "{stem}.npy"}],
        **c,
    }
    recipe = Recipe.model_validate(
        {"version": 1, "name": "r", "conversions": {"c": conversion, "other": conversion}, **(top or {})}
    )
    place = Place("x.yaml", 3, 5, layer)  # type: ignore[arg-type]
    places = {("conversions", "c", "geometry", "sid"): place}
    return Options(LoadedRecipe(recipe, Path("x.yaml"), places)).of(unit)


def test_the_same_recipe_is_the_same() -> None:
    assert described() == described()
    assert described() == described(top={"description": "words", "limits": {"frames": "9"}})
    assert described() == described(top={"vars": {"unused": "x"}})
    assert described() == described(structs.replace(UNIT, id="other/id", index=7))


@pytest.mark.parametrize(
    "changes",
    [
        {"process": ["invert"]},
        {"tags": {"PatientID": "{vars.who}"}},
        {"strict": True},
        {"geometry": {"sid": "1400"}},
        {"layer": "defaults"},
        {"top": {"uid_namespace": UUID(int=1)}},
        {"top": {"name": "other"}},
        {"top": {"strict": True}},
        {"unit": structs.replace(UNIT, outputs=(Output("b.dcm", 0),))},
        {"unit": structs.replace(UNIT, pages=(0, 3))},
        {"unit": structs.replace(UNIT, group="TB1")},
        {"unit": structs.replace(UNIT, inputs=(InputFile("a.xim", captures=(("g", "11"),)),))},
    ],
    ids=str,
)
def test_what_reaches_an_output_makes_a_difference(changes: dict[str, Any]) -> None:
    assert described(**changes) != described()


def test_a_variable_counts_where_it_is_used() -> None:
    tags = {"PatientID": "{vars.who}", "AccessionNumber": "{{x}}"}
    one, other = ({"vars": {"who": who, "unused": who}} for who in ("A", "B"))
    assert described(tags=tags, top=one) != described(tags=tags, top=other)


def test_the_environment_counts_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    tags = {"StationName": "{env.ROOM}"}
    monkeypatch.setenv("ROOM", "1")
    before, unaware = described(tags=tags), described()
    monkeypatch.setenv("ROOM", "2")
    assert described(tags=tags) != before
    assert described() == unaware


def test_the_index_counts_where_it_is_used() -> None:
    exports = [{"to": "npy", "path": "{index:03d}.npy"}]
    assert described(structs.replace(UNIT, index=2), exports=exports) != described(exports=exports)


@pytest.mark.parametrize("name", ["program_version", "codecs_of"])
def test_versions_count(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = described()
    monkeypatch.setattr(module, name, lambda *_: "another")
    assert described() != before


def test_the_inputs_contents_count_their_order_does_not() -> None:
    one = fingerprint("o", {"data:a": "1", "data:b": "2"})
    assert one == fingerprint("o", {"data:b": "2", "data:a": "1"})
    assert one != fingerprint("o", {"data:a": "2", "data:b": "1"})
    assert one != fingerprint("p", {"data:a": "1", "data:b": "2"})


def test_what_another_process_hashed_holds_as_long_as_the_file_looks_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(b"one")
    known = content(path)
    assert known.sha256 == hashlib.sha256(b"one").hexdigest()
    remember_content(known._replace(sha256="told"))
    assert content_sha256(path) == "told"
    path.write_bytes(b"other")
    assert content_sha256(path) == hashlib.sha256(b"other").hexdigest()
