"""What ``--json`` prints is what its schema says, for every command and for every way to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from dicombake.pipeline.cli.main import COMMANDS, app, load
from typer.testing import CliRunner

from .support import made_samples

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "docs" / "json"
PROGRAMS = [
    name for name in COMMANDS if any("--json" in getattr(option, "opts", ()) for option in load(name).params)
]

RECIPE = """\
version: 1
name: film
uid_namespace: 1f7b0a52-8b0e-4a49-8f5e-6a3a2f0e7c02
conversions:
  scans:
    inputs: "film/g{gantry:d}_*.tif"
    source: {format: image, channel: red}
    geometry: {dpi: 75, sid: 1000, gantry: "{gantry}"}
    exports: {to: rt-image, path: "dicom/{stem}.dcm"}
    tags: {PatientID: Secret-ID, PatientName: Secret^Name}
  again:
    inputs: {from: scans}
    source: dicom
    process: [{rescale: {slope: 0.1}}]
    exports: [{to: png, path: "png/{stem}.png", window: auto}, {to: npy, path: "npy/{stem}.npy"}]
tests:
  - name: keeps the values
    conversion: scans
    input: {phantom: field, format: tiff, shape: [40, 40], size: [8, 8], colour: true, name: film/g90_x.tif}
    expect: {outputs: 1, tags: {GantryAngle: 90}}
  - name: cannot be
    conversion: scans
    input: {phantom: field, format: tiff, shape: [40, 40], size: [8, 8], colour: true, name: film/g90_x.tif}
    expect: {outputs: 3}
"""

Call = Callable[..., Any]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command with --json in a folder with two scans, and holds the answer to its schema."""
    monkeypatch.chdir(tmp_path)
    for sample in made_samples().values():
        if sample.path.startswith("film/"):
            (tmp_path / sample.path).parent.mkdir(exist_ok=True)
            (tmp_path / sample.path).write_bytes(sample.content)
    (tmp_path / "film.yaml").write_text(RECIPE, encoding="utf-8")

    def call(status: int, command: str, *arguments: str) -> Any:
        done = CliRunner().invoke(app, [command, *arguments, "--json"])
        assert done.exit_code == status, done.output
        found = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        jsonschema.Draft202012Validator(schema(command)).validate(found)
        assert found.get("exit_status", 0) == status
        if command not in ("inspect", "config", "explain"):
            assert "Secret" not in done.stdout
        return found

    return call


def schema(command: str) -> Any:
    return json.loads((SCHEMAS / f"{command}.schema.json").read_text(encoding="utf-8"))


def test_every_command_for_programs_has_a_schema() -> None:
    assert {path.name for path in SCHEMAS.iterdir()} == {f"{name}.schema.json" for name in PROGRAMS}
    for name in PROGRAMS:
        jsonschema.Draft202012Validator.check_schema(schema(name))
        assert closed(schema(name)), name


def closed(part: Any) -> bool:
    """Objects with named keys have no others, so that a key that is new or gone shows in these tests."""
    if isinstance(part, dict):
        open_one = part.get("properties") is not None and part.get("additionalProperties") is not False
        is_names = "properties" in part and "type" not in part
        return (is_names or not open_one) and all(closed(value) for value in part.values())
    return not isinstance(part, list) or all(closed(value) for value in part)


def test_a_run_and_all_that_looks_at_it(told: Call) -> None:
    assert told(0, "plan", "film.yaml")["runs"][0]["units"][0]["why"] == "new"
    assert told(0, "run", "film.yaml", "--dry-run")["runs"][0]["units"][0]["steps"]
    assert told(0, "run", "film.yaml")["runs"][0]["counts"]["written"] == 4
    assert told(0, "run", "film.yaml")["runs"][0]["counts"]["current"] == 4
    assert told(0, "check", "film.yaml")["runs"][0]["counts"]["fresh"] == 6
    assert len(told(0, "lock", "film.yaml")["outputs"]) == 6
    (valid,) = told(0, "validate", "film.yaml")["recipes"]
    assert (valid["ok"], valid["notes"]) == (True, [])
    assert told(0, "config", "film.yaml")["origins"]["conversions.scans.geometry.sid"] == "film.yaml:8"
    tested = told(1, "test", "film.yaml")
    assert (tested["passed"], tested["failed"]) == (1, 1)


def test_validate_tells_what_is_hardly_meant(told: Call, tmp_path: Path) -> None:
    (tmp_path / "film.yaml").write_text(RECIPE.replace("sid: 1000", "sid: 100"), encoding="utf-8")
    (valid,) = told(0, "validate", "film.yaml")["recipes"]
    (note,) = valid["notes"]
    assert valid["ok"] and note["where"] == "conversions.scans.geometry.sid"
    assert (note["line"], "in cm it would be 1000 mm" in note["what"]) == (8, True)


def test_what_is_stale_altered_or_foreign(told: Call, tmp_path: Path) -> None:
    told(0, "run", "film.yaml")
    (tmp_path / "film.yaml").write_text(RECIPE.replace("sid: 1000", "sid: 1050"), encoding="utf-8")
    (tmp_path / "npy" / "g000_wedge.npy").write_bytes(b"x")
    (tmp_path / "png" / "g090_wedge.png").unlink()
    found = told(3, "check", "film.yaml", "--diff")["runs"][0]
    assert {output["status"] for output in found["outputs"]} >= {"stale", "altered", "missing"}
    diffs = [output["diff"] for output in found["outputs"] if "diff" in output]
    assert {"tag": "RTImageSID", "change": "changed"} in [tag for diff in diffs for tag in diff["tags"]]
    assert told(0, "plan", "film.yaml")["runs"][0]["units"][0]["reason"]
    assert (
        told(3, "run", "film.yaml", "--locked")["runs"][0]["units"][0]["error"]["kind"] == "DifferenceError"
    )


def test_what_fails_and_what_waits_for_it(told: Call, tmp_path: Path) -> None:
    (tmp_path / "film" / "g000_wedge.tif").write_bytes(b"no picture")
    found = told(1, "run", "film.yaml")["runs"][0]
    assert found["counts"] == {
        "written": 2, "current": 0, "failed": 1, "skipped": 1, "replaced": 0,
    }  # fmt: skip
    told(3, "check", "film.yaml")
    (tmp_path / "film" / "g000_wedge.tif").unlink()
    (tmp_path / "film" / "g090_wedge.tif").unlink()
    assert told(2, "run", "film.yaml")["runs"][0]["error"]["kind"] == "PlanError"
    for command in ("plan", "check"):
        told(2, command, "film.yaml")


def test_a_foreign_file_in_the_way(told: Call, tmp_path: Path) -> None:
    (tmp_path / "npy").mkdir()
    (tmp_path / "npy" / "g000_wedge.npy").write_bytes(b"mine")
    assert told(2, "plan", "film.yaml")["runs"][0]["error"]["kind"] == "PlanError"
    assert told(2, "run", "film.yaml", "--dry-run")["runs"][0]["error"]
    assert told(2, "run", "film.yaml")["runs"][0]["error"]
    assert told(3, "check", "film.yaml")["runs"][0]["counts"]["foreign"] == 1


@pytest.mark.parametrize("command", ["run", "plan", "validate", "check", "test"])
def test_a_recipe_that_is_wrong(told: Call, tmp_path: Path, command: str) -> None:
    (tmp_path / "bad.yaml").write_text(RECIPE.replace("dpi", "dpii"), encoding="utf-8")
    found = told(2, command, "bad.yaml")
    (one,) = found["recipes"] if "recipes" in found else found["runs"]
    assert one["problems"][0]["line"] == 8


def test_what_is_converted_without_a_recipe(told: Call) -> None:
    words = ("film/g000_wedge.tif", "a.dcm", "--source", "{format: image, channel: red}", "--dpi", "75")
    assert told(0, "convert", *words, "--sid", "1000")["runs"][0]["counts"]["written"] == 1
    assert told(2, "convert", *words, "--sid", "1000")["runs"][0]["error"]["hint"]
    assert told(2, "convert", *words, "--sid", "1000mm")["runs"][0]["error"]["message"]
    assert (
        told(1, "convert", *words, "--overwrite")["runs"][0]["units"][0]["error"]["kind"] == "GeometryError"
    )


def test_files_that_are_looked_into(told: Call, tmp_path: Path) -> None:
    told(0, "run", "film.yaml")
    found = told(1, "inspect", "film/g000_wedge.tif", "dicom/g000_wedge.dcm", "film.yaml")
    assert [("error" in file) for file in found["files"]] == [False, False, True]
    told(0, "inspect", "--headers", "film/g000_wedge.tif", "npy/g000_wedge.npy")
    for sample in made_samples().values():
        (tmp_path / "all").mkdir(exist_ok=True)
        path = tmp_path / "all" / sample.path.replace("/", "_")
        path.write_bytes(sample.content)
        if not sample.path.endswith((".raw", ".bin", "dose.npz", "phantom.npy")):
            told(0, "inspect", f"all/{path.name}")
    told(0, "check-dicom", "dicom/g000_wedge.dcm")
    told(1, "check-dicom", "film.yaml", "all/dicom_bare_field.dcm")
    assert told(0, "formats")["exports"]


def test_what_explain_tells(told: Call) -> None:
    told(0, "run", "film.yaml")
    whole = told(0, "explain", "dicom/g000_wedge.dcm")
    assert whole["as_recipe_gives_it"] and whole["geometry"] and len(whole["tags"]) > 30
    assert told(0, "explain", "dicom/g000_wedge.dcm", "GantryAngle")["tags"][0]["name"] == "GantryAngle"
    assert told(0, "explain", "film/g000_wedge.tif", "--recipe", "film.yaml")["role"] == "input"
    assert told(0, "explain", "film.yaml", "--recipe", "film.yaml")["role"] == "none"


def test_what_is_delivered(told: Call, tmp_path: Path) -> None:
    share = (tmp_path / "share").as_posix()
    sending = RECIPE.replace(
        "conversions:\n", f"destinations: {{share: {{to: folder, path: '{share}'}}}}\nconversions:\n", 1
    )
    sending = sending.replace("  scans:\n", "  scans:\n    deliver: share\n", 1)
    (tmp_path / "film.yaml").write_text(sending, encoding="utf-8")
    told(0, "run", "film.yaml")
    states = [entry["state"] for entry in told(0, "deliver", "film.yaml")["outputs"]]
    assert states == ["proven", "proven"]
    next(tmp_path.glob("dicom/*.dcm")).write_bytes(b"altered")
    (held,) = told(3, "deliver", "film.yaml")["recipes"]
    assert len(held["stale"]) == 1
    assert told(2, "deliver", "absent.yaml")["outputs"] == []


def test_each_line_of_a_watch(tmp_path: Path, told: Call) -> None:
    (tmp_path / "film" / "g000_bad.tif").write_bytes(b"no picture")
    done = CliRunner().invoke(app, ["watch", "film.yaml", "--once", "--settle", "0", "--json"])
    assert done.exit_code == 1, done.output
    events = [json.loads(line) for line in done.stdout.splitlines()]
    for event in events:
        jsonschema.Draft202012Validator(schema("watch")).validate(event)
    assert {event["event"] for event in events} == {"done", "failed"}


def test_the_docs_list_every_schema(generated: Callable[[Path, str, str], None]) -> None:
    rows = [
        f"| `{name}` | [{name}.schema.json](json/{name}.schema.json) | {schema(name)['description']} |"
        for name in PROGRAMS
    ]
    generated(
        ROOT / "docs" / "ci.md",
        "schemas",
        "| command | schema | holds |\n|---|---|---|\n" + "\n".join(rows) + "\n",
    )
