from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import ExportError
from dicombake.pipeline.exporters.dicom import parametric_map, same_kind
from dicombake.pipeline.exporters.options import ParametricMapOptions, SameKindOptions
from dicombake.pipeline.imaging.image import Image, SourceFile
from dicombake.pipeline.loaders.dicom.loader import load
from dicombake.pipeline.loaders.options import DicomOptions, Limits
from pydicom.uid import CTImageStorage

from ...exporting import PLACED, codes, context, dicom_source, export, ramp, read, slice_of

DATED = {"ContentDate": "20250102", "ContentTime": "101112"}
MADE = {"Manufacturer": "ACME", "ManufacturerModelName": "M1", "DeviceSerialNumber": "7"}
HELD = ("uint16", "int16", "float32", "float64")


def made(tmp_path, images, how="auto", overrides=None, **more):
    options = ParametricMapOptions(path="x", pixels=how)
    given = DATED | MADE if overrides is None else overrides
    return export(parametric_map.EXPORTER, images, options, context(given, **more), tmp_path)


def _highdicom() -> Any:
    """highdicom, where it is installed and reads images: later versions do, which ask for pydicom 3."""
    highdicom = pytest.importorskip("highdicom")
    if not hasattr(highdicom, "imread"):
        pytest.skip(f"highdicom {highdicom.__version__} reads no images")
    return highdicom


def frames(path: Path, dtype) -> np.ndarray:
    """The values as highdicom gives them, (frames, rows, columns)."""
    kind = np.dtype(dtype)
    return _highdicom().imread(path).get_frames(dtype=kind if kind.kind == "f" else np.float64)


@pytest.mark.parametrize("name", HELD)
def test_what_the_kind_may_hold_is_kept_bit_for_bit(tmp_path, name):
    values = ramp(name) / 3 if name.startswith("float") else ramp(name)
    values = values.astype(name)
    path, artifact = made(tmp_path, Image(values, PLACED))
    found = read(path)
    assert found.pixel_array.dtype == np.dtype(name)
    assert np.array_equal(found.pixel_array, values)
    assert np.array_equal(frames(path, name), values[np.newaxis])
    assert codes(artifact) == []
    assert {"float32": "FloatPixelData", "float64": "DoubleFloatPixelData"}.get(name, "PixelData") in found


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("bool", "uint16"), ("uint8", "uint16"), ("int8", "int16"), ("uint32", "uint16"), ("int32", "int16"),
        ("int64", "int16"), ("uint64", "uint16"), ("float16", "float32"),
    ],
)  # fmt: skip
def test_any_other_type_becomes_the_smallest_that_holds_its_values(tmp_path, name, stored):
    values = ramp(name) > 3 if name == "bool" else ramp(name)
    path, artifact = made(tmp_path, Image(values))
    assert read(path).pixel_array.dtype == np.dtype(stored)
    assert np.array_equal(read(path).pixel_array, values)
    assert codes(artifact) == ["map-type-changed"]


@pytest.mark.parametrize(
    ("highest", "stored"),
    [(70000, "float32"), (2**24, "float32"), (2**24 + 1, "float64"), (2**53, "float64")],
)
def test_whole_numbers_are_never_rounded(tmp_path, highest, stored):
    values = np.array([[0, 1], [2, highest]])
    path, _ = made(tmp_path, Image(values))
    assert read(path).pixel_array.dtype == np.dtype(stored)
    assert np.array_equal(read(path).pixel_array.astype(np.int64), values)


def test_whole_numbers_that_no_float_holds_are_refused(tmp_path):
    with pytest.raises(ExportError, match=r"beyond 2\^53 fit no type of a Parametric Map exactly"):
        made(tmp_path, Image(np.array([[0, 2**53 + 1]])))


def test_retain_keeps_the_type_and_says_that_the_kind_may_not_hold_it(tmp_path):
    path, artifact = made(tmp_path, Image(ramp("int32")), "retain")
    assert read(path).pixel_array.dtype == np.int32
    assert codes(artifact) == ["dtype-not-allowed"]
    assert "'pixels: auto'" in artifact.notes[0].text


@pytest.mark.parametrize("how", ["portable", "quantize"])
def test_portable_takes_integers_where_they_hold_every_value(tmp_path, how):
    whole, _ = made(tmp_path, Image(ramp("float32")), how)
    assert read(whole).pixel_array.dtype == np.uint16
    broken, _ = made(tmp_path, Image(ramp("float32") / 3), how)
    assert np.array_equal(read(broken).pixel_array, ramp("float32") / np.float32(3))
    negative_zero, _ = made(tmp_path, Image(np.array([[-0.0, 1.0]])), how)
    assert np.signbit(read(negative_zero).pixel_array[0, 0])


def test_what_is_no_number_stays_so_and_out_of_the_range(tmp_path):
    values = np.array([[np.nan, np.inf, -1.5], [2.25, -np.inf, 0]], np.float32)
    path, _ = made(tmp_path, Image(values))
    found = read(path)
    assert np.array_equal(found.pixel_array, values, equal_nan=True)
    mapping = found.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    ends = (
        mapping.DoubleFloatRealWorldValueFirstValueMapped,
        mapping.DoubleFloatRealWorldValueLastValueMapped,
    )
    assert ends == (-1.5, 2.25)


def test_a_volume_is_one_file_that_lies_where_its_slices_do(tmp_path):
    volume = np.stack([ramp("float32") / 3 + index for index in range(4)])
    path, _ = made(tmp_path, [slice_of(plane, index, units="HU") for index, plane in enumerate(volume, 1)])
    found = _highdicom().imread(path).get_volume(dtype=np.float32)
    assert np.array_equal(found.array[::-1], volume)  # its volumes run from the head down
    assert found.spacing == pytest.approx((2.5, 0.5, 0.75))
    assert found.position == pytest.approx((-31.75, -23.75, 7.5))
    assert read(path).NumberOfFrames == 4
    unit = (
        read(path)
        .SharedFunctionalGroupsSequence[0]
        .RealWorldValueMappingSequence[0]
        .MeasurementUnitsCodeSequence[0]
    )
    assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("[hnsf'U]", "UCUM")


@pytest.mark.parametrize("name", HELD)
def test_a_map_is_a_source_too(tmp_path, name):
    """Read frame by frame, as it was; and of its own kind the same file."""
    planes = [ramp(name) + np.array(index).astype(name) for index in range(3)]
    path, _ = made(tmp_path, [slice_of(plane, index) for index, plane in enumerate(planes, 1)])
    before = path.read_bytes()
    images = list(load(path, DicomOptions(), Limits()))
    assert [image.pixels.dtype for image in images] == [np.dtype(name)] * 3
    assert np.array_equal(np.stack([image.pixels for image in images]), np.stack(planes))
    again, artifact = export(same_kind.EXPORTER, images, SameKindOptions(path="x"), context(), tmp_path)
    assert again.read_bytes() == before
    assert codes(artifact) == []


def test_an_image_without_a_patient_claims_no_place_in_one(tmp_path):
    shared = read(made(tmp_path, Image(ramp("float32"), PLACED))[0]).SharedFunctionalGroupsSequence[0]
    assert list(shared.PlanePositionSequence[0]) == []
    assert list(shared.PlaneOrientationSequence[0]) == []
    assert [float(part) for part in shared.PixelMeasuresSequence[0].PixelSpacing] == [0.336, 0.336]
    assert shared.RealWorldValueMappingSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "1"


def test_a_date_that_nobody_knows_is_asked_for_and_not_invented(tmp_path):
    with pytest.raises(ExportError) as caught:
        made(tmp_path, Image(ramp("float32")), overrides={"ContentDate": "20250102"})
    assert str(caught.value) == (
        "a Parametric Map needs ContentTime, and the source says neither when it was made nor when it was "
        "acquired; add 'tags: {ContentDate: 2024-01-31, ContentTime: 12:00:00}'"
    )


def test_the_dates_of_the_acquisition_stand_in_for_those_of_the_content(tmp_path):
    source = dicom_source(Modality="CT", SOPClassUID=CTImageStorage, AcquisitionTime="081500")
    found = read(made(tmp_path, Image(ramp("float32"), sources=(source,)), overrides={})[0])
    assert (found.ContentDate, found.ContentTime) == ("20240102", "081500")
    assert found.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.4.5"


def test_equipment_that_nobody_names_says_so(tmp_path):
    path, artifact = made(tmp_path, Image(ramp("float32")), overrides=DATED | {"Manufacturer": "ACME"})
    found = read(path)
    assert (found.Manufacturer, found.ManufacturerModelName) == ("ACME", "UNKNOWN")
    (note,) = artifact.notes
    assert note.text == (
        "a Parametric Map needs ManufacturerModelName, DeviceSerialNumber, which the source does not say: "
        "written as UNKNOWN; give them under 'tags'"
    )


def test_a_window_goes_with_the_frames(tmp_path):
    source = dicom_source(
        Modality="CT", SOPClassUID=CTImageStorage, AcquisitionTime="08", WindowCenter="40", WindowWidth="400"
    )
    found = read(made(tmp_path, Image(ramp("float32"), sources=(source,)))[0])
    assert "WindowCenter" not in found
    assert found.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence[0].WindowWidth == 400


def test_colour_and_unlike_frames_are_refused(tmp_path):
    with pytest.raises(ExportError, match="one value in a pixel, and the source is colour"):
        made(tmp_path, Image(np.zeros((2, 2, 3), np.uint8), photometric="RGB"))
    pages = [
        Image(ramp("float32"), sources=(SourceFile(Path("a.tif"), "image", page=1, pages=2),)),
        Image(ramp("float64"), sources=(SourceFile(Path("a.tif"), "image", page=2, pages=2),)),
    ]
    with pytest.raises(ExportError, match="page 2 has the type float64, the first one float32"):
        made(tmp_path, pages)
