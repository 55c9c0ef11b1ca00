"""`explain`: one origin for each spatial value, every layer of each tag, the recipe found, files matched."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.errors import UsageError
from dicombake.pipeline.explain.explain import Explained, explain
from dicombake.pipeline.explain.locate import find
from dicombake.pipeline.explain.matching import matching
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from pydicom.uid import RTImageStorage
from typer.testing import CliRunner

from ...support import bake, failures, made_samples

ROOT = Path(__file__).resolve().parents[3]
RECIPE = """\
version: 1
uid_namespace: 1f7b0a52-8b0e-4a49-8f5e-6a3a2f0e7c02
extends: site.yaml
profile: profile.yaml
vars: {who: nobody}
defaults: {tags: {PatientID: QA}}
machines: {TB1: {tags: {StationName: one}}}
conversions:
  first:
    inputs: {files: "raw/*.npy", exclude: "raw/x*"}
    source: array
    machine: TB1
    geometry: {dpi: 100, sid: 1500, center: image}
    exports:
      - {to: rt-image, path: "a/{stem}.dcm"}
      - {to: png, window: full, path: "a/{stem}.png"}
    tags: {RTImageName: "{vars.who}", ExposureSequence: [{ExposureTime: 5}]}
  second:
    inputs: {from: first, files: "a/*.dcm"}
    source: dicom
    process: [{crop: {top: 1}}]
    geometry: {sid: 1400}
    exports: {to: rt-image, path: "b/{stem}.dcm"}
    tags: {PatientID: QA, "(0009,ACME 1.0,10)": {vr: LO, value: daily}}
    remove_tags: [ReferringPhysicianName]
"""
DIFFERS = (
    "geometry.sid is 1400 mm (r.yaml:22) and the file (RTImageSID) says 1500 mm; the recipe's value is used"
)
NONE = "no glob matches it"
NO_UNIT = "its globs match it, and no unit takes it: there is no such file, or its series leaves it out"
OWN = "it is the recipe's own file: recipes, what they extend and their locks are no inputs"


@pytest.fixture
def baked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, text in {
        "r.yaml": RECIPE,
        "site.yaml": "defaults:\n  tags: {InstitutionName: North}\n  geometry: {sad: 1000}\n",
        "profile.yaml": "tags: {PatientID: profile,\n       OperatorsName: profile}\n",
    }.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    (tmp_path / "raw").mkdir()
    np.save(tmp_path / "raw" / "one.npy", np.arange(20, dtype=np.uint16).reshape(4, 5))
    monkeypatch.chdir(tmp_path)
    assert not failures(bake(Path("r.yaml")))
    return Path("r.yaml")


def told(recipe: Path, path: str) -> Explained:
    return explain(plan(load_recipe(recipe)), path)


def layers(explained: Explained, name: str) -> list[tuple[str | None, str]]:
    (story,) = (story for story in explained.stories if story.element.name == name)
    return [(layer.value, f"{layer.origin.kind} {layer.origin.detail}".strip()) for layer in story.layers]


def ledger(explained: Explained) -> dict[str, tuple[tuple[float, ...], str]]:
    return {row.name: (row.value, f"{row.origin.kind} {row.origin.detail}") for row in explained.ledger}


def test_every_layer_of_a_tag_the_last_one_first(baked: Path) -> None:
    first = told(baked, "a/one.dcm")
    assert not first.changed
    assert layers(first, "PatientID") == [
        ("QA", "defaults r.yaml:6"),
        ("", "rule every image has it, if only empty; PS3.3 C.7"),
    ]
    assert layers(first, "InstitutionName") == [("North", "extends site.yaml:2")]
    assert layers(first, "OperatorsName") == [
        ("profile", "profile profile.yaml:2"),
        ("", "rule RT Image module, PS3.3 C.8.8.2"),
    ]
    assert layers(first, "StationName") == [("one", "machine r.yaml:7")]
    assert layers(first, "RTImageName") == [("nobody", "conversion r.yaml:17")]
    assert layers(first, "ExposureSequence[0].ExposureTime") == [("5", "conversion r.yaml:17")]
    assert layers(first, "SOPInstanceUID")[0][1] == "derived everything else in the file"
    second = told(baked, "b/one.dcm")
    assert layers(second, "PatientID") == [
        ("QA", "conversion r.yaml:24"),
        ("QA", "file PatientID of one.dcm"),
        ("", "rule every image has it, if only empty; PS3.3 C.7"),
    ]
    assert layers(second, "(0009,ACME 1.0,10)") == [("daily", "conversion r.yaml:24")]
    assert not [story for story in second.stories if story.element.name == "ReferringPhysicianName"]
    assert layers(second, "DerivationDescription")[0][1].startswith("derived what was done")


def test_what_is_told_is_what_the_file_says(baked: Path) -> None:
    for path in ("a/one.dcm", "b/one.dcm"):
        file = pydicom.dcmread(path)
        explained = told(baked, path)
        assert [story.element.tag for story in explained.stories if "]." not in story.element.name] == [
            f"({element.tag.group:04X},{element.tag.elem:04X})"
            for element in file
            if element.VR != "SQ" or not element.value
        ]
        by_name = {story.element.name: story.element.value for story in explained.stories}
        assert by_name["SOPInstanceUID"] == file.SOPInstanceUID
        assert by_name["RTImageSID"] == str(file.RTImageSID)


def test_the_ledger_follows_a_value_through_files_recipe_and_operations(baked: Path) -> None:
    first = ledger(told(baked, "a/one.dcm"))
    assert first["sid"] == ((1500.0,), "conversion r.yaml:13")
    assert first["sad"] == ((1000.0,), "extends site.yaml:3")
    assert first["spacing"] == ((0.254, 0.254), "derived dpi, conversion (r.yaml:13)")
    assert first["position"] == ((-0.508, 0.381), "derived center, conversion (r.yaml:13); spacing")
    assert first["gantry"] == ((), "rule nobody says it")
    assert layers(told(baked, "a/one.dcm"), "RTImageSID") == [("1500", "conversion r.yaml:13")]
    again = told(baked, "b/one.dcm")
    second = ledger(again)
    assert second["sid"] == ((1400.0,), "conversion r.yaml:22")
    assert second["sad"] == ((1000.0,), "file RadiationMachineSAD")
    assert second["position"][0] == (-0.508, pytest.approx(0.127))
    assert second["position"][1] == "derived file (RTImagePosition), crop"
    assert [note.text for note in again.notes if note.contradiction] == [DIFFERS]


def test_nothing_is_written(baked: Path) -> None:
    def state() -> dict[str, tuple[int, bytes]]:
        return {
            str(path): (path.stat().st_mtime_ns, path.read_bytes())
            for path in Path().rglob("*")
            if path.is_file()
        }

    before = state()
    told(baked, "a/one.dcm")
    told(baked, "a/one.png")
    assert state() == before


def test_a_picture_has_its_ledger_and_no_tags(baked: Path) -> None:
    explained = told(baked, "a/one.png")
    assert explained.stories == ()
    assert ledger(explained)["sid"] == ((1500.0,), "conversion r.yaml:13")


def test_a_file_that_is_not_what_the_recipe_gives_is_told(baked: Path) -> None:
    with Path("a/one.dcm").open("ab") as file:
        file.write(b"\0\0")
    assert told(baked, "a/one.dcm").changed == (
        "the file is not what the recipe gives now: it was altered, or recipe, inputs or versions were"
    )
    Path("a/one.dcm").unlink()
    assert told(baked, "a/one.dcm").changed == "the file is not there; this is what a run would write"
    with pytest.raises(UsageError, match=r"^a/other\.dcm: r\.yaml does not make it; 'dicombake plan' lists"):
        told(baked, "a/other.dcm")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    for sample in made_samples().values():
        path = folder / "samples" / sample.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.content)
    shutil.copy(ROOT / "recipes" / "demo.yaml", folder)
    assert not failures(bake(folder / "demo.yaml"))
    return folder / "demo.yaml"


def outputs(recipe: Path) -> Iterator[Explained]:
    """One output of each export of each conversion."""
    made = plan(load_recipe(recipe))
    once: set[tuple[str, int]] = set()
    for unit in made.units:
        for output in unit.outputs:
            if (unit.conversion, output.export) not in once:
                once.add((unit.conversion, output.export))
                yield explain(made, output.path)


def test_every_value_of_every_kind_of_output_has_one_origin(demo: Path) -> None:
    """Over all formats and targets of the demo: nothing without origin, nothing but what the file has."""
    kinds = set()
    for explained in outputs(demo):
        assert not explained.changed, explained.path
        for row in explained.ledger:
            assert row.origin.detail != "no origin is recorded", (explained.path, row.name)
            assert row.origin.detail, (explained.path, row.name)
        if not explained.path.endswith(".dcm"):
            continue
        file = pydicom.dcmread(explained.plan.out / explained.path)
        kinds.add(file.SOPClassUID)
        tops = {re.split(r"\[[0-9]+\]", story.element.name)[0] for story in explained.stories}
        assert len(tops - {"PixelData"}) == len([element for element in file if element.tag.group != 0x7FE0])
        for story in explained.stories:
            assert story.layers[0].value == story.element.value, (explained.path, story.element.name)
    assert RTImageStorage in kinds
    assert len(kinds) >= 4


def test_the_recipe_is_found_by_its_lock(baked: Path) -> None:
    assert (find(Path("a/one.dcm")).role, find(Path("a/one.dcm")).path) == ("output", "a/one.dcm")
    assert (find(Path("raw/one.npy")).role, find(Path("raw/one.npy")).path) == ("input", "raw/one.npy")
    assert find(Path("raw/two.npy")).recipe == Path("r.yaml")
    shutil.copy("r.lock", "s.lock")
    shutil.copy("r.yaml", "s.yaml")
    with pytest.raises(UsageError) as caught:
        find(Path("a/one.dcm"))
    assert str(caught.value) == (
        "a/one.dcm: several recipes may be meant: r.yaml, s.yaml; "
        "name the recipe: --recipe RECIPE, with --out and --data as it was run"
    )


@pytest.mark.parametrize(
    ("path", "glob", "why"),
    [
        ("raw/two.tif", "it has another suffix: 'two.tif' does not match '*.npy'", NONE),
        ("raw/TWO.NPY", "it differs in upper and lower case: 'TWO.NPY' does not match '*.npy'", NONE),
        (
            "raw/.two.npy",
            "'.two.npy' begins with a dot, which is matched only where a glob names the dot",
            NONE,
        ),
        (
            "raw/deep/two.npy",
            "it lies deeper than the glob goes, in 'raw/deep'",
            NONE,
        ),
        ("two.npy", "'two.npy' does not match 'raw'", NONE),
        ("raw/xtwo.npy", "", "'exclude' leaves it out: 'raw/x*'"),
        ("r.lock", "'r.lock' does not match 'raw'", OWN),
        ("../two.npy", "'..' begins with a dot, which is matched only where a glob names the dot",
         "it does not lie in the data folder"),
        ("raw/none.npy", "", NO_UNIT),
        ("raw/one.npy", "", ""),
    ],
)  # fmt: skip
def test_why_a_file_is_an_input_or_none(baked: Path, path: str, glob: str, why: str) -> None:
    found = matching(load_recipe(baked), path)
    first, second = found.matches
    assert (first.globs[0].why, first.globs[0].place, first.why) == (glob, "r.yaml:10", why)
    assert first.units == (("first/one.npy",) if not why else ())
    assert second.why == "it takes what 'first' writes, not files of the data folder"
    assert found.taken == (not why)


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["explain", *arguments])
    return result.exit_code, result.output


def test_the_command_on_a_tag(baked: Path) -> None:
    expected = (
        "b/one.dcm: second/one.dcm of r.yaml\n"
        f"note: {DIFFERS}\n"
        "\n"
        "(0010,0020) LO PatientID\n"
        "  QA  <- conversion: r.yaml:24\n"
        "  over QA  <- file: PatientID of one.dcm\n"
        "  over (empty)  <- rule: every image has it, if only empty; PS3.3 C.7\n"
    )
    for tag in ("PatientID", "(0010,0020)", "00100020"):
        assert call("b/one.dcm", tag) == (0, expected)
    assert call("b/one.dcm", "(0009,ACME 1.0,10)")[1].endswith(
        "(0009,1010) LO (0009,ACME 1.0,10)\n  daily  <- conversion: r.yaml:24\n"
    )
    assert "(0018,1150) IS ExposureSequence[0].ExposureTime\n" in call("b/one.dcm", "ExposureSequence")[1]
    assert call("b/one.dcm", "Modalit") == (
        2,
        "dicombake: 'Modalit' is no tag: 'Modalit' is no DICOM keyword; did you mean 'Modality'?; a keyword, "
        "(0010,0020) or 00100020\n",
    )
    no_kvp = "dicombake: b/one.dcm: it has no KVP; without TAG all are listed\n"
    assert call("b/one.dcm", "KVP") == (2, no_kvp)
    assert call("a/one.png", "KVP") == (2, "dicombake: a/one.png: it is no DICOM file and has no tags\n")
    assert call("raw/one.npy", "KVP")[1].startswith("dicombake: raw/one.npy: r.yaml did not write it")


def test_the_command_on_all_tags_and_as_json(baked: Path) -> None:
    status, text = call("a/one.dcm")
    assert status == 0
    assert "  sid             1500 mm               conversion: r.yaml:13\n" in text
    assert "  (3002,0026) RTImageSID " in text
    status, text = call("a/one.dcm", "RTImageSID", "--json")
    found = json.loads(text)
    assert (status, found["role"], found["as_recipe_gives_it"]) == (0, "output", True)
    assert found["tags"] == [
        {
            "tag": "(3002,0026)",
            "name": "RTImageSID",
            "vr": "DS",
            "value": "1500",
            "layers": [{"value": "1500", "origin": "conversion", "detail": "r.yaml:13"}],
        }
    ]
    sid = next(row for row in found["geometry"] if row["name"] == "sid")
    assert sid == {
        "name": "sid",
        "value": [1500.0],
        "unit": "mm",
        "origin": "conversion",
        "detail": "r.yaml:13",
    }


def test_the_command_on_an_input(baked: Path) -> None:
    assert call("raw/two.tif") == (
        0,
        "raw/two.tif: no input of r.yaml\n"
        "note: there is no such file; this is what would be of one\n"
        "  first: not taken: no glob matches it\n"
        "    'raw/*.npy' (r.yaml:10): it has another suffix: 'two.tif' does not match '*.npy'\n"
        "  second: not taken: it takes what 'first' writes, not files of the data folder\n"
        "    'a/*.dcm' (r.yaml:19): 'raw' does not match 'a'\n",
    )
    Path("raw/two.tif").touch()
    assert "note:" not in call("raw/two.tif")[1]
    assert call("raw") == (2, "dicombake: raw: is a folder; name a file in it\n")
    found = json.loads(call("raw/one.npy", "--json")[1])
    assert (found["role"], found["conversions"][0]["units"]) == ("input", ["first/one.npy"])


def test_another_output_folder_and_variables(baked: Path, tmp_path: Path) -> None:
    shutil.copytree("raw", "elsewhere/raw")
    run = CliRunner().invoke(
        app, ["run", "r.yaml", "--out", "made", "--data", "elsewhere", "--set", "who=me", "-q"]
    )
    assert run.exit_code == 0, run.output
    options = ("--out", "made", "--data", "elsewhere", "--set", "who=me")
    for more in ((), ("--recipe", "r.yaml")):
        status, text = call("made/a/one.dcm", "RTImageName", *options, *more)
        assert (status, text) == (
            0,
            "a/one.dcm: first/one.npy of r.yaml\n\n"
            "(3002,0003) LO RTImageName\n  me  <- conversion: r.yaml:17\n",
        )
