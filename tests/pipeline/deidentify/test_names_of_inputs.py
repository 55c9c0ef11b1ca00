"""What cannot be planned, done or read names inputs that are de-identified on the terminal alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.deidentify.keys import derived
from typer.testing import CliRunner, Result

from .marked_study import FILES

KEY = "a key of the site, 2026"
FOLDER = "Doe_Jane"
OWN = "out/{SOPInstanceUID}.dcm"
REPORTS = ("--junit", "run.xml", "--html", "page.html", "--annotations", "github")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a patient's name, with a CT of that name in it."""
    monkeypatch.setenv("DEID_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "study" / FOLDER
    folder.mkdir(parents=True)
    shutil.copy(FILES / "CT_small.dcm", folder / "Doe_CT.dcm")
    return tmp_path


def recipe(path: str = OWN, inputs: str = "'study/**/*.dcm'", more: str = "", source: str = "auto") -> None:
    Path("share.yaml").write_text(
        f"version: 1\nconversions:\n  share:\n    inputs: {inputs}\n    source: {source}\n"
        "    deidentify: {key: '{env.DEID_KEY}'}\n"
        f"    exports: {{to: dicom, path: '{path}'}}\n{more}",
        encoding="utf-8",
    )


def alias(path: str) -> str:
    return derived(KEY).alias(path)


def called(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def told(status: int) -> str:
    """Return what commands print for programs of a recipe that ends so, with the reports and the lock."""
    ran = called("run", "share.yaml", "--json", "--jobs", "1", *REPORTS)
    planned = called("plan", "share.yaml", "--json", "--annotations", "github")
    checked = called("check", "share.yaml", "--json", "--junit", "check.xml", "--annotations", "github")
    assert ran.exit_code == status, ran.output
    assert checked.exit_code != 0, checked.output
    written = [path for path in Path().rglob("*") if path.is_file() and "study" not in path.parts]
    assert {"run.xml", "page.html", "check.xml"} <= {path.name for path in written}
    reports = "".join(path.read_bytes().decode("latin-1") for path in written)
    return "\n".join((ran.stdout, planned.stdout, checked.stdout, reports))


def test_a_file_that_is_no_dicom() -> None:
    recipe()
    (Path("study") / FOLDER / "Doe_note.dcm").write_bytes(b"no DICOM at all " * 99)
    found = told(1)
    assert "Doe" not in found
    assert found.count(alias(f"study/{FOLDER}/Doe_note.dcm")) >= 6


def test_a_file_that_is_cut_off() -> None:
    recipe()
    file = Path("study") / FOLDER / "Doe_CT.dcm"
    file.write_bytes(file.read_bytes()[:20_000])
    found = told(1)
    assert "Doe" not in found
    assert found.count(alias(file.as_posix())) >= 6


@pytest.mark.parametrize(
    ("path", "inputs", "reason"),
    [
        ("out/{Modality}.dcm", "'study/**/*.dcm'", "would be written twice: by 'share/input-"),
        (OWN, "{files: 'study/**/*.dcm', min_files: 9}", "group 'input-"),
        (OWN, "{files: 'study/**/{who}_CT_{n:d}.dcm', min_files: 9, group_by: who}", "group 'input-"),
        (
            OWN,
            "{files: ['study/**/{who}_CT.dcm', 'study/**/*_MR.dcm'], group_by: who}",
            "no 'who' to group by",
        ),
        (OWN, "'study/**/*.DCM'", "no file matches"),  # no hint that a file nearly matches
    ],
    ids=["clash", "folder", "capture", "no capture", "no match"],
)
def test_a_recipe_that_cannot_be_planned(path: str, inputs: str, reason: str) -> None:
    shutil.copy(FILES / "MR_small.dcm", Path("study") / FOLDER / "Doe_MR.dcm")
    shutil.copy(FILES / "CT_small.dcm", Path("study") / FOLDER / "Doe_CT_2.dcm")
    recipe(path, inputs, source="dicom-series" if "group" in reason else "auto")
    found = told(2)
    assert "Doe" not in found
    assert reason in found


def test_an_output_over_an_input_of_both_kinds_of_conversion() -> None:
    recipe(
        more="  kept:\n    inputs: 'study/**/*CT.dcm'\n    source: auto\n"
        "    exports: {to: dicom, path: 'study/{parent}/{stem}.dcm'}\n"
    )
    found = told(2)
    assert "Doe" not in found
    assert f"is the input '{alias(f'study/{FOLDER}/Doe_CT.dcm')}'" in found


@pytest.mark.parametrize("name", ["Doe_CT.dcm", "Doe_left_out.dcm", "Doe_other.txt"])
def test_explain_says_of_a_file_whether_it_is_an_input(name: str) -> None:
    recipe(inputs="{files: 'study/**/*.dcm', exclude: '**/*_left_out.dcm'}")
    path = f"study/{FOLDER}/{name}"
    Path(path).touch()
    answer = called("explain", path, "--recipe", "share.yaml", "--json")
    assert answer.exit_code == 0, answer.output
    document = json.loads(answer.stdout)
    assert document["file"] == alias(path)
    assert document["role"] == ("input" if name == "Doe_CT.dcm" else "none")
    assert "Doe" not in answer.stdout
    assert path in called("explain", path, "--recipe", "share.yaml").stdout


def test_explain_has_no_alias_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe()
    monkeypatch.delenv("DEID_KEY")
    for more in ((), ("--untrusted",)):
        answer = called("explain", f"study/{FOLDER}/Doe_CT.dcm", "--recipe", "share.yaml", "--json", *more)
        assert json.loads(answer.stdout)["file"] == "input"
        assert "Doe" not in answer.stdout


def test_explain_names_other_inputs_by_their_path() -> None:
    recipe(
        inputs="'study/**/*MR.dcm'",
        more="    on_empty: ok\n  kept:\n    inputs: 'study/**/*CT.dcm'\n    source: auto\n"
        "    exports: {to: dicom, path: 'kept/{stem}.dcm'}\n",
    )
    path = f"study/{FOLDER}/Doe_CT.dcm"
    answer = called("explain", path, "--recipe", "share.yaml", "--json")
    assert json.loads(answer.stdout)["file"] == path


def test_watch_tells_programs_no_path() -> None:
    recipe()
    note = Path("study") / FOLDER / "Doe_note.dcm"
    note.write_bytes(b"no DICOM at all " * 99)
    answer = called("watch", "share.yaml", "--once", "--settle", "0", "--json")
    events = [json.loads(line) for line in answer.stdout.splitlines()]
    assert sorted(event["event"] for event in events) == ["done", "failed"]
    assert "Doe" not in answer.stdout
    assert alias(note.as_posix()) in answer.stdout
    note.write_bytes(b"another that is none " * 99)
    assert "Doe_note.dcm" in called("watch", "share.yaml", "--once", "--settle", "0").stderr
