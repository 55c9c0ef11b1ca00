from __future__ import annotations

import re

import numpy as np
import pytest
from dicombake.pipeline.dicom.encode import uids
from dicombake.pipeline.exporters.dicom import rt_image
from dicombake.pipeline.exporters.options import RtImageOptions
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.output import Identity
from hypothesis import given
from hypothesis import strategies as st

from ...exporting import NAMESPACE, SCANNED, context, dicom_source, export, ramp, read

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def made(tmp_path, image=None, overrides=None, **identity):
    image = Image(ramp("uint16"), SCANNED) if image is None else image
    path, _ = export(
        rt_image.EXPORTER, image, RtImageOptions(path="x"), context(overrides, **identity), tmp_path
    )
    return read(path)


def same(one, other):
    return [getattr(one, keyword) == getattr(other, keyword) for keyword in UIDS]


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_keys_never_run_together(one, other):
    assert (uids.derived_uid(None, *one) == uids.derived_uid(None, *other)) == (one == other)


@given(st.text())
def test_uids_are_valid(key):
    uid = uids.derived_uid(NAMESPACE, key)
    assert re.fullmatch(r"2\.25\.[1-9]\d*", uid)
    assert len(uid) <= 44


def test_uids_never_change():
    """A changed scheme would tear every study apart at the next run."""
    assert uids.IMPLEMENTATION_CLASS_UID == "2.25.170481606887981913204555766127685920712"
    identity = Identity(NAMESPACE, "qa", "film", group="g")
    study = uids.study_uid(identity, patient_id="1", date="20240102")
    assert study == "2.25.255553524858644950830169940911364968350"


def test_the_same_input_gives_the_same_file(tmp_path):
    first = made(tmp_path)
    assert same(first, made(tmp_path)) == [True, True, True]


def test_other_pixels_are_another_instance_of_the_series(tmp_path):
    image = Image(ramp("uint16") + np.uint16(1), SCANNED)
    assert same(made(tmp_path), made(tmp_path, image)) == [True, True, False]


def test_other_tags_are_another_instance_of_the_series(tmp_path):
    assert same(made(tmp_path), made(tmp_path, overrides={"ImageComments": "x"})) == [True, True, False]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"recipe": "other"}, [False, False, False]),
        ({"group": "tb2"}, [False, False, False]),
        ({"conversion": "other"}, [True, False, False]),
        ({"volume": "b.npy"}, [True, False, False]),
        ({"content": "1" * 64}, [True, True, True]),
        ({"overrides": {"PatientID": "2"}}, [False, False, False]),
        ({"overrides": {"AcquisitionDate": "20240103"}}, [False, False, False]),
        ({"study": "film"}, [False, False, False]),
    ],
)
def test_what_a_study_derives_from(tmp_path, change, expected):
    assert same(made(tmp_path), made(tmp_path, **change)) == expected


def test_a_study_key_takes_the_place_of_patient_date_and_group(tmp_path):
    first = made(tmp_path, study="a", overrides={"PatientID": "1"})
    other = made(tmp_path, study="a", group="g", overrides={"PatientID": "2", "StudyDate": "20200101"})
    assert same(first, other) == [True, True, False]


def test_without_a_namespace_each_content_is_a_study(tmp_path):
    first = made(tmp_path, namespace=None)
    assert same(first, made(tmp_path, namespace=None, recipe="x")) == [True, True, True]
    assert same(first, made(tmp_path, namespace=None, content="1" * 64)) == [False, False, False]


def test_a_dicom_source_keeps_its_study_and_gets_a_new_series(tmp_path):
    image = Image(ramp("uint16"), SCANNED, sources=(dicom_source(),))
    dataset = made(tmp_path, image)
    assert dataset.StudyInstanceUID == "1.2.3.4"
    assert dataset.SeriesInstanceUID != "1.2.3.4.1"
    assert dataset.SeriesInstanceUID == made(tmp_path, image, group="g").SeriesInstanceUID
    assert dataset.SeriesInstanceUID != made(tmp_path, image, conversion="x").SeriesInstanceUID


@pytest.mark.parametrize("overrides", [{"PatientID": "2"}, {"PatientName": "QA^TB1"}])
def test_another_patient_is_another_study(tmp_path, overrides):
    image = Image(ramp("uint16"), SCANNED, sources=(dicom_source(FrameOfReferenceUID="1.2.3.4.9"),))
    before, after = made(tmp_path, image), made(tmp_path, image, overrides)
    assert before.FrameOfReferenceUID == "1.2.3.4.9"
    assert after.FrameOfReferenceUID != "1.2.3.4.9"
    assert after.StudyInstanceUID != "1.2.3.4"
    assert same(before, after) == [False, False, False]


def test_the_same_patient_given_again_is_no_other(tmp_path):
    image = Image(ramp("uint16"), SCANNED, sources=(dicom_source(),))
    assert made(tmp_path, image, {"PatientName": "Müller^Jürgen"}).StudyInstanceUID == "1.2.3.4"


def test_sources_of_several_studies_are_in_a_study_of_their_own(tmp_path):
    sources = (dicom_source(), dicom_source(StudyInstanceUID="1.2.9"))
    dataset = made(tmp_path, Image(ramp("uint16"), SCANNED, sources=sources))
    assert dataset.StudyInstanceUID.startswith("2.25.")


def test_an_overridden_uid_stays(tmp_path):
    dataset = made(tmp_path, overrides=dict.fromkeys(UIDS, "1.2.3"))
    assert [dataset[keyword].value for keyword in UIDS] == ["1.2.3"] * 3
    assert dataset.file_meta.MediaStorageSOPInstanceUID == "1.2.3"
