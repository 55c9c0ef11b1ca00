"""Keys of tags, values of tags, and how they come back from what a recipe writes of them."""

from __future__ import annotations

import base64
from typing import Any

import pydicom.datadict
import pytest
from dicombake.schemas.language.tag_fields import Tags
from dicombake.schemas.language.tags import (
    TagPath,
    TagStep,
    TagValue,
    as_written,
    dictionary,
    keywords,
    parse_tag,
    path_of,
    problem_of,
    templates_of,
    vr_of,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

TAGS: TypeAdapter[dict[TagPath, TagValue]] = TypeAdapter(Tags)


@pytest.mark.parametrize(
    ("key", "steps"),
    [
        ("PatientID", [TagStep(0x00100020)]),
        ("(0010,0020)", [TagStep(0x00100020)]),
        ("( 0010 , 0020 )", [TagStep(0x00100020)]),
        ("00100020", [TagStep(0x00100020)]),
        ("0010,0020", [TagStep(0x00100020)]),
        ("3002000a", [TagStep(0x3002000A)]),
        ("(0009,ACME 1.0,10)", [TagStep(0x00090010, "ACME 1.0")]),
        ("(0009,A,B,1f)", [TagStep(0x0009001F, "A,B")]),
        ("ExposureSequence[0].ExposureTime", [TagStep(0x30020030, None, 0), TagStep(0x00181150)]),
        ("(3002,0030)[2].(0018,1150)", [TagStep(0x30020030, None, 2), TagStep(0x00181150)]),
        ("(0009,ACME,10)[1].PatientID", [TagStep(0x00090010, "ACME", 1), TagStep(0x00100020)]),
        ("ExposureSequence[0]", [TagStep(0x30020030, None, 0)]),
    ],
)
def test_forms_of_keys(key: str, steps: list[TagStep]) -> None:
    path = parse_tag(key)
    assert list(path.steps) == steps
    assert path.last == steps[-1]
    assert str(path) == key


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("PatientsName", "'PatientsName' is no DICOM keyword; did you mean 'PatientName'?"),
        ("patientid", "'patientid' is no DICOM keyword; did you mean 'PatientID'?"),
        ("Zzzzzz", "'Zzzzzz' is no DICOM keyword"),
        ("", "'' is no tag: write a keyword, (0010,0020), 00100020 or (0009,CREATOR,10)"),
        ("PatientID.", "'PatientID.' is no tag"),
        ("(0009,A(B),10)", "is no tag"),
        ("(" * 100_000, "is no tag"),
        ("(0008,ACME,10)", "'(0008,ACME,10)': a private element has an odd group"),
        ("(0007,ACME,10)", "'(0007,ACME,10)': the groups of private elements are 0009 to FFFD"),
        ("(FFFF,ACME,10)", "the groups of private elements are 0009 to FFFD"),
        (f"(0009,{'A' * 65},10)", "a private creator has at most 64 characters"),
        ("ExposureSequence.ExposureTime", "needs the number of an item, as in ExposureSequence[0]"),
        ("PatientID[0].PatientID", "only a sequence has items"),
        ("TransferSyntaxUID", "belongs to the file meta, which follows the finished dataset"),
        ("(0002,0010)", "belongs to the file meta"),
        ("(0010,0000)", "is no element of a dataset"),
        ("(0010", "'(0010' is half of a tag, cut at its comma; quote the tag within { }"),
        ("0020)", "'0020)' is half of a tag, cut at its comma; quote the tag within { }"),
        ("FFFEE000", "is no element of a dataset"),
        ("FileSetID", "is no element of a dataset"),
        ("(0006,0010)", "is no element of a dataset"),
    ],
)
def test_keys_that_point_nowhere(key: str, what: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_tag(key)
    assert what in str(caught.value)


def test_the_dictionary_is_pydicoms() -> None:
    assert dictionary() == pydicom.datadict.DicomDictionary
    assert keywords()["RTImageLabel"] == 0x30020002


@pytest.mark.parametrize(
    "tag", [0x00100020, 0x60003000, 0x60FE0010, 0x50003000, 0x12345678, 0x00280106, 0x00204001]
)
def test_vrs_are_pydicoms(tag: int) -> None:
    try:
        expected: str | None = pydicom.datadict.dictionary_VR(tag)
    except KeyError:
        expected = None
    assert vr_of(TagStep(tag)) == expected
    assert vr_of(TagStep(0x00090010, "ACME")) is None


FIVE = {path_of("ExposureTime"): TagValue(items=("5",))}
BYTES = base64.b64encode(b"\x00\x01").decode()


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("PatientID", "00123", TagValue(items=("00123",))),
        ("PatientID", "", TagValue(items=("",))),
        ("PatientID", None, TagValue()),
        ("PatientID", 5, TagValue(items=("5",))),
        ("KVP", 1.5, TagValue(items=("1.5",))),
        ("ImageType", ["A", "B", None], TagValue(items=("A", "B", ""))),
        ("ImageType", [], TagValue(items=())),
        ("ExposureSequence", [], TagValue(items=())),
        ("PatientID", {"vr": "SH", "value": "x"}, TagValue(items=("x",), vr="SH")),
        ("(0009,1001)", {"vr": "US", "value": ["1", "2"]}, TagValue(items=("1", "2"), vr="US")),
        ("PatientID", {"vr": "LO"}, TagValue(vr="LO")),
        ("PixelData", {"base64": BYTES}, TagValue(data=b"\x00\x01")),
        ("PixelData", {"vr": "OW", "base64": BYTES}, TagValue(data=b"\x00\x01", vr="OW")),
        ("(0009,ACME,10)", "x", TagValue(items=("x",))),
        ("ExposureSequence", [{"ExposureTime": "5"}, {}], TagValue(nested=(FIVE, {}))),
        ("ExposureSequence[0]", [{"ExposureTime": "5"}], TagValue(nested=(FIVE,))),
        ("PatientID", "{stem}", TagValue(items=("{stem}",))),
    ],
)  # fmt: skip
def test_forms_of_values(key: str, raw: Any, value: TagValue) -> None:
    tags = TAGS.validate_python({key: raw})
    assert tags == {parse_tag(key): value}
    assert value.empty is (raw is None or raw == {"vr": "LO"})
    assert TAGS.validate_python(TAGS.dump_python(tags, mode="json")) == tags


@pytest.mark.parametrize(
    ("key", "raw", "what"),
    [
        ("Rows", "70000", "'70000' does not fit US, which holds 0 to 65535"),
        ("Rows", True, "must be text or a number; quote it to mean the word"),
        (
            "PatientID",
            {"x": 1},
            "a mapping is {vr: .., value: ..} or {base64: ..}; a sequence is a list of mappings",
        ),
        ("PatientID", {"vr": "ZZ", "value": 1}, "'ZZ' is no VR"),
        ("PatientID", {"base64": "%"}, "'base64' holds no base64 text"),
        ("PatientID", ["a", ["b"]], "is either a list of values or a list of mappings (a sequence)"),
        ("PatientID", [{"StudyID": "x"}], "only a sequence (SQ) takes a list of mappings, this is LO"),
        ("ExposureSequence", "x", "a sequence takes a list of mappings"),
        ("ExposureSequence[0]", "x", "an item of a sequence is a list of one mapping, or null"),
        ("ExposureSequence", [{"ExposureTime": "x"}], "ExposureTime: 'x' is no whole number, which IS holds"),
        ("ExposureSequence", [{"Exposuretime": "1"}], "is no DICOM keyword; did you mean 'ExposureTime'?"),
        (
            "ExposureSequence",
            [{"BeamLimitingDeviceSequence": [{"Zzzzzz": 1}]}],
            "BeamLimitingDeviceSequence: 'Zzzzzz' is no DICOM keyword",
        ),
        ("(0009,1001)", "x", "the standard has no such element; give its VR, as in {vr: LO, value: ..}"),
        ("PatientID", "{stem", "a single '{'; write it twice to mean the brace itself"),
        ("PatientID", object(), "must be text, a number, a list, null or a mapping with 'value'"),
    ],
)
def test_values_that_the_tag_cannot_hold(key: str, raw: Any, what: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TAGS.validate_python({key: raw})
    (error,) = caught.value.errors()
    assert what in error["msg"]
    assert not error["msg"].startswith(f"{key}:")


def test_a_rendered_value_is_judged_braces_and_all() -> None:
    assert problem_of(path_of("Rows"), TagValue(items=("{x}",))) is None
    assert (
        problem_of(path_of("Rows"), TagValue(items=("{x}",)), literal=True)
        == "Rows: '{x}' is no whole number, which US holds"
    )


def test_templates_are_found_at_any_depth() -> None:
    value = TAGS.validate_python({"ExposureSequence": [{"ExposureTime": ["{n:d}", "1"]}, {"KVP": "{{"}]})
    assert list(templates_of(value[path_of("ExposureSequence")])) == ["{n:d}"]


ITEMS = st.text(st.characters(codec="ascii", exclude_characters="\\{}\x7f", min_codepoint=32), max_size=8)
PRIVATE = parse_tag("(0009,ACME,10)")
VALUES = st.recursive(
    st.one_of(
        st.builds(TagValue, items=st.lists(ITEMS, max_size=3).map(tuple), vr=st.sampled_from([None, "UT"])),
        st.builds(TagValue, data=st.binary(max_size=9), vr=st.sampled_from([None, "OB"])),
        st.just(TagValue()),
    ),
    lambda inner: st.builds(
        TagValue,
        nested=st.lists(st.dictionaries(st.just(PRIVATE), inner), min_size=1, max_size=2).map(tuple),
    ),
    max_leaves=5,
)


@given(VALUES)
def test_what_is_written_of_a_value_reads_as_that_value(value: TagValue) -> None:
    assert TAGS.validate_python({PRIVATE.text: as_written(value)}) == {PRIVATE: value}


def test_the_path_of_a_keyword_is_what_its_key_is_read_as() -> None:
    assert path_of("PatientID") == parse_tag("PatientID")
    with pytest.raises(KeyError):
        path_of("Patientid")
