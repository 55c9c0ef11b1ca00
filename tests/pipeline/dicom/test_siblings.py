"""Files made from what they share: those that each would be by itself, and read back like them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.api import load_recipe, run
from dicombake.pipeline.dicom import finish, siblings
from dicombake.pipeline.errors import DicombakeError, VerificationError
from dicombake.pipeline.exporters.dicom import ct_series, rt_image, slices
from dicombake.pipeline.exporters.options import CtSeriesOptions, RtImageOptions
from dicombake.pipeline.imaging.image import Image, SourceFile, Stored
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from pydicom import Dataset

from ..exporting import PLACED, context, dicom_source, every_flipped_byte_is_seen, export, read, slice_of

HU = (np.arange(35).reshape(5, 7) * 100 - 1000).astype(np.int16)


def forget() -> None:
    siblings._families.clear()
    siblings._single.clear()


@pytest.fixture(autouse=True)
def alone():
    forget()


@pytest.fixture
def drafts(monkeypatch):
    """How many files were made whole."""
    made: list[object] = []
    real = finish.finish

    def counted(*arguments: Any) -> Any:
        made.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(finish, "finish", counted)
    return made


def whole(image: Image) -> int:
    """How many files of a family are made whole: one where more are known to come."""
    return 2 if image.geometry.patient is None else 1


def exported(folder, image, overrides=None, how="auto", syntax="explicit-le", **more):
    """A CT Image of a slice, an RT Image of anything else."""
    rt = image.geometry.patient is None
    made = (RtImageOptions if rt else CtSeriesOptions)(path="x", pixels=how, transfer_syntax=syntax)
    exporter = (rt_image if rt else ct_series).EXPORTER
    return export(exporter, image, made, context(overrides, **more), folder)


def bytes_of(folder, image, overrides=None, **more):
    path, artifact = exported(folder, image, overrides, **more)
    return path.read_bytes(), artifact.notes


def by_itself(folder, image, overrides=None, **more):
    forget()
    found = bytes_of(folder, image, overrides, **more)
    forget()
    return found


def scan(index: int, dtype: str = "uint16", **changes: Any) -> Image:
    """One of several scans of a film, each with a gantry angle."""
    geometry = structs.replace(PLACED, gantry=10.5 * index)
    source = SourceFile(
        Path(f"film{index}.tif"), "image", {"dpi": 75}, attributes=Dataset(), page=1 + index % 2, pages=2
    )
    return Image((HU + 1000 + index).astype(dtype), geometry, sources=(source,), **changes)


def unsigned(index: int) -> Image:
    integers = (HU + 1024 + index).astype(np.uint16)
    return slice_of(HU + index, index, units="HU", stored=Stored(integers, 1.0, -1024.0, "HU", 16))


VOLUMES = {
    "int16": lambda index: slice_of(HU + index, index, units="HU"),
    "no units": lambda index: slice_of(HU + index, index),
    "odd bytes": lambda index: slice_of((HU + index).astype(np.uint8), index),
    "float64": lambda index: slice_of((HU + index) / 7, index),
    "int64": lambda index: slice_of((HU + index).astype(np.int64), index),
    "intercept": unsigned,
    "float16, noted": lambda index: slice_of((HU + index).astype(np.float16), index),
    "scan": scan,
    "signed scan, noted": lambda index: scan(index, "int16"),
    "odd scan": lambda index: scan(index, "uint8"),
    "computed scan": lambda index: scan(index, "float64", computed=True, history=("smoothed",)),
    "inverted scan, noted": lambda index: scan(index, photometric="MONOCHROME1"),
}


@pytest.mark.parametrize("name", VOLUMES)
def test_every_slice_is_what_it_is_by_itself(tmp_path, drafts, name):
    images = [VOLUMES[name](index) for index in (1, 2, 10, 3)]
    more = [
        {"stem": f"a rather long name of film {index}"[index:], "content": f"{index:064}"}
        for index in (1, 2, 10, 3)
    ]
    overrides = {"PatientName": "Grün^Phantom", "ExposureSequence": [{"KVP": "6"}], "(0009,ACME,01)": "x"}
    cases = list(zip(images, more, strict=True))
    expected = [by_itself(tmp_path, image, overrides, **stem) for image, stem in cases]
    drafts.clear()
    assert [bytes_of(tmp_path, image, overrides, **stem) for image, stem in cases] == expected
    assert len(drafts) == whole(images[0])
    assert len({content for content, _ in expected}) == 4


def test_values_that_need_other_rescales_are_no_siblings(tmp_path, drafts):
    offsets = ((1, 0), (2, 100_000), (3, 0), (4, 100_000), (5, 0), (6, 100_000))
    images = [slice_of(HU.astype(np.int32) + offset, index) for index, offset in offsets]
    expected = [by_itself(tmp_path, image, how="portable") for image in images]
    drafts.clear()
    assert [bytes_of(tmp_path, image, how="portable") for image in images] == expected
    assert len(drafts) == 2


@pytest.mark.parametrize("make", [lambda index: slice_of(HU + index, index), scan], ids=["slice", "scan"])
@pytest.mark.parametrize(
    "overrides",
    [
        {"InstanceNumber": "1"},
        {"00200032": ["-31.75", "-23.75", "0"]},
        {"GantryAngle": "10.5"},
        {"RTImageLabel": "film"},
        {"RTImageSID": "1500"},
        {"SOPInstanceUID": "1.2.3"},
        {"Rows": "9"},
        {"PixelData": {"base64": "AAAA"}},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
    ],
    ids=lambda overrides: next(iter(overrides)),
)
def test_what_the_recipe_says_wins_in_every_file(tmp_path, make, overrides):
    images = [make(index) for index in (1, 2, 3, 4)]
    expected = [by_itself(tmp_path, image, overrides) for image in images]
    assert [bytes_of(tmp_path, image, overrides) for image in images] == expected


@pytest.mark.parametrize("make", [lambda index: slice_of(HU + index, index), scan], ids=["slice", "scan"])
@pytest.mark.parametrize(
    "key", ["InstanceNumber", "ImagePositionPatient", "GantryAngle", "PatientSex", "PixelData"]
)
def test_what_the_recipe_removes_is_in_no_file(tmp_path, make, key):
    images = [make(index) for index in (1, 2, 3, 4)]
    expected = [by_itself(tmp_path, image, remove=(key,)) for image in images]
    assert [bytes_of(tmp_path, image, remove=(key,)) for image in images] == expected


def test_a_label_that_is_not_ascii_is_like_no_other(tmp_path, drafts):
    stems = ["Grün", "Blau", "Grün 2", "Blau 2", "Blau 3"]
    expected = [by_itself(tmp_path, scan(1), stem=stem) for stem in stems]
    drafts.clear()
    assert [bytes_of(tmp_path, scan(1), stem=stem) for stem in stems] == expected
    assert len(drafts) == 4


def test_images_that_say_who_made_them_are_like_no_others(tmp_path, drafts):
    images = []
    for index in (1, 2, 3, 4):
        image, attributes = scan(index), Dataset()
        attributes.Manufacturer = f"ACME {index // 3}"
        images.append(image.replace(sources=(structs.replace(image.source, attributes=attributes),)))
    expected = [by_itself(tmp_path, image) for image in images]
    drafts.clear()
    assert [bytes_of(tmp_path, image) for image in images] == expected
    assert len(drafts) == 4


def test_images_without_a_namespace_are_each_of_a_study_of_their_own(tmp_path):
    more = [{"namespace": None, "content": letter * 64} for letter in "abab"]
    expected = [by_itself(tmp_path, scan(1), **each) for each in more]
    assert [bytes_of(tmp_path, scan(1), **each) for each in more] == expected
    inner = [scan(index) for index in (1, 2, 3, 4)]
    expected = [by_itself(tmp_path, image, namespace=None, content="") for image in inner]
    assert [bytes_of(tmp_path, image, namespace=None, content="") for image in inner] == expected


def test_the_frames_of_one_file_are_like_no_other(tmp_path, drafts):
    options = RtImageOptions(path="x")
    for index in (1, 2, 3):
        frames = [scan(index).replace(pixels=HU.astype(np.uint16)) for _ in range(2)]
        path, _ = export(rt_image.EXPORTER, frames, options, context(), tmp_path)
        assert read(path).NumberOfFrames == 2
    assert len(drafts) == 3


def replaced(image: Image, **changes: Any) -> Image:
    return image.replace(geometry=structs.replace(image.geometry, **changes))


def moved(image: Image, **changes: Any) -> Image:
    return replaced(image, patient=structs.replace(image.geometry.patient, **changes))


OTHERS: dict[str, Any] = {
    "same": lambda image: (image, {}, {}),
    "units": lambda image: (image.replace(units="HU"), {}, {}),
    "computed": lambda image: (image.replace(computed=True, history=("smoothed",)), {}, {}),
    "photometric": lambda image: (image.replace(photometric="MONOCHROME1"), {}, {}),
    "spacing": lambda image: (replaced(image, spacing=(0.5, 0.5)), {}, {}),
    "thickness": lambda image: (moved(image, thickness=None), {}, {}),
    "orientation": lambda image: (moved(image, orientation=(0.0, 1.0, 0, -1.0, 0, 0)), {}, {}),
    "frame": lambda image: (moved(image, frame_of_reference="1.2.3"), {}, {}),
    "shape": lambda image: (image.replace(pixels=image.pixels[:4]), {}, {}),
    "dtype": lambda image: (image.replace(pixels=image.pixels.astype(np.int32)), {}, {}),
    "tag": lambda image: (image, {"PatientID": "B"}, {}),
    "volume": lambda image: (image, {}, {"volume": "b.npy"}),
    "group": lambda image: (image, {}, {"group": "b"}),
    "study": lambda image: (image, {}, {"study": "b"}),
    "namespace": lambda image: (image, {}, {"namespace": None}),
    "syntax": lambda image: (image, {}, {"syntax": "implicit-le"}),
    "pixels": lambda image: (image, {}, {"how": "quantize"}),
    "DICOM": lambda image: (image.replace(sources=(dicom_source(Modality="CT"),)), {}, {}),
}


SLICES = frozenset({"thickness", "orientation", "frame", "DICOM"})
"""What only a slice has; a DICOM source of another kind is in the tests of RT Images."""


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(OTHERS)), st.booleans(), st.integers(1, 9)), min_size=3, max_size=9
    )
)
def test_whatever_came_before_changes_no_file(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("files")
    cases = [
        OTHERS[name](scan(index) if rt and name not in SLICES else slice_of(HU + index, index))
        for name, rt, index in files
    ]
    expected = [by_itself(folder, image, overrides, **more) for image, overrides, more in cases]
    assert [bytes_of(folder, image, overrides, **more) for image, overrides, more in cases] == expected


def third(tmp_path, make):
    """The third file of a family, and how it lies there."""
    for index in (1, 2):
        bytes_of(tmp_path, make(index))
    return exported(tmp_path, make(3))


KINDS = pytest.mark.parametrize(
    "make", [lambda index: slice_of(HU + index, index), lambda index: scan(index, "uint8")], ids=["CT", "RT"]
)


@KINDS
def test_no_flipped_byte_of_a_sibling_goes_unseen(tmp_path, drafts, make):
    path, artifact = third(tmp_path, make)
    assert len(drafts) == whole(make(1))
    every_flipped_byte_is_seen(path, artifact)


@KINDS
@pytest.mark.parametrize("keep", [0, 100, 131, 200, 600, -1])
def test_a_truncated_sibling_is_seen(tmp_path, make, keep):
    path, artifact = third(tmp_path, make)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(VerificationError):
        artifact.check(path)


def test_a_place_that_is_written_wrongly_is_seen(tmp_path, monkeypatch):
    for index in (1, 2):
        bytes_of(tmp_path, slice_of(HU, index))
    monkeypatch.setattr(slices, "text", lambda values: "0\\0\\1")
    with pytest.raises(VerificationError, match="ImagePositionPatient is not the number that was meant"):
        bytes_of(tmp_path, slice_of(HU, 3))


def test_an_element_that_pydicom_reads_otherwise_is_seen(tmp_path, monkeypatch):
    for index in (1, 2):
        bytes_of(tmp_path, slice_of(HU, index))
    real = siblings.text_element

    def crooked(tag: int, vr: str, text: str) -> bytes:
        return real(tag, "LO" if tag == 0x00200013 else vr, text)

    monkeypatch.setattr(siblings, "text_element", crooked)
    with pytest.raises(VerificationError, match="InstanceNumber"):
        bytes_of(tmp_path, slice_of(HU, 3))


def test_a_family_begins_with_files_that_were_read_back(tmp_path, drafts):
    options = CtSeriesOptions(path="x")
    for index in (1, 2, 3, 4):
        artifact = ct_series.EXPORTER.export([slice_of(HU, index)], options, context())
        (tmp_path / "bad.dcm").write_bytes(b"".join(artifact.chunks)[:-1])
        with pytest.raises(DicombakeError):
            artifact.check(tmp_path / "bad.dcm")
    assert len(drafts) == 4


def test_in_a_run_one_slice_of_a_volume_is_made_whole(tmp_path, drafts):
    """What a run gives every exporter anew must be no part of what makes a family."""
    np.save(tmp_path / "v.npy", np.arange(12 * 35, dtype=np.int16).reshape(12, 5, 7))
    path = tmp_path / "r.yaml"
    path.write_text(
        "version: 1\nuid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11\nconversions:\n  ct:\n"
        "    inputs: v.npy\n    source: {format: volume, slice_axis: 0, spacing: [1, 1, 1], units: hu}\n"
        '    exports: {to: ct-series, path: "{slice:02d}.dcm"}\n'
    )
    assert run(load_recipe(path), jobs=1).exit_status == 0
    assert len(list(tmp_path.glob("*.dcm"))) == 12
    assert len(drafts) == 1
