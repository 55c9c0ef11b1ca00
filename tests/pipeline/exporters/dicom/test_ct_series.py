from __future__ import annotations

import numpy as np
import pytest
from dicombake.pipeline.errors import ExportError, GeometryError
from dicombake.pipeline.exporters.dicom import ct_series
from dicombake.pipeline.exporters.options import CtSeriesOptions
from dicombake.pipeline.imaging.image import Image, Stored
from msgspec import structs

from ....pydicom_api import apply_modality_lut
from ...exporting import SCANNED, codes, context, export, read, slice_of

HU = (np.arange(35).reshape(5, 7) * 100 - 1000).astype(np.int16)


def made(tmp_path, image, how="auto", overrides=None, **more):
    options = CtSeriesOptions(path="x", pixels=how)
    return export(ct_series.EXPORTER, image, options, context(overrides, **more), tmp_path)


def test_hounsfield_units_are_stored_as_they_are(tmp_path):
    """pylinac's 3D export casts to uint16 and wraps them."""
    path, artifact = made(tmp_path, slice_of(HU, units="HU"))
    found = read(path)
    assert np.array_equal(found.pixel_array, HU)
    assert found.pixel_array.dtype == np.int16
    assert (found.RescaleSlope, found.RescaleIntercept, found.RescaleType) == (1, 0, "HU")
    assert codes(artifact) == []


def test_units_are_hu_only_where_somebody_says_so(tmp_path):
    assert read(made(tmp_path, slice_of(HU))[0]).RescaleType == "US"


def test_an_unsigned_array_keeps_its_integers_and_its_intercept(tmp_path):
    integers = (HU + 1024).astype(np.uint16)
    image = slice_of(HU, units="HU", stored=Stored(integers, 1.0, -1024.0, "HU", 16))
    found = read(made(tmp_path, image)[0])
    assert np.array_equal(found.pixel_array, integers)
    assert np.array_equal(apply_modality_lut(found.pixel_array, found), HU)
    assert found.RescaleType == "HU"


@pytest.mark.parametrize("name", ["uint8", "int32", "int64", "float32", "float64"])
def test_portable_stores_whole_numbers_in_16_bits(tmp_path, name):
    found = read(made(tmp_path, slice_of((HU // 100).clip(0).astype(name)), "portable")[0])
    assert found.BitsAllocated == 16
    assert np.array_equal(apply_modality_lut(found.pixel_array, found), (HU // 100).clip(0))


def test_the_slices_of_a_volume_belong_together(tmp_path):
    """pylinac makes a study per slice and no orientation."""
    found = [read(made(tmp_path, slice_of(HU, index), volume="phantom.npy")[0]) for index in (1, 2, 3)]
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert len({getattr(dataset, keyword) for dataset in found}) == 1
    assert len({dataset.SOPInstanceUID for dataset in found}) == 3
    assert [dataset.InstanceNumber for dataset in found] == [1, 2, 3]
    assert [list(dataset.ImagePositionPatient) for dataset in found] == [
        [-31.75, -23.75, 0],
        [-31.75, -23.75, 2.5],
        [-31.75, -23.75, 5],
    ]
    assert found[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    assert found[0].PixelSpacing == [0.5, 0.75]
    assert (found[0].SliceThickness, found[0].SpacingBetweenSlices) == (2.5, 2.5)


def test_another_volume_is_another_series(tmp_path):
    one = read(made(tmp_path, slice_of(HU), volume="a.npy")[0])
    other = read(made(tmp_path, slice_of(HU), volume="b.npy")[0])
    assert one.StudyInstanceUID == other.StudyInstanceUID
    assert one.SeriesInstanceUID != other.SeriesInstanceUID
    assert one.FrameOfReferenceUID != other.FrameOfReferenceUID


def test_nothing_is_invented(tmp_path):
    found = read(made(tmp_path, slice_of(HU))[0])
    for keyword in ("PatientPosition", "KVP", "AcquisitionNumber", "PositionReferenceIndicator"):
        assert found[keyword].value in (None, ""), keyword
    assert (
        read(made(tmp_path, slice_of(HU), overrides={"PatientPosition": "HFS"})[0]).PatientPosition == "HFS"
    )


def test_a_source_without_planes_is_refused(tmp_path):
    with pytest.raises(GeometryError, match="needs the place of its slice"):
        made(tmp_path, Image(HU, SCANNED))


def test_axes_that_are_none_are_refused(tmp_path):
    image = slice_of(HU)
    plane = structs.replace(image.geometry.patient, orientation=(1.0, 0, 0, 1.0, 0, 0))
    crooked = image.replace(geometry=structs.replace(image.geometry, patient=plane))
    with pytest.raises(GeometryError, match="not at right angles and of length 1"):
        made(tmp_path, crooked)


def test_colour_and_several_slices_are_refused(tmp_path):
    with pytest.raises(ExportError, match="a CT Image is grey"):
        made(tmp_path, slice_of(np.zeros((2, 3, 3), np.uint8), photometric="RGB"))
    with pytest.raises(ExportError, match=r"put \{slice\} into 'path'"):
        made(tmp_path, [slice_of(HU, 1), slice_of(HU, 2)])


def test_more_rows_than_16_bits_count_are_refused(tmp_path):
    with pytest.raises(ExportError, match="DICOM holds 65,535 of each at most"):
        made(tmp_path, slice_of(np.zeros((65536, 1), np.int16)))
