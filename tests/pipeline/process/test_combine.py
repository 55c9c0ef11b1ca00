"""Many images to one: exact values, and only what all of them say."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import Note, ProcessError
from dicombake.pipeline.imaging.image import Geometry, Image, Origin, PatientPlane, SourceFile, Stored
from dicombake.pipeline.loaders.dicom.loader import load
from dicombake.pipeline.loaders.options import DicomOptions, Limits
from dicombake.pipeline.process.combine import combine
from dicombake.pipeline.process.operations import Combine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom import Dataset
from pydicom.sequence import Sequence

METHODS = ("mean", "sum", "max", "min", "median")
INTEGER = st.sampled_from(["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "bool"])


def image_of(pixels: Any, name: str = "a.dcm", dataset: Dataset | None = None, **geometry: Any) -> Image:
    return Image(
        np.asarray(pixels),
        geometry=Geometry().having(Origin("file", "x"), **geometry),
        sources=(SourceFile(Path("star") / name, "dicom", dataset=dataset),),
    )


def group(*geometries: dict[str, Any]) -> list[Image]:
    return [
        image_of(np.full((2, 3), number), f"{number}.dcm", **geometry)
        for number, geometry in enumerate(geometries)
    ]


@pytest.mark.parametrize(
    "parts",
    [
        [("uint32", 2**32 - 1), ("uint8", 1), ("int16", -5)],
        [("int32", -(2**31)), ("int8", -1), ("int32", -(2**31))],
        [("int16", -7), ("uint32", 2**31), ("uint16", 9)],
        [("uint32", 2**31 - 1), ("int8", -1), ("uint32", 2**32 - 1)],
        [("int64", -(2**62)), ("bool", 1), ("uint8", 3)],
    ],
)
def test_a_sum_that_leaves_32_bits_stays_exact(parts: list[tuple[str, int]]) -> None:
    images = [image_of(np.array([[value, 0]]).astype(dtype)) for dtype, value in parts]
    total = sum(value for _, value in parts)
    assert combine(images, Combine(method="sum")).pixels.tolist() == [[total, 0]]
    assert combine(images, Combine(method="mean")).pixels.tolist() == [[total / 3, 0]]


@given(
    INTEGER.flatmap(lambda dtype: st.lists(hnp.arrays(dtype, (2, 3)), min_size=1, max_size=5)),
    st.sampled_from(METHODS),
)
def test_integers_are_combined_exactly(arrays: list[np.ndarray[Any, Any]], method: Any) -> None:
    columns = list(zip(*(map(int, array.ravel().tolist()) for array in arrays), strict=True))
    try:
        result = combine((image_of(array) for array in arrays), Combine(method=method)).pixels
    except ProcessError as error:
        assert "beyond 64 bits" in str(error) and arrays[0].dtype.itemsize == 8
        low, high = (
            sum(choose(int(a.ravel()[i]) for i in range(6)) for a in arrays) for choose in (min, max)
        )
        assert low < -(2**63) or high >= 2**64 or (low < 0 and high >= 2**63)
        return
    values = result.ravel().tolist()
    if method == "sum":
        assert result.dtype.kind in "iu"
        assert values == [sum(column) for column in columns]
    elif method in ("max", "min"):
        assert result.dtype == arrays[0].dtype
        assert values == [(max if method == "max" else min)(column) for column in columns]
    elif method == "mean":
        assert result.dtype == np.float64
        assert all(
            math.isclose(value, sum(column) / len(column), rel_tol=1e-15)
            for value, column in zip(values, columns, strict=True)
        )
    else:
        assert result.dtype == np.float64
        for value, column in zip(values, columns, strict=True):
            middle = sorted(column)[(len(column) - 1) // 2 : len(column) // 2 + 1]
            assert math.isclose(value, sum(middle) / len(middle), rel_tol=1e-15)


@pytest.mark.parametrize(
    ("dtype", "count", "expected"), [("uint8", 1, "uint8"), ("uint8", 3, "uint16"), ("int16", 2, "int32"),
                                     ("uint16", 5, "uint32"), ("bool", 3, "uint8"), ("int64", 2, "int64")],
)  # fmt: skip
def test_the_dtype_of_a_sum_follows_dtypes_and_not_values(dtype: str, count: int, expected: str) -> None:
    images = [image_of(np.zeros((2, 2), dtype)) for _ in range(count)]
    assert combine(images, Combine(method="sum")).pixels.dtype == expected


@given(
    st.lists(hnp.arrays("float32", (2, 2), elements=st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=5)
)
def test_floats_are_added_in_float64(arrays: list[np.ndarray[Any, Any]]) -> None:
    total = combine(map(image_of, arrays), Combine(method="sum")).pixels
    assert total.dtype == np.float64
    expected = [math.fsum(float(array.ravel()[place]) for array in arrays) for place in range(4)]
    assert total.ravel().tolist() == pytest.approx(expected, abs=1e-8)


def test_integers_and_floats_meet_in_float64() -> None:
    images = [image_of(np.array([[1, 2]], np.uint16)), image_of(np.array([[0.5, 0.25]], np.float32))]
    assert combine(images, Combine(method="sum")).pixels.tolist() == [[1.5, 2.25]]
    assert combine(images, Combine(method="mean")).pixels.tolist() == [[0.75, 1.125]]
    assert combine(images, Combine(method="max")).pixels.tolist() == [[1.0, 2.0]]


def test_dtypes_without_a_common_one_are_refused() -> None:
    images = [image_of(np.array([[2**63 + 1]], np.uint64)), image_of(np.array([[-1]], np.int64), "b.dcm")]
    with pytest.raises(ProcessError, match=r"b\.dcm: max: uint64 and int64 have no dtype that holds both"):
        combine(images, Combine(method="max"))


def test_nan_in_one_image_is_nan_in_the_result() -> None:
    images = [image_of([[np.nan, 1.0]]), image_of([[1.0, 3.0]])]
    for method in METHODS:
        result = combine(images, Combine(method=method)).pixels
        assert np.isnan(result).tolist() == [[True, False]]


def test_stretch_maps_each_image_to_0_and_1_first() -> None:
    images = [
        image_of(np.array([[0, 100]], np.int8)),
        image_of(np.array([[-128, 127]], np.int8)),
        image_of([[1.0, 3.0]]),
    ]
    result = combine(images, Combine(method="mean", stretch=True))
    assert result.pixels.tolist() == [[0.0, 1.0]]
    assert result.history == ("mean of 3 images, each stretched to 0..1",)
    pixels = np.array([[3, 7, 10]], np.uint16)
    alone = combine([image_of(pixels)], Combine(method="sum", stretch=True)).pixels
    assert np.array_equal(alone, (pixels - 3) / 7)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        ([], {}, "there is no image to combine"),
        (
            [image_of(np.zeros((2, 3))), image_of(np.zeros((3, 2)), "b.dcm")],
            {},
            "star/b.dcm: has 3 rows and 2 columns, and star/a.dcm, with which it is to be combined,"
            " has 2 and 3",
        ),
        (
            [image_of([[1]], spacing=(0.5, 0.5)), image_of([[1]], "b.dcm", spacing=(0.5, 0.501))],
            {},
            "star/b.dcm: has a spacing of 0.5 x 0.501 mm, and star/a.dcm, with which it is to be combined,"
            " a spacing of 0.5 x 0.5 mm; give geometry.pixel_spacing if they are the same",
        ),
        (
            [image_of([[1]], spacing=(0.5, 0.5)), image_of([[1]], "b.dcm")],
            {},
            "star/b.dcm: has no spacing, and star/a.dcm, with which it is to be combined,"
            " a spacing of 0.5 x 0.5 mm; give geometry.pixel_spacing if they are the same",
        ),
        (
            [image_of([[1]]), image_of([[1]], "b.dcm").replace(photometric="MONOCHROME1")],
            {},
            "star/b.dcm: is MONOCHROME1, and star/a.dcm, with which it is to be combined, MONOCHROME2",
        ),
        (
            [Image(np.zeros((2, 2, 3), np.uint8), photometric="RGB", sources=image_of([[1]]).sources)],
            {},
            "star/a.dcm: combining is for grey images and this one is RGB; choose a channel of the source",
        ),
        (
            [image_of([[5, 5]])],
            {"stretch": True},
            "star/a.dcm: stretch: every value is the same, there is nothing to stretch",
        ),
        (
            [image_of([[np.nan, 5.0]])],
            {"stretch": True},
            "star/a.dcm: stretch needs numbers, and some values are NaN or infinite",
        ),
    ],
)
def test_refusals(images: list[Image], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ProcessError) as caught:
        combine(images, Combine(method="sum", **options))
    assert str(caught.value).replace("\\", "/") == message


SAME = {"sid": 1500.0, "sad": 1000.0, "gantry": 0.05, "collimator": 10.0, "position": (-1.0, 1.0),
        "orientation": (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), "translation": (0.0, 0.0, -500.0),
        "spacing": (0.5, 0.5)}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "other", "differs"),
    [
        ("sid", 1500.09, False),
        ("sid", 1500.11, True),
        ("sad", 1000.2, True),
        ("gantry", 359.96, False),
        ("gantry", 359.9, True),
        ("collimator", 10.09, False),
        ("collimator", None, True),
        ("position", (-1.0, 1.2), True),
        ("translation", (0.0, 0.05, -500.0), False),
        ("orientation", (0.0, 1.0, 0.0, 1.0, 0.0, 0.0), True),
        ("spacing", (0.5, 0.50004), False),
        ("couch", 3.0, True),
    ],
)
def test_geometry_is_what_all_images_say(field: str, other: Any, differs: bool) -> None:
    result = combine(group(SAME, SAME, {**SAME, field: other}), Combine(method="mean"))
    assert getattr(result.geometry, field) == (None if differs else SAME[field])
    assert (field in result.geometry.blank) == differs
    assert (field in result.geometry.origins) != differs
    assert [note.code for note in result.notes] == ([f"{field}-differs"] if differs else [])
    assert all(note.contradiction for note in result.notes)
    kept = set(SAME) - {field}
    assert all(getattr(result.geometry, name) == SAME[name] for name in kept)


def test_a_difference_names_files_and_values() -> None:
    result = combine(group(SAME, {**SAME, "sid": 1400.0}), Combine(method="mean"))
    assert str(result.notes[0]) == "sid differs between 0.dcm and 1.dcm (1500 and 1400); left empty"


def test_planes_in_the_patient() -> None:
    plane = PatientPlane((1.0, 2.0, 3.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), 2.5, None, "1.2.3")
    moved = PatientPlane((1.0, 2.0, 3.5), plane.orientation, 2.5, None, "1.2.3")
    slices = {"spacing": (0.5, 0.5), "patient": plane}
    assert combine(group(slices, slices), Combine(method="mean")).geometry.patient == plane
    after = combine(group(slices, {**slices, "patient": moved}), Combine(method="mean"))
    assert after.geometry.patient is None
    assert str(after.notes[0]) == (
        "patient differs between 0.dcm and 1.dcm"
        " (the plane at 1\\2\\3 and the plane at 1\\2\\3.5); left empty"
    )


def dataset_of(**values: Any) -> Dataset:
    dataset = Dataset()
    dataset.SOPInstanceUID = values.pop("uid", "1.2")
    for name, value in values.items():
        setattr(dataset, name, value)
    return dataset


def joined(*datasets: Dataset | None) -> Image:
    images = [image_of([[1, 2]], f"{place}.dcm", dataset) for place, dataset in enumerate(datasets)]
    return combine(images, Combine(method="max"))


def test_attributes_are_what_all_files_say() -> None:
    one = dataset_of(
        uid="1.1",
        PatientID="A",
        PatientName="P",
        StudyInstanceUID="1.5",
        AcquisitionTime="10",
        Manufacturer="V",
    )
    two = dataset_of(
        uid="1.2",
        PatientID="B",
        PatientName="P",
        StudyInstanceUID="1.6",
        AcquisitionTime="11",
        Manufacturer="V",
    )
    result = joined(one, two)
    kept = result.source.dataset
    assert kept is not None
    assert {element.keyword: element.value for element in kept} == {
        "SOPInstanceUID": "1.1", "Manufacturer": "V", "PatientName": "P", "PatientID": "",
    }  # fmt: skip
    assert [(note.code, note.contradiction, note.text) for note in result.notes] == [
        ("patient-differs", True, "PatientID: not the same in the 2 files from 0.dcm on; left empty"),
        (
            "study-differs",
            True,
            "StudyInstanceUID: not the same in the 2 files from 0.dcm on; the result is a new study",
        ),
    ]
    assert one.PatientID == "A" and one.AcquisitionTime == "10"
    assert [file.path.name for file in result.sources] == ["0.dcm", "1.dcm"]
    assert result.sources[1].dataset is two


def exposure(meterset: float, kvp: float = 6000) -> Dataset:
    return dataset_of(ExposureSequence=Sequence([_item(MetersetExposure=meterset, KVP=kvp)]))


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return item


def test_a_differing_meterset_is_emptied_and_reported() -> None:
    """Type 2C of a portal image's exposure: there, with or without a value."""
    result = joined(exposure(10), exposure(20))
    assert result.source.dataset is not None
    assert result.source.dataset.ExposureSequence == [_item(KVP=6000, MetersetExposure="")]
    assert result.notes == (
        Note("meterset-differs", "MetersetExposure: not the same in the 2 files from 0.dcm on; left empty"),
    )
    same = joined(exposure(10), exposure(10))
    assert same.source.dataset == exposure(10) and same.notes == ()


def devices(*jaws: float) -> Dataset:
    leaves = _item(RTBeamLimitingDeviceType="ASYMX", NumberOfLeafJawPairs=1, LeafJawPositions=list(jaws))
    item = _item(KVP=6000, NumberOfBlocks=0, BeamLimitingDeviceSequence=Sequence([leaves]))
    return dataset_of(ExposureSequence=Sequence([item]))


def test_jaws_that_differ_go_as_a_whole_and_are_reported() -> None:
    """LeafJawPositions is Type 1: an item without it would be none."""
    result = joined(devices(-50, 50), devices(-50, 60))
    assert result.source.dataset is not None
    assert result.source.dataset.ExposureSequence == [_item(KVP=6000, NumberOfBlocks=0)]
    text = "BeamLimitingDeviceSequence: not the same in the 2 files from 0.dcm on; left out"
    assert result.notes == (Note("sequence-differs", text),)
    assert joined(devices(-50, 50), devices(-50, 50)).source.dataset == devices(-50, 50)


def test_an_exposure_without_its_number_of_blocks_goes_as_a_whole() -> None:
    other = devices(-50, 50)
    other.ExposureSequence[0].NumberOfBlocks = 1
    result = joined(devices(-50, 50), other)
    assert result.source.dataset is not None and "ExposureSequence" not in result.source.dataset
    assert [note.code for note in result.notes] == ["sequence-differs"]


def test_a_sequence_of_other_length_goes_as_a_whole() -> None:
    result = joined(exposure(10), dataset_of(ExposureSequence=Sequence([])), exposure(10))
    assert result.source.dataset is not None and "ExposureSequence" not in result.source.dataset


def test_a_file_that_says_nothing_leaves_nothing_common() -> None:
    result = joined(dataset_of(PatientID="A", Manufacturer="V"), None)
    assert result.source.dataset is not None
    assert {element.keyword for element in result.source.dataset} == {"SOPInstanceUID", "PatientID"}


@pytest.mark.parametrize(
    ("method", "units", "expected", "codes"),
    [
        ("mean", ("HU", "HU"), "HU", []),
        ("mean", ("HU", None), None, ["units-differ"]),
        ("sum", ("HU", "HU"), None, []),
        ("sum", ("GY", "GY"), "GY", []),
    ],
)
def test_units(method: Any, units: tuple[Any, Any], expected: Any, codes: list[str]) -> None:
    images = [image_of([[1, 2]]).replace(units=unit) for unit in units]
    result = combine(images, Combine(method=method))
    assert (result.units, [note.code for note in result.notes]) == (expected, codes)


def test_the_result_is_computed_and_keeps_what_happened_before() -> None:
    note = Note("roll-wraps", "rolled")
    pixels = np.array([[1, 2]], np.uint16)
    images = [
        image_of(pixels).replace(
            stored=Stored(pixels, 1.0, 0.0, None, 12), history=("cropped (top 2)",), notes=(note,)
        )
        for _ in range(2)
    ]
    result = combine(images, Combine(method="mean"))
    assert (result.stored, result.computed) == (None, True)
    assert result.history == ("cropped (top 2)", "mean of 2 images")
    assert result.notes == (note,)


def test_images_are_taken_one_after_the_other() -> None:
    alive = 0

    def images() -> Any:
        nonlocal alive
        import weakref

        for _ in range(5):
            pixels = np.ones((4, 4), np.uint16)
            alive += 1
            finalizer = weakref.finalize(pixels, _gone)
            yield image_of(pixels)
            del pixels
            assert alive <= 2, finalizer

    def _gone() -> None:
        nonlocal alive
        alive -= 1

    for method in ("sum", "mean", "max", "min"):
        combine(images(), Combine(method=method))  # type: ignore[arg-type]


@pytest.mark.real
def test_a_star_shot_of_real_files(real: Path) -> None:
    """Three collimator angles, gantry and couch alike, one patient: as MANIFEST and the files say."""
    files = sorted((real / "rtimage" / "LinaQA_StarShot").glob("*.dcm"))
    images = [next(load(path, DicomOptions(), Limits())) for path in files]
    result = combine(images, Combine(method="sum"))
    assert np.array_equal(result.pixels, images[0].pixels + images[1].pixels + images[2].pixels)
    assert result.geometry.collimator is None and result.geometry.gantry is not None
    assert result.geometry.spacing == (0.336, 0.336)
    assert result.geometry.sid == images[0].geometry.sid
    assert {note.code for note in result.notes} == {
        "collimator-differs", "meterset-differs", "sequence-differs",
    }  # fmt: skip
    assert result.source.dataset is not None
    (item,) = result.source.dataset.ExposureSequence
    assert "BeamLimitingDeviceSequence" not in item


@pytest.mark.parametrize("stretch", [False, True])
@pytest.mark.parametrize("held", [1, 700, 2500, 10**9])
def test_a_median_by_bands_is_that_of_all_at_once(
    monkeypatch: pytest.MonkeyPatch, held: int, stretch: bool
) -> None:
    """Taking the images again, band after band, changes no bit; how often follows from what may be held."""
    rng = np.random.default_rng(3)
    images = [image_of(rng.integers(0, 60000, (13, 17)).astype(np.uint16)) for _ in range(6)]
    options = Combine(method="median", stretch=stretch)
    expected = combine(iter(images), options)
    taken = []

    def again() -> list[Image]:
        taken.append(1)
        return images

    monkeypatch.setattr("dicombake.pipeline.process.combine.HELD", held)
    found = combine(iter(images), options, again)
    assert found.pixels.tobytes() == expected.pixels.tobytes()
    size = 13 * 17 * 6 * (8 if stretch else 2)
    assert bool(taken) == (size > held)
    assert (held > 1) or len(taken) == 12
    assert (held < 10**9) or not taken


def test_a_median_holds_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each image goes when the next one comes, but for its band."""
    monkeypatch.setattr("dicombake.pipeline.process.combine.HELD", 64 * 100 * 2 * 8)
    alive: list[weakref.ref[Any]] = []
    most = 0

    def images() -> Iterator[Image]:
        nonlocal most
        for number in range(64):
            pixels = np.full((64, 100), number, np.uint16)
            alive.append(weakref.ref(pixels))
            image = image_of(pixels)
            del pixels
            yield image
            del image
            most = max(most, sum(each() is not None for each in alive))

    result = combine(images(), Combine(method="median"), images)
    assert np.all(result.pixels == 31.5)
    assert most <= 10


def test_a_median_of_images_that_change_meanwhile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicombake.pipeline.process.combine.HELD", 1)
    images = [image_of(np.full((4, 3), number)) for number in range(3)]
    with pytest.raises(ProcessError, match=r"^median: the images changed while they were read$"):
        combine(images, Combine(method="median"), lambda: images[:2])
