"""The engine on a made study: no mark of a source is left, and what has to stay does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from io import BytesIO

import pytest
from dicombake.pipeline.deidentify.dates import capped_age, shifted
from dicombake.pipeline.deidentify.engine import deidentify
from dicombake.pipeline.deidentify.keys import Key, derived
from dicombake.pipeline.deidentify.settings import Settings
from dicombake.pipeline.deidentify.table import edition, resolved, rows, type_of
from dicombake.pipeline.deidentify.words import cleaned_text
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_has_tag, keyword_for_tag
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from ...pydicom_api import write_whole
from .marked_study import CLASSES, MARK, NAMES, texts, whole

KEY = Key(b"k" * 32)
BASIC = Settings(KEY)
TIMES = (0x00080030, 0x00080031, 0x00080032, 0x00080033, 0x00080201)
"""Study, series, acquisition and content time, and the offset from UTC."""
TAGS = sorted(tag for tag in rows() if dictionary_has_tag(tag))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def left(dataset: Dataset) -> list[str]:
    marks = (MARK, "19781203", "1.2.3.4711", "4711")
    return [name for name, text in texts(dataset) if any(mark in text for mark in marks)]


@pytest.mark.parametrize("kind", CLASSES)
def test_no_mark_of_any_attribute_is_left(kind: str) -> None:
    source = whole(CLASSES[kind], TAGS)
    done = deidentify(source, BASIC)
    assert left(source)
    assert left(done.dataset) == []
    assert not [tag for tag in done.dataset._dict if tag.is_private]
    assert MARK not in " ".join(note.text for note in done.notes)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_attribute_that_must_be_there_is_there(kind: str) -> None:
    made = deidentify(whole(CLASSES[kind], TAGS), BASIC).dataset
    for tag in (tag for tag in TAGS if tag >> 16 > 6):
        of_type = type_of(CLASSES[kind], keyword_for_tag(tag), "")
        if keyword_for_tag(tag) == "GraphicAnnotationSequence":
            continue  # it goes with its module, which is optional
        if of_type in ("1", "2"):
            assert tag in made, keyword_for_tag(tag)
        if of_type == "1":
            assert not made[tag].is_empty, keyword_for_tag(tag)


def test_the_table_is_of_the_edition_that_is_said() -> None:
    assert edition() == "2026c"
    assert len(rows()) > 640
    made = deidentify(whole(CLASSES["CT Image"], TAGS), BASIC).dataset
    assert made.PatientIdentityRemoved == "YES"
    assert made.LongitudinalTemporalInformationModified == "REMOVED"
    told = deidentify(study(PatientID="7"), BASIC).done
    assert told["PatientIdentityRemoved"] == told["DeidentificationMethodCodeSequence[0].CodeValue"]
    assert "PS3.15 E.1.1" in told["PatientIdentityRemoved"]
    assert any(edition() in text for text in made.DeidentificationMethod)
    assert [item.CodeValue for item in made.DeidentificationMethodCodeSequence] == ["113100"]


@pytest.mark.parametrize(
    ("code", "of_type", "action"),
    [
        ("X", "", "X"), ("Z", "", "Z"), ("D", "", "D"), ("U", "1", "U"), ("X/Z", "2", "Z"), ("X/Z", "", "X"),
        ("X/D", "1", "D"), ("X/D", "", "X"), ("X/Z/D", "1C", "D"), ("X/Z/D", "2", "Z"), ("X/Z/D", "", "X"),
        ("Z/D", "1", "D"), ("Z/D", "", "Z"), ("X/Z/U*", "", "U"), ("X/Z/D", None, "D"),
    ],
)  # fmt: skip
def test_conditional_codes_go_by_the_type(code, of_type: str | None, action: str) -> None:
    assert resolved(code, of_type) == action


def study(**said: object) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CLASSES["CT Image"], "1.2.3.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.2", "1.2.3.3"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword, value in said.items():
        setattr(dataset, keyword, value)
    return dataset


def test_a_patient_stays_one_and_nobody_else() -> None:
    made = [
        deidentify(study(PatientID=each, PatientName="A^B"), BASIC).dataset.PatientID
        for each in ("1", "1 ", "2")
    ]
    assert made[0] == made[1] != made[2]
    other = deidentify(study(PatientID="1"), Settings(Key(b"o" * 32))).dataset.PatientID
    assert other != made[0]


def test_an_empty_patient_is_one_for_each_study() -> None:
    one = deidentify(study(PatientID=""), BASIC).dataset.PatientID
    two = deidentify(study(PatientID="", StudyInstanceUID="1.2.9"), BASIC).dataset.PatientID
    assert one and two and one != two


def test_uids_map_alike_wherever_they_stand() -> None:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CLASSES["CT Image"], "1.2.3.1"
    made = deidentify(study(ReferencedImageSequence=Sequence([item])), BASIC).dataset
    assert made.ReferencedImageSequence[0].ReferencedSOPInstanceUID == made.SOPInstanceUID
    assert made.SOPInstanceUID.startswith("2.25.") and len(made.SOPInstanceUID) <= 64
    assert made.ReferencedImageSequence[0].ReferencedSOPClassUID == CLASSES["CT Image"]


@pytest.mark.parametrize("dates", ["shift", "shift_weeks"])
def test_intervals_stay_where_dates_are_moved(dates) -> None:
    from datetime import date

    source = study(PatientID="7", StudyDate="20240301", AcquisitionDateTime="20240315101112.5")
    made = deidentify(source, Settings(KEY, dates=dates)).dataset
    first, second = (
        date(int(text[:4]), int(text[4:6]), int(text[6:8]))
        for text in (made.StudyDate, made.AcquisitionDateTime)
    )
    moved = (date(2024, 3, 1) - first).days
    assert (second - first).days == 14
    assert 1 <= moved <= 3652 and (dates == "shift" or moved % 7 == 0)
    assert made.AcquisitionDateTime.endswith("101112.5")
    assert made.LongitudinalTemporalInformationModified == "MODIFIED"


def test_a_date_that_is_none_is_not_kept() -> None:
    assert shifted("DA", "202403", 3) is None
    assert shifted("DA", "20240231", 3) is None
    made = deidentify(study(StudyDate="2024", PatientID="7"), Settings(KEY, dates="shift")).dataset
    assert made["StudyDate"].is_empty


def test_options_keep_what_they_are_for_and_nothing_else() -> None:
    source = study(
        PatientID="7", StationName="CT99", InstitutionName="North", PatientAge="093Y", PatientSex="F",
        StudyDescription="CT HEAD for Doe", PatientName="Doe^Jane",
    )  # fmt: skip
    options = frozenset({"retain_device", "retain_patient_characteristics", "clean_descriptors"})
    done = deidentify(source, Settings(KEY, options))
    made = done.dataset
    assert made.StationName == "CT99" and made.PatientSex == "F" and made.PatientAge == "090Y"
    assert "InstitutionName" not in made
    assert made.StudyDescription == "CT HEAD for"
    assert {note.code for note in done.notes} == {"age-capped", "words-cut"}
    codes = [item.CodeValue for item in made.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113105", "113108", "113109"]


def test_private_elements_stay_only_where_they_are_listed_as_safe() -> None:
    source = study(PatientID="7")
    block = source.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")
    block.add_new(0x0B, "LO", MARK)
    made = deidentify(source, Settings(KEY, frozenset({"retain_safe_private"}))).dataset
    assert made.private_block(0x0019, "SIEMENS MR HEADER")[0x0C].value == 1000
    assert left(made) == []
    assert not any(tag.is_private for tag in deidentify(source, BASIC).dataset._dict)


@pytest.mark.parametrize("dates", ["remove", "shift", "keep"])
def test_what_is_no_value_of_its_element_does_not_stay(dates) -> None:
    source = study(PatientID="7")
    for number, vr in enumerate(("LO", "UT", "PN", "UN", "OB")):
        value = f"{MARK}^Person 19781203 "
        source.add_new(TIMES[number], vr, value.encode() if vr in ("UN", "OB") else value)
    item = Dataset()
    item.CodeMeaning = MARK
    source.add_new(0x00080022, "SQ", [item])
    source.add_new(0x00080060, "OB", b"MR")
    done = deidentify(source, Settings(KEY, dates=dates))
    assert left(done.dataset) == []
    assert done.dataset.Modality == "MR"


def test_content_that_is_cleaned_keeps_codes_of_published_schemes() -> None:
    items = []
    for scheme in ("DCM", "99HOSPITAL"):
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "111", scheme, f"Finding of {MARK}"
        item = Dataset()
        item.RelationshipType, item.ValueType, item.TextValue = "CONTAINS", "TEXT", f"{MARK} {MARK}"
        item.ConceptNameCodeSequence = Sequence([code])
        items.append(item)
    source = study(PatientID="7", ContentSequence=Sequence(items))
    source.SOPClassUID = CLASSES["Basic Text SR"]
    options = frozenset({"clean_structured_content"})
    published, own = deidentify(source, Settings(KEY, options)).dataset.ContentSequence
    assert published.ConceptNameCodeSequence[0].CodeMeaning == f"Finding of {MARK}"
    assert own.ConceptNameCodeSequence[0].CodeMeaning == "of"
    assert own.ConceptNameCodeSequence[0].CodeValue == "111"
    assert published.TextValue == own.TextValue == "REMOVED"


@pytest.mark.parametrize("charset", NAMES)
def test_names_of_every_alphabet_go(charset: str) -> None:
    source = study(SpecificCharacterSet=charset.split("\\"), PatientName=NAMES[charset], PatientID="7")
    source.ReferringPhysicianName = NAMES[charset]
    stream = BytesIO()
    write_whole(stream, source)
    stream.seek(0)
    done = deidentify(dcmread(stream), BASIC)
    assert NAMES[charset].partition("=")[0] in done.identifying
    assert all(part not in text for _, text in texts(done.dataset) for part in NAMES[charset].split("="))


def test_words_stay_only_by_the_list() -> None:
    assert cleaned_text("T2 axial BRAIN, Dr. Smith 5mm 0123456", ()) == ("T2 axial BRAIN 5mm", 3)
    assert cleaned_text("head of Head", {"head"}) == ("of", 2)


def test_ages_of_the_old_are_one() -> None:
    assert [capped_age(age) for age in ("089Y", "090Y", "101Y", "006M")] == ["089Y", "090Y", "090Y", "006M"]


def test_the_key_goes_through_scrypt() -> None:
    import hashlib

    meant = hashlib.scrypt(b"0123456789abcdef", salt=b"dicombake deidentify 1", n=2**15, r=8, p=1,
                           maxmem=2**26, dklen=32)  # fmt: skip
    assert derived("0123456789abcdef").secret == meant
    assert "secret" not in repr(derived("0123456789abcdef"))
