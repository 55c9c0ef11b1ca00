"""De-identified objects of every kind: dciodvfy and our tables find nothing new, and references hold."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dicombake.pipeline.dicom.standard.check import check_file
from dicombake.pipeline.run.unit.results import Outcome
from pydicom import Dataset, dcmread

from ...support import bake
from .marked_study import FILES, SWEEP, elements, linked_study, write_objects

SAMPLES = (
    "MR_small_RLE.dcm", "reportsi.dcm", "waveform_ecg.dcm", "SC_ybr_full_422_uncompressed.dcm",
    "JPEG2000.dcm",
)  # fmt: skip
EVERYTHING = (
    "dates: shift, options: [clean_descriptors, clean_structured_content, clean_graphics, retain_device, "
    "retain_patient_characteristics, retain_safe_private]"
)


@pytest.fixture(
    scope="module", params=[pytest.param("dates: remove", marks=SWEEP), EVERYTHING], ids=["basic", "options"]
)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Outcome, Path]]:
    folder = tmp_path_factory.mktemp("checked")
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("DEID_KEY", "a key of the site, 2026")
        ct, _, rt_plan, _ = linked_study(folder / "study")
        write_objects(folder / "study", ct, rt_plan)
        for name in SAMPLES:
            shutil.copy(FILES / name, folder / "study" / name)
        (folder / "share.yaml").write_text(
            "version: 1\nconversions:\n  share:\n    inputs: 'study/*.dcm'\n    source: auto\n"
            f"    deidentify: {{key: '{{env.DEID_KEY}}', burned_in: accept, {request.param}}}\n"
            # of these two samples the maker's name is that of the institution
            "    tags: {Manufacturer: REMOVED}\n"
            "    exports: {to: dicom, path: 'out/{SOPInstanceUID}.dcm'}\n",
            encoding="utf-8",
        )
        yield bake(folder / "share.yaml"), folder


def pairs(shared: tuple[Outcome, Path]) -> Iterator[tuple[Path, Path]]:
    outcome, folder = shared
    for unit, result in zip(outcome.plan.units, outcome.results, strict=True):
        assert result.status == "written", result.error
        yield folder / unit.inputs[0].path, folder / unit.outputs[0].path


def uids(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield the UIDs of instances, series and frames of reference in a dataset, each by its path."""
    for path, element in elements(dataset):
        if element.keyword.endswith(("InstanceUID", "FrameOfReferenceUID")):
            yield path, str(element.value)


def test_what_names_one_thing_names_one_thing_afterwards(shared: tuple[Outcome, Path]) -> None:
    """So that each reference leads to the same object as before."""
    new: dict[str, str] = {}
    count = 0
    for source, made in pairs(shared):
        before, after = dict(uids(dcmread(source, force=True))), dict(uids(dcmread(made)))
        for path in before.keys() & after.keys():
            assert new.setdefault(before[path], after[path]) == after[path], path
            assert after[path] != before[path], path
            count += "[" in path
    assert count > 20
    assert len(set(new.values())) == len(new)


def test_dciodvfy_finds_no_new_error(shared: tuple[Outcome, Path], checker: Callable[[str], str]) -> None:
    program = checker("dciodvfy")

    def errors(path: Path) -> set[str]:
        done = subprocess.run(
            [program, str(path)], capture_output=True, text=True, errors="replace", check=False
        )
        lines = (done.stdout + done.stderr).splitlines()
        return {line.partition("=<")[2] or line[:60] for line in lines if line.startswith("Error")}

    found = {source.name: errors(made) - errors(source) for source, made in pairs(shared)}
    assert {name: new for name, new in found.items() if new} == {}


def test_our_tables_find_no_new_error(shared: tuple[Outcome, Path]) -> None:
    def errors(path: Path) -> set[str]:
        return {str(finding) for finding in check_file(path).errors}

    found = {source.name: errors(made) - errors(source) for source, made in pairs(shared)}
    assert {name: new for name, new in found.items() if new} == {}
