"""Geometry as the attributes of each kind of image say it."""

from __future__ import annotations

from typing import Any

import pytest
from dicombake.pipeline.imaging.image import Geometry, Origin, PatientPlane
from dicombake.pipeline.loaders.dicom.geometry import read_geometry
from pydicom import Dataset
from pydicom.sequence import Sequence

from ..input_files import RT_IMAGE

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def dataset_of(**values: Any) -> Dataset:
    dataset = Dataset()
    for name, value in values.items():
        setattr(dataset, name, value)
    return dataset


def rt_image(**values: Any) -> Dataset:
    return dataset_of(SOPClassUID=RT_IMAGE, **values)


def test_an_rt_image_says_all() -> None:
    dataset = rt_image(
        ImagePlanePixelSpacing=["0.4", "0.2"], RTImageSID="1500.5", RadiationMachineSAD="1000",
        GantryAngle="-90", BeamLimitingDeviceAngle="360", PatientSupportAngle="359.9999999",
        RTImagePosition=["-20", "10"],
        RTImageOrientation=["1", "0", "0", "0", "-1", "0"], XRayImageReceptorTranslation=["1", "2", "-500.5"],
        XRayImageReceptorAngle="0",
    )  # fmt: skip
    geometry, notes = read_geometry(dataset)
    assert notes == ()
    assert geometry.origins["couch"] == Origin("file", "PatientSupportAngle")
    assert len(geometry.origins) == 10
    assert geometry == Geometry(
        spacing=(0.4, 0.2), sid=1500.5, sad=1000.0, gantry=270.0, collimator=0.0, couch=359.9999999,
        position=(-20.0, 10.0), orientation=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0), translation=(1.0, 2.0, -500.5),
        receptor_angle=0.0, origins=geometry.origins,
    )  # fmt: skip


def test_an_rt_image_that_says_nothing_has_no_geometry() -> None:
    empty = rt_image(RTImageSID=None, ImagePlanePixelSpacing=None, GantryAngle="", RTImagePosition=[])
    assert read_geometry(empty) == (Geometry(), ())
    assert read_geometry(dataset_of(Modality="OT")) == (Geometry(), ())


@pytest.mark.parametrize(
    "values",
    [
        {"RTImageSID": "0"},
        {"RadiationMachineSAD": "-1000"},
        {"ImagePlanePixelSpacing": ["0.4", "0"]},
        {"ImagePlanePixelSpacing": ["0.4"]},
        {"RTImageOrientation": ["1", "0", "0", "1", "0", "0"]},
        {"RTImageOrientation": ["2", "0", "0", "0", "1", "0"]},
        {"RTImagePosition": ["1", "2", "3"]},
        {"GantryAngle": ["1", "2"]},
    ],
)
def test_values_that_are_none_are_left_out_and_said(values: dict[str, Any]) -> None:
    geometry, notes = read_geometry(rt_image(**values))
    assert geometry == Geometry()
    (keyword,) = values
    assert [note.code for note in notes] == ["value-invalid"]
    assert notes[0].text.startswith(f"{keyword} is no sound value (")


def test_a_slice() -> None:
    dataset = dataset_of(
        ImagePositionPatient=[1, 2, 3], ImageOrientationPatient=list(AXIAL), PixelSpacing=[0.5, 0.7],
        SliceThickness="2.5", SpacingBetweenSlices="3", FrameOfReferenceUID="1.2.3",
    )  # fmt: skip
    geometry, notes = read_geometry(dataset)
    assert geometry.patient == PatientPlane((1, 2, 3), AXIAL, 2.5, 3.0, "1.2.3")
    assert geometry.spacing == (0.5, 0.7) and geometry.origins["spacing"].detail == "PixelSpacing"
    assert notes == () and (geometry.sid, geometry.position) == (None, None)


def test_a_slice_with_a_skew_plane_has_none() -> None:
    dataset = dataset_of(
        ImagePositionPatient=[1, 2, 3],
        ImageOrientationPatient=[1, 0, 0, 0.5, 0.5, 0],
        PixelSpacing=[0.5, 0.7],
    )
    geometry, notes = read_geometry(dataset)
    assert geometry.patient is None and [note.code for note in notes] == ["value-invalid"]


@pytest.mark.parametrize(
    ("values", "spacing", "keyword"),
    [
        ({"ImagerPixelSpacing": [0.1, 0.2], "PixelSpacing": [0.3, 0.4]}, (0.1, 0.2), "ImagerPixelSpacing"),
        ({"PixelSpacing": [0.3, 0.4], "NominalScannedPixelSpacing": [1, 1]}, (0.3, 0.4), "PixelSpacing"),
        ({"NominalScannedPixelSpacing": [0.08, 0.08]}, (0.08, 0.08), "NominalScannedPixelSpacing"),
    ],
)
def test_projection_images(values: dict[str, Any], spacing: Any, keyword: str) -> None:
    geometry, _ = read_geometry(dataset_of(DistanceSourceToDetector="1800", **values))
    assert (geometry.spacing, geometry.sid, geometry.sad) == (spacing, 1800, None)
    assert geometry.origins["spacing"] == Origin("file", keyword)


def groups(**sequences: Dataset) -> Dataset:
    return dataset_of(**{name: Sequence([item]) for name, item in sequences.items()})


def test_frames_with_functional_groups() -> None:
    shared = groups(
        PlaneOrientationSequence=dataset_of(ImageOrientationPatient=list(AXIAL)),
        PixelMeasuresSequence=dataset_of(PixelSpacing=[0.5, 0.7], SliceThickness="4"),
    )
    frames = [
        groups(PlanePositionSequence=dataset_of(ImagePositionPatient=[0, 0, 4 * place])) for place in range(3)
    ]
    dataset = dataset_of(
        NumberOfFrames=3,
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence(frames),
    )
    planes = [read_geometry(dataset, index)[0].patient for index in range(3)]
    assert planes == [PatientPlane((0, 0, 4 * place), AXIAL, 4.0, None) for place in range(3)]


@pytest.mark.parametrize(
    ("offsets", "heights"),
    [([0, 2, 4], [30, 32, 34]), ([30, 33, 36], [30, 33, 36]), ([5, 7, 9], None), (None, None)],
)
def test_frames_of_a_dose_grid(offsets: list[float] | None, heights: list[float] | None) -> None:
    dataset = dataset_of(
        NumberOfFrames=3, ImagePositionPatient=[10, 20, 30], ImageOrientationPatient=list(AXIAL),
        PixelSpacing=[2, 2],
    )  # fmt: skip
    if offsets is not None:
        dataset.GridFrameOffsetVector = offsets
    planes = [read_geometry(dataset, index)[0].patient for index in range(3)]
    if heights is None:
        assert planes == [None] * 3
        assert read_geometry(dataset)[0].spacing == (2, 2)
    else:
        assert [plane and plane.position for plane in planes] == [(10, 20, height) for height in heights]


def test_offsets_of_a_dose_grid_run_along_the_normal() -> None:
    sagittal = [0, 1, 0, 0, 0, -1]
    dataset = dataset_of(
        NumberOfFrames=2, ImagePositionPatient=[10, 20, 30], ImageOrientationPatient=sagittal,
        PixelSpacing=[2, 2], GridFrameOffsetVector=[0, 5],
    )  # fmt: skip
    plane = read_geometry(dataset, 1)[0].patient
    # (0, 1, 0) x (0, 0, -1) = (-1, 0, 0)
    assert plane is not None and plane.position == (5, 20, 30) and plane.spacing == 5
