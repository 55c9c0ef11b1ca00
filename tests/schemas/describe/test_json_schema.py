"""The JSON Schema for editors: fresh, and never stricter than the reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from dicombake.schemas.describe.json_schema import schema_text
from dicombake.schemas.exports import EXPORT_TARGETS
from dicombake.schemas.process import OPERATIONS
from dicombake.schemas.sources import SOURCE_FORMATS

from ...support import json_schema

ROOT = Path(__file__).resolve().parents[3]
PROFILES = sorted((ROOT / "recipes" / "profiles").glob("*.yaml"))
FILES = sorted(set((ROOT / "recipes").rglob("*.yaml")) - set(PROFILES))
FILM = {"inputs": "a", "source": "image", "exports": {"to": "png", "path": "b"}}


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    schema = json_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def film(**changes: Any) -> dict[str, Any]:
    return {"version": 1, "conversions": {"film": {**FILM, **changes}}}


def test_the_committed_file_is_fresh(golden: Callable[[Path, str], None]) -> None:
    """Else: ``dicombake schema > schemas/recipe.schema.json``, or pytest --rewrite."""
    golden(ROOT / "schemas" / "recipe.schema.json", schema_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_example_is_right_for_an_editor_too(path: Path, validator: jsonschema.Draft7Validator) -> None:
    # an editor reads YAML with types: 00123 is a number there, and 2024-01-02 text
    loaded = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
    assert [error.message for error in validator.iter_errors(loaded)] == []


@pytest.mark.parametrize(
    "recipe",
    [
        film(),
        film(source={"format": "image", "channel": "red"}, study=2024, strict=True),
        film(
            inputs=["a", "b"],
            exports=[{"to": "png", "path": "x", "window": [0, 5]}, {"to": "npy", "path": "y"}],
        ),
        film(inputs={"files": "a", "exclude": ["b"], "from": "c", "min_files": 2}, combine="mean"),
        film(combine={"method": "sum", "stretch": True}, geometry=None),
        film(process=["invert", {"crop": {"top": 2}}, {"op": "roll", "rows": -1}, {"crop": None}]),
        film(process=[{"filter": {"size": 3}}, {"filter": {"size": "1.5 mm", "kind": "gaussian"}}]),
        film(geometry={"sid": 1000, "dpi": "unknown", "gantry": "{g}", "center": "image", "couch": None}),
        film(
            geometry={"pixel_spacing": [0.4, "{x}"]},
            tags={"PatientID": 123, "StudyID": None, "A": [{"B": 1}]},
        ),
        {"extends": "site.yaml"},
        {"version": 1, "defaults": {"exports": {"pixels": "portable"}, "source": {"channel": "red"}}},
        {
            "version": 1,
            "defaults": {"source": "xim"},
            "conversions": {"a": {"inputs": "x"}, "b": {"study": "x"}},
        },
        {"extends": ["a.yaml"], "vars": {"x": None, "n": 5}, "conversions": {"old": None}},
    ],
)
def test_what_a_file_may_say(recipe: dict[str, Any], validator: jsonschema.Draft7Validator) -> None:
    assert [error.message for error in validator.iter_errors(recipe)] == []


@pytest.mark.parametrize(
    "recipe",
    [
        {},
        [],
        {"version": 2, "conversions": {"film": FILM}},
        {"version": 1, "conversions": {}},
        {"version": 1, "conversions": {"film": {"inputs": "a"}}},
        film(exportz=[]),
        film(source="imag"),
        film(source={"format": "image", "chanel": "red"}),
        film(source={"format": "xim", "channel": "red"}),
        film(exports={"to": "png", "pixels": "auto", "path": "b"}),
        film(geometry={"sidd": 1}),
        film(geometry={"scale": "varian"}),
        film(process=["rotate"]),
        film(process=[{"crop": {"topp": 1}}]),
        film(process=[{"crop": {"top": -1}}]),
        film(combine="meen"),
        film(strict="maybe"),
        {**film(), "nam": "x"},
        {**film(), "limits": {"frames": 0}},
    ],
)
def test_what_an_editor_marks(recipe: Any, validator: jsonschema.Draft7Validator) -> None:
    assert list(validator.iter_errors(recipe))


def test_every_model_and_every_described_key_is_there() -> None:
    definitions = json_schema()["definitions"]
    models = [*SOURCE_FORMATS.values(), *EXPORT_TARGETS.values(), *OPERATIONS.values()]
    assert {model.__name__ for model in models} < set(definitions)
    assert "Pixels per inch" in definitions["Geometry"]["properties"]["dpi"]["description"]
    assert (
        "Relative to the output folder" in definitions["RtImageExport"]["properties"]["path"]["description"]
    )
