"""Folders of slices as one volume: in the order of their places, as ITK reads them, or refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.dicom.series import load_series, survey
from dicombake.pipeline.loaders.options import DicomSeriesOptions, Limits

from ..input_files import dataset_of, encoded, written

CT = "1.2.840.10008.5.1.4.1.1.2"
RNG = np.random.default_rng(11)
OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, 0.8)
PIXEL_MODULE = ("Rows", "Columns")
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
Change = dict[str, Any]


def normal(orientation: Sequence[float]) -> np.ndarray[Any, Any]:
    return np.cross(orientation[:3], orientation[3:])


def one(folder: Path, index: int, at: Sequence[float], name: str, **values: Any) -> Path:
    """A CT slice whose stored values are its own number."""
    pixels = values.pop("pixels", np.full((4, 6), index, np.int16))
    kept = {
        "SOPClassUID": CT,
        "SOPInstanceUID": f"1.2.3.{index + 1}",
        "Modality": "CT",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.4",
        "FrameOfReferenceUID": "1.2.5",
        "ImagePositionPatient": [f"{part:.6f}" for part in at],
        "ImageOrientationPatient": list(AXIAL),
        "PixelSpacing": ["0.5", "0.75"],
        "SliceThickness": "2.5",
        "RescaleSlope": "1",
        "RescaleIntercept": "-1024",
    } | values
    kept = {key: value for key, value in kept.items() if value is not None or key in PIXEL_MODULE}
    return written(folder, encoded(dataset_of(pixels, **kept), pixels), name)


def stack(folder: Path, count: int = 4, step: float = 2.5, **changes: Change) -> list[Path]:
    """Slices from z = -10 on; `changes` of single ones, as in ``_2={"Modality": "MR"}``."""
    return [
        one(
            folder,
            index,
            changes.get(f"_{index}", {}).pop("at", (-20.0, -30.0, -10.0 + step * index)),
            f"{index}.dcm",
            **changes.get("every", {}),
            **changes.get(f"_{index}", {}),
        )
        for index in range(count)
    ]


def loaded(paths: Sequence[Path], series: str | None = None) -> list[Image]:
    return [image for _, image in load_series(paths, DicomSeriesOptions(series=series), Limits())]


def refusal(paths: Sequence[Path], series: str | None = None) -> str:
    with pytest.raises(SourceError) as caught:
        survey(paths, DicomSeriesOptions(series=series), Limits())
    assert caught.value.subject
    return str(caught.value).removeprefix(f"{caught.value.subject}: ")


@pytest.mark.parametrize("orientation", [AXIAL, OBLIQUE, (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)])
@pytest.mark.parametrize("step", [2.5, 0.1])
def test_slices_are_in_the_order_of_their_places(
    tmp_path: Path, orientation: tuple[float, ...], step: float
) -> None:
    """Neither names, nor instance numbers, nor the order of the files counts."""
    order = [3, 0, 4, 2, 1]
    paths = [
        one(
            tmp_path,
            index,
            normal(orientation) * step * index + (7, 8, 9),
            f"{name}.dcm",
            InstanceNumber=str(99 - name),
            ImageOrientationPatient=list(orientation),
        )
        for name, index in enumerate(order)
    ]
    images = loaded(paths)
    assert [int(image.pixels[0, 0]) for image in images] == [index - 1024 for index in range(5)]
    assert [image.source.page for image in images] == [1, 2, 3, 4, 5]
    assert {image.source.pages for image in images} == {5}
    for index, image in enumerate(images):
        plane = image.geometry.patient
        assert plane is not None
        assert plane.spacing == pytest.approx(step, abs=1e-5)
        assert plane.position == pytest.approx(normal(orientation) * step * index + (7, 8, 9), abs=1e-6)
        assert plane.frame_of_reference == "1.2.5"
        assert (image.geometry.spacing, image.units) == ((0.5, 0.75), "HU")
        assert image.stored is not None and (image.stored.pixels == index).all()


def test_some_of_the_slices(tmp_path: Path) -> None:
    found = load_series(stack(tmp_path), DicomSeriesOptions(), Limits(), range(1, 3))
    assert [path.name for path, _ in found] == ["1.dcm", "2.dcm"]


@pytest.mark.real
@pytest.mark.parametrize("name", ["LinaQA_CatPhan604", "pydicom_CT5N", "rtutils_mock"])
def test_real_series_are_what_itk_reads(real: Path, name: str) -> None:
    import SimpleITK

    folder = real / "ct-series" / name
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    theirs = reader.Execute()
    images = loaded(sorted(folder.iterdir(), reverse=True))
    first, last = images[0].geometry, images[-1].geometry
    assert first.patient is not None and last.patient is not None
    ours = np.stack([image.pixels for image in images])
    assert ours.dtype == SimpleITK.GetArrayViewFromImage(theirs).dtype
    assert np.array_equal(ours, SimpleITK.GetArrayViewFromImage(theirs))
    assert first.spacing == (theirs.GetSpacing()[1], theirs.GetSpacing()[0])
    assert first.patient.spacing == pytest.approx(theirs.GetSpacing()[2], rel=1e-9)
    assert first.patient.position == theirs.GetOrigin()
    direction = np.array(theirs.GetDirection()).reshape(3, 3)
    assert (*direction[:, 0], *direction[:, 1]) == first.patient.orientation
    count = len(images) - 1
    assert last.patient.position == pytest.approx(theirs.TransformIndexToPhysicalPoint((0, 0, count)))


@pytest.mark.real
def test_a_radial_mr_series_is_no_volume(real: Path) -> None:
    told = refusal(sorted((real / "mr-series" / "pydicom_MR700").iterdir()))
    assert told.startswith("is no volume: '4528' has another orientation (0.959171, 0.282838, ")


REFUSED: dict[str, tuple[Callable[[Path], list[Path]], str]] = {
    "gantry tilt": (
        lambda folder: [
            one(folder, index, (0, -index * 2.5 * np.tan(np.radians(15)), 2.5 * index), f"{index}.dcm")
            for index in range(4)
        ],
        "is no volume: '0.dcm' and '1.dcm' lie in a direction that is tilted by 15 degrees from the normal "
        "of their planes (gantry tilt, or slices of several stacks); "
        "'process: [{resample: {spacing: [row, column, slice]}}]' makes a straight grid of a tilted one",
    ),
    "beside each other": (
        lambda folder: stack(folder, 2, _1={"at": (50.0, -30.0, -10.0)}),
        "is no volume: '0.dcm' and '1.dcm' lie beside each other, 70 mm apart in one plane (gantry tilt, or "
        "slices of several stacks); keep one stack, with 'exclude' or 'group_by'",
    ),
    "a gap": (
        lambda folder: [path for path in stack(folder, 6) if path.name != "3.dcm"],
        "is no volume: its slices are 2.5 mm apart, but 5 mm from '2.dcm' (at -5 mm) to '4.dcm' (at 0 mm), "
        "where one slice is missing; 'process: [{resample: {spacing: [row, column, slice]}}]' makes an even "
        "grid, and fills gaps",
    ),
    "a wide gap": (
        lambda folder: [path for path in stack(folder, 9) if path.name not in ("3.dcm", "4.dcm", "5.dcm")],
        "is no volume: its slices are 2.5 mm apart, but 10 mm from '2.dcm' (at -5 mm) to '6.dcm' (at 5 mm), "
        "where 3 slices are missing; 'process: [{resample: {spacing: [row, column, slice]}}]' makes an even "
        "grid, and fills gaps",
    ),
    "uneven": (
        lambda folder: stack(folder, 4, _3={"at": (-20.0, -30.0, -2.4)}),
        "is no volume: its slices are 2.5 mm apart, but 2.6 mm from '2.dcm' (at -5 mm) to '3.dcm' (at -2.4 "
        "mm); 'process: [{resample: {spacing: [row, column, slice]}}]' makes an even grid, and fills gaps",
    ),
    "twice in one place": (
        lambda folder: stack(folder, 3, _2={"at": (-20.0, -30.0, -7.5)}),
        "is no volume: '1.dcm' and '2.dcm' lie in one place, at -7.5 mm along the normal",
    ),
    "orientation": (
        lambda folder: stack(folder, 3, _2={"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}),
        "is no volume: '2.dcm' has another orientation (1, 0, 0, 0, 0, -1) than '0.dcm' (1, 0, 0, 0, 1, 0); "
        "keep localizers and slices of other directions out with 'exclude' or 'group_by'",
    ),
    "shape": (
        lambda folder: stack(folder, 3, _1={"pixels": np.zeros((4, 5), np.int16)}),
        "is no volume: '1.dcm' has another shape (4 x 5) than 2 of the 3 slices (4 x 6)",
    ),
    "spacing": (
        lambda folder: stack(folder, 3, _1={"PixelSpacing": ["0.5", "0.7"]}),
        "is no volume: '1.dcm' has another pixel spacing (0.5, 0.7 mm) than '0.dcm' (0.5, 0.75 mm)",
    ),
    "frame of reference": (
        lambda folder: stack(folder, 3, _0={"FrameOfReferenceUID": "1.2.6"}),
        "is no volume: '0.dcm' has another frame of reference (1.2.6) than 2 of the 3 slices (1.2.5)",
    ),
    "units": (
        lambda folder: stack(folder, 3, _2={"RescaleType": "US"}),
        "is no volume: '2.dcm' has another unit of its values (US) than 2 of the 3 slices (HU)",
    ),
    "rescale": (
        lambda folder: stack(folder, 3, _2={"RescaleSlope": "1.5"}),
        "is no volume: '2.dcm' has another type of its values after the rescale (float64) than 2 of the 3 "
        "slices (int32)",
    ),
    "modality": (
        lambda folder: stack(folder, 3, _2={"Modality": "MR"}),
        "is no volume: '2.dcm' has another modality (MR) than 2 of the 3 slices (CT)",
    ),
    "photometric": (
        lambda folder: stack(folder, 3, _2={"PhotometricInterpretation": "MONOCHROME1"}),
        "is no volume: '2.dcm' has another photometric interpretation (MONOCHROME1) than 2 of the 3 slices "
        "(MONOCHROME2)",
    ),
    "no position": (
        lambda folder: stack(folder, 3, _1={"ImagePositionPatient": None}),
        "has no ImagePositionPatient, so its place in a volume is not known",
    ),
    "no plane": (
        lambda folder: stack(folder, 3, every={"ImageOrientationPatient": None, "PixelSpacing": None}),
        "has no ImageOrientationPatient and no PixelSpacing, so its place in a volume is not known",
    ),
    "no direction": (
        lambda folder: stack(folder, 2, every={"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}),
        "has a place that is no sound one, so its place in a volume is not known",
    ),
    "frames": (
        lambda folder: stack(folder, 2, _1={"pixels": np.zeros((3, 4, 6), np.int16)}),
        "holds 3 frames, and a series has one slice in a file; a multi-frame file is read with "
        "'source: dicom'",
    ),
    "colour": (
        lambda folder: stack(folder, 2, every={"pixels": np.zeros((4, 6, 3), np.uint8)}),
        "is RGB, and the slices of a volume are grey",
    ),
    "no image": (
        lambda folder: [
            one(folder, 0, (0, 0, 0), "0.dcm", **dict.fromkeys(("Rows", "Columns"))),
        ],
        "is no image, and a series of slices has images only",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_volume_is_refused_by_name(tmp_path: Path, case: str) -> None:
    make, told = REFUSED[case]
    assert refusal(make(tmp_path)) == told


def test_tolerances_are_those_of_written_numbers(tmp_path: Path) -> None:
    """Rounding to two digits, and cosines of four, are no other place."""
    paths = stack(tmp_path, 4, 2.5, _1={"at": (-20.004, -29.996, -7.496)}, _2={"at": (-20.0, -30.0, -5.004)})
    assert len(loaded(paths)) == 4


def test_what_is_said_of_the_distance_is_held_against_the_places(tmp_path: Path) -> None:
    images = loaded(stack(tmp_path, 3, every={"SpacingBetweenSlices": "5"}))
    text = "SpacingBetweenSlices says 5 mm and the slices lie 2.5 mm apart; their positions count"
    assert {(note.text, note.contradiction) for image in images for note in image.notes} == {(text, True)}
    assert {image.geometry.patient.spacing for image in images if image.geometry.patient} == {2.5}


def two_series(folder: Path) -> list[Path]:
    head = stack(folder, 3, every={"SeriesDescription": "Head", "SeriesNumber": "2"})
    bone = [
        one(folder, index, (0, 0, index), f"b{index}.dcm", SeriesInstanceUID="1.2.9", SeriesNumber="3",
            SeriesDescription="Bone")
        for index in range(2)
    ]  # fmt: skip
    structures = dataset_of(None, SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3", Modality="RTSTRUCT")
    structures.SeriesInstanceUID = "1.2.10"
    return [*head, *bone, written(folder, encoded(structures, None), "rs.dcm")]


SERIES = "1.2.4 (CT, number 2, 3 files); 1.2.9 (CT, number 3, 2 files); 1.2.10 (RTSTRUCT, 1 file)"


@pytest.mark.parametrize(("wanted", "count"), [("1.2.9", 2), ("Bone", 2), ("3", 2), ("Head", 3), ("2", 3)])
def test_a_series_is_chosen_by_uid_description_or_number(tmp_path: Path, wanted: str, count: int) -> None:
    assert len(loaded(two_series(tmp_path), wanted)) == count


def test_several_series_are_refused_naming_them(tmp_path: Path) -> None:
    """By what machines make: a description is free text, and may name a patient."""
    assert refusal(two_series(tmp_path)) == (
        f"holds 3 series, and a volume is one: {SERIES}; choose one with 'source: {{format: dicom-series, "
        "series: ...}' (UID, description or number), or split the files with 'group_by'"
    )
    assert refusal(two_series(tmp_path), "Brain") == f"has no series 'Brain'; it holds {SERIES}"


def test_a_description_of_two_series_does_not_choose(tmp_path: Path) -> None:
    paths = [
        one(tmp_path, 0, (0, 0, 0), f"{uid}.dcm", SeriesInstanceUID=uid, SeriesDescription="Head")
        for uid in ("1.2.0", "1.2.1")
    ]
    assert refusal(paths, "Head").startswith(
        "'Head' names 2 series, and a volume is one: 1.2.0 (CT, 1 file); 1.2.1 (CT, 1 file); "
    )


def test_what_is_no_dicom_is_refused(tmp_path: Path) -> None:
    paths = [*stack(tmp_path), written(tmp_path, b"slices of Monday\n" * 20, "readme.txt")]
    assert re.fullmatch("is not DICOM: .*", refusal(paths))


def test_more_slices_than_the_limit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has 4 slices, more than the limit of 3"):
        survey(stack(tmp_path), DicomSeriesOptions(), Limits(frames=3))
