"""Layers of a dataset as they are followed: who set what, over what, and who took it away."""

from __future__ import annotations

from dicombake.pipeline.imaging.image import Origin
from dicombake.pipeline.trace import UNTRACED, Following, Layer, elements
from pydicom import Dataset
from pydicom.sequence import Sequence

RULE, FILE, RECIPE = Origin("rule"), Origin("file", "a.dcm"), Origin("conversion", "r.yaml:3")


def test_each_layer_has_what_it_changed() -> None:
    dataset, trace = Dataset(), Following()
    dataset.PatientID, dataset.PatientName = None, None
    trace.layer(dataset, RULE)
    dataset.PatientID = "ID"
    trace.layer(dataset, FILE)
    trace.layer(dataset, RECIPE)
    assert trace.layers == {
        "PatientID": [Layer(RULE, ""), Layer(FILE, "ID")],
        "PatientName": [Layer(RULE, "")],
    }


def test_a_layer_that_states_the_same_value_counts() -> None:
    dataset, trace = Dataset(), Following()
    dataset.PatientID = "ID"
    trace.layer(dataset, FILE)
    trace.layer(dataset, RECIPE, stated="PatientID")
    assert trace.layers["PatientID"] == [Layer(FILE, "ID"), Layer(RECIPE, "ID")]


def test_what_is_taken_away_and_comes_back() -> None:
    dataset, trace = Dataset(), Following()
    dataset.PatientID = "ID"
    trace.layer(dataset, FILE)
    del dataset.PatientID
    trace.layer(dataset, RECIPE)
    assert trace.present == {}
    dataset.PatientID = "ID"
    trace.layer(dataset, RULE)
    assert trace.layers["PatientID"] == [Layer(FILE, "ID"), Layer(RECIPE, None), Layer(RULE, "ID")]


def test_items_of_sequences_are_followed_one_by_one() -> None:
    dataset, trace = Dataset(), Following()
    items = [Dataset(), Dataset()]
    for number, item in enumerate(items):
        item.ExposureTime = str(number)
    dataset.ExposureSequence = Sequence(items)
    trace.layer(dataset, lambda name: Origin("file", name))
    items[1].ExposureTime = "7"
    trace.layer(dataset, RECIPE, stated="ExposureSequence[1]")
    first, second = (f"ExposureSequence[{number}].ExposureTime" for number in (0, 1))
    assert trace.layers[first] == [Layer(Origin("file", first), "0")]
    assert trace.layers[second] == [Layer(Origin("file", second), "1"), Layer(RECIPE, "7")]


def test_names_and_values_of_elements() -> None:
    dataset = Dataset()
    dataset.PatientName = "Demo^Phantom"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.ImagePlanePixelSpacing = ["0.40", "0.4"]
    dataset.OperatorsName = None
    dataset.ReferencedStudySequence = Sequence()
    dataset.private_block(0x0009, "ACME 1.0", create=True).add_new(0x10, "UN", b"1234")
    assert [(name, element.tag, element.vr, element.value) for name, element in elements(dataset)] == [
        ("ImageType", "(0008,0008)", "CS", "DERIVED\\SECONDARY"),
        ("OperatorsName", "(0008,1070)", "PN", ""),
        ("ReferencedStudySequence", "(0008,1110)", "SQ", ""),
        ("(0009,0010)", "(0009,0010)", "LO", "ACME 1.0"),
        ("(0009,ACME 1.0,10)", "(0009,1010)", "UN", "4 bytes"),
        ("PatientName", "(0010,0010)", "PN", "Demo^Phantom"),
        ("ImagePlanePixelSpacing", "(3002,0011)", "DS", "0.40\\0.4"),
    ]


def test_following_nothing_looks_at_nothing() -> None:
    UNTRACED.layer(None, RULE)  # type: ignore[arg-type]
