"""The table of homes is true of the code, and what has no home is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dicombake.pipeline.loaders.options import Limits, XimOptions
from dicombake.pipeline.loaders.xim import loader as xim
from dicombake.pipeline.loaders.xim.attribute_table import CREATOR, GROUP, HOMES, PROPERTIES, Home
from dicombake.pipeline.loaders.xim.mapping import Mapped, map_properties

from ..input_files import MV_PROPERTIES, UNSET_DOUBLE, UNSET_INTEGER

EXPOSED: dict[str, Any] = {
    **MV_PROPERTIES,
    "CouchVrt": 111.77, "CouchLng": 91.9, "CouchLat": 99.84,
    "MVEnergy": "6x", "MVDoseStart": 1.0, "MVDoseStop": 3.0, "MVDoseRate": 10.0,
    "MVCollimatorX1": 9.0, "MVCollimatorX2": 8.0, "MVCollimatorY1": 7.0, "MVCollimatorY2": 6.0,
    "MLCLeafsA": [1.0] * 60, "MLCLeafsB": [2.0] * 60, "MLCModel": 2,
    "StartTime": 1758089376, "StartTimeRemainder": 110236400,
    "StopTime": 1758089376, "StopTimeRemainder": 615236400,
    "AcquisitionSystemVersion": "3.0.117.110", "AcquisitionId": 7,
    "ImageModeId": "AdHoc", "AcquisitionModeId": "Highres", "AcquisitionNotes": "Mode Type : Single",
    "KVSourceVrt": 99.9978, "KVSourceRtn": 269.9934,
    "KVDetectorLat": 0.5, "KVDetectorLng": 0.25, "KVDetectorVrt": -50.0,
    "KVCollimatorX1": 5.0, "KVCollimatorX2": 4.0, "KVCollimatorY1": 3.0, "KVCollimatorY2": 2.0,
    "KVKiloVolts": 75.0, "KVMilliAmperes": 50.0, "KVMilliSeconds": 10.0,
    "ImageMode": "<ImageMode/>", "NumberOfFrames": 20, "MMQuality0": 0.0, "HistogramRoi": [None, 5],
}  # fmt: skip


def mapped(changes: dict[str, Any], *, without: tuple[str, ...] = ()) -> Mapped:
    properties = {name: value for name, value in (EXPOSED | changes).items() if name not in without}
    return map_properties(properties, 1280, 1280)


def kept(found: Mapped) -> dict[str, Any]:
    block = found.attributes.private_block(GROUP, CREATOR)
    return json.loads(block[PROPERTIES].value) if PROPERTIES in block else {}


def said(found: Mapped) -> str:
    """Geometry and attributes, but for the private block."""
    public = {tag: value for tag, value in found.attributes.to_json_dict().items() if tag[:4] != "3009"}
    return f"{found.geometry}\n{public}"


def source(row: Home) -> dict[str, Any]:
    return {"ImageSourceType": 2 if row.half == "KV" else 1}


@pytest.mark.parametrize("row", HOMES, ids=lambda row: " ".join(row.names))
def test_each_property_with_a_home_is_what_the_attribute_is_made_of(row: Home) -> None:
    every = mapped(source(row))
    assert not set(row.names) & set(kept(every)), "an attribute stands for it, so it is not kept twice"
    for name in row.names:
        assert said(mapped(source(row), without=(name,))) != said(every), f"{name} changes nothing"


@pytest.mark.parametrize("row", [row for row in HOMES if row.half], ids=lambda row: " ".join(row.names))
def test_of_the_other_source_it_says_nothing_and_is_kept(row: Home) -> None:
    other = {"ImageSourceType": 1 if row.half == "KV" else 2}
    shared = {name for each in HOMES if each.half != row.half for name in each.names}
    every = mapped(other)
    for name in set(row.names) - shared:
        assert kept(every)[name] == EXPOSED[name]
        assert said(mapped(other, without=(name,))) == said(every)


def test_a_dark_field_keeps_its_numbers_and_no_exposure() -> None:
    dark = mapped({"BeamState": 0})
    assert "ExposureSequence" not in dark.attributes
    assert {"MVEnergy", "MVDoseStart", "MVDoseStop", "MVCollimatorX1", "MLCLeafsA"} <= set(kept(dark))
    assert "StartTime" not in kept(dark)
    assert kept(dark)["StopTime"] == 1758089376


def test_a_parked_panel_keeps_where_it_was() -> None:
    parked = mapped({"MVDetectorPitch": 82.0})
    assert {"MVDetectorLat", "MVDetectorLng", "MVDetectorVrt", "MVDetectorPitch"} <= set(kept(parked))


def test_of_an_unknown_source_all_but_who_and_when_is_kept() -> None:
    unknown = kept(mapped({"ImageSourceType": 3}))
    assert {"GantryRtn", "PixelHeight", "MVSourceVrt", "MVEnergy"} <= set(unknown)
    assert not {"StartTime", "AcquisitionTag", "CouchVrt"} & set(unknown)


def test_text_that_its_attribute_cannot_hold_is_kept_whole() -> None:
    assert kept(mapped({"AcquisitionTag": "a" * 65}))["AcquisitionTag"] == "a" * 65
    assert kept(mapped({"AcquisitionNotes": "n" * 2000}))["AcquisitionNotes"] == "n" * 2000
    assert "AcquisitionTag" not in kept(mapped({}))


def test_nothing_that_is_not_set_is_kept() -> None:
    found = kept(mapped({"HistogramRoi": [None, None], "MVEnergy": "Loading", "BeamState": 0}))
    assert not {"HistogramRoi", "MVEnergy"} & set(found)
    assert kept(mapped({}))["HistogramRoi"] == [None, 5]


def test_the_text_is_sorted_so_that_the_order_of_the_file_does_not_matter() -> None:
    turned = map_properties(dict(reversed(EXPOSED.items())), 1280, 1280)
    block, other = (each.attributes.private_block(GROUP, CREATOR) for each in (mapped({}), turned))
    assert block[PROPERTIES].value == other[PROPERTIES].value
    assert list(kept(mapped({}))) == sorted(kept(mapped({})))


@pytest.mark.real
def test_real_files_lose_no_property_and_keep_no_sentinel(real: Path) -> None:
    for path in sorted((real / "xim").iterdir()):
        (image,) = xim.load(path, XimOptions(), Limits())
        attributes, properties = image.source.attributes, image.source.properties
        assert attributes is not None
        block = attributes.private_block(GROUP, CREATOR)
        text = block[PROPERTIES].value
        rest = json.loads(text)
        assert str(UNSET_DOUBLE) not in text
        assert str(UNSET_INTEGER) not in text
        assert '"Loading"' not in text
        for name, value in rest.items():
            assert properties[name] == value
        homes = {name for row in HOMES for name in row.names}
        gone = set(properties) - set(rest) - homes
        unset = {name for name in gone if set(properties[name]) == {None}}
        assert gone == unset, "what has neither home nor place in the block"
        assert {"ImageMode", "NumberOfFrames", "ImageFlipped", "MVDoseRate"} <= set(rest)
