"""What differs between two files, and what is told of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.check.compare import check
from dicombake.pipeline.check.differences import Difference, PixelChange, TagChange, difference
from dicombake.pipeline.check.remake import differences
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.report.commands.checked import difference_as_json, difference_lines
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from ...pydicom_api import write_whole
from ...support import bake
from ..loaders.codecs.test_cage import CRASHES, SV1
from ..loaders.codecs.test_cage import PIXELS as CAGED
from ..loaders.codecs.test_jpeg import LOSSLESS_WITH_A_BROKEN_SCAN
from ..loaders.input_files import compressed, dataset_of, make_png

RECIPE = """\
version: 1
name: d
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  a:
    inputs: raw/*.npy
    source: array
    geometry: {dpi: 100, sid: 1000}
    tags: {PatientID: BEFORE, PatientName: Kept^Name}
    exports:
      - {to: rt-image, path: "{stem}.dcm"}
      - {to: png, path: "{stem}.png"}
      - {to: jpg, path: "{stem}.jpg"}
      - {to: tiff, path: "{stem}.tiff"}
      - {to: npy, path: "{stem}.npy"}
  b:
    inputs: {from: a, files: "*.npy"}
    source: array
    exports: {to: npy, path: "again/{stem}.npy"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recipe with every kind of target, carried out."""
    (tmp_path / "raw").mkdir()
    np.save(tmp_path / "raw/x.npy", np.arange(48, dtype=np.uint16).reshape(6, 8) * 100)
    (tmp_path / "r.yaml").write_text(RECIPE)
    bake(tmp_path / "r.yaml")
    return tmp_path


def found(folder: Path) -> dict[str, Difference]:
    checked = check(plan(load_recipe(folder / "r.yaml")))
    return {finding.path: what for finding, what in differences(checked)}


def npy(values: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(values))
    return stream.getvalue()


def test_nothing_is_compared_where_all_is_fresh(folder: Path) -> None:
    assert found(folder) == {}


def test_one_pixel_in_every_kind_of_file(folder: Path) -> None:
    pixels = np.load(folder / "raw/x.npy")
    pixels[2, 5] += 7
    np.save(folder / "raw/x.npy", pixels)
    before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    told = found(folder)
    assert sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before
    for name in ("x.dcm", "x.png", "x.tiff", "x.npy"):
        change = told[name].pixels
        assert change == PixelChange(1, 48, 7, (("row", 2), ("column", 5)), "2100", "2107"), name
    assert {tag.tag for tag in told["x.dcm"].tags} == {"SOPInstanceUID", "MediaStorageSOPInstanceUID"}
    assert told["again/x.npy"].what == "not compared: a/x.npy, which it needs, is to be made first"


def test_tags_that_come_change_and_go(folder: Path) -> None:
    text = RECIPE.replace(
        "{PatientID: BEFORE, PatientName: Kept^Name}",
        "{PatientID: AFTER, StationName: TB1, '(0009,ACME 1.0,10)': {vr: LO, value: v}}",
    )
    (folder / "r.yaml").write_text(text)
    what = found(folder)["x.dcm"]
    tags = {tag.tag: tag for tag in what.tags if "UID" not in tag.tag}
    assert tags["PatientID"] == TagChange("PatientID", "changed", "BEFORE", "AFTER")
    assert tags["StationName"] == TagChange("StationName", "added", "", "TB1")
    assert tags["(0009,ACME 1.0,10)"] == TagChange("(0009,ACME 1.0,10)", "added", "", "v")
    assert tags["PatientName"].change in ("changed", "removed")
    assert tags["PatientName"].before == "Kept^Name"
    assert what.pixels is None
    lines = "\n".join(difference_lines(check(plan(load_recipe(folder / "r.yaml"))).findings[0], what))
    assert "  changed PatientID: 'BEFORE' -> 'AFTER'" in lines
    assert "AFTER" not in str(difference_as_json(what))
    assert "BEFORE" not in str(difference_as_json(what))


def test_a_file_altered_by_hand(folder: Path) -> None:
    dataset = dcmread(folder / "x.dcm")
    dataset.PatientID = "BY HAND"
    dataset.save_as(folder / "x.dcm")
    (folder / "x.png").write_bytes(b"no picture")
    told = found(folder)
    assert told["x.dcm"].tags == (TagChange("PatientID", "changed", "BY HAND", "BEFORE"),)
    assert told["x.png"].what.startswith("the file cannot be read as png: ")
    assert set(told) == {"x.dcm", "x.png"}


def test_what_cannot_be_made_now_says_so(folder: Path) -> None:
    (folder / "raw/x.npy").write_bytes(b"no array")
    what = found(folder)["x.dcm"].what
    assert what == f"cannot be made now: {folder / 'raw/x.npy'}: is neither a .npy nor a .npz file"


def test_items_of_sequences_are_compared_one_by_one() -> None:
    def file(time: str) -> bytes:
        dataset, item = Dataset(), Dataset()
        item.ExposureTime = time
        dataset.ExposureSequence = [item]
        dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.3", "1.2.3.4"
        dataset.Rows = dataset.Columns = 2
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 7, 0, 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.PixelData = bytes(4)
        dataset["PixelData"].VR = "OB"
        stream = io.BytesIO()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        write_whole(stream, dataset)
        return stream.getvalue()

    assert difference(file("5"), file("6"), "rt-image").tags == (
        TagChange("ExposureSequence[0].ExposureTime", "changed", "5", "6"),
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (np.array([[1, 2]], "u8"), np.array([[1, 2**64 - 1]], "u8"), 2**64 - 3),
        (np.array([[-(2**63), 0]], "i8"), np.array([[2**63 - 1, 0]], "i8"), 2**64 - 1),
        (np.array([[200, 0]], "u1"), np.array([[1, 0]], "u1"), 199),
        (np.array([[True, False]]), np.array([[False, False]]), 1),
        (np.array([[1.5, np.nan]]), np.array([[1.25, np.nan]]), 0.25),
        (np.array([[1.5, 0]]), np.array([[np.nan, 0]]), np.inf),
        (np.array([[np.inf, 0]]), np.array([[-np.inf, 0]]), np.inf),
    ],
    ids=["uint64", "int64", "uint8", "bool", "float", "nan", "infinite"],
)
def test_the_largest_difference_is_exact(before: Any, after: Any, expected: float) -> None:
    pixels = difference(npy(before), npy(after), "npy").pixels
    assert pixels is not None
    assert (pixels.count, pixels.largest) == (1, expected)
    assert type(pixels.largest) is type(expected)


def test_the_place_names_pages_and_samples() -> None:
    before = np.zeros((3, 4, 5), np.int16)
    after = before.copy()
    after[0, 0, 0], after[2, 1, 3] = 1, -5
    pixels = difference(npy(before), npy(after), "npy").pixels
    assert pixels == PixelChange(2, 60, 5, (("page", 2), ("row", 1), ("column", 3)), "0", "-5")


def test_another_shape_or_type_is_told() -> None:
    what = difference(npy(np.zeros((2, 3), "u1")), npy(np.zeros((2, 4), "u2")), "npy")
    assert what == Difference(what="pixels: 2 x 3 uint8 -> 2 x 4 uint16")


def test_an_encoding_that_differs_alone_is_told(folder: Path) -> None:
    content = (folder / "x.npy").read_bytes()
    other = np.asfortranarray(np.load(folder / "x.npy"))
    assert difference(content, npy(other), "npy") == Difference(what="only its encoding differs")
    assert not difference(content, content, "npy")


@pytest.mark.parametrize("text", ["x" * 200, "line\nend\x1b[31m"])
def test_values_are_short_and_harmless_on_a_terminal(text: str, folder: Path) -> None:
    dataset = dcmread(folder / "x.dcm")
    dataset.add_new((0x0008, 0x4000), "LT", text)
    stream = io.BytesIO()
    dataset.save_as(stream)
    (tag,) = difference((folder / "x.dcm").read_bytes(), stream.getvalue(), "rt-image").tags
    assert len(tag.after) <= 60
    assert tag.after.isprintable()


HOSTILE = {
    "x.jpg": LOSSLESS_WITH_A_BROKEN_SCAN,
    "x.dcm": compressed(dataset_of(CAGED), [CRASHES], SV1),
    "x.png": make_png(60_000, 60_000, 8, 0, [b""]),
}
"""Files that crash a decoder, or fill the memory, in the place of outputs."""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_in_the_place_of_an_output_is_read_as_a_source_is(name: str, folder: Path) -> None:
    (folder / name).write_bytes(HOSTILE[name])
    (what,) = found(folder).values()
    assert what.what.startswith(f"the file cannot be read as {KINDS[name]}: "), what


KINDS = {"x.jpg": "jpg", "x.dcm": "rt-image", "x.png": "png"}


def test_a_file_much_larger_than_the_output_is_not_read(folder: Path) -> None:
    with (folder / "x.npy").open("r+b") as file:
        file.truncate(2**28 + 1)
    assert found(folder)["x.npy"].what == "cannot be read: File too large"
