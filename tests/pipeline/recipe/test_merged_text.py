"""The merged recipe as YAML: it loads back to the same recipe, and each line says where it stands."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from dicombake.pipeline.errors import RecipeError
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.recipe.loaded import LoadedRecipe
from dicombake.pipeline.recipe.merged_text import config
from dicombake.schemas.testing.select import carried_tests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...support import called, json_schema

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "recipes").glob("*.yaml"))


def again(path: Path, folder: Path, variables: dict[str, str] | None = None) -> tuple[LoadedRecipe, str]:
    """What the merged recipe loads to, from a file of another name."""
    text = config(path, variables).text()
    merged = folder / "another name.yaml"
    merged.write_text(text, encoding="utf-8", newline="\n")
    return load_recipe(merged), text


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json_schema())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_loads_back_to_itself(
    path: Path, tmp_path: Path, schema: jsonschema.Draft7Validator
) -> None:
    loaded = load_recipe(path)
    merged, text = again(path, tmp_path)
    assert merged.digest == loaded.digest
    assert carried_tests(merged.recipe) == carried_tests(loaded.recipe)
    assert {name: variant.digest for name, variant in merged.variants.items()} == {
        name: variant.digest for name, variant in loaded.variants.items()
    }
    typed = yaml.safe_load(text)
    assert [error.message for error in schema.iter_errors(typed)] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_line_names_the_line_where_its_key_stands(path: Path) -> None:
    shown = config(path).text().splitlines()
    assert len(shown) > 8
    for line in shown:
        content, _, origin = line.rpartition("  # ")
        found = re.fullmatch(r"(.+\.yaml):(\d+)", origin)
        assert found, line
        text = Path(found[1]).read_text(encoding="utf-8").splitlines()[int(found[2]) - 1]
        key = re.fullmatch(r"[ -]*(\"?)(.+?)\1:(?: .*)?", content.rstrip())
        assert key, line
        assert key[2] in text or key[2] in ("fills", "files"), line


SITE = """\
version: 1
vars: {site: North}
defaults:
  geometry: {sid: 1000}
  tags: {PatientID: 00123, InstitutionName: "{vars.site}"}
machines:
  TB1: {geometry: {sad: 1000}, tags: {StationName: "no"}}
conversions:
  film: {geometry: {dpi: 75, couch: 1.50}, process: [invert]}
"""
RECIPE = """\
version: 1
extends: sites/north.yaml
conversions:
  film:
    inputs: film/*.tif
    source: image
    machine: TB1
    geometry: {gantry: 90}
    exports:
      - {to: rt-image, path: "a/{stem}.dcm"}
    tags: {"(0009,ACME 1.0,10)": {vr: LO, value: "ü#\\U0001F4A1"}, RTImageName: ~}
"""


@pytest.fixture
def north(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "north.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "daily.yaml").write_text(RECIPE, encoding="utf-8")
    return Path("daily.yaml")


def test_what_it_looks_like(north: Path) -> None:
    assert (
        config(north, {"site": "South"}).text()
        == """\
version: 1                                   # daily.yaml:1
name: "daily"                                # the file's name
vars:                                        # sites/north.yaml:2
  site: "South"                              # --set
conversions:                                 # daily.yaml:3
  film:                                      # daily.yaml:4
    inputs: "film/*.tif"                     # daily.yaml:5
    source: "image"                          # daily.yaml:6
    process: ["invert"]                      # sites/north.yaml:9
    geometry:                                # daily.yaml:8
      sid: 1000                              # sites/north.yaml:4
      sad: 1000                              # sites/north.yaml:7
      dpi: 75                                # sites/north.yaml:9
      couch: "1.50"                          # sites/north.yaml:9
      gantry: 90                             # daily.yaml:8
      fills: ["sid", "sad", "dpi", "couch"]  # sites/north.yaml:4
    exports:                                 # daily.yaml:9
      - to: "rt-image"                       # daily.yaml:10
        path: "a/{stem}.dcm"                 # daily.yaml:10
    tags:                                    # daily.yaml:11
      PatientID: "00123"                     # sites/north.yaml:5
      InstitutionName: "{vars.site}"         # sites/north.yaml:5
      StationName: "no"                      # sites/north.yaml:7
      "(0009,ACME 1.0,10)":                  # daily.yaml:11
        vr: "LO"                             # daily.yaml:11
        value: "ü#\U0001f4a1"                         # daily.yaml:11
      RTImageName: null                      # daily.yaml:11
"""
    )


def test_a_template_for_the_machine_keeps_machines_and_defaults_apart(north: Path, tmp_path: Path) -> None:
    text = RECIPE.replace("film/*.tif", '"{machine}/*.tif"').replace("machine: TB1", 'machine: "{machine}"')
    north.write_text(text, encoding="utf-8")
    loaded = load_recipe(north)
    merged, shown = again(north, tmp_path)
    assert merged.digest == loaded.digest
    assert re.search(r"^defaults: +# sites/north.yaml:3$", shown, re.M)
    assert re.search(r"^      sad: 1000 +# sites/north.yaml:7$", shown, re.M)


def test_a_wrong_recipe_is_told_as_by_validate(north: Path) -> None:
    north.write_text(RECIPE.replace("source: image", "source: imag"), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"daily\.yaml:6:13: .*'imag' is none of"):
        config(north)


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return called("config", *arguments)


def test_the_command_prints_it_and_nothing_else(north: Path) -> None:
    done = call("daily.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, config(north).text(), "")
    wrong = call("none.yaml")
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_as_json_it_has_the_values_and_their_origins(north: Path) -> None:
    done = call("daily.yaml", "--json", "--set", "site=East")
    found = json.loads(done.stdout)
    assert (found["schema_version"], found["exit_status"], found["recipe"]) == (1, 0, "daily.yaml")
    assert found["digest"] == load_recipe(north, {"site": "East"}).digest
    assert found["config"]["vars"] == {"site": "East"}
    assert found["config"]["conversions"]["film"]["geometry"]["sid"] == "1000"
    origins = found["origins"]
    assert origins["vars.site"] == "--set"
    assert origins["conversions.film.geometry.sid"] == "sites/north.yaml:4"
    assert origins["conversions.film.exports[0].path"] == "daily.yaml:10"


# Any recipe loads back to itself.

NAMES = ("a", "b")
TEXTS = st.one_of(
    st.sampled_from(["1", "00123", "no", "null", "~", "true", "1.50", "1e3", "", " x ", "- x", "#", "a: b"]),
    st.text(
        st.characters(
            codec="utf-8",
            exclude_characters="{}\\\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a\u201b",
            exclude_categories=("Cs", "Cc"),
        ),
        max_size=8,
    ),
)
TAGS = st.dictionaries(
    st.sampled_from(["ImageComments", "RTImageDescription", "(0009,ACME 1.0,10)", "(0009,ACME 1.0,11)"]),
    st.one_of(st.none(), TEXTS, st.lists(TEXTS, min_size=2, max_size=3)),
    max_size=3,
)
LENGTHS = st.one_of(st.none(), st.sampled_from(["1000", "1500", "1000.5", "1e3", "unknown"]))
DOTS = st.one_of(st.none(), st.sampled_from(["300", "72.5", "1e2", "unknown"]))
ANGLES = st.one_of(st.none(), st.sampled_from(["90", "0.5", "-1e1", "unknown"]))
"""Each plausible: under `strict` others are refused."""
GEOMETRY = st.fixed_dictionaries(
    {},
    optional={
        "sid": LENGTHS, "sad": LENGTHS, "dpi": DOTS, "gantry": ANGLES,
        "scale": st.sampled_from(["varian_iec", "iec61217"]),
    },
)  # fmt: skip
MACHINE = st.fixed_dictionaries({}, optional={"geometry": GEOMETRY, "tags": TAGS})
CHOICE = st.one_of(st.none(), st.sampled_from([*NAMES, "{machine}"]))
PART = st.fixed_dictionaries(
    {},
    optional={
        "geometry": GEOMETRY, "tags": TAGS, "machine": CHOICE, "strict": st.sampled_from(["true", "false"]),
        "remove_tags": st.lists(st.sampled_from(["PatientName", "StudyID"]), unique=True, max_size=2),
        "process": st.sampled_from([["invert"], [{"crop": {"top": "2"}}, "ground"], []]),
        "source": st.sampled_from(["image", {"format": "image", "channel": "red"}, {"format": "image"}]),
    },
)  # fmt: skip
WHOLE = {
    "inputs": "{machine}/*.tif",
    "source": "image",
    "exports": {"to": "png", "path": "{machine}/{stem}.png"},
}


PARTS = st.fixed_dictionaries(
    {
        "site": st.fixed_dictionaries(dict.fromkeys(NAMES, MACHINE)),
        "own": st.dictionaries(st.sampled_from(NAMES), MACHINE),
        "lower": PART, "upper": PART, "x": PART, "y": PART,
        "extended": st.dictionaries(st.sampled_from(["x", "y"]), PART, min_size=1),
    }
)  # fmt: skip


def file_of(machines: dict[str, Any], defaults: Any, conversions: dict[str, Any], **more: Any) -> str:
    content = {"version": "1", "machines": machines, "defaults": defaults, "conversions": conversions, **more}
    return json.dumps(content, ensure_ascii=False)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PARTS)
def test_any_recipe_loads_back_to_itself(tmp_path: Path, parts: Any) -> None:
    site = file_of(parts["site"], parts["lower"], parts["extended"])
    (tmp_path / "site.yaml").write_text(site, encoding="utf-8")
    conversions = {name: {**WHOLE, **parts[name]} for name in ("x", "y")}
    text = file_of(parts["own"], parts["upper"], conversions, extends="site.yaml")
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    loaded = load_recipe(tmp_path / "r.yaml")
    assert again(tmp_path / "r.yaml", tmp_path)[0].digest == loaded.digest
