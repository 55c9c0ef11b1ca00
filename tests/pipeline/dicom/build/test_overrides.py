from __future__ import annotations

import pytest
from dicombake.pipeline.dicom.build.overrides import apply_overrides
from dicombake.pipeline.errors import ExportError
from dicombake.schemas.language.tags import TagValue, parse_tag, path_of
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence

from ...exporting import tagged


def applied(values, dataset=None, remove=()):
    dataset = Dataset() if dataset is None else dataset
    apply_overrides(dataset, tagged(values), map(parse_tag, remove))
    return dataset


@pytest.mark.parametrize("key", ["PatientID", "(0010,0020)", "00100020"])
def test_a_tag_by_any_name_keeps_its_text(key):
    element = applied({key: "00123"})[0x00100020]
    assert (element.VR, element.value) == ("LO", "00123")


@pytest.mark.parametrize(
    ("key", "value", "vr", "expected"),
    [
        ("StudyDate", "2024-01-02", "DA", "20240102"),
        ("StudyTime", "12:30:00", "TM", "123000"),
        ("RTImageSID", "1500.50", "DS", "1500.50"),
        ("ImageType", ["ORIGINAL", "PRIMARY", "PORTAL"], "CS", ["ORIGINAL", "PRIMARY", "PORTAL"]),
        ("Rows", "5", "US", 5),
        ("SmallestImagePixelValue", "5", "US", 5),
        ("FrameIncrementPointer", "(0018,1063)", "AT", 0x00181063),
        ("TableTopPitchAngle", "0.1", "FL", 0.10000000149011612),
        ("PatientName", "Müller^Jörg", "PN", "Müller^Jörg"),
        ("PatientName", None, "PN", ""),
        ("Rows", None, "US", None),
        ("(0011,1001)", {"vr": "SL", "value": ["-1", "2"]}, "SL", [-1, 2]),
        ("PatientComments", "two\nlines", "LT", "two\nlines"),
        ("(0019,0010)", {"vr": "LO", "value": "ACME"}, "LO", "ACME"),
    ],
)
def test_values_take_the_form_of_their_vr(key, value, vr, expected):
    (element,) = applied({key: value})
    assert vr == element.VR
    assert element.value == expected or list(element.value) == expected


def test_a_sign_makes_the_ambiguous_vr_signed():
    dataset = Dataset()
    dataset.PixelRepresentation = 1
    element = applied({"SmallestImagePixelValue": "-5"}, dataset)["SmallestImagePixelValue"]
    assert (element.VR, element.value) == ("SS", -5)


def test_a_private_element_gets_the_next_free_block():
    dataset = applied({"(0009,ACME 1.0,10)": "hello", "(0009,OTHER,01)": "x", "(0009,ACME 1.0,11)": "y"})
    assert {element.tag: element.value for element in dataset} == {
        0x00090010: "ACME 1.0",
        0x00090011: "OTHER",
        0x00091010: "hello",
        0x00091011: "y",
        0x00091101: "x",
    }


def test_a_private_creator_that_is_there_keeps_its_block():
    dataset = Dataset()
    dataset.private_block(0x0009, "FIRST", create=True).add_new(0x01, "SH", "a")
    dataset.private_block(0x0009, "ACME", create=True).add_new(0x10, "SH", "old")
    applied({"(0009,ACME,10)": "new"}, dataset)
    assert (dataset[0x00091110].VR, dataset[0x00091110].value) == ("SH", "new")


def test_removing_the_last_private_element_frees_its_block():
    dataset = applied({"(0009,ACME,10)": "a", "(0009,ACME,11)": "b"})
    applied({}, dataset, ("(0009,ACME,10)",))
    assert 0x00090010 in dataset
    applied({}, dataset, ("(0009,ACME,11)", "(0009,OTHER,11)", "PatientID"))
    assert len(dataset) == 0


def test_a_path_makes_the_items_it_needs():
    dataset = applied(
        {
            "ExposureSequence[0].ExposureTime": "5",
            "ExposureSequence[1].KVP": "6000",
            "ExposureSequence[1].BeamLimitingDeviceSequence[0].NumberOfLeafJawPairs": "1",
        }
    )
    first, second = dataset.ExposureSequence
    assert first.ExposureTime == 5
    assert second.KVP == 6000
    assert second.BeamLimitingDeviceSequence[0].NumberOfLeafJawPairs == 1


def test_a_gap_in_a_sequence_is_refused():
    with pytest.raises(ExportError) as caught:
        applied({"ExposureSequence[1].KVP": "6"})
    assert str(caught.value) == "ExposureSequence[1].KVP: item 1 cannot be made: there are 0 before it"


def test_a_list_of_mappings_is_a_whole_sequence():
    dataset = applied({"ExposureSequence": [{"KVP": "6"}, {"(0009,ACME,01)": "x"}]})
    assert [len(item) for item in dataset.ExposureSequence] == [1, 2]
    assert len(applied({"ExposureSequence": None}).ExposureSequence) == 0


def test_an_item_itself_can_be_replaced_emptied_and_removed():
    dataset = applied({"ExposureSequence": [{"KVP": "6", "ExposureTime": "1"}, {"KVP": "8"}]})
    applied({"ExposureSequence[0]": [{"KVP": "7"}]}, dataset)
    assert [item.get("KVP") for item in dataset.ExposureSequence] == [7, 8]
    assert "ExposureTime" not in dataset.ExposureSequence[0]
    applied({"ExposureSequence[0]": None}, dataset, ("ExposureSequence[1]",))
    assert [len(item) for item in dataset.ExposureSequence] == [0]


def test_elements_of_items_can_be_removed():
    dataset = applied({"ExposureSequence": [{"KVP": "6", "ExposureTime": "1"}]})
    applied({}, dataset, ("ExposureSequence[0].KVP", "ExposureSequence[3].KVP", "SourceImageSequence[0].KVP"))
    assert [element.keyword for element in dataset.ExposureSequence[0]] == ["ExposureTime"]


def test_bytes_are_given_as_base64():
    dataset = applied(
        {
            "PixelData": {"base64": "AQID"},
            "(0009,ACME,10)": {"base64": "AQI="},
            "(0009,ACME,11)": {"vr": "US", "base64": "AQI="},
            "ICCProfile": {"base64": "AQID"},
        }
    )
    assert (dataset[0x7FE00010].VR, dataset[0x7FE00010].value) == ("OW", b"\1\2\3\0")
    assert (dataset[0x00091010].VR, dataset[0x00091010].value) == ("UN", b"\1\2")
    assert dataset[0x00091011].value == 513
    assert dataset.ICCProfile == b"\1\2\3\0"


def test_only_a_sequence_has_items():
    dataset = Dataset()
    dataset.private_block(0x0009, "ACME", create=True).add_new(0x10, "LO", "text")
    with pytest.raises(ExportError) as caught:
        applied({"(0009,ACME,10)[0].KVP": "6"}, dataset)
    assert str(caught.value) == "(0009,ACME,10)[0].KVP: only a sequence has items"


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("RTImageLabel", "seventeen letters", "its value has 17 characters; SH holds 16"),
        ("PatientBirthDate", "tomorrow", "its value is no date such as 20240102 or 2024-01-02"),
        ("Rows", "70000", "its value does not fit US, which holds 0 to 65535"),
        ("TableTopPitchAngle", "1e39", "its value does not fit FL, a 32-bit float"),
    ],
)
def test_a_template_may_turn_out_to_hold_no_value(key, text, message):
    value = {path_of(key): TagValue(items=(text,))}
    with pytest.raises(ExportError) as caught:
        apply_overrides(Dataset(), value)
    assert str(caught.value) == f"{key}: {message}"


def test_an_unknown_private_element_is_text_as_long_as_it_needs():
    dataset = applied({"(0009,ACME,01)": "x" * 64, "(0009,ACME,02)": "x" * 65})
    assert [element.VR for element in dataset if element.tag.elem > 0xFF] == ["LO", "UT"]


def test_a_private_element_that_the_vendor_documented_keeps_its_vr():
    dataset = applied({"(0019,GEMS_ACQU_01,02)": "5"})
    assert (dataset[0x00191002].VR, dataset[0x00191002].value) == ("SL", 5)


def test_an_emptied_sequence_can_be_filled_again():
    dataset = Dataset()
    dataset.add(DataElement(0x30020030, "SQ", Sequence()))
    applied({"ExposureSequence[0].KVP": "6"}, dataset)
    assert dataset.ExposureSequence[0].KVP == 6


def test_an_empty_list_is_an_empty_sequence():
    dataset = applied({"ExposureSequence": []})
    assert dataset["ExposureSequence"].VR == "SQ"
    assert len(dataset.ExposureSequence) == 0
