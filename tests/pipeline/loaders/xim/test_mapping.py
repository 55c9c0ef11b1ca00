"""The mapping of XIM properties, with the examples of its table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dicombake.pipeline.errors import Note
from dicombake.pipeline.imaging.image import Geometry, Origin
from dicombake.pipeline.loaders.options import Limits, XimOptions
from dicombake.pipeline.loaders.xim import loader as xim
from dicombake.pipeline.loaders.xim.mapping import Mapped, map_properties
from dicombake.pipeline.loaders.xim.units import iec
from hypothesis import given
from hypothesis import strategies as st

from ..input_files import MV_PROPERTIES

KV: dict[str, Any] = {
    "ImageSourceType": 2,
    "PixelHeight": 0.028,
    "PixelWidth": 0.028,
    "KVSourceVrt": 99.997783,
    "KVSourceRtn": 269.9934,
    "KVDetectorLat": 0.0,
    "KVDetectorLng": 0.0,
    "KVDetectorVrt": -50.00241,
    "KVKiloVolts": 75.0,
    "KVMilliAmperes": 50.0,
    "KVMilliSeconds": 50.0,
    "GantryRtn": 179.9934,
    "MVCollimatorRtn": 225.0,
    "MVEnergy": "6x",
    "BeamState": 3,
}


def mapped(changes: dict[str, Any] | None = None, base: dict[str, Any] = MV_PROPERTIES) -> Mapped:
    return map_properties({**base, **(changes or {})}, 1280, 1280)


def exposure(changes: dict[str, Any], base: dict[str, Any] = MV_PROPERTIES) -> Any:
    (item,) = mapped(changes, base).attributes.ExposureSequence
    return item


@pytest.mark.parametrize(
    ("varian", "expected"),
    [
        (179.99337, 0.00663),
        (89.967, 90.033),
        (269.9934, 270.0066),
        (180.0033, 359.9967),
        (269.9995, 270.0005),
        (225.0, 315.0),
        (185.994, 354.006),
        (180.00195, 359.99805),
    ],
)
def test_angles_of_the_table(varian: float, expected: float) -> None:
    assert iec(varian) == pytest.approx(expected, abs=1e-9)


@given(st.floats(-720, 720))
def test_an_angle_is_never_360(varian: float) -> None:
    angle = iec(varian)
    assert 0 <= angle < 360
    assert float(f"{angle:.10f}") < 360


def test_rounding_comes_before_wrapping() -> None:
    assert iec(180.0 + 1e-13) == 0.0


def test_geometry_of_an_mv_image() -> None:
    geometry = mapped().geometry
    assert geometry.spacing == (0.336, 0.336)
    assert geometry.sad == 1000.0
    assert geometry.sid == 1500.0
    assert geometry.position == (-214.872, 214.872)
    assert geometry.orientation == (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
    assert geometry.receptor_angle == 0.0
    assert geometry.translation == (0.0, 0.0, -500.0)
    assert (geometry.gantry, geometry.collimator) == (pytest.approx(0.00663), pytest.approx(270.0005))
    assert geometry.origins["sid"] == Origin("file", "MVDetectorVrt")
    assert geometry.origins["gantry"] == Origin("file", "GantryRtn")
    assert geometry.origins["position"].kind == "derived"


def test_sid_of_the_table() -> None:
    assert mapped({"MVDetectorVrt": -50.00283}).geometry.sid == pytest.approx(1500.0283, abs=1e-9)
    assert mapped(base=KV).geometry.sid == pytest.approx(1500.00193, abs=1e-9)
    assert mapped({"PixelHeight": 0.0388, "PixelWidth": 0.0388}).geometry.spacing == (0.388, 0.388)


def test_the_offset_of_the_panel_is_a_translation_and_no_position() -> None:
    moved = {"KVDetectorLat": -16.00016, "KVDetectorLng": 0.00102, "KVDetectorVrt": -49.9977}
    geometry = map_properties({**KV, **moved}, 1072, 1424).geometry
    assert geometry.translation == (-160.0016, 0.0102, -499.977)
    assert geometry.position == (-199.22, 149.94)


def test_a_kv_image_has_the_angle_of_its_source_and_a_still_collimator() -> None:
    geometry = mapped(base=KV).geometry
    assert geometry.gantry == pytest.approx(270.0066)
    assert geometry.origins["gantry"] == Origin("file", "KVSourceRtn")
    assert geometry.collimator == 0.0
    assert geometry.origins["collimator"].kind == "rule"


@pytest.mark.parametrize("source", [0, 3, None, "1"])
def test_without_a_known_half_nothing_of_the_geometry_is_used(source: Any) -> None:
    properties = {**MV_PROPERTIES, "ImageSourceType": source}
    result = map_properties(properties, 10, 10)
    assert result.geometry == Geometry()
    assert [note.code for note in result.notes] == ["xim-source-unknown"]
    assert "ExposureSequence" not in result.attributes


@pytest.mark.parametrize(
    ("parked", "reason"),
    [
        ({"MVDetectorPitch": 82.0}, "the panel was folded away (MVDetectorPitch 82 degrees)"),
        ({"MVDetectorPitch": -1.1}, "the panel was folded away (MVDetectorPitch -1.1 degrees)"),
        ({"MVDetectorLng": 65.9}, "the panel was parked (MVDetectorLng 65.9 cm)"),
    ],
)
def test_a_parked_panel_has_no_imaging_distance(parked: dict[str, Any], reason: str) -> None:
    result = mapped(parked)
    geometry = result.geometry
    assert (geometry.sid, geometry.position, geometry.translation) == (None, None, None)
    assert geometry.blank == dict.fromkeys(("sid", "position", "translation"), reason)
    assert not {"sid", "position", "translation"} & set(geometry.origins)
    assert (geometry.sad, geometry.spacing) == (1000.0, (0.336, 0.336))
    text = f"{reason}: SID, image position and receptor translation have no meaning and stay empty"
    assert result.notes == (Note("panel-parked", text),)


def test_the_pitch_of_the_other_panel_parks_nothing() -> None:
    assert mapped({"KVDetectorPitch": 82.0, "MVDetectorPitch": 0.9}).geometry.sid == 1500.0


def test_table_position_of_the_table() -> None:
    attributes = mapped({"CouchVrt": 111.770, "CouchLng": 91.896, "CouchLat": 99.840}).attributes
    assert attributes.TableTopVerticalPosition == -117.70
    assert attributes.TableTopLongitudinalPosition == 918.96
    assert attributes.TableTopLateralPosition == -1.60
    assert mapped({"CouchLat": 104.950}).attributes.TableTopLateralPosition == 49.50


def test_start_time_is_the_local_clock() -> None:
    attributes = mapped({"StartTime": 1758089376, "StartTimeRemainder": 110236400}).attributes
    assert (attributes.AcquisitionDate, attributes.AcquisitionTime) == ("20250917", "060936.110236")
    assert (attributes.ContentDate, attributes.ContentTime) == ("20250917", "060936.110236")
    assert "TimezoneOffsetFromUTC" not in attributes
    assert "AcquisitionDate" not in mapped().attributes


@pytest.mark.parametrize(
    ("energy", "kvp", "fluence"),
    [("6x", 6000, None), ("2.5x", 2500, None), ("6xFFF", 6000, "FFF"), ("10xFFF", 10000, "FFF")],
)
def test_photons(energy: str, kvp: float, fluence: str | None) -> None:
    item = exposure({"MVEnergy": energy})
    assert float(item.KVP) == kvp
    if fluence:
        (mode,) = item.PrimaryFluenceModeSequence
        assert (mode.FluenceMode, mode.FluenceModeID) == ("NON_STANDARD", fluence)
    else:
        assert "PrimaryFluenceModeSequence" not in item


@pytest.mark.parametrize("energy", ["9e", "16e", "0n", "Loading", ""])
def test_no_kvp_where_it_has_no_meaning(energy: str) -> None:
    item = exposure({"MVEnergy": energy})
    assert "KVP" in item
    assert item.KVP is None


def test_meterset_is_the_difference_of_the_counters() -> None:
    item = exposure({"MVDoseStart": 17.00060, "MVDoseStop": 37.00066})
    assert float(item.MetersetExposure) == pytest.approx(20.00006)
    assert mapped().attributes.PrimaryDosimeterUnit == "MU"


def test_exposure_of_a_kv_image() -> None:
    item = exposure({}, KV)
    assert (item.KVP, item.XRayTubeCurrent, item.ExposureTime) == (75, 50, 50)
    assert float(item.MetersetExposure) == pytest.approx(50 / 60000, rel=1e-9)
    assert "XRayTubeCurrentInmA" not in item
    assert mapped(base=KV).attributes.PrimaryDosimeterUnit == "MINUTE"
    half = exposure({"KVMilliAmperes": 12.5, "KVMilliSeconds": 7.3}, KV)
    assert (half.XRayTubeCurrentInmA, half.ExposureTimeInms, half.ExposureTime) == (12.5, 7.3, 7)


def test_time_of_an_mv_image() -> None:
    item = exposure(
        {"StartTime": 10, "StartTimeRemainder": 900_000_000, "StopTime": 11, "StopTimeRemainder": 405_000_000}
    )
    assert (item.ExposureTime, "ExposureTimeInms" in item) == (505, False)


@pytest.mark.parametrize("dark", [{"ImageModeId": "6x-DF"}, {"BeamState": 0}])
@pytest.mark.parametrize("base", [MV_PROPERTIES, KV])
def test_a_dark_field_has_no_exposure(dark: dict[str, Any], base: dict[str, Any]) -> None:
    found = mapped({"MVEnergy": "6x", "MVDoseStart": 0.0, "MVDoseStop": 2.0, **dark}, base).attributes
    assert "ExposureSequence" not in found
    assert "kV" not in mapped(dark, base).attributes.get("RTImageDescription", "")


def test_jaws_of_the_table() -> None:
    item = exposure(
        {"KVCollimatorX1": 24.70, "KVCollimatorX2": 3.40, "KVCollimatorY1": 9.0, "KVCollimatorY2": 9.0}, KV
    )
    x, y = item.BeamLimitingDeviceSequence
    assert (x.RTBeamLimitingDeviceType, list(x.LeafJawPositions)) == ("ASYMX", [-247.0, 34.0])
    assert (y.RTBeamLimitingDeviceType, list(y.LeafJawPositions)) == ("ASYMY", [-90.0, 90.0])
    assert item.NumberOfBlocks == 0


@pytest.mark.parametrize(
    ("model", "edges"),
    [
        (2, [-200.0, -190.0, -100.0, -95.0, 0.0, 100.0, 110.0, 200.0]),
        (3, [-110.0, -105.0, -40.0, -37.5, 0.0, 40.0, 45.0, 110.0]),
    ],
)
def test_leaves(model: int, edges: list[float]) -> None:
    closed = {"MLCLeafsA": [-5.5] * 59 + [1.5], "MLCLeafsB": [5.5] * 59 + [4.5], "MLCModel": model}
    (mlc,) = exposure(closed).BeamLimitingDeviceSequence
    assert (mlc.RTBeamLimitingDeviceType, mlc.NumberOfLeafJawPairs) == ("MLCX", 60)
    assert list(mlc.LeafJawPositions) == [-55.0] * 59 + [-45.0] + [-55.0] * 59 + [15.0]
    boundaries = [float(edge) for edge in mlc.LeafPositionBoundaries]
    assert len(boundaries) == 61
    assert boundaries == sorted(boundaries) == [-edge for edge in reversed(boundaries)]
    assert set(edges) <= set(boundaries)


@pytest.mark.parametrize(
    "other",
    [{"MLCModel": 7}, {"MLCLeafsA": [0.0] * 59}, {"MLCLeafsB": [0.0] * 59 + [None]}],
)
def test_an_mlc_that_is_not_known_is_left_out(other: dict[str, Any]) -> None:
    leaves = {"MLCLeafsA": [1.0] * 60, "MLCLeafsB": [1.0] * 60, "MLCModel": 2, **other}
    assert "BeamLimitingDeviceSequence" not in exposure(leaves)


def test_names_fit_their_vr() -> None:
    attributes = mapped({"AcquisitionTag": "a\\b" + "x" * 100}).attributes
    assert attributes.RTImageName == "a b" + "x" * 61
    assert attributes.RTImageLabel == "MV_0_a bxxxxxxxx"
    assert mapped({"AcquisitionTag": "EnhCouch"}, KV).attributes.RTImageLabel == "kV_270_EnhCouch"


def test_description_has_the_form_of_the_console() -> None:
    text = mapped({"MVEnergy": "6x", "MVDoseRate": 10.0}).attributes.RTImageDescription
    assert text == "6x [MV], 600 [MU/min]"
    long = mapped({"AcquisitionNotes": "n\x00" * 2000}).attributes.RTImageDescription
    assert len(long) <= 1024
    assert "\0" not in long


@pytest.mark.parametrize(
    ("said", "rescale", "text"),
    [
        ({"DataGain": 2.0}, (2.0, 0.0), "x 2 + 0"),
        ({"DataOffset": -1}, (1.0, -1.0), "x 1 + -1"),
        ({"DataGain": 0.5, "DataOffset": 3}, (0.5, 3.0), "x 0.5 + 3"),
    ],
)
def test_a_rescale_of_the_file_is_told(said: dict[str, Any], rescale: tuple[float, float], text: str) -> None:
    found = mapped(said)
    assert found.rescale == rescale
    (note,) = found.notes
    assert note.contradiction
    assert note.text.startswith(f"the file says that its values are {text}: ")


@pytest.mark.parametrize("said", [{"DataGain": 1.0, "DataOffset": 0}, {}, {"DataGain": 0.0}])
def test_no_rescale_is_told_where_there_is_none(said: dict[str, Any]) -> None:
    assert (mapped(said).rescale, mapped(said).notes) == (None, ())


@pytest.mark.real
def test_a_real_mv_image(real: Path) -> None:
    (image,) = xim.load(real / "xim" / "SN6543_geo_MLCCheck.xim", XimOptions(), Limits())
    geometry, attributes = image.geometry, image.source.attributes
    assert attributes is not None
    assert (geometry.spacing, geometry.position) == ((0.336, 0.336), (-214.872, 214.872))
    assert geometry.sid == pytest.approx(1500.0283, abs=1e-4)
    assert (attributes.AcquisitionDate, attributes.AcquisitionTime) == ("20250919", "075248.877547")
    assert attributes.SoftwareVersions == "3.0.117.110"
    (item,) = attributes.ExposureSequence
    assert (item.KVP, item.ExposureTime) == (6000, 505)
    assert [device.RTBeamLimitingDeviceType for device in item.BeamLimitingDeviceSequence] == [
        "ASYMX",
        "ASYMY",
        "MLCX",
    ]


@pytest.mark.real
def test_a_real_kv_image(real: Path) -> None:
    (image,) = xim.load(real / "xim" / "SN6543_15x_Floodfield-RawKV.xim", XimOptions(), Limits())
    assert image.geometry.gantry == pytest.approx(270.0066, abs=1e-4)
    assert image.geometry.collimator == 0
    assert image.geometry.position == (-199.22, 149.94)
    assert image.source.attributes is not None
    assert image.source.attributes.ExposureSequence[0].KVP == 50
