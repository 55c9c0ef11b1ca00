"""Grey levels against references computed another way."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.errors import ExportError
from dicombake.pipeline.exporters.pictures.voi import Ramp, sigmoid
from dicombake.pipeline.exporters.pictures.window import picture
from dicombake.pipeline.imaging.image import Image, SourceFile, Stored
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from ....pydicom_api import apply_voi_lut
from ...exporting import DTYPES, image, pixels


def from_dicom(values: np.ndarray, *, stored: bool = True, **elements: object) -> Image:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    source = SourceFile(Path("a.dcm"), "dicom", {}, dataset)
    kept = Stored(values, 1.0, 0.0, None, 16) if stored else None
    return Image(values, stored=kept, sources=(source,))


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=40))
def test_full_is_the_exact_fraction_rounded_half_up(values: list[int]) -> None:
    low, high = min(values), max(values)
    levels = picture(image(np.array([values])), "full").levels[0]
    if low == high:
        assert not levels.any()
        return
    exact = [Fraction(value - low, high - low) * 255 + Fraction(1, 2) for value in values]
    for level, meant in zip(levels, exact, strict=True):
        assert abs(meant - math.floor(meant)) < 1e-9 or level == math.floor(meant)
        assert abs(level - meant + Fraction(1, 2)) <= Fraction(1, 2) + Fraction(1, 10**9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_reaches_black_and_white_and_keeps_its_order(dtype: str) -> None:
    values = pixels(dtype, (50, 40))
    levels = picture(image(values), "full").levels
    assert levels.dtype == np.uint8
    assert levels.shape == values.shape
    assert levels.min() == 0
    assert levels.max() == 255
    order = np.argsort(values, axis=None, kind="stable")
    assert (np.diff(levels.ravel()[order].astype(int)) >= 0).all()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "float16"])
def test_the_table_of_narrow_types_is_the_curve_itself(dtype: str) -> None:
    values = pixels(dtype, (30, 30))
    narrow = picture(image(values), (-20.5, 77.25)).levels
    wide = picture(image(values.astype(np.float64)), (-20.5, 77.25)).levels
    np.testing.assert_array_equal(narrow, wide)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_full_keeps_the_last_digits_of_64_bits(dtype: str) -> None:
    values = (np.arange(6, dtype=dtype) + np.array(2**62, dtype)).reshape(2, 3)
    np.testing.assert_array_equal(picture(image(values), "full").levels, [[0, 51, 102], [153, 204, 255]])


def test_window_edges_are_black_and_white_and_what_lies_beyond_stays_there() -> None:
    values = np.array([[-1e9, 100.0, 150.0, 200.0, 1e9]])
    np.testing.assert_array_equal(picture(image(values), (100.0, 200.0)).levels, [[0, 0, 128, 255, 255]])


def test_the_widest_window_does_not_overflow() -> None:
    top = np.finfo(np.float64).max
    np.testing.assert_array_equal(
        picture(image(np.array([[-top, 0.0, top]])), "full").levels, [[0, 128, 255]]
    )


def test_nan_is_black_and_infinities_are_at_the_ends_and_out_of_the_range() -> None:
    values = np.array([[np.nan, -np.inf, 0.0, 10.0, np.inf]], np.float32)
    shown = picture(image(values), "full")
    np.testing.assert_array_equal(shown.levels, [[0, 0, 0, 255, 255]])
    assert [note.code for note in shown.notes] == ["not-finite"]
    assert shown.notes[0].text.startswith("3 values are NaN or infinite")
    inverted = picture(image(values, "MONOCHROME1"), "full").levels
    np.testing.assert_array_equal(inverted, [[0, 255, 255, 0, 0]])


@pytest.mark.parametrize("window", ["full", "auto"])
def test_nothing_finite_is_refused(window: str) -> None:
    with pytest.raises(ExportError) as caught:
        picture(image(np.full((2, 2), np.nan)), window)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "holds no value that could decide the range of a picture (all NaN, infinite or padding); "
        "give 'window: [low, high]'"
    )


@pytest.mark.parametrize("window", ["full", "auto"])
def test_a_constant_image_is_black_and_says_so(window: str) -> None:
    shown = picture(image(np.full((3, 4), 7.5)), window)  # type: ignore[arg-type]
    assert not shown.levels.any()
    assert [str(note) for note in shown.notes] == ["every value is 7.5: the picture is one shade"]


def test_auto_without_voi_cuts_half_a_percent_at_each_end() -> None:
    values = np.arange(1000, dtype=np.uint16).reshape(20, 50)
    levels = picture(image(values), "auto").levels
    meant = np.clip((values - 4.0) / (994 - 4), 0, 1) * 255
    np.testing.assert_array_equal(levels, np.floor(meant + 0.5))


def test_auto_with_one_bright_spot_falls_back_on_the_whole_range() -> None:
    values = np.zeros((100, 100))
    values[5, 5] = 3
    assert picture(image(values), "auto").levels[5, 5] == 255


def test_auto_leaves_colour_as_it_is() -> None:
    values = pixels("uint8", (9, 9, 3)) // 2
    np.testing.assert_array_equal(picture(image(values, "RGB"), "auto").levels, values)
    deep = pixels("uint16", (9, 9, 3))
    np.testing.assert_array_equal(
        picture(image(deep, "RGB"), "auto").levels, np.floor(deep / 65535 * 255 + 0.5)
    )


def test_full_stretches_all_colours_alike_and_keeps_transparency() -> None:
    values = np.array([[[50, 60, 70, 255], [100, 90, 80, 7]]], np.uint8)
    np.testing.assert_array_equal(
        picture(image(values, "RGBA"), "full").levels, [[[0, 51, 102, 255], [255, 204, 153, 7]]]
    )


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", None])
@pytest.mark.parametrize(("center", "width"), [(40, 400), (2048.5, 1), (-600, 1600.5), (0, 7)])
def test_voi_windows_are_those_of_pydicom(function: str | None, center: float, width: float) -> None:
    values = np.arange(-3000, 5000, dtype=np.int16).reshape(80, 100)
    source = from_dicom(values, WindowCenter=[center, 1], WindowWidth=[width, 5])
    dataset = source.source.dataset
    assert dataset is not None
    if function:
        dataset.VOILUTFunction = function
    dataset.BitsStored, dataset.PixelRepresentation, dataset.PhotometricInterpretation = 8, 0, "MONOCHROME2"
    shown = picture(source, "auto")
    with np.errstate(over="ignore"):
        meant = apply_voi_lut(values.astype(np.float64), dataset)
    close = np.abs(meant + 0.5 - np.round(meant + 0.5)) < 1e-9
    assert np.count_nonzero(close & (meant > 0) & (meant < 255)) < 10
    np.testing.assert_array_equal(shown.levels[~close], np.floor(meant + 0.5)[~close])
    np.testing.assert_allclose(shown.levels, meant, atol=0.5 + 1e-9)
    assert shown.notes == ()


def test_a_linear_window_narrower_than_1_is_meant_exactly() -> None:
    values = np.array([[0.0, 0.25, 0.5, 0.75, 1.0]])
    shown = picture(from_dicom(values, stored=False, WindowCenter=0.5, WindowWidth=0.5), "auto")
    np.testing.assert_array_equal(shown.levels, [[0, 0, 128, 255, 255]])


def test_sigmoid_is_its_formula() -> None:
    x = np.linspace(-900, 900, 5001)
    meant = 255 / (1 + np.exp(-4 * (x - 30) / 250))
    np.testing.assert_allclose(sigmoid(30, 250)(x), meant, atol=0.5 + 1e-9)


def test_a_voi_lut_comes_before_a_window() -> None:
    lut = Dataset()
    lut.LUTDescriptor, lut.LUTData = [4, -10, 12], [0, 1000, 4095, 2000]
    values = np.array([[-500, -10, -9, -8, -7, 900]], np.int16)
    shown = picture(from_dicom(values, VOILUTSequence=[lut], WindowCenter=0, WindowWidth=1), "auto")
    np.testing.assert_array_equal(shown.levels, [[0, 0, 62, 255, 125, 125]])


def test_lut_data_as_bytes() -> None:
    lut = Dataset()
    lut.LUTDescriptor = [3, 0, 16]
    lut.add_new("LUTData", "OW", np.array([0, 32768, 65535], "<u2").tobytes())
    shown = picture(from_dicom(np.array([[0, 1, 2]], np.uint16), VOILUTSequence=[lut]), "auto")
    np.testing.assert_array_equal(shown.levels, [[0, 128, 255]])


def test_the_frame_s_own_voi_counts() -> None:
    def group(center: float) -> Dataset:
        voi, outer = Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction = center, 2, "LINEAR_EXACT"
        outer.FrameVOILUTSequence = [voi]
        return outer

    values = np.array([[9, 10, 11, 19, 20, 21]], np.uint16)
    shown = picture(from_dicom(values, PerFrameFunctionalGroupsSequence=[group(10), group(20)]), "auto")
    np.testing.assert_array_equal(shown.levels, [[0, 128, 255, 255, 255, 255]])


@pytest.mark.parametrize(
    "elements",
    [
        {"WindowCenter": 1, "WindowWidth": 0},
        {"WindowCenter": 1, "WindowWidth": -5, "VOILUTFunction": "LINEAR_EXACT"},
        {"WindowCenter": 1, "WindowWidth": 5, "VOILUTFunction": "CUBIC"},
    ],
)
def test_a_voi_that_cannot_be_used_is_told_and_passed_over(elements: dict[str, object]) -> None:
    values = np.arange(1000, dtype=np.uint16).reshape(20, 50)
    shown = picture(from_dicom(values, **elements), "auto")
    assert [note.code for note in shown.notes] == ["voi-invalid"]
    np.testing.assert_array_equal(shown.levels, picture(image(values), "auto").levels)


def test_values_that_were_computed_are_not_shown_in_the_source_s_window() -> None:
    values = np.arange(1000, dtype=np.uint16).reshape(20, 50)
    source = from_dicom(values, WindowCenter=10, WindowWidth=3).replace(computed=True, stored=None)
    shown = picture(source, "auto")
    assert [note.code for note in shown.notes] == ["voi-computed"]
    assert shown.levels[10, 0] == 128


def test_stored_values_are_shown_in_a_window_of_modality_values() -> None:
    stored = np.arange(0, 4096, 16, dtype=np.int16).reshape(16, 16)
    elements = {"WindowCenter": 40, "WindowWidth": 400, "RescaleSlope": 1, "RescaleIntercept": -1024}
    raw = picture(from_dicom(stored, **elements), "auto").levels
    modality = picture(from_dicom(stored - 1024, stored=False, **elements), "auto").levels
    np.testing.assert_array_equal(raw, modality)
    assert np.count_nonzero((raw > 0) & (raw < 255)) > 0


@pytest.mark.parametrize("value", [63536, -2000])
def test_padding_is_background_and_out_of_the_range(value: int) -> None:
    values = np.array([[-2000, 0, 5, 10]], np.int16)
    source = from_dicom(values)
    assert source.source.dataset is not None
    source.source.dataset.add_new("PixelPaddingValue", "US" if value > 0 else "SS", value)
    np.testing.assert_array_equal(picture(source, "full").levels, [[0, 0, 128, 255]])
    bright = source.replace(photometric="MONOCHROME1")
    np.testing.assert_array_equal(picture(bright, "full").levels, [[0, 255, 127, 0]])


def test_a_range_of_padding() -> None:
    values = np.array([[1, 2, 3, 7, 9]], np.uint16)
    source = from_dicom(values)
    assert source.source.dataset is not None
    source.source.dataset.add_new("PixelPaddingValue", "US", 3)
    source.source.dataset.add_new("PixelPaddingRangeLimit", "US", 1)
    np.testing.assert_array_equal(picture(source, "full").levels, [[0, 0, 0, 0, 255]])


def test_monochrome1_is_shown_inverted() -> None:
    values = pixels("uint16", (8, 8))
    plain = picture(image(values), "full").levels
    np.testing.assert_array_equal(picture(image(values, "MONOCHROME1"), "full").levels, 255 - plain)


def test_a_ramp_of_no_width_is_a_step() -> None:
    np.testing.assert_array_equal(Ramp(5, 5)(np.array([4, 5, 6])), [0, 0, 255])


@pytest.mark.real
def test_a_real_portal_image_uses_its_levels(real: Path) -> None:
    import pydicom

    dataset = pydicom.dcmread(real / "rtimage" / "LinaQA_Leeds1.dcm")
    values = dataset.pixel_array * 4.0
    levels = picture(image(values), "auto").levels
    counts = np.bincount(levels.ravel(), minlength=256)
    assert counts[0] < 0.02 * levels.size
    assert counts[255] < 0.02 * levels.size
    assert np.count_nonzero(counts) > 200
