"""Machines: merged in their order, chosen by name, capture or tag, and counted only where they are used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from dicombake.pipeline.errors import PlanError, RecipeError
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.recipe.loaded import LoadedRecipe
from dicombake.pipeline.recipe.lock_path import lock_path
from dicombake.pipeline.run.fingerprint import Options
from dicombake.pipeline.store.lock import read_lock
from dicombake.schemas.language.tags import path_of

from ...support import bake, failures, made_samples

SITE = """\
version: 1
defaults:
  geometry: {sid: 1000, couch: 7}
  tags: {StationName: any, InstitutionName: North, OperatorsName: nobody}
machines:
  TB1:
    geometry: {sid: 1500, sad: 1000, scale: varian_standard}
    tags: {StationName: one, DeviceSerialNumber: 11, '(0009,ACME 1.0,10)': {vr: LO, value: x}}
    remove_tags: [OperatorsName]
  True Beam 2: {geometry: {sid: ~, sad: 990}, tags: {StationName: two}}
"""
RECIPE = """\
version: 1
extends: site.yaml
conversions:
  one:
    inputs: "*.tif"
    source: {format: image, channel: red}
    machine: TB1
    geometry: {dpi: 75, sad: 980, gantry: 90}
    exports: {to: rt-image, path: "one/{stem}.dcm"}
    tags: {DeviceSerialNumber: 12}
"""
CHOSEN = """\
version: 1
uid_namespace: 1f7b0a52-8b0e-4a49-8f5e-6a3a2f0e7c02
extends: site.yaml
conversions:
  chosen:
    inputs: "raw/{machine}/*.dcm"
    source: dicom
    machine: "{machine}"
    exports: {to: rt-image, path: "out/{machine}_{stem}.dcm"}
"""
BY_TAG = CHOSEN.replace('machine: "{machine}"', 'machine: "{source.RadiationMachineName}"').replace(
    "raw/{machine}/*", "raw/{folder}/*"
)
BY_TAG = BY_TAG.replace("{machine}_", "{folder}_")

Write = Callable[..., Path]
SPOKE = made_samples()["star/TB1/spoke_1.dcm"].content


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes ``r.yaml`` and ``site.yaml``."""

    def files(recipe: str, site: str = SITE) -> Path:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "site.yaml").write_text(site, encoding="utf-8")
        (tmp_path / "r.yaml").write_text(recipe, encoding="utf-8")
        return Path("r.yaml")

    return files


def put(folder: str, machine: str, name: str = "a.dcm") -> None:
    """An RT Image of a machine."""
    path = Path("raw") / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(SPOKE)
    dataset = pydicom.dcmread(path)
    dataset.RadiationMachineName = machine
    dataset.save_as(path)


def texts(loaded: LoadedRecipe, name: str) -> dict[str, str]:
    return {
        str(path): "\\".join(value.items or ())
        for path, value in loaded.recipe.conversions[name].tags.items()
    }


def told(path: Path) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    return str(caught.value).splitlines()


def test_a_machine_lies_over_the_defaults_and_under_the_conversion(write: Write) -> None:
    loaded = load_recipe(write(RECIPE))
    assert texts(loaded, "one") == {
        "StationName": "one",
        "InstitutionName": "North",
        "DeviceSerialNumber": "12",
        "(0009,ACME 1.0,10)": "x",
    }
    geometry = loaded.recipe.conversions["one"].geometry
    assert (geometry.sid, geometry.sad, geometry.couch, geometry.scale) == (1500, 980, 7, "varian_standard")
    assert loaded.recipe.conversions["one"].remove_tags == (path_of("OperatorsName"),)
    layers = {key: loaded.place("conversions", "one", "geometry", key) for key in ("sid", "sad", "couch")}
    assert {key: (str(place), place.layer) for key, place in layers.items() if place} == {
        "sid": ("site.yaml:7", "machine"),
        "sad": ("r.yaml:8", "conversion"),
        "couch": ("site.yaml:3", "extends"),
    }


def test_null_of_a_machine_takes_away_and_null_of_a_conversion_takes_the_machines(write: Write) -> None:
    text = RECIPE.replace("TB1", "True Beam 2").replace("sad: 980", "sad: ~")
    geometry = load_recipe(write(text)).recipe.conversions["one"].geometry
    assert (geometry.sid, geometry.sad) == (None, None)


def test_a_conversion_can_take_no_machine_where_the_defaults_name_one(write: Write) -> None:
    site = SITE.replace("defaults:\n", "defaults:\n  machine: TB1\n")
    text = RECIPE.replace("    machine: TB1\n", "")
    assert texts(load_recipe(write(text, site)), "one")["StationName"] == "one"
    text = text.replace("    source:", "    machine: ~\n    source:")
    assert texts(load_recipe(write(text, site)), "one")["StationName"] == "any"


def test_a_machine_of_the_recipe_itself_only_fills_what_a_file_leaves_open(write: Write) -> None:
    recipe = CHOSEN.replace("extends: site.yaml", "machines: {TB1: {geometry: {sid: 1234, sad: 999}}}")
    recipe = recipe.replace('machine: "{machine}"', "machine: TB1")
    path = write(recipe)
    put("TB1", "TB1")
    outcome = bake(path)
    assert failures(outcome) == []
    made = pydicom.dcmread("out/TB1_a.dcm")
    assert (float(made.RTImageSID), float(made.RadiationMachineSAD)) == (1500, 1000)


@pytest.mark.parametrize("recipe", [CHOSEN, BY_TAG], ids=["capture", "tag"])
def test_each_file_gets_the_machine_that_it_names(write: Write, recipe: str) -> None:
    path = write(recipe)
    put("TB1", "TB1")
    put("True Beam 2", "True Beam 2 ")  # DICOM pads with a blank
    made = plan(load_recipe(path))
    assert [unit.machine for unit in made.units] == ["TB1", "True Beam 2"]
    assert failures(bake(path)) == []
    one, two = (pydicom.dcmread(f"out/{name}_a.dcm") for name in ("TB1", "True Beam 2"))
    assert (one.StationName, two.StationName) == ("one", "two")
    assert (one.DeviceSerialNumber, two.get("DeviceSerialNumber")) == ("11", None)
    assert one[one.private_block(0x0009, "ACME 1.0").get_tag(0x10)].value == "x"
    assert "OperatorsName" not in one
    assert two.OperatorsName == "nobody"
    assert one.InstitutionName == two.InstitutionName == "North"


def test_a_name_that_no_machine_has_stops_the_plan_and_names_those_there_are(write: Write) -> None:
    path = write(CHOSEN)
    put("TB1", "TB1")
    put("TB3", "TB1")
    put("Linac", "TB1")
    with pytest.raises(PlanError) as caught:
        plan(load_recipe(path))
    where = "r.yaml:8:14: conversions.chosen.machine: "
    start, no = "'{machine}' gives", "and the recipe has no such machine"
    assert str(caught.value).splitlines() == [
        f"{where}raw/Linac/a.dcm: {start} 'Linac', {no}; known are TB1, True Beam 2",
        f"{where}raw/TB3/a.dcm: {start} 'TB3', {no}; did you mean 'TB1'?",
    ]


def test_a_file_that_names_an_unknown_machine_fails_alone(write: Write) -> None:
    path = write(BY_TAG)
    put("a", "TB1")
    put("b", "Elsewhere")
    outcome = bake(path)
    assert outcome.count("written") == 1
    assert failures(outcome) == [
        "raw/b/a.dcm: '{source.RadiationMachineName}' gives a name that is none of the recipe's machines; "
        "known are TB1, True Beam 2"
    ]


def test_the_files_of_a_group_are_of_one_machine(write: Write) -> None:
    recipe = BY_TAG.replace(
        'inputs: "raw/{folder}/*.dcm"', 'inputs: {files: "raw/{folder}/*.dcm", group_by: folder}'
    )
    path = write(recipe.replace("source: dicom", "source: dicom\n    combine: sum").replace("_{stem}", ""))
    put("a", "TB1", "1.dcm")
    put("a", "True Beam 2", "2.dcm")
    assert failures(bake(path)) == ["chosen/a: 'RadiationMachineName' differs between the files of one group"]


def test_a_file_that_is_yet_to_be_written_names_its_machine_when_it_is(write: Write) -> None:
    recipe = BY_TAG.replace('machine: "{source.RadiationMachineName}"\n    ', "")
    recipe += (
        "  after:\n    inputs: {from: chosen}\n    source: dicom\n"
        '    machine: "{source.RadiationMachineName}"\n'
        '    exports: {to: rt-image, path: "after/{stem}.dcm"}\n'
    )
    path = write(recipe)
    put("a", "TB1")
    made = plan(load_recipe(path))
    assert [unit.machine for unit in made.units] == ["", ""]
    assert failures(bake(path)) == []
    assert pydicom.dcmread("after/a_a.dcm").StationName == "one"


def test_a_change_of_a_machine_reaches_only_its_own_units(write: Write) -> None:
    path = write(CHOSEN)
    put("TB1", "TB1")
    put("True Beam 2", "TB1")
    assert bake(path).count("written") == 2
    before = read_lock(lock_path(path))
    write(CHOSEN, SITE.replace("{StationName: two}", "{StationName: second}"))
    again = bake(path)
    assert [(result.unit, result.status) for result in again.results] == [
        ("chosen/TB1/a.dcm", "current"), ("chosen/True Beam 2/a.dcm", "written"),
    ]  # fmt: skip
    after = read_lock(lock_path(path))
    same, other = "out/TB1_a.dcm", "out/True Beam 2_a.dcm"
    assert (before.units[same], before.outputs[same]) == (after.units[same], after.outputs[same])
    assert before.units[other] != after.units[other]
    assert before.outputs[other] != after.outputs[other]
    assert before.recipe != after.recipe


def test_a_machine_that_nothing_chooses_changes_neither_units_nor_the_recipe(write: Write) -> None:
    before = load_recipe(write(RECIPE))
    other = SITE.replace("two", "second")
    after = load_recipe(write(RECIPE, other + "  TB5: {tags: {StationName: five}}\n"))
    assert before.digest == after.digest
    changed = load_recipe(write(RECIPE, SITE.replace("StationName: one", "StationName: first")))
    assert changed.digest != before.digest


def test_the_name_of_a_machine_and_its_description_reach_no_output(write: Write) -> None:
    path = write(RECIPE)
    Path("x.tif").write_bytes(b"")
    one = load_recipe(path)
    renamed = SITE.replace("  TB1:\n", "  TB7:\n    description: words\n")
    two = load_recipe(write(RECIPE.replace("TB1", "TB7"), renamed))
    (unit,) = plan(one).units
    assert Options(one).of(unit) == Options(two).of(unit)
    assert one.digest == two.digest


# Mistakes


def test_a_machine_that_there_is_not(write: Write) -> None:
    assert told(write(RECIPE.replace("TB1", "TB2"))) == [
        "r.yaml:7:14: conversions.one.machine: there is no machine 'TB2'; did you mean 'TB1'?"
    ]
    assert told(write(RECIPE.replace("TB1", "Linac"))) == [
        "r.yaml:7:14: conversions.one.machine: there is no machine 'Linac'; known are TB1, True Beam 2"
    ]
    assert told(write(RECIPE.replace("extends: site.yaml\n", ""))) == [
        "r.yaml:6:14: conversions.one.machine: the recipe has no machines; describe them under 'machines', "
        "here or in a file it extends"
    ]


def test_what_only_one_machine_makes_wrong_is_told_at_its_place(write: Write) -> None:
    site = SITE.replace("{StationName: two}", '{StationName: "{gantri}", RTImageName: "{vars.x}"}')
    assert told(write(CHOSEN, site)) == [
        "site.yaml:10:67: machines.True Beam 2.tags.StationName: '{gantri}': no such name; known are stem, "
        "name, suffix, parent, index, slice, group, page, frame, date, time, machine, and vars., env., "
        "source.",
        "site.yaml:10:92: machines.True Beam 2.tags.RTImageName: '{vars.x}': 'vars' has no 'x'",
    ]


def test_a_page_is_of_no_machine_of_its_own(write: Write) -> None:
    path = write(CHOSEN.replace('machine: "{machine}"', 'machine: "{page}"'))
    put("TB1", "TB1")
    with pytest.raises(PlanError, match=r"conversions\.chosen\.machine: .*no single page"):
        plan(load_recipe(path))


# `fills`


def test_fills_makes_a_value_as_weak_as_the_defaults(write: Write) -> None:
    recipe = CHOSEN.replace('machine: "{machine}"', "geometry: {sid: 1234, sad: 900, fills: [sid]}")
    path = write(recipe)
    put("TB1", "TB1")
    assert failures(bake(path)) == []
    made = pydicom.dcmread("out/TB1_a.dcm")
    assert (float(made.RTImageSID), float(made.RadiationMachineSAD)) == (1500, 900)


def test_fills_names_what_stands_beside_it(write: Write) -> None:
    recipe = RECIPE.replace("extends: site.yaml\n", "").replace("    machine: TB1\n", "")
    assert told(write(recipe.replace("gantry: 90", "fills: [couch]"))) == [
        "r.yaml:6:15: conversions.one.geometry: 'fills' names 'couch', which does not stand beside it"
    ]
    assert told(write(recipe.replace("gantry: 90", "fills: [sid, spacing]"))) == [
        "r.yaml:6:48: conversions.one.geometry.fills[1]: 'spacing' is none of sid, sad, dpi, pixel_spacing, "
        "at, center, gantry, collimator, couch, scale; did you mean 'pixel_spacing'?"
    ]
