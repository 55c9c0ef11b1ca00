"""`diff`: any format against any other, as real values; what counts, where it is, and the exit status."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pydicom
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.diff.compare import compare
from dicombake.pipeline.imaging.compared import pixel_change
from dicombake.pipeline.loaders.registry import FORMATS
from dicombake.pipeline.samples import files, write_samples
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "docs" / "json" / "diff.schema.json").read_text(encoding="utf-8"))

RECIPE = """
version: 1
name: all
uid_namespace: 1f7b0a52-8b0e-4a49-8f5e-6a3a2f0e7c02
defaults: {tags: {PatientID: Secret-ID}}
conversions:
  epid:
    inputs: "epid/*.xim"
    source: xim
    exports:
      - {to: rt-image, path: "dcm/{stem}.dcm"}
      - {to: rt-image, path: "portable/{stem}.dcm", pixels: portable}
      - {to: png, path: "png/{stem}.png"}
      - {to: npy, path: "npy/{stem}.npy"}
      - {to: tiff, path: "tif/{stem}.tif"}
  film:
    inputs: "film/*.tif"
    source: {format: image, channel: red}
    geometry: {dpi: 75, sid: 1000}
    exports: {to: rt-image, path: "film_dcm/{stem}.dcm", pixels: quantize}
    process: [normalize: {to: max}]
  camera:
    inputs: "cyberknife/*.raw"
    source: cyberknife-raw
    geometry: {pixel_spacing: [0.4, 0.4], sid: 3500}
    exports: {to: rt-image, path: "ck/{stem}.dcm"}
  volume:
    inputs: volume/phantom.npy
    source: {format: volume, slice_axis: 2, spacing: [0.5, 0.5, 2.5], units: hu}
    exports: [{to: ct-series, path: "ct/{slice:04d}.dcm"}, {to: npy, path: "ct.npy"}]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with samples and what a recipe makes of them."""
    folder = tmp_path_factory.mktemp("diff")
    write_samples(folder)
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    done = CliRunner().invoke(app, ["run", str(folder / "r.yaml"), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def diff(made: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Any]]:
    monkeypatch.chdir(made)

    def call(*words: str) -> tuple[int, Any]:
        done = CliRunner().invoke(app, ["diff", *words, "--json"])
        found = json.loads(done.stdout) if done.stdout else done.output
        if done.stdout:
            jsonschema.Draft202012Validator(SCHEMA).validate(found)
            assert found["exit_status"] == done.exit_code
            assert ("Secret" in done.stdout) <= ("--with-tags" in words)
        return done.exit_code, found

    return call


@pytest.mark.parametrize("other", ["dcm", "portable", "png", "npy", "tif"])
def test_a_xim_is_the_same_as_what_was_made_of_it(other: str, diff: Callable[..., tuple[int, Any]]) -> None:
    suffix = {"portable": "dcm"}.get(other, other)
    status, found = diff("epid/field_g090.xim", f"{other}/field_g090.{suffix}")
    assert (status, found["counts"]["same"]) == (0, 1), found
    status, found = diff("epid/field_g000.xim", f"{other}/field_g090.{suffix}")
    assert status == 1
    values = [np.load(f"npy/field_g{angle}.npy").astype(np.int64) for angle in ("000", "090")]
    apart = np.abs(values[1] - values[0])
    (pair,) = found["pairs"]
    assert pair["pixels"]["count"] == np.count_nonzero(apart)
    assert pair["pixels"]["largest"] == apart.max()
    row, column = pair["pixels"]["place"]["row"], pair["pixels"]["place"]["column"]
    assert apart[row, column] == apart.max()
    shown = tuple(str(value[row, column]) for value in values)
    assert (pair["pixels"]["a"], pair["pixels"]["b"]) == shown


def test_storage_does_not_count_and_other_tags_do(
    diff: Callable[..., tuple[int, Any]], tmp_path: Path
) -> None:
    status, found = diff("dcm/field_g000.dcm", "portable/field_g000.dcm")
    assert status == 0, found
    assert all(not tag["counts"] for tag in found["pairs"][0]["tags"])
    dataset = pydicom.dcmread("dcm/field_g000.dcm")
    dataset.PatientID = "Secret-Other"
    dataset.save_as(tmp_path / "other.dcm")
    status, found = diff("dcm/field_g000.dcm", str(tmp_path / "other.dcm"))
    assert status == 1
    assert found["pairs"][0]["tags"] == [{"tag": "PatientID", "change": "changed", "counts": True}]
    _, found = diff("dcm/field_g000.dcm", str(tmp_path / "other.dcm"), "--with-tags")
    assert (found["pairs"][0]["tags"][0]["a"], found["pairs"][0]["tags"][0]["b"]) == (
        "Secret-ID",
        "Secret-Other",
    )


def test_geometry_that_both_know_counts_across_formats(
    diff: Callable[..., tuple[int, Any]], tmp_path: Path
) -> None:
    dataset = pydicom.dcmread("dcm/field_g000.dcm")
    dataset.RTImageSID = "1400"
    dataset.save_as(tmp_path / "sid.dcm")
    status, found = diff("epid/field_g000.xim", str(tmp_path / "sid.dcm"))
    assert status == 1
    assert [change["name"] for change in found["pairs"][0]["geometry"]] == ["sid"]


def test_the_tolerance_decides(diff: Callable[..., tuple[int, Any]], tmp_path: Path) -> None:
    values = np.load("npy/field_g000.npy").astype(np.float64)
    values[3, 7] += 2
    values[5, 1] -= 1
    np.save(tmp_path / "b.npy", values)
    found = {
        tolerance: diff("npy/field_g000.npy", str(tmp_path / "b.npy"), "--tolerance", tolerance)
        for tolerance in ("0", "1", "2")
    }
    assert [found[each][0] for each in "012"] == [1, 1, 0]
    assert [found[each][1]["pairs"][0]["pixels"]["count"] for each in "01"] == [2, 1]
    assert found["1"][1]["pairs"][0]["pixels"]["place"] == {"row": 3, "column": 7}


def test_a_volume_against_the_folder_of_its_slices(
    diff: Callable[..., tuple[int, Any]], tmp_path: Path
) -> None:
    assert diff("ct.npy", "ct")[0] == 0
    values = np.load("ct.npy")
    values[2, 5, 9] += 30
    np.save(tmp_path / "v.npy", values)
    status, found = diff("ct", str(tmp_path / "v.npy"))
    assert status == 1
    pixels = found["pairs"][0]["pixels"]
    assert (pixels["count"], pixels["total"], pixels["largest"]) == (1, values.size, 30)
    assert pixels["place"] == {"page": 2, "row": 5, "column": 9}
    np.save(tmp_path / "w.npy", values[1:])
    status, found = diff("ct", str(tmp_path / "w.npy"))
    assert (status, found["pairs"][0]["what"]) == (1, "other numbers of images")


def test_folders_file_by_file(diff: Callable[..., tuple[int, Any]], tmp_path: Path) -> None:
    status, found = diff("epid", "dcm")
    assert (status, found["counts"]["same"]) == (0, 3)
    for name, content in (("notes.txt", b"a"), ("field_g000.npy", b"x"), (".hidden", b"h")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "notes.txt").write_bytes(b"b")
    status, found = diff("npy", str(tmp_path))
    assert (status, found["counts"]["incomparable"]) == (2, 1)
    (tmp_path / "field_g000.npy").unlink()
    status, found = diff("npy", str(tmp_path))
    assert (status, found["counts"]["only-a"], found["counts"]["only-b"]) == (1, 3, 2)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "notes.txt").write_bytes(b"a")
    status, found = diff(str(tmp_path / "one"), str(tmp_path / "two"))
    assert (status, found["pairs"][0]["what"]) == (1, "no images, and other bytes")


def test_a_file_that_cannot_be_read_is_named_once(tmp_path: Path) -> None:
    for folder, content in (("a", b"nothing"), ("b", files.npy(np.zeros((4, 6), np.uint16)))):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.npy").write_bytes(content)
    whole, cut = str(tmp_path / "b" / "x.npy"), str(tmp_path / "a" / "x.npy")
    for words in ((cut, whole), (whole, cut), (str(tmp_path / "b"), str(tmp_path / "a"))):
        result = CliRunner().invoke(app, ["diff", *words])
        first = result.output.splitlines()[0]
        assert result.exit_code == 2
        assert first.startswith(f"cannot be compared: {cut}: ")
        assert first.count("x.npy") == 1


def test_an_output_against_what_the_recipe_gives_now(
    diff: Callable[..., tuple[int, Any]], made: Path
) -> None:
    before = sorted(path.name for path in made.rglob("*"))
    assert diff("dcm/mlc_g000.dcm", "r.yaml")[0] == 0
    (made / "turned.yaml").write_text(
        RECIPE.replace("source: xim", "source: xim\n    process: [flip_vertical]")
    )
    assert diff("dcm/mlc_g000.dcm", "turned.yaml", "--untrusted")[0] == 1
    (made / "turned.yaml").unlink()
    assert diff("npy", "r.yaml")[0] == 2
    assert diff("epid/mlc_g000.xim", "r.yaml")[0] == 2
    assert sorted(path.name for path in made.rglob("*")) == before


def test_what_cannot_be_compared(diff: Callable[..., tuple[int, Any]], tmp_path: Path) -> None:
    (tmp_path / "cut.xim").write_bytes(Path("epid/field_g000.xim").read_bytes()[:-50])
    assert diff("epid/field_g000.xim", str(tmp_path / "cut.xim"))[0] == 2
    assert diff("epid/field_g000.xim", "absent.dcm")[0] == 2
    assert diff("cyberknife/camera_a.raw", "ck/camera_a.dcm")[0] == 2
    assert diff("cyberknife/camera_a.raw", "ck/camera_a.dcm", "--source", "cyberknife-raw")[0] == 0
    assert diff("epid/field_g000.xim", "film/g000_wedge.tif")[1]["pairs"][0]["what"] == "other shapes"


def test_objects_without_pixels_are_compared_by_their_tags(made: Path, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(made / "dcm" / "field_g000.dcm")
    del dataset.PixelData
    dataset.save_as(tmp_path / "a.dcm")
    dataset.RTImageLabel = "another"
    dataset.save_as(tmp_path / "b.dcm")
    found = compare(tmp_path / "a.dcm", tmp_path / "b.dcm")
    assert (found.status, [tag.tag for tag in found.tags]) == ("different", ["RTImageLabel"])
    assert compare(tmp_path / "a.dcm", tmp_path / "a.dcm").status == "same"
    assert compare(tmp_path / "a.dcm", made / "dcm" / "field_g000.dcm").status == "different"


SAMPLED = (".xim", ".tif", ".jpg", ".png", ".bmp", ".npy", ".dcm", ".nii", ".nrrd", ".mha")


def test_every_sample_that_content_tells_is_the_same_as_itself(made: Path) -> None:
    seen = set()
    for path in sorted(made.rglob("*")):
        if path.suffix in SAMPLED and path.is_file():
            found = compare(path, path)
            assert found.status == "same", found
            assert found.shapes
            seen.add(found.shapes[0].format)
    assert seen == {name for name, row in FORMATS.items() if row.content}


NUMBERS = st.sampled_from(
    [np.uint8, np.int16, np.uint32, np.int64, np.uint64, np.float32, np.float64, np.bool_]
)


@given(st.data())
def test_differences_are_exact_for_any_two_types(data: st.DataObject) -> None:
    shape = (2, 3)
    a, b = (data.draw(arrays.arrays(data.draw(NUMBERS), shape)) for _ in range(2))
    tolerance = data.draw(st.sampled_from([0.0, 1.0, 1000.0]))
    found = pixel_change(a, b, colour=False, tolerance=tolerance)
    expected = 0
    for one, other in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True):
        strange = math.isnan(one) + math.isnan(other)
        expected += strange == 1 or (not strange and one != other and abs(one - other) > tolerance)
    assert (found.count if found else 0) == expected
