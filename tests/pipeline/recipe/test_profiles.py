"""Profiles: under everything else, weak in geometry, handed down to DICOM exports, no part of the bytes."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import numpy as np
import pydicom
import pytest
import yaml
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.recipe.loaded import LoadedRecipe
from dicombake.pipeline.recipe.lock_path import lock_path
from dicombake.pipeline.recipe.merged_text import config
from dicombake.pipeline.store.lock import read_lock
from dicombake.schemas.language.tags import path_of
from dicombake.schemas.profiles import PROFILES

from ...support import bake, failures, json_schema

ROOT = Path(__file__).resolve().parents[3]
HEAD = "version: 1\nuid_namespace: 1f7b0a52-8b0e-4a49-8f5e-6a3a2f0e7c02\n"
LAYERED = f"""{HEAD}
profile: profiles/mine.yaml
extends: sites/north.yaml
defaults: {{geometry: {{couch: 3}}, tags: {{StationName: defaults}}}}
machines: {{TB1: {{tags: {{DeviceSerialNumber: machine}}}}}}
conversions:
  a:
    inputs: "*.npy"
    source: array
    machine: TB1
    tags: {{RTImageName: conversion}}
    exports:
      - {{to: rt-image, path: "a/{{stem}}.dcm"}}
      - {{to: secondary-capture, pixels: quantize, path: "a/{{stem}}_sc.dcm"}}
      - {{to: png, window: full, path: "a/{{stem}}.png"}}
  bare: {{inputs: "*.npy", source: array, profile: ~, exports: {{to: rt-image, path: "b/{{stem}}.dcm"}}}}
  own: {{exports: {{to: rt-image, path: "c/{{stem}}.dcm"}}}}
"""
NORTH = """\
defaults: {geometry: {sid: 1000, dpi: 100}, tags: {InstitutionName: extends, StationName: extends}}
conversions:
  own: {inputs: "*.npy", source: array, profile: own/north.yml}
"""
MINE = """\
pixels: retain
geometry: {pixel_spacing: [9, 9], sid: 999, sad: 998, couch: 1}
tags:
  InstitutionName: profile
  StationName: profile
  DeviceSerialNumber: profile
  RTImageName: profile
  OperatorsName: profile
"""
SIMPLE = f"""{HEAD}
conversions:
  a:
    inputs: "*.npy"
    source: array
    geometry: {{sid: 1000, dpi: 100}}
    exports: {{to: rt-image, path: "{{stem}}.dcm"}}
"""


@pytest.fixture
def layered(tmp_path: Path) -> Path:
    for path, text in {
        "r.yaml": LAYERED,
        "sites/north.yaml": NORTH,
        "sites/own/north.yml": "pixels: portable\ntags: {StationName: north}\n",
        "profiles/mine.yaml": MINE,
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path / "r.yaml"


def written(folder: Path, text: str, *, name: str = "r.yaml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def tag(loaded: LoadedRecipe, conversion: str, keyword: str) -> tuple[str | None, str]:
    """A tag's text in a conversion, and the layer that set it."""
    value = loaded.recipe.conversions[conversion].tags.get(path_of(keyword))
    place = loaded.places.get(("conversions", conversion, "tags", keyword))
    return (value.items[0] if value and value.items else None), place.layer if place else ""


def test_each_layer_wins_over_those_below(layered: Path) -> None:
    loaded = load_recipe(layered)
    assert tag(loaded, "a", "OperatorsName") == ("profile", "profile")
    assert tag(loaded, "a", "InstitutionName") == ("extends", "extends")
    assert tag(loaded, "a", "StationName") == ("defaults", "defaults")
    assert tag(loaded, "a", "DeviceSerialNumber") == ("machine", "machine")
    assert tag(loaded, "a", "RTImageName") == ("conversion", "conversion")
    assert tag(loaded, "bare", "OperatorsName") == (None, "")
    assert tag(loaded, "bare", "StationName") == ("defaults", "defaults")
    assert tag(loaded, "own", "OperatorsName") == (None, "")
    geometry = loaded.recipe.conversions["a"].geometry
    assert (geometry.sid, geometry.sad, geometry.couch) == (1000, 998, 3)
    assert (geometry.dpi, geometry.pixel_spacing) == (100, None)


def test_values_are_handed_down_to_dicom_exports_that_say_nothing_themselves(layered: Path) -> None:
    loaded = load_recipe(layered)
    told = {
        name: [getattr(export, "pixels", None) for export in conversion.exports]
        for name, conversion in loaded.recipe.conversions.items()
    }
    assert told == {"a": ["retain", "quantize", None], "bare": ["auto"], "own": ["portable"]}
    place = loaded.places["conversions", "a", "exports", 0, "pixels"]
    assert str(place) == f"{layered.parent.as_posix()}/profiles/mine.yaml:1"


def test_a_profile_is_found_beside_the_file_that_names_it(layered: Path) -> None:
    place = load_recipe(layered).places["conversions", "own", "exports", 0, "pixels"]
    assert str(place) == f"{layered.parent.as_posix()}/sites/own/north.yml:1"


def test_geometry_of_a_profile_only_fills(tmp_path: Path) -> None:
    written(tmp_path, "geometry: {sid: 1500, gantry: 90}\n", name="p.yaml")
    np.save(tmp_path / "a.npy", np.arange(12, dtype=np.uint16).reshape(3, 4))
    assert not failures(bake(written(tmp_path, SIMPLE)))
    again = f"""{HEAD}
profile: p.yaml
conversions: {{a: {{inputs: a.dcm, source: dicom, exports: {{to: rt-image, path: "b.dcm"}}}}}}
"""
    outcome = bake(written(tmp_path, again, name="again.yaml"))
    assert not failures(outcome)
    made = pydicom.dcmread(tmp_path / "b.dcm")
    assert (made.RTImageSID, made.GantryAngle) == (1000, 90)
    assert [note for result in outcome.results for note in result.notes if note.contradiction] == []


def test_the_merged_recipe_loads_back_without_its_profiles(layered: Path) -> None:
    text = config(layered).text()
    assert "profile:" not in text
    merged = written(layered.parent, text, name="merged.yaml")
    assert load_recipe(merged).digest == load_recipe(layered).digest


def test_naming_a_profile_is_as_writing_what_it_says(tmp_path: Path) -> None:
    named = written(tmp_path, SIMPLE.replace("    source:", "    profile: pylinac\n    source:"))
    out = SIMPLE.replace("{to: rt-image", "{pixels: retain, transfer_syntax: explicit-le, to: rt-image")
    np.save(tmp_path / "a.npy", np.arange(12, dtype=np.int32).reshape(3, 4) - 5)
    bake(named)
    first = read_lock(lock_path(named))
    bake(written(tmp_path, out))
    assert read_lock(lock_path(named)) == first


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "uint32", "float32", "float64"])
def test_pylinac_keeps_values_and_type(dtype: str, tmp_path: Path) -> None:
    values = np.arange(12).reshape(3, 4).astype(dtype)
    np.save(tmp_path / "a.npy", values)
    text = SIMPLE.replace("conversions:", "profile: pylinac\nconversions:").replace(
        "    geometry",
        "    process: [{rescale: {slope: 1, intercept: 0}}, {cast: {dtype: %s}}]\n    geometry",
    )
    assert not failures(bake(written(tmp_path, text % dtype)))
    made = pydicom.dcmread(tmp_path / "a.dcm")
    assert made.pixel_array.dtype == dtype
    np.testing.assert_array_equal(made.pixel_array, values)
    assert "RescaleSlope" not in made
    assert "PixelIntensityRelationshipSign" not in made


FLOATS = (
    "a.dcm: an RT Image may not hold float32, and few programs read it there; use 'pixels: quantize' for one "
    "that all do; 'to: parametric-map' is the kind made for floats, and 'verify: values' writes it all the "
    "same"
)
NOT_EXACT = (
    "a.dcm: cannot be stored exactly in 16 bits: values from 0.0 to 1.0 in steps of 2.98023e-08 need "
    "33554433 levels, and 16 bits have 65536; use 'pixels: quantize'"
)


def test_standard_refuses_what_the_iod_does_not_allow(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4))
    text = SIMPLE.replace("conversions:", "profile: standard\nconversions:")
    assert failures(bake(written(tmp_path, text))) == [NOT_EXACT]
    outcome = bake(written(tmp_path, text.replace("{to:", "{pixels: retain, to:")))
    assert failures(outcome) == [FLOATS]
    assert not (tmp_path / "a.dcm").exists()


def test_standard_checks_each_output_against_the_tables(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(12, dtype=np.int32).reshape(3, 4) - 5)
    text = SIMPLE.replace("conversions:", "profile: standard\nconversions:")
    assert not failures(bake(written(tmp_path, text)))
    made = pydicom.dcmread(tmp_path / "a.dcm")
    assert (made.BitsAllocated, made.RescaleIntercept) == (16, -5)
    outcome = bake(written(tmp_path, text + "    tags: {RTImagePlane: SIDEWAYS}\n"))
    (failed,) = failures(outcome)
    assert failed.startswith("a.dcm: is not as the standard says: RTImagePlane")


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_of_the_program_is_a_sound_part_of_a_conversion(name: str, tmp_path: Path) -> None:
    text = (ROOT / "recipes" / "profiles" / f"{name}.yaml").read_text(encoding="utf-8")
    part = {"$ref": "#/definitions/Conversion", "definitions": json_schema()["definitions"]}
    assert list(jsonschema.Draft7Validator(part).iter_errors(yaml.safe_load(text))) == []
    own = written(tmp_path, text, name="own.yaml").name
    of_program = load_recipe(written(tmp_path, SIMPLE + f"    profile: {name}\n"))
    assert load_recipe(written(tmp_path, SIMPLE + f"    profile: {own}\n")).digest == of_program.digest


def test_every_profile_of_the_program_has_its_file() -> None:
    assert {path.stem for path in (ROOT / "recipes" / "profiles").iterdir()} == set(PROFILES)
