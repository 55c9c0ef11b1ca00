"""Models of a recipe: closed, frozen, and the same again after a round through JSON."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from dicombake.pipeline.exporters.registry import TARGETS
from dicombake.pipeline.loaders.registry import FORMATS
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.schemas.describe.keys import keys_at, names_of, sections_with
from dicombake.schemas.exports import EXPORT_TARGETS
from dicombake.schemas.language.template import Template
from dicombake.schemas.process import OPERATIONS
from dicombake.schemas.recipe import Conversion, Limits, Recipe
from dicombake.schemas.rules.checks import problems
from dicombake.schemas.rules.rows import Rows
from dicombake.schemas.sources import SOURCE_FORMATS
from dicombake.schemas.testing.recipe import RecipeWithTests
from dicombake.schemas.testing.select import carried_tests, model_of
from pydantic import BaseModel, ValidationError

ROOT = Path(__file__).resolve().parents[2]
ROWS = Rows(FORMATS, TARGETS)
EXAMPLES = sorted((ROOT / "recipes").glob("*.yaml"))
FULL: dict[str, Any] = {
    "version": "1",
    "name": "full",
    "uid_namespace": "4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11",
    "vars": {"x": "1"},
    "limits": {"frames": "7"},
    "conversions": {
        "a": {
            "inputs": {"files": "{n:d}.npy", "group_by": "n", "from": ["b"]},
            "source": {"format": "volume", "slice_axis": "2", "spacing": ["0.5", "0.5", "1e0"]},
            "process": [
                "invert",
                {"crop": {"top": "2"}},
                {"filter": {"size": "1.5 mm"}},
                {"normalize": {"to": "max"}},
            ],
            "geometry": {
                "sid": "unknown",
                "gantry": "{n}",
                "pixel_spacing": ["0.4", "{n}"],
                "center": "image",
            },
            "exports": [
                {"to": "ct-series", "path": "{slice:04d}.dcm"},
                {"to": "png", "path": "{slice}.png", "window": ["0", "4095"]},
            ],
            "tags": {
                "PatientID": "{vars.x}",
                "ExposureSequence": [{"ExposureTime": "5"}],
                "PixelData": {"base64": "AAA="},
            },
        },
        "b": {
            "inputs": "b/*.dcm",
            "source": "dicom",
            "combine": "mean",
            "exports": {"to": "dicom", "path": "b.dcm"},
        },
    },
}


def test_text_becomes_what_its_place_means() -> None:
    recipe = Recipe.model_validate(FULL)
    a = recipe.conversions["a"]
    assert recipe.limits == Limits(frames=7)
    assert a.geometry.sid == "unknown"
    assert a.geometry.pixel_spacing == (0.4, Template("{n}"))
    assert isinstance(a.geometry.gantry, Template)
    assert [operation.op for operation in a.process] == ["invert", "crop", "filter", "normalize"]
    assert list(problems(recipe, ROWS)) == []


@pytest.mark.parametrize("path", [None, *EXAMPLES], ids=lambda path: path.stem if path else "full")
def test_a_recipe_comes_back_from_json(path: Path | None) -> None:
    recipe = Recipe.model_validate(FULL) if path is None else load_recipe(path).recipe
    model = type(recipe)
    assert model.model_validate(recipe.model_dump(mode="json", by_alias=True)) == recipe
    assert model.model_validate_json(recipe.model_dump_json(by_alias=True)) == recipe


def test_a_recipe_without_tests_does_without_their_models() -> None:
    assert model_of(FULL) is Recipe
    assert carried_tests(Recipe.model_validate(FULL)) == ()
    for other in ("tests", "test", "", 5):
        assert model_of({**FULL, other: None}) is RecipeWithTests
    field = {"phantom": "field", "name": "f.dcm", "format": "dicom", "shape": [9, 9], "size": [5, 5]}
    test = {"name": "a field", "conversion": "b", "input": field, "expect": {"outputs": 1}}
    recipe = RecipeWithTests.model_validate({**FULL, "tests": [test]})
    assert [each.conversion for each in carried_tests(recipe)] == ["b"]


def test_a_recipe_never_changes() -> None:
    recipe = Recipe.model_validate(FULL)
    with pytest.raises(ValidationError, match="frozen"):
        recipe.conversions["a"].geometry.sid = 5.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("key", "group"), [("format", SOURCE_FORMATS), ("to", EXPORT_TARGETS), ("op", OPERATIONS)]
)
def test_unions_name_their_members_by_their_key(key: str, group: dict[str, type[BaseModel]]) -> None:
    assert {name: model.model_fields[key].default for name, model in group.items()} == {
        name: name for name in group
    }


def test_keys_follow_the_models() -> None:
    assert set(keys_at(Recipe, ()).names) == set(Recipe.model_fields)
    assert set(keys_at(Recipe, ("conversions", "x")).names) == set(Conversion.model_fields)
    for section, group in (("source", SOURCE_FORMATS), ("exports", EXPORT_TARGETS), ("process", OPERATIONS)):
        at: tuple[str | int, ...] = ("conversions", "x", section, *((0,) if section != "source" else ()))
        assert keys_at(Recipe, at).union_names == tuple(group)
        for name, model in group.items():
            assert keys_at(Recipe, (*at, name)).names == tuple(names_of(model))
    assert "from" in keys_at(Recipe, ("conversions", "x", "inputs")).names
    assert keys_at(Recipe, ("nowhere", 5, "x")).names == ()
    assert sections_with("dpi") == ["'geometry'"]
    assert sections_with("window") == ["'exports'"]
    assert sections_with("sid_") == []


def test_cycles_of_any_length_are_told_once_each() -> None:
    names = ["a", "b", "c", "d"]
    for length in range(1, 5):
        ring = names[:length]
        conversions = {
            name: {"inputs": {"from": other}, "source": "dicom", "exports": {"to": "npy", "path": name}}
            for name, other in zip(ring, itertools.islice(itertools.cycle(ring), 1, None), strict=False)
        }
        recipe = Recipe.model_validate({"version": 1, "name": "x", "conversions": conversions})
        found = list(problems(recipe, ROWS))
        assert [location for location, _ in found] == [("conversions", n, "inputs", "from", 0) for n in ring]
        assert all("cannot take what it makes itself" in what for _, what in found)
