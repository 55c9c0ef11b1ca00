"""Slices made from what they share: the files that each would be by itself, and read back like them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.dicom import siblings
from dicombake.pipeline.errors import DicombakeError, VerificationError
from dicombake.pipeline.exporters import ct_series
from dicombake.pipeline.image import Image, Stored
from dicombake.schemas.exports import CtSeriesExport
from hypothesis import given, settings
from hypothesis import strategies as st

from .made import context, dicom_source, export, slice_of

HU = (np.arange(35).reshape(5, 7) * 100 - 1000).astype(np.int16)


@pytest.fixture(autouse=True)
def alone():
    siblings._families.clear()


@pytest.fixture
def drafts(monkeypatch):
    """How many files were made whole."""
    made: list[object] = []
    real = siblings.finish

    def counted(*arguments: Any) -> Any:
        made.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(siblings, "finish", counted)
    return made


def bytes_of(folder, image, overrides=None, how="auto", syntax="explicit-le", **more):
    options = CtSeriesExport(path="x", pixels=how, transfer_syntax=syntax)
    path, artifact = export(ct_series.EXPORTER, image, options, context(overrides, **more), folder)
    return path.read_bytes(), artifact.notes


def by_itself(folder, image, overrides=None, **more):
    siblings._families.clear()
    found = bytes_of(folder, image, overrides, **more)
    siblings._families.clear()
    return found


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
}


@pytest.mark.parametrize("name", VOLUMES)
def test_every_slice_is_what_it_is_by_itself(tmp_path, drafts, name):
    images = [VOLUMES[name](index) for index in (1, 2, 10, 3)]
    overrides = {"PatientName": "Grün^Phantom", "ExposureSequence": [{"KVP": "6"}], "(0009,ACME,01)": "x"}
    expected = [by_itself(tmp_path, image, overrides) for image in images]
    drafts.clear()
    assert [bytes_of(tmp_path, image, overrides) for image in images] == expected
    assert len(drafts) == 1
    assert len({content for content, _ in expected}) == 4


def test_values_that_need_other_rescales_are_no_siblings(tmp_path, drafts):
    offsets = ((1, 0), (2, 100_000), (3, 0))
    images = [slice_of(HU.astype(np.int32) + offset, index) for index, offset in offsets]
    expected = [by_itself(tmp_path, image, how="portable") for image in images]
    drafts.clear()
    assert [bytes_of(tmp_path, image, how="portable") for image in images] == expected
    assert len(drafts) == 2


@pytest.mark.parametrize(
    "overrides",
    [
        {"InstanceNumber": "1"},
        {"00200032": ["-31.75", "-23.75", "0"]},
        {"SOPInstanceUID": "1.2.3"},
        {"Rows": "9"},
        {"PixelData": {"base64": "AAAA"}},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
    ],
    ids=lambda overrides: next(iter(overrides)),
)
def test_what_the_recipe_says_wins_in_every_slice(tmp_path, overrides):
    images = [slice_of(HU + index, index) for index in (1, 2, 3)]
    expected = [by_itself(tmp_path, image, overrides) for image in images]
    assert [bytes_of(tmp_path, image, overrides) for image in images] == expected


@pytest.mark.parametrize("key", ["InstanceNumber", "ImagePositionPatient", "PatientSex", "PixelData"])
def test_what_the_recipe_removes_is_in_no_slice(tmp_path, key):
    images = [slice_of(HU + index, index) for index in (1, 2, 3)]
    expected = [by_itself(tmp_path, image, remove=(key,)) for image in images]
    assert [bytes_of(tmp_path, image, remove=(key,)) for image in images] == expected


def replaced(image: Image, **changes: Any) -> Image:
    return image.replace(geometry=dataclasses.replace(image.geometry, **changes))


def moved(image: Image, **changes: Any) -> Image:
    return replaced(image, patient=dataclasses.replace(image.geometry.patient, **changes))


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


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(OTHERS)), st.integers(1, 9)), min_size=2, max_size=6))
def test_whatever_came_before_changes_no_file(tmp_path_factory, slices):
    folder = tmp_path_factory.mktemp("slices")
    cases = [OTHERS[name](slice_of(HU + index, index)) for name, index in slices]
    expected = [by_itself(folder, image, overrides, **more) for image, overrides, more in cases]
    assert [bytes_of(folder, image, overrides, **more) for image, overrides, more in cases] == expected


def second(tmp_path):
    """The second slice of a family, and how it lies there."""
    bytes_of(tmp_path, slice_of(HU, 1))
    options = CtSeriesExport(path="x")
    return export(ct_series.EXPORTER, slice_of(HU + 2, 2), options, context(), tmp_path)


def test_no_flipped_byte_of_a_sibling_goes_unseen(tmp_path, drafts):
    path, artifact = second(tmp_path)
    assert len(drafts) == 1
    good = path.read_bytes()
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 0x11
        path.write_bytes(bad)
        with pytest.raises(VerificationError):
            artifact.check(path)


@pytest.mark.parametrize("keep", [0, 100, 131, 200, 600, -1])
def test_a_truncated_sibling_is_seen(tmp_path, keep):
    path, artifact = second(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(VerificationError):
        artifact.check(path)


def test_a_place_that_is_written_wrongly_is_seen(tmp_path, monkeypatch):
    bytes_of(tmp_path, slice_of(HU, 1))
    monkeypatch.setattr(ct_series, "texts", lambda values: ["0", "0", "1"])
    with pytest.raises(VerificationError, match="ImagePositionPatient is not the number that was meant"):
        bytes_of(tmp_path, slice_of(HU, 2))


def test_an_element_that_pydicom_reads_otherwise_is_seen(tmp_path, monkeypatch):
    bytes_of(tmp_path, slice_of(HU, 1))
    real = siblings.text_element

    def crooked(tag: int, vr: str, text: str) -> bytes:
        return real(tag, "LO" if tag == 0x00200013 else vr, text)

    monkeypatch.setattr(siblings, "text_element", crooked)
    with pytest.raises(VerificationError, match="InstanceNumber"):
        bytes_of(tmp_path, slice_of(HU, 2))


def test_a_family_begins_with_a_file_that_was_read_back(tmp_path, drafts):
    options = CtSeriesExport(path="x")
    for index in (1, 2):
        artifact = ct_series.EXPORTER.export([slice_of(HU, index)], options, context())
        (tmp_path / "bad.dcm").write_bytes(b"".join(artifact.chunks)[:-1])
        with pytest.raises(DicombakeError):
            artifact.check(tmp_path / "bad.dcm")
    assert len(drafts) == 2
