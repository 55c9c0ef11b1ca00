from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.errors import ExportError, GeometryError, SourceError, UsageError
from dicombake.pipeline.to_dataset import to_dataset
from pydicom import Dataset, dcmread

from ..pydicom_api import apply_modality_lut, write_whole

GEOMETRY = {"dpi": 100, "sid": 1500}
FILES = Path(pydicom.__file__).parent / "data" / "test_files"


def test_an_array_is_an_rt_image_that_save_as_writes(tmp_path):
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    geometry = {**GEOMETRY, "sad": 1000, "center": "image", "gantry": 90}
    dataset = to_dataset(pixels, geometry=geometry, tags={"PatientID": "00123"}, name="open field")
    write_whole(tmp_path / "a.dcm", dataset)
    found = dcmread(tmp_path / "a.dcm")
    assert found.SOPClassUID.name == "RT Image Storage"
    assert np.array_equal(found.pixel_array, pixels)
    assert (found.PatientID, found.RTImageLabel, found.GantryAngle) == ("00123", "open field", 90)
    assert found.ImagePlanePixelSpacing == [0.254, 0.254]
    assert found.RTImagePosition == [-0.381, 0.254]
    assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID


def test_the_same_call_gives_the_same_dataset():
    pixels = np.arange(12.0).reshape(3, 4)
    assert to_dataset(pixels, geometry=GEOMETRY) == to_dataset(pixels.copy(), geometry=GEOMETRY)
    other = to_dataset(pixels + 1, geometry=GEOMETRY)
    assert other.StudyInstanceUID != to_dataset(pixels, geometry=GEOMETRY).StudyInstanceUID


def test_a_namespace_joins_images_in_a_study():
    namespace = "4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11"
    one, other = (
        to_dataset(np.full((2, 2), v, np.uint8), to="secondary-capture", namespace=namespace) for v in (1, 2)
    )
    assert one.StudyInstanceUID == other.StudyInstanceUID
    assert one.SOPInstanceUID != other.SOPInstanceUID


@pytest.mark.parametrize(
    "name", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]
)
def test_every_dtype_comes_back(name):
    pixels = np.arange(12).reshape(3, 4).astype(name)
    dataset = to_dataset(pixels, geometry=GEOMETRY, pixels="retain")
    assert dataset.pixel_array.dtype == pixels.dtype
    assert np.array_equal(dataset.pixel_array, pixels)


def test_colour_is_kept_in_a_secondary_capture():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.array_equal(to_dataset(pixels, to="secondary-capture").pixel_array, pixels)


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm"])
def test_a_dataset_and_its_file_give_the_same(name):
    """pylinac loses the pixels of an RLE source."""
    of_dataset = to_dataset(dcmread(FILES / name), geometry=GEOMETRY)
    assert np.array_equal(
        apply_modality_lut(of_dataset.pixel_array, of_dataset),
        apply_modality_lut(dcmread(FILES / name).pixel_array, dcmread(FILES / name)),
    )
    if name != "MR_small_RLE.dcm":  # its preamble is a TIFF's, see the loaders
        assert of_dataset == to_dataset(FILES / name, geometry=GEOMETRY)


def test_a_dataset_made_in_memory_needs_no_file_meta():
    dataset = to_dataset(np.eye(4, dtype=np.uint16), geometry=GEOMETRY)
    plain = Dataset({tag: dataset[tag] for tag in dataset.keys()})  # noqa: SIM118
    again = to_dataset(plain, to="dicom", tags={"ImageComments": "x"})
    assert np.array_equal(again.pixel_array, np.eye(4))
    assert again.SeriesInstanceUID == dataset.SeriesInstanceUID


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "ct"}, "there is no kind 'ct'"),
        ({"geometry": {"sidd": 5}}, "geometry.sidd: unknown key; did you mean 'sid'?"),
        ({"geometry": 1000}, "geometry: must be a mapping, not int"),
        ({"geometry": {"sid": -5}}, "geometry.sid: must be greater than 0"),
        ({"geometry": {"sid": "{x}"}}, "'{x}' is a template, which only a recipe fills; give a number"),
        ({"tags": {"PatientIDD": "x"}}, "did you mean 'PatientID'?"),
        ({"remove_tags": ["Foo"]}, "remove_tags.0: 'Foo' is no DICOM keyword"),
        ({"tags": [("PatientID", "x")]}, "tags: must be a mapping (key: value)"),
        ({"pixels": "best"}, "options.pixels: 'best' is none of auto, retain, portable, quantize"),
        ({"namespace": "me"}, "'me' is no UUID"),
    ],
)
def test_a_wrong_argument_is_a_usage_error(options, message):
    with pytest.raises(UsageError) as caught:
        to_dataset(np.zeros((2, 2), np.uint8), **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((2, 2, 2)), "an array of shape (2, 2, 2) is no image"),
        (np.zeros(4), "an array of shape (4,) is no image"),
        (np.zeros((2, 2), complex), "dtype complex128 cannot be converted"),
        ([[1, 2]], "list is no array, dataset, image or path"),
    ],
)
def test_what_is_no_image_is_a_usage_error(source, message):
    with pytest.raises(UsageError) as caught:
        to_dataset(source, geometry=GEOMETRY)
    assert message in str(caught.value)


def test_geometry_is_not_invented():
    with pytest.raises(GeometryError, match="needs the spacing"):
        to_dataset(np.zeros((2, 2), np.uint8))


def test_a_file_that_is_none_is_a_source_error(tmp_path):
    with pytest.raises(SourceError):
        to_dataset(tmp_path / "absent.dcm")
    (tmp_path / "text.dcm").write_text("hello", encoding="utf-8")
    with pytest.raises(SourceError, match="no format that its content tells"):
        to_dataset(tmp_path / "text.dcm")


def test_plain_save_as_writes_a_whole_file(tmp_path):
    """pydicom writes no preamble for a dataset that has none, and nothing else reads such a file."""
    to_dataset(np.zeros((2, 2), np.uint8), geometry=GEOMETRY).save_as(tmp_path / "a.dcm")
    assert (tmp_path / "a.dcm").read_bytes()[:132] == b"\0" * 128 + b"DICM"
    assert dcmread(tmp_path / "a.dcm").file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"


def test_numpy_numbers_are_numbers_of_the_geometry():
    geometry = {"pixel_spacing": np.array([0.5, 0.25]), "sid": np.float32(1500), "gantry": np.int64(-90)}
    dataset = to_dataset(np.zeros((2, 2), np.uint8), geometry=geometry)
    assert (dataset.ImagePlanePixelSpacing, dataset.RTImageSID, dataset.GantryAngle) == (
        [0.5, 0.25],
        1500,
        270,
    )


@pytest.mark.parametrize("key", [0x00100020, (0x0010, 0x0020), pydicom.tag.Tag("PatientID"), "00100020"])
def test_tags_may_be_named_as_pydicom_names_them(key):
    dataset = to_dataset(np.zeros((2, 2), np.uint8), geometry=GEOMETRY, tags={key: "QA"})
    assert dataset.PatientID == "QA"
    with pytest.raises(AttributeError):
        _ = to_dataset(np.zeros((2, 2), np.uint8), geometry=GEOMETRY, remove_tags=[key]).PatientID


def test_tags_may_have_the_values_that_python_has():
    source = Dataset()
    source.PatientName, source.ImageType = "Q^A", ["DERIVED", "SECONDARY"]
    tags = {
        "StudyDate": date(2024, 1, 2),
        "StudyTime": time(12, 30, 0, 500000),
        "AcquisitionDateTime": datetime(2024, 1, 2, 12, 30),
        "GantryAngle": np.float64(12.5),
        "PatientName": source.PatientName,
        "ImageType": source.ImageType,
        "(0009,ACME 1.0,10)": b"\1\2",
        "ExposureSequence": [{(0x0018, 0x1150): np.int64(3)}],
    }
    found = to_dataset(np.zeros((2, 2), np.uint8), geometry=GEOMETRY, tags=tags)
    assert (found.StudyDate, found.StudyTime) == ("20240102", "123000.500000")
    assert found.AcquisitionDateTime == "20240102123000.000000"
    assert (found.GantryAngle, found.PatientName) == (12.5, "Q^A")
    assert found.ImageType == ["DERIVED", "SECONDARY"]
    assert found[0x00091010].value == b"\1\2"
    assert found.ExposureSequence[0].ExposureTime == 3


TALL, WIDE = np.zeros((65536, 1), np.uint8), np.zeros((1, 65536), np.uint8)
LARGEST = np.zeros((65535, 1), np.uint8)


@pytest.mark.parametrize("pixels", [TALL, WIDE], ids=["tall", "wide"])
@pytest.mark.parametrize("to", ["rt-image", "secondary-capture", "parametric-map"])
def test_more_rows_or_columns_than_16_bits_count_are_one_sentence(to, pixels):
    """VR US of Rows and Columns, PS3.3 C.7.6.3."""
    made = {"ContentDate": "20260101", "ContentTime": "120000"}
    with pytest.raises(ExportError) as caught:
        to_dataset(pixels, to=to, geometry={"pixel_spacing": [1, 1], "sid": 1500}, tags=made)
    rows, columns = pixels.shape
    assert caught.value.what == (
        f"has {rows} rows and {columns} columns, and DICOM holds 65,535 of each at most"
    )


def test_as_many_rows_as_dicom_holds_are_written():
    assert to_dataset(LARGEST, to="secondary-capture").Rows == 65535
