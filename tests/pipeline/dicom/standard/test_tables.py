"""The tables in the package are those of the standard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dicombake.pipeline.dicom.standard import tables
from dicombake.pipeline.dicom.standard.generate import KINDS, generated

from ....support import standard_tables

PATH = Path(tables.__file__).with_name("modules.json")


def test_they_are_what_highdicom_ships(golden: Callable[[Path, str], None]) -> None:
    golden(PATH, generated(standard_tables()))


def test_they_stay_small() -> None:
    assert PATH.stat().st_size < 200_000


def test_every_kind_has_its_mandatory_modules() -> None:
    for kind in KINDS:
        mandatory = {module.key for module in tables.modules_of(kind) if module.usage == "M"}
        assert {"patient", "general-study", "sop-common"} <= mandatory, kind


def test_types_are_those_of_the_standard() -> None:
    """PS3.3 table C.7-1, C.8-43 and C.7.6.1: read there."""
    types = {
        attribute.keyword: attribute.type
        for module in tables.modules_of("rt-image")
        if module.usage == "M"
        for attribute in module.attributes
    }
    expected = {
        "PatientID": "2", "PatientSex": "2", "QualityControlSubject": "3", "StudyInstanceUID": "1",
        "OperatorsName": "2", "RTImageLabel": "1", "RTImageSID": "2", "ReportedValuesOrigin": "2C",
        "PatientOrientation": "2C", "PixelData": "1C", "SOPInstanceUID": "1",
    }  # fmt: skip
    assert {keyword: types[keyword] for keyword in expected} == expected


def test_the_items_of_a_sequence_have_a_table_of_their_own() -> None:
    (rt_image,) = [module for module in tables.modules_of("rt-image") if module.key == "rt-image"]
    (exposure,) = [row for row in rt_image.attributes if row.keyword == "ExposureSequence"]
    assert exposure.inside is not None
    inside = {row.keyword: row.type for row in tables.table(exposure.inside)}
    assert (inside["NumberOfBlocks"], inside["KVP"]) == ("1", "2C")


def test_names_for_people() -> None:
    assert [tables.title(key) for key in ("rt-image", "voi-lut", "sop-common", "general-series")] == [
        "RT Image", "VOI LUT", "SOP Common", "General Series",
    ]  # fmt: skip
    assert tables.kind_of("1.2.840.10008.5.1.4.1.1.481.1") == "rt-image"
    assert tables.kind_of("1.2.3") is None
