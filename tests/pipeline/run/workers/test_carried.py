"""A recipe as workers get it: the same values, and no model."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dicombake.pipeline.loaders import defaults as unasked
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.run.workers.carried import carried
from dicombake.schemas.geometry import Geometry
from dicombake.schemas.language.words import POSITIVE, TABLE_GEOMETRY
from dicombake.schemas.sources import ArraySource, DicomSource, ImageSource, XimSource
from pydantic import BaseModel, ValidationError

RECIPES = Path(__file__).resolve().parents[4] / "recipes"
MACHINES = """
version: 1
name: machines
machines:
  TB1: {geometry: {sid: 1500}, tags: {StationName: TB1}}
  TB2: {geometry: {sid: 1600}, tags: {OtherPatientIDsSequence: [{PatientID: x}]}}
conversions:
  film:
    inputs: {files: "{machine}/*.tif", exclude: "*b*", group_by: machine}
    source: image
    machine: "{machine}"
    combine: mean
    process: [{crop: {top: 2}}, {rotate: {degrees: 3}}]
    geometry: {pixel_spacing: ["{vars.mm}", 0.5], gantry: unknown}
    exports: [{to: rt-image, path: "{group}.dcm"}, {to: png, path: "{group}.png", window: [0, 5]}]
vars: {mm: "0.25"}
"""


def same(plain: Any, model: Any) -> bool:
    """Whether a carried value is what the recipe has, name by name."""
    if isinstance(model, BaseModel):
        assert type(plain) is SimpleNamespace and vars(plain).keys() == type(model).model_fields.keys()
        return all(same(value, getattr(model, name)) for name, value in vars(plain).items())
    if isinstance(model, Mapping):
        return list(plain) == list(model) and all(same(plain[key], model[key]) for key in model)
    if isinstance(model, tuple):
        return len(plain) == len(model) and all(map(same, plain, model))
    return type(plain) is type(model) and bool(plain == model)


@pytest.mark.parametrize("name", ["machines", *sorted(path.stem for path in RECIPES.glob("*.yaml"))])
def test_every_value_of_a_recipe_arrives(name: str, tmp_path: Path) -> None:
    path = RECIPES / f"{name}.yaml"
    if name == "machines":
        path = tmp_path / "machines.yaml"
        path.write_text(MACHINES)
    loaded = load_recipe(path, {})
    arrived = carried(loaded)
    assert same(arrived.recipe, loaded.recipe)
    assert arrived.variants.keys() == loaded.variants.keys()
    assert all(
        same(arrived.for_machine(each).recipe, loaded.for_machine(each).recipe) for each in loaded.variants
    )
    assert (arrived.places, arrived.digest, arrived.path) == (loaded.places, loaded.digest, loaded.path)


def test_it_is_unpacked_without_pydantic(tmp_path: Path) -> None:
    (tmp_path / "machines.yaml").write_text(MACHINES)
    (tmp_path / "loaded").write_bytes(pickle.dumps(carried(load_recipe(tmp_path / "machines.yaml", {}))))
    code = (
        "import pathlib, pickle, sys; loaded = pickle.loads(pathlib.Path('loaded').read_bytes());"
        "print(loaded.for_machine('TB2').recipe.conversions['film'].geometry.sid, 'pydantic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "1600.0 False\n"


@pytest.mark.parametrize(
    ("plain", "model"),
    [
        (unasked.DICOM, DicomSource()),
        (unasked.IMAGE, ImageSource()),
        (unasked.XIM, XimSource()),
        (unasked.ARRAY, ArraySource()),
    ],
)
def test_what_nobody_asked_for_is_what_the_models_say(plain: Any, model: BaseModel) -> None:
    assert same(plain, model)


@pytest.mark.parametrize(
    "name", [name for name in Geometry.model_fields if name not in ("at", "scale", "fills")]
)
def test_the_numbers_above_0_are_those_of_the_models(name: str) -> None:
    value: Any = (-1.0, -1.0) if name in ("pixel_spacing", "center") else -1.0
    if name in POSITIVE:
        with pytest.raises(ValidationError, match="must be greater than 0"):
            Geometry.model_validate({name: value})
    else:
        assert getattr(Geometry.model_validate({name: value}), name) == value
    assert set(TABLE_GEOMETRY) <= Geometry.model_fields.keys()
