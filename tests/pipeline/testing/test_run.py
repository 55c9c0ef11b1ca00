"""`dicombake test`: what is not as stated is told with what was found; the user's files are left alone."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree as ET

import pytest
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.testing import Mismatch, run_tests

from ...support import called

RECIPE = """\
version: 1
vars: {patient: QA}
conversions:
  film:
    inputs: "film/g{gantry:d}_*.tif"
    source: {format: image, channel: red}
    geometry: {dpi: 127, sid: 1000, gantry: "{gantry}"}
    exports:
      - {to: rt-image, path: "dicom/{stem}.dcm"}
      - {to: png, path: "preview/{stem}.png"}
    tags:
      PatientID: "{vars.patient}"
      PatientName: ~
      (0009,1001): {vr: LO, value: odd}
      "(0011,ACME 1.0,10)": 5
      ImageType: [DERIVED, SECONDARY, PORTAL]
      ExposureSequence: [{NumberOfBlocks: 0, ExposureTime: 505}]
    remove_tags: [ReferringPhysicianName]
  after:
    inputs: {from: film, files: "dicom/*.dcm"}
    source: dicom
    exports: {to: npy, path: "values/{stem}.npy"}
tests:
  - name: it
    conversion: film
    input: {phantom: wedge, steps: 2, format: tiff, colour: true, shape: [20, 40], name: film/g090_a.tif}
    expect: EXPECT
"""
PLACE = "recipe.yaml:24"


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("recipe.yaml")


def wrong(recipe: Path, expect: str, **changes: str) -> list[str]:
    """What is told of a test that expects this."""
    text = RECIPE.replace("EXPECT", expect)
    for old, new in changes.items():
        text = text.replace(f"{old}: it" if old == "name" else old, new)
    recipe.write_text(text, encoding="utf-8")
    (result,) = run_tests(recipe)
    assert result.place == PLACE
    assert result.passed == (not result.mismatches)
    return [str(mismatch) for mismatch in result.mismatches]


RIGHT = [
    "{outputs: 2}",
    "{file: 'dicom/*', outputs: 1, kind: rt-image, dtype: uint16, shape: [20, 40], min: 100, max: 200}",
    "{file: 'preview/*', kind: png, shape: [20, 40], max: 200}",
    "{mean: [{value: 150}, {region: [0, 0, 20, 20], value: 100}, {region: [3, 20, 4, 40], value: 200}]}",
    "{mean: {value: 149, tolerance: 1}, max: {value: 199, tolerance: 1}}",
    "{file: dicom/g090_a.dcm, spacing: [0.2, 0.2], kind: dicom}",
    "{file: 'dicom/*', tags: {PatientID: QA, GantryAngle: 90, RTImageSID: 1000.0, '(3002,0026)': 1000}}",
    "{file: 'dicom/*', tags: {PatientName: ~, ImageType: [DERIVED, SECONDARY, PORTAL]}}",
    "{file: 'dicom/*', tags: {'(0009,1001)': {vr: LO, value: odd}, '(0011,ACME 1.0,10)': 5}}",
    "{file: 'dicom/*', tags: {'ExposureSequence[0].ExposureTime': 505}}",
    "{file: 'dicom/*', tags: {ExposureSequence: [{ExposureTime: 505}]}}",
    "{file: 'dicom/*', tags: {ImagePlanePixelSpacing: [0.2, 0.2000001]}, absent: [ReferringPhysicianName]}",
    "{file: 'dicom/*', absent: ['(0011,ACME 2.0,10)', 'ExposureSequence[1]', '(0011,ACME 1.0,11)']}",
]


@pytest.mark.parametrize("expect", RIGHT)
def test_what_is_so_passes(recipe: Path, expect: str) -> None:
    assert wrong(recipe, expect) == []


DCM, PNG = "dicom/g090_a.dcm: ", "preview/g090_a.png: "
WRONG = {
    "{outputs: 3}": ["outputs: expected 3, found 2"],
    "{file: 'x/*', outputs: 1}": ["outputs of 'x/*': expected 1, found 0"],
    "{file: 'x/*', kind: png}": [
        "outputs of 'x/*': expected at least 1, found none of dicom/g090_a.dcm, preview/g090_a.png"
    ],
    "{file: 'dicom/*', kind: ct-image}": [DCM + "kind: expected ct-image, found RT Image Storage"],
    "{kind: dicom}": [PNG + "kind: expected dicom, found png"],
    "{kind: rt-image}": [PNG + "kind: expected rt-image, found png"],
    "{file: 'dicom/*', shape: [40, 20]}": [DCM + "shape: expected 40 x 20, found 20 x 40"],
    "{file: 'dicom/*', dtype: uint8}": [DCM + "dtype: expected uint8, found uint16"],
    "{file: 'dicom/*', max: 199, min: {value: 98, tolerance: 1.5}}": [
        DCM + "min: expected 98 within 1.5, found 100", DCM + "max: expected 199, found 200",
    ],
    "{file: 'dicom/*', mean: [{value: 150.0001}, {region: [0, 19, 20, 21], value: 100}]}": [
        DCM + "mean: expected 150.0001, found 150", DCM + "mean of [0, 19, 20, 21]: expected 100, found 150",
    ],
    "{file: 'dicom/*', mean: {region: [0, 0, 21, 40], value: 150}}": [
        DCM + "mean of [0, 0, 21, 40]: expected a region of the image, found an image of 20 x 40"
    ],
    "{file: 'dicom/*', spacing: [0.2, 0.4]}": [DCM + "spacing: expected 0.2 x 0.4 mm, found 0.2 x 0.2 mm"],
    "{file: 'preview/*', tags: {PatientID: QA}}": [PNG + "tags: expected a DICOM file, found png"],
    "{file: 'dicom/*', tags: {PatientID: qa, GantryAngle: 91, PatientName: A, RTImageSID: ~}}": [
        DCM + "PatientID: expected qa, found QA", DCM + "GantryAngle: expected 91, found 90",
        DCM + "PatientName: expected A, found nothing in it",
        DCM + "RTImageSID: expected nothing in it, found 1000",
    ],
    "{file: 'dicom/*', tags: {ImageType: [DERIVED, SECONDARY], StationName: X}}": [
        DCM + "ImageType: expected DERIVED\\SECONDARY, found DERIVED\\SECONDARY\\PORTAL",
        DCM + "StationName: expected X, found nothing of that name",
    ],
    "{file: 'dicom/*', tags: {'(0011,ACME 1.0,10)': 6, '(0011,ACME 1.0,11)': 6}}": [
        DCM + "(0011,ACME 1.0,10): expected 6, found 5",
        DCM + "(0011,ACME 1.0,11): expected 6, found nothing of that name",
    ],
    "{file: 'dicom/*', tags: {'ExposureSequence[0].ExposureTime': 504}}": [
        DCM + "ExposureSequence[0].ExposureTime: expected 504, found 505"
    ],
    "{file: 'dicom/*', tags: {ExposureSequence: [{ExposureTime: 504}]}}": [
        DCM + "ExposureSequence: expected {ExposureTime: 504}, found {ExposureTime: 505, NumberOfBlocks: 0}"
    ],
    "{file: 'dicom/*', absent: [PatientID, 'ExposureSequence[0]']}": [
        DCM + "PatientID: expected no such element, found QA",
        DCM + "ExposureSequence[0]: expected no such element, found {ExposureTime: 505, NumberOfBlocks: 0}",
    ],
    "{fails: anything}": ["failure: expected 'anything', found none"],
}  # fmt: skip


@pytest.mark.parametrize("expect", WRONG)
def test_what_is_not_so_is_told_with_what_was_found(recipe: Path, expect: str) -> None:
    assert wrong(recipe, expect) == WRONG[expect]


def test_a_failure_that_is_expected_passes_and_another_one_does_not(recipe: Path) -> None:
    told = "film/g090_a.tif: is grey and has no red channel"
    grey = {"colour: true": "colour: false"}
    assert wrong(recipe, "{fails: has no red channel}", **grey) == []
    assert wrong(recipe, "{fails: has no blue channel}", **grey) == [
        f"failure: expected 'has no blue channel', found '{told}'"
    ]
    assert wrong(recipe, "{outputs: 2}", **grey) == [f"failure: expected none, found '{told}'"]


def test_a_made_file_beyond_the_limits_of_the_recipe_is_one_sentence(recipe: Path) -> None:
    (told,) = wrong(recipe, "{outputs: 2}", **{"[20, 40]": "[200000, 200000]"})
    assert told == (
        "failure: expected none, found 'film/g090_a.tif: would have 120000000000 values, more than the limit "
        "of 268435456; make it smaller, or raise limits.image_pixels in the recipe'"
    )
    lowered = {"vars: {patient: QA}": "limits: {image_pixels: 2399}", '"{vars.patient}"': "QA"}
    (told,) = wrong(recipe, "{outputs: 2}", **lowered)
    assert "would have 2400 values, more than the limit of 2399" in told


def test_a_plan_that_fails_is_told_without_the_temporary_folder(recipe: Path) -> None:
    (told,) = wrong(recipe, "{outputs: 2}", **{"film/g090_a.tif": "film/x090_a.tif"})
    assert told == (
        "failure: expected none, found 'recipe.yaml:5:13: conversions.film.inputs: no file matches "
        "'film/g{gantry:d}_*.tif' in data'"
    )


def test_a_chained_conversion_brings_what_it_chains_from(recipe: Path) -> None:
    after = {"conversion: film": "conversion: after"}
    assert wrong(recipe, "{outputs: 1, kind: npy, dtype: uint16, shape: [20, 40], min: 100}", **after) == []


def test_variables_of_a_test_go_over_those_of_the_command_line(recipe: Path) -> None:
    text = RECIPE.replace("EXPECT", "{file: 'dicom/*', tags: {PatientID: given}}")
    recipe.write_text(text, encoding="utf-8")
    assert [result.passed for result in run_tests(recipe, {"patient": "given"})] == [True]
    own = text.replace("    conversion: film", "    conversion: film\n    vars: {patient: own}")
    recipe.write_text(own, encoding="utf-8")
    (result,) = run_tests(recipe, {"patient": "given"})
    assert result.mismatches == (Mismatch("dicom/g090_a.dcm", "PatientID", "given", "own"),)


def test_tests_change_neither_the_digest_nor_anything_beside_the_recipe(recipe: Path) -> None:
    text = RECIPE.replace("EXPECT", "{outputs: 2}")
    recipe.write_text(text.partition("tests:")[0], encoding="utf-8")
    before = load_recipe(recipe).digest
    recipe.write_text(text, encoding="utf-8")
    (recipe.parent / "film").mkdir()
    mine = recipe.parent / "film" / "g000_mine.tif"
    mine.write_bytes(b"a real file that no test may touch")
    assert [result.passed for result in run_tests(recipe)] == [True]
    assert load_recipe(recipe).digest == before
    assert sorted(path.as_posix() for path in Path().rglob("*")) == [
        "film",
        "film/g000_mine.tif",
        "recipe.yaml",
    ]
    assert mine.read_bytes() == b"a real file that no test may touch"


def call(*arguments: str, temporary: Path) -> subprocess.CompletedProcess[str]:
    with mock.patch.object(tempfile, "tempdir", str(temporary)):
        return called("test", *arguments)


def test_the_command_speaks_as_test_runners_do(
    recipe: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    second = (
        "  - name: another\n    conversion: film\n"
        "    input: {phantom: noise, format: tiff, colour: true, shape: [9, 9], name: film/g1_a.tif}\n"
        "    expect: {file: 'dicom/*', tags: {GantryAngle: 2, PatientID: QA}}\n"
    )
    recipe.write_text(RECIPE.replace("EXPECT", "{outputs: 2}") + second, encoding="utf-8")
    Path("bare.yaml").write_text(RECIPE.partition("tests:")[0], encoding="utf-8")
    done = call("recipe.yaml", "bare.yaml", temporary=temporary)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "recipe.yaml\n"
        "  passed  it\n"
        "  FAILED  another (recipe.yaml:28)\n"
        "          dicom/g1_a.dcm: GantryAngle: expected 2, found 1\n"
        "bare.yaml: has no tests\n"
        "1 passed, 1 failed\n"
    )
    assert list(temporary.iterdir()) == []
    found = json.loads(call("recipe.yaml", "--json", temporary=temporary).stdout)
    assert {key: found[key] for key in ("schema_version", "exit_status", "passed", "failed")} == {
        "schema_version": 1, "exit_status": 1, "passed": 1, "failed": 1,
    }  # fmt: skip
    (one,) = found["recipes"]
    assert one["recipe"] == "recipe.yaml"
    assert one["tests"] == [
        {"name": "it", "conversion": "film", "place": "recipe.yaml:24", "passed": True, "mismatches": []},
        {
            "name": "another", "conversion": "film", "place": "recipe.yaml:28", "passed": False,
            "mismatches": [
                {"file": "dicom/g1_a.dcm", "what": "GantryAngle", "expected": "2", "found": "1"}
            ],
        },
    ]  # fmt: skip


def test_nothing_to_test_and_a_wrong_recipe_are_status_2(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(RECIPE.partition("tests:")[0], encoding="utf-8")
    done = call("recipe.yaml", temporary=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "dicombake: no recipe here has tests; give it some under 'tests'\n"
    recipe.write_text(RECIPE.replace("EXPECT", "{}"), encoding="utf-8")
    done = call("recipe.yaml", temporary=tmp_path)
    assert (done.returncode, done.stdout) == (2, "0 passed, 0 failed\n")
    assert "recipe.yaml:27:13: tests[0].expect: states nothing" in done.stderr


def test_a_failed_test_is_told_to_ci(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(RECIPE.replace("EXPECT", "{outputs: 3}"), encoding="utf-8")
    done = call("recipe.yaml", "--junit", "tests.xml", "--annotations", "github", temporary=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "::error file=recipe.yaml,line=24,title=dicombake%3A test it::outputs: expected 3, found 2\n"
    )
    root = ET.parse("tests.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("1", "1", "0")
    (case,) = root.iter("testcase")
    assert dict(case.attrib) == {
        "classname": "recipe.film", "name": "it", "file": "recipe.yaml", "line": "24",
    }  # fmt: skip
    (failure,) = case
    assert (failure.get("message"), failure.text) == ("outputs: expected 3, found 2",) * 2
    recipe.write_text(RECIPE.replace("EXPECT", "{outputs: 2}"), encoding="utf-8")
    done = call("recipe.yaml", "--junit", "tests.xml", "--annotations", "github", temporary=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert ET.parse("tests.xml").getroot().get("failures") == "0"
