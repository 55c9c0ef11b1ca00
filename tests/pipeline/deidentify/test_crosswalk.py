"""The crosswalk: who stands behind a pseudonym, for those with the password, and nowhere else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.errors import PlanError, RecipeError
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from pydicom import dcmread
from typer.testing import CliRunner

from ...pydicom_api import write_whole
from ...support import bake, failures
from .marked_study import FILES

pytest.importorskip("cryptography")
PASSWORD = "only the trial office"
SCHEMA = Path(__file__).parents[3] / "docs" / "json" / "crosswalk.schema.json"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DEID_KEY", "a key of the site, 2026")
    monkeypatch.setenv("CROSS", PASSWORD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder for the recipe with two patients, and one for keys."""
    (tmp_path / "site" / "study").mkdir(parents=True)
    (tmp_path / "keys").mkdir()
    for patient in ("MRN-471147", "MRN-471148"):
        add(tmp_path, patient)
    return tmp_path


def add(place: Path, patient: str) -> None:
    dataset = dcmread(FILES / "CT_small.dcm")
    dataset.PatientID, dataset.PatientName = patient, "Doe^Jané"
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPInstanceUID = f"1.2.3.{patient[-6:]}"
    with (place / "site" / "study" / f"{patient}.dcm").open("wb") as file:
        write_whole(file, dataset)


def recipe(place: Path, file: str = "../keys/trial.crosswalk", password: str = "{env.CROSS}") -> Path:
    path = place / "site" / "share.yaml"
    path.write_text(
        "version: 1\nconversions:\n  share:\n    inputs: 'study/*.dcm'\n    source: dicom\n    deidentify:\n"
        f"      key: '{{env.DEID_KEY}}'\n      dates: shift\n"
        f"      crosswalk: {{file: '{file}', password: '{password}'}}\n"
        "    exports: {to: dicom, path: 'out/{SOPInstanceUID}.dcm'}\n",
        encoding="utf-8",
    )
    return path


def shown(file: Path) -> dict[str, dict[str, object]]:
    result = CliRunner().invoke(app, ["crosswalk", str(file), "--password-env", "CROSS", "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, dict[str, object]] = json.loads(result.output)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(found)
    return found


def test_it_leads_back_from_every_output(place: Path) -> None:
    assert failures(bake(recipe(place))) == []
    file = place / "keys" / "trial.crosswalk"
    assert b"MRN" not in file.read_bytes() and PASSWORD.encode() not in file.read_bytes()
    found = shown(file)
    back = set()
    for path in (place / "site" / "out").iterdir():
        made = dcmread(path)
        patient = found["patients"][made.PatientID]
        assert isinstance(patient, dict)
        assert patient["name"] == "Doe^Jané" and 1 <= patient["days"] <= 3652
        back.add((patient["id"], found["uids"][made.SOPInstanceUID]))
        assert found["uids"][made.StudyInstanceUID] == dcmread(FILES / "CT_small.dcm").StudyInstanceUID
    assert back == {("MRN-471147", "1.2.3.471147"), ("MRN-471148", "1.2.3.471148")}
    told = CliRunner().invoke(app, ["crosswalk", str(file), "--password-env", "CROSS"])
    rows = [line.split("\t") for line in told.stdout.splitlines()]
    assert {row[1] for row in rows if row[0] in found["patients"]} == {"MRN-471147", "MRN-471148"}
    assert {row[0]: row[1] for row in rows if len(row) == 2} == found["uids"]


def test_a_second_run_adds_and_forgets_nothing(place: Path) -> None:
    path = recipe(place)
    bake(path)
    file = place / "keys" / "trial.crosswalk"
    before = file.read_bytes()
    bake(path)
    assert file.read_bytes() == before
    (place / "site" / "study" / "MRN-471147.dcm").unlink()
    add(place, "MRN-471149")
    bake(path)
    ids = {patient["id"] for patient in shown(file)["patients"].values() if isinstance(patient, dict)}
    assert ids == {"MRN-471147", "MRN-471148", "MRN-471149"}


def test_it_is_made_where_everything_is_up_to_date(place: Path) -> None:
    path = recipe(place)
    bake(path)
    (place / "keys" / "trial.crosswalk").unlink()
    assert bake(path).count("current") == 2
    assert len(shown(place / "keys" / "trial.crosswalk")["patients"]) == 2


def test_another_password_changes_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recipe(place)
    bake(path)
    file = place / "keys" / "trial.crosswalk"
    before = file.read_bytes()
    add(place, "MRN-471149")
    monkeypatch.setenv("CROSS", "a guess")
    with pytest.raises(PlanError, match="the password is another one"):
        bake(path)
    assert file.read_bytes() == before and len(list((place / "site" / "out").iterdir())) == 2
    told = CliRunner().invoke(app, ["crosswalk", str(file), "--password-env", "CROSS"])
    assert told.exit_code == 2 and "MRN" not in told.output
    monkeypatch.delenv("CROSS")
    with pytest.raises(PlanError, match="no variable 'CROSS'"):
        bake(path)


def test_what_is_no_crosswalk_is_left_alone(place: Path) -> None:
    file = place / "keys" / "trial.crosswalk"
    file.write_text("something of mine", encoding="utf-8")
    with pytest.raises(PlanError, match="is no crosswalk"):
        bake(recipe(place))
    assert file.read_text(encoding="utf-8") == "something of mine"


def test_it_is_there_before_the_first_output(place: Path) -> None:
    """A run that is killed when its first output is put in place."""
    path = recipe(place)
    program = (
        "import os, warnings; warnings.simplefilter('ignore')\n"
        "import dicombake.pipeline.store.files as files\n"
        "files.Store._place = lambda *a, **k: os._exit(9)\n"
        "from dicombake.pipeline.cli.main import app\n"
        f"app(['run', {str(path)!r}, '--jobs', '1'])\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, env={**os.environ}
    )
    assert killed.returncode == 9, killed.stderr
    assert len(shown(place / "keys" / "trial.crosswalk")["patients"]) == 2
    assert failures(bake(path)) == []


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("trial.crosswalk", "may not lie in the output folder"),
        ("study/trial.crosswalk", "may not lie in the output folder"),
        ("../nowhere/trial.crosswalk", "folder of the crosswalk does not exist"),
    ],
)
def test_it_lies_apart(place: Path, file: str, told: str) -> None:
    with pytest.raises(PlanError, match=told):
        plan(load_recipe(recipe(place, file)))


def test_it_lies_in_no_data_and_no_recipe_folder(place: Path) -> None:
    loaded = load_recipe(recipe(place))
    with pytest.raises(PlanError, match="may not lie in the data folder"):
        plan(loaded, data=place, out=place / "out")
    loaded = load_recipe(recipe(place, "trial.crosswalk"))
    with pytest.raises(PlanError, match="may not lie in the recipe's folder"):
        plan(loaded, data=place / "site" / "study", out=place / "out")


def test_git_never_gets_it(place: Path) -> None:
    subprocess.run(["git", "init", "-q", str(place / "keys")], check=True)
    loaded = load_recipe(recipe(place))
    with pytest.raises(PlanError, match="where git would keep it"):
        plan(loaded)
    (place / "keys" / ".gitignore").write_text("*.crosswalk\n", encoding="utf-8")
    plan(loaded)


def test_a_literal_password_is_refused(place: Path) -> None:
    with pytest.raises(RecipeError, match="a password in a recipe would be in git"):
        load_recipe(recipe(place, password="secret"))
