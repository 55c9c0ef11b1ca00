"""A study of CT, structure set, plan and dose through a recipe: references, lock, proof, refusals."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.check.compare import check
from dicombake.pipeline.errors import PlanError, RecipeError
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.report.outcome import outcome_as_json
from dicombake.pipeline.report.provenance import prov_json
from pydicom import Dataset, dcmread

from ...pydicom_api import write_whole
from ...support import bake, failures
from .marked_study import FILES, linked_study

PATH = "out/{PatientID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm"
KEY = "a key of the site, 2026"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEID_KEY", KEY)


def recipe(folder: Path, said: str = "", more: str = "", exports: str = "") -> Path:
    path = folder / "share.yaml"
    exports = exports or f"{{to: dicom, path: '{PATH}'}}"
    path.write_text(
        "version: 1\nconversions:\n  share:\n    inputs: 'study/*.dcm'\n    source: auto\n"
        f"    deidentify: {{key: '{{env.DEID_KEY}}'{said}}}\n{more}    exports: {exports}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What pydicom warns of in its own samples is no concern of these tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def study(folder: Path, **said: object) -> list[Dataset]:
    return linked_study(folder / "study", **said)


def outputs(folder: Path) -> dict[str, Dataset]:
    return {str(dcmread(path).SOPClassUID): dcmread(path) for path in (folder / "out").rglob("*.dcm")}


def references(dataset: Dataset) -> Iterator[str]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from references(item)
        elif element.keyword == "ReferencedSOPInstanceUID":
            yield str(element.value)


def test_a_study_still_fits_together(tmp_path: Path) -> None:
    ct, structures, rt_plan, _ = study(tmp_path)
    outcome = bake(recipe(tmp_path))
    assert failures(outcome) == []
    made = outputs(tmp_path)
    assert len(made) == 4
    new = {cls: str(each.SOPInstanceUID) for cls, each in made.items()}
    assert new[ct.SOPClassUID] in references(made[structures.SOPClassUID])
    assert new[structures.SOPClassUID] in references(made[rt_plan.SOPClassUID])
    assert new[rt_plan.SOPClassUID] in references(made["1.2.840.10008.5.1.4.1.1.481.2"])
    assert len({each.StudyInstanceUID for each in made.values()}) == 1
    assert len({each.PatientID for each in made.values()}) == 1
    frame = made[structures.SOPClassUID].ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID
    assert frame == made[ct.SOPClassUID].FrameOfReferenceUID != ct.FrameOfReferenceUID
    assert np.array_equal(made[ct.SOPClassUID].pixel_array, ct.pixel_array)
    for each in made.values():
        assert each.PatientIdentityRemoved == "YES"
        assert b"Doe" not in Path(str(each.filename)).read_bytes()
    assert all(
        finding.kind == "fresh" for finding in check(plan(load_recipe(tmp_path / "share.yaml"))).findings
    )


def test_nothing_unkeyed_of_a_source_is_written(tmp_path: Path) -> None:
    study(tmp_path)
    path = recipe(tmp_path, more="    tags: {RTPlanLabel: SHARED}\n")
    outcome = bake(path)
    graph = prov_json([outcome]).decode("ascii")
    told = json.dumps(outcome_as_json(outcome)) + (tmp_path / "share.lock").read_text(encoding="utf-8")
    files = list((tmp_path / "study").iterdir())
    hashes = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    database = sqlite3.connect(tmp_path / ".dicombake" / "share.sqlite")
    tables = [name for (name,) in database.execute("select name from sqlite_master where type='table'")]
    kept = repr([database.execute(f"select * from {name}").fetchall() for name in tables])
    database.close()
    for value in (*hashes, KEY, "MRN-471147", "Doe"):
        assert value not in told + graph
    for value in (*hashes, KEY):
        assert value not in kept and bytes.fromhex(hashes[0]).hex() not in kept
    assert not any(file.name in told + graph for file in files)
    assert told.count("data:input-") == 4
    (bundle,) = json.loads(graph)["bundle"].values()
    assert sum(name.startswith("data:input-") for name in bundle["entity"]) == 4
    for unkeyed in (
        hashlib.sha256(KEY.encode()),
        hashlib.sha256(b'["share","env.DEID_KEY","' + KEY.encode() + b'"]'),
    ):
        assert unkeyed.hexdigest()[:12] not in told
    again = bake(path)
    assert again.count("current") == 4


def test_another_key_gives_other_pseudonyms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study(tmp_path)
    bake(recipe(tmp_path))
    before = {path.name for path in (tmp_path / "out").rglob("*.dcm")}
    monkeypatch.setenv("DEID_KEY", "another key of the site")
    bake(recipe(tmp_path))
    assert before.isdisjoint({path.name for path in (tmp_path / "out").rglob("*.dcm")} - before)


def test_what_still_names_somebody_is_not_put_in_place(tmp_path: Path) -> None:
    study(tmp_path, ManufacturerModelName="Scanner of Doe^Jane Marie")
    outcome = bake(recipe(tmp_path))
    told = failures(outcome)
    assert len(told) == 4 and not list((tmp_path / "out").rglob("*.dcm"))
    assert all("PatientName is still in ManufacturerModelName" in each for each in told)
    assert not any("Jane" in each for each in told)
    assert failures(bake(recipe(tmp_path, more="    remove_tags: [ManufacturerModelName]\n"))) == []


def test_values_in_the_bytes_of_pixels_are_found(tmp_path: Path) -> None:
    ct, *_ = study(tmp_path)
    pixels = bytearray(ct.PixelData)
    pixels[1000:1010] = b"MRN-471147"
    ct.PixelData = bytes(pixels)
    with (tmp_path / "study" / "Doe_ct.dcm").open("wb") as file:
        write_whole(file, ct)
    (told,) = failures(bake(recipe(tmp_path)))
    assert "PatientID is still in PixelData" in told


def test_a_literal_tag_is_the_authors_word(tmp_path: Path) -> None:
    study(tmp_path)
    outcome = bake(
        recipe(
            tmp_path,
            more="    tags: {PatientID: MRN-471147}\n",
            exports="{to: dicom, path: 'out/{index}.dcm'}",
        )
    )
    assert failures(outcome) == []
    assert any(note.code == "stated-identity" for result in outcome.results for note in result.notes)


def test_pictures_hold_no_text_of_the_source(tmp_path: Path) -> None:
    study(tmp_path)
    for name in ("struct", "plan", "dose"):
        (tmp_path / "study" / f"{name}.dcm").unlink()
    to_png = "{to: png, path: 'out/{SOPInstanceUID}.png', window: full}"
    exports = f"[{to_png}, {{to: npy, path: 'out/{{SOPInstanceUID}}.npy'}}]"
    assert failures(bake(recipe(tmp_path, exports=exports))) == []
    (picture,) = (tmp_path / "out").glob("*.png")
    content = picture.read_bytes()
    assert b"Doe" not in content and b"MRN-471147" not in content and b"PatientIdentityRemoved" in content


@pytest.mark.parametrize(
    ("process", "said", "wrong"),
    [
        ("", "", True),
        ("    process: [{mask: [{top: 0, left: 0, height: 9, width: 9}]}]\n", "", False),
        ("", ", burned_in: accept", False),
    ],
)
def test_burned_in_kinds_are_masked_or_accepted(tmp_path: Path, process: str, said: str, wrong: bool) -> None:
    ct, *_ = study(tmp_path)
    for name in ("struct", "plan", "dose"):
        (tmp_path / "study" / f"{name}.dcm").unlink()
    ct.BurnedInAnnotation = "YES"
    with (tmp_path / "study" / "Doe_ct.dcm").open("wb") as file:
        write_whole(file, ct)
    told = failures(bake(recipe(tmp_path, said, process)))
    assert bool(told) == wrong
    if wrong:
        assert "BurnedInAnnotation is YES" in told[0]


def test_compressed_pixels_are_masked_and_compressed_again_without_loss(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    shutil.copy(FILES / "MR_small_RLE.dcm", tmp_path / "study" / "mr.dcm")
    outcome = bake(
        recipe(
            tmp_path,
            ", burned_in: accept",
            "    process: [{mask: [{top: 10, left: 20, height: 5, width: 30}]}]\n"
            "    remove_tags: [Manufacturer]\n",
            "{to: dicom, path: 'out/{index}.dcm', transfer_syntax: rle}",
        )
    )
    assert failures(outcome) == []
    before, after = dcmread(FILES / "MR_small_RLE.dcm"), dcmread(tmp_path / "out" / "1.dcm")
    meant = before.pixel_array.copy()
    meant[10:15, 20:50] = 0
    assert np.array_equal(after.pixel_array, meant)
    assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.5"


def test_masking_makes_no_other_instance_and_other_operations_do(tmp_path: Path) -> None:
    names = []
    for number, process in enumerate(
        ("[]", "[{mask: [{top: 0, left: 0, height: 9, width: 9}]}]", "[flip_vertical]")
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        study(folder)
        for name in ("struct", "plan", "dose"):
            (folder / "study" / f"{name}.dcm").unlink()
        assert failures(bake(recipe(folder, more=f"    process: {process}\n"))) == []
        (path,) = (folder / "out").rglob("*.dcm")
        names.append((path.stem, path.parent.name))
        assert dcmread(path).SOPInstanceUID == path.stem
        assert dcmread(path).SeriesInstanceUID == path.parent.name
    assert names[0] == names[1] and names[2][0] != names[0][0]


@pytest.mark.parametrize(
    ("said", "more", "exports", "told"),
    [
        (", options: [clean_recognizable_visual_features]", "", "", "take a face out of an image"),
        (", options: [retain_faces]", "", "", "must be one of"),
        (", times: keep", "", "", "'times' is for dates"),
        ("", "", "{to: dicom, path: '{stem}.dcm'}", "no file's or folder's name"),
        ("", "", "{to: dicom, path: '{source.PatientID}.dcm'}", "nothing of the source"),
        ("", "    tags: {PatientComments: '{name}'}\n", "", "no file's or folder's name"),
        ("", "    study: '{parent}'\n", "", "no file's or folder's name"),
        ("", "", "{to: rt-image, path: '{SOPInstanceUID}.dcm'}", "no target of 'deidentify'"),
        ("", "", "{to: dicom, path: '{SOPInstanceUID}.dcm', transfer_syntax: keep}", "cannot look into"),
    ],
)
def test_what_would_give_identity_away_is_refused(
    tmp_path: Path, said: str, more: str, exports: str, told: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe(tmp_path, said, more, exports))
    assert told in str(caught.value)


def test_a_literal_key_is_refused(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    path.write_text(
        path.read_text(encoding="utf-8").replace("{env.DEID_KEY}", "0123456789abcdef"), encoding="utf-8"
    )
    with pytest.raises(RecipeError, match="would be in git"):
        load_recipe(path)


def test_a_key_that_is_missing_or_short_stops_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study(tmp_path)
    loaded = load_recipe(recipe(tmp_path))
    monkeypatch.setenv("DEID_KEY", "short")
    with pytest.raises(PlanError, match="16 characters"):
        plan(loaded)
    monkeypatch.delenv("DEID_KEY")
    with pytest.raises(PlanError, match="no variable 'DEID_KEY'"):
        plan(loaded)


def test_a_key_in_a_file_is_the_same_key(tmp_path: Path) -> None:
    study(tmp_path)
    bake(recipe(tmp_path))
    before = {path.name for path in (tmp_path / "out").rglob("*.dcm")}
    (tmp_path / "key.txt").write_text(f"{KEY}\n", encoding="utf-8")
    path = recipe(tmp_path)
    text = path.read_text(encoding="utf-8").replace("'{env.DEID_KEY}'", "{file: key.txt}")
    path.write_text(text, encoding="utf-8")
    bake(path)
    assert {path.name for path in (tmp_path / "out").rglob("*.dcm")} == before


def test_two_ways_to_write_one_instance_are_refused(tmp_path: Path) -> None:
    study(tmp_path)
    other = "{to: dicom, path: 'b/{SOPInstanceUID}.dcm', transfer_syntax: rle}"
    exports = f"[{{to: dicom, path: '{PATH}'}}, {other}]"
    with pytest.raises(PlanError, match="would write other content under the SOP Instance UIDs"):
        plan(load_recipe(recipe(tmp_path, exports=exports)))
