"""A study that is marked wherever a file can hold text: no mark is in anything that is written or printed."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from dicombake.pipeline.check.compare import check
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.deidentify.table import rows
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.report.annotations import of_checked, of_plan
from dicombake.pipeline.report.commands.checked import checked_as_json
from dicombake.pipeline.report.commands.graph import mermaid
from dicombake.pipeline.report.commands.planned import plan_as_json
from dicombake.pipeline.report.junit import junit_xml, suite_of_checked
from dicombake.pipeline.run.forecast import forecast
from dicombake.pipeline.store.lock import Lock
from pydicom import dcmread
from pydicom.datadict import dictionary_has_tag
from typer.testing import CliRunner

from .marked_study import CLASSES, MARK, NAMES, SWEEP, hard_study

TAGS = sorted(tag for tag in rows() if dictionary_has_tag(tag))
FOLDER = f"{MARK}_Doe_Jane"
RECIPE = """version: 1
conversions:
  share:
    inputs: 'study/**/*.dcm'
    source: auto
    deidentify: {key: '{env.DEID_KEY}'}
    exports: {to: dicom, path: 'out/{PatientID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm'}
  refused:
    inputs: 'study/**/*SR.dcm'
    source: dicom-object
    deidentify: {key: '{env.OTHER_KEY}', options: [retain_institution]}
    exports: {to: dicom, path: 'refused/{index}.dcm'}
"""
ENCODINGS = ("utf-8", "gb18030", "iso2022_jp", "shift_jis", "euc_kr", "iso8859-5", "iso8859-6", "iso8859-7")


def marks() -> set[bytes]:
    """Return what may be nowhere: marks, the birth date, UIDs, and names in each alphabet."""
    found = {MARK.encode(), MARK.encode("utf-16-le"), b"19781203", b"4711", b"Doe_Jane"}
    for name in NAMES.values():
        for part in name.replace("=", "^").split("^"):
            for encoding in ENCODINGS:
                try:
                    found.add(part.encode(encoding))
                except UnicodeEncodeError:
                    continue
    return {each for each in found if len(each) > 3 or each == MARK.encode()}


SOME = ("CT Image", "RT Structure Set", "Basic Text SR")


@pytest.fixture(scope="module", params=[SOME, pytest.param(tuple(CLASSES), marks=SWEEP)], ids=["some", "all"])
def kinds(request: pytest.FixtureRequest) -> tuple[str, ...]:
    found: tuple[str, ...] = request.param
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, kinds: tuple[str, ...]) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("DEID_KEY", "a key of the site, 2026")
        patch.setenv("OTHER_KEY", "another key of the site")
        patch.chdir(folder)
        hard_study(folder / "study" / FOLDER, TAGS, kinds)
        (folder / "share.yaml").write_text(RECIPE, encoding="utf-8")
        yield folder


@pytest.fixture(scope="module")
def printed(place: Path) -> dict[str, str]:
    """What commands print for programs; reports are written into the folder."""
    reports = ["--junit", "run.xml", "--html", "page.html", "--pictures", "none", "--report", "prov.json"]
    ran = CliRunner().invoke(
        app, ["run", "share.yaml", "--json", "--jobs", "1", "--annotations", "github", *reports]
    )
    assert ran.exit_code == 1, ran.output
    made = plan(load_recipe(place / "share.yaml"))
    checked = check(made)
    return {
        "run": ran.output,
        "plan": json.dumps(plan_as_json(made, list(forecast(made, Lock())))),
        "graph": mermaid(made, detailed=True),
        "check": json.dumps(checked_as_json(checked)),
        "annotations": "\n".join((*of_plan(made), *of_checked(checked))),
        "JUnit": junit_xml([suite_of_checked(checked)]).decode(),
    }


def test_every_kind_is_written(place: Path, printed: dict[str, str], kinds: tuple[str, ...]) -> None:
    made = [dcmread(path) for path in (place / "out").rglob("*.dcm")]
    assert {each.SOPClassUID for each in made} == {CLASSES[kind] for kind in kinds}
    assert len({each.PatientID for each in made}) == len({each.StudyInstanceUID for each in made}) == 1


def test_no_file_holds_a_mark(place: Path, printed: dict[str, str]) -> None:
    files = [path for path in place.rglob("*") if path.is_file() and FOLDER not in path.parts]
    assert {"share.lock", "share.sqlite", "run.xml", "page.html", "prov.json"} <= {
        path.name for path in files
    }
    found = {
        (path.relative_to(place).as_posix(), mark)
        for path in files
        for mark in marks()
        if mark in path.read_bytes() or mark in path.relative_to(place).as_posix().encode()
    }
    assert found == set()


def test_nothing_that_is_printed_for_programs_holds_a_mark(printed: dict[str, str]) -> None:
    found = {(name, mark) for name, text in printed.items() for mark in marks() if mark in text.encode()}
    assert found == set()
    assert all("input-" in printed[name] for name in ("run", "plan", "graph"))


def test_failures_name_inputs_by_what_they_are_called_there(place: Path, printed: dict[str, str]) -> None:
    (failure,) = ET.parse(place / "run.xml").findall(".//failure")
    assert "is still in InstitutionCodeSequence" in failure.attrib["message"]
    assert printed["run"].count("::error") == 1
    assert "title=refused/input-" in printed["run"]
    assert not list((place / "refused").iterdir()) if (place / "refused").exists() else True
