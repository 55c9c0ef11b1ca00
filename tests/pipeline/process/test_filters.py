"""Smoothing and turning against references that share no code with them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import ProcessError
from dicombake.pipeline.imaging.exact import DTYPES
from dicombake.pipeline.imaging.image import Geometry, Image, Origin
from dicombake.pipeline.process.apply import apply
from dicombake.schemas import process as models
from hypothesis import given, settings
from hypothesis import strategies as st

EVERY = sorted(DTYPES, key=str)


def median(size: Any) -> models.Filter:
    return models.Filter(kind="median", size=models.FilterSize.model_validate(size))


def gaussian(size: Any) -> models.Filter:
    return models.Filter(kind="gaussian", size=models.FilterSize.model_validate(size))


def image_of(pixels: Any, **geometry: Any) -> Image:
    return Image(np.asarray(pixels), geometry=Geometry().having(Origin("file", "x"), **geometry))


def median_by_hand(pixels: np.ndarray[Any, Any], rows: int, columns: int) -> np.ndarray[Any, Any]:
    padded = np.pad(pixels, ((rows // 2, rows), (columns // 2, columns)), "edge")
    result = np.empty_like(pixels)
    for row, column in np.ndindex(pixels.shape):
        window = np.sort(padded[row : row + rows, column : column + columns].ravel())
        result[row, column] = window[rows * columns // 2]
    return result


@pytest.mark.parametrize("dtype", EVERY, ids=str)
@pytest.mark.parametrize("size", [3, 2, 5])
def test_median_is_the_middle_value_of_its_window(dtype: np.dtype, size: int) -> None:
    values = np.random.default_rng(1).integers(0, 2 if dtype.kind == "b" else 100, (7, 9))
    pixels = values.astype(dtype)
    after = apply(image_of(pixels), [median(size)])
    assert after.pixels.dtype == dtype
    assert np.array_equal(after.pixels, median_by_hand(pixels, size, size))
    assert after.history == (f"median filter ({size} x {size} pixels)",)


def test_large_integers_are_exact_or_refused() -> None:
    fine = np.full((4, 4), 2**53 - 1, np.int64)
    assert np.array_equal(apply(image_of(fine), [median(3)]).pixels, fine)
    with pytest.raises(ProcessError, match=r"filter is exact up to 2\^53"):
        apply(image_of(np.full((4, 4), 2**53 + 1, np.uint64)), [median(3)])


def test_an_even_window_moves_the_position_by_half_a_pixel() -> None:
    ramp = np.tile(np.arange(20, dtype=np.float64), (20, 1))
    place: dict[str, Any] = {
        "spacing": (0.5, 0.25), "position": (0.0, 0.0), "orientation": (1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    }  # fmt: skip
    after = apply(image_of(ramp, **place), [median(2)])
    assert after.geometry.position == (-0.125, 0.25)
    assert [note.code for note in after.notes] == ["even-window"]
    assert apply(image_of(ramp, **place), [median(3)]).geometry.position == (0.0, 0.0)


@pytest.mark.parametrize(("text", "window"), [("1.5 mm", "3 x 7"), ("0.1mm", "1 x 1"), ("2 mm", "5 x 9")])
def test_millimetres_become_odd_windows(text: str, window: str) -> None:
    after = apply(image_of(np.eye(9), spacing=(0.4, 0.22)), [median(text)])
    assert after.history == ((f"median filter ({window} pixels)",) if window != "1 x 1" else ())


def test_millimetres_need_a_spacing() -> None:
    with pytest.raises(ProcessError) as caught:
        apply(image_of(np.eye(9)), [gaussian("1.5 mm")])
    assert str(caught.value) == (
        "filter: a size of 1.5 mm needs a spacing, and nobody gives one;"
        " give geometry.dpi or geometry.pixel_spacing, or a size in pixels"
    )


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (median(2.5), "filter: a median takes whole pixels, not 2.5"),
        (median(50), "filter: a window of 50 x 50 pixels is larger than the image"),
        (gaussian(50), "filter: sigma is larger than the image"),
    ],
)
def test_refusals(operation: models.Filter, message: str) -> None:
    with pytest.raises(ProcessError) as caught:
        apply(image_of(np.eye(9)), [operation])
    assert str(caught.value) == message


def gaussian_by_hand(pixels: np.ndarray[Any, Any], sigma: tuple[float, float]) -> np.ndarray[Any, Any]:
    """Separate sums with weights cut off at 4 sigma, the edge repeated."""
    result = pixels.astype(np.float64)
    for axis in (0, 1):
        reach = int(4 * sigma[axis] + 0.5)
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma[axis]) ** 2)
        padded = np.pad(result, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], "edge")
        result = np.apply_along_axis(np.convolve, axis, padded, weights / weights.sum(), "valid")
    return result


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "float16"])
def test_gaussian(dtype: str) -> None:
    pixels = np.random.default_rng(2).integers(0, 200, (12, 15)).astype(dtype)
    after = apply(image_of(pixels, spacing=(0.5, 0.25)), [gaussian("0.5 mm")]).pixels
    expected = gaussian_by_hand(pixels, (1.0, 2.0))
    assert after.dtype == dtype
    within = {"float64": 1e-9, "float32": 1e-4, "float16": 0.1}.get(dtype, 0.5 + 1e-9)
    assert np.abs(after - expected).max() <= within


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_rotating_by_quarter_turns_is_the_quarter_turn(turns: int) -> None:
    pixels = np.random.default_rng(3).integers(0, 65535, (9, 9)).astype(np.uint16)
    after = apply(image_of(pixels), [models.Rotate(degrees=90.0 * turns)])
    assert np.array_equal(after.pixels, np.rot90(pixels, turns))


@pytest.mark.parametrize("order", range(6))
@pytest.mark.parametrize("dtype", EVERY, ids=str)
def test_rotate_keeps_shape_dtype_and_range(dtype: np.dtype, order: int) -> None:
    pixels = np.random.default_rng(4).integers(0, 2, (8, 11)).astype(dtype)
    after = apply(image_of(pixels), [models.Rotate(degrees=17.0, order=order)])
    assert (after.pixels.shape, after.pixels.dtype) == ((8, 11), dtype)
    assert after.computed
    if dtype.kind in "iub":
        # An overshooting spline must not wrap around.
        assert int(after.pixels.max()) <= 2 and int(after.pixels.min()) >= -1


@settings(max_examples=25)
@given(
    degrees=st.floats(-400, 400), row=st.integers(12, 28), column=st.integers(12, 28), patient=st.booleans()
)
def test_a_mark_keeps_its_place_when_the_image_is_turned(
    degrees: float, row: int, column: int, patient: bool
) -> None:
    """The centre of gravity of a smooth mark is where the geometry says that it was."""
    from dicombake.pipeline.imaging.image import PatientPlane

    rows, columns = np.mgrid[0:41, 0:41]
    pixels = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 8.0)
    orientation = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
    if patient:
        plane = PatientPlane((3.0, 4.0, 5.0), orientation, None, None)
        image = image_of(pixels, spacing=(0.5, 0.5), patient=plane)
    else:
        image = image_of(pixels, spacing=(0.5, 0.5), position=(3.0, 4.0), orientation=orientation)
    after = apply(image, [models.Rotate(degrees=degrees)])
    total = after.pixels.sum()
    now = ((after.pixels * rows).sum() / total, (after.pixels * columns).sum() / total)
    assert math.dist(_place(after, *now), _place(image, row, column)) < 0.05


def _place(image: Image, row: float, column: float) -> tuple[float, float]:
    geometry = image.geometry
    plane = geometry.patient
    start, turn = (plane.position, plane.orientation) if plane else (geometry.position, geometry.orientation)
    assert start is not None and turn is not None
    return (
        start[0] + 0.5 * (column * turn[0] + row * turn[3]),
        start[1] + 0.5 * (column * turn[1] + row * turn[4]),
    )


def test_rotate_turns_counter_clockwise_as_displayed() -> None:
    pixels = np.zeros((41, 41))
    pixels[20, 35] = 1.0
    after = apply(image_of(pixels), [models.Rotate(degrees=45.0)]).pixels
    row, column = np.unravel_index(after.argmax(), after.shape)
    # What lay right of the middle now lies above it, to the right.
    assert row < 20 < column


def test_rotate_refuses_pixels_that_are_not_square() -> None:
    with pytest.raises(ProcessError) as caught:
        apply(image_of(np.eye(4), spacing=(0.5, 0.4)), [models.Rotate(degrees=10.0)])
    assert str(caught.value) == "rotate needs square pixels, and these are 0.5 x 0.4 mm"


def test_rotate_drops_what_it_cannot_turn() -> None:
    image = image_of(np.eye(4), position=(1.0, 2.0), orientation=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0))
    after = apply(image, [models.Rotate(degrees=10.0)])
    assert after.geometry.position is None and after.geometry.orientation is None
    assert [note.code for note in after.notes] == ["position-lost"]


def test_rotate_colour_but_not_transparency() -> None:
    after = apply(Image(np.full((4, 4, 3), 9, np.uint8), photometric="RGB"), [models.Rotate(degrees=30.0)])
    assert after.pixels.tolist() == np.full((4, 4, 3), 9).tolist()
    with pytest.raises(ProcessError, match=r"^rotate cannot interpolate transparency$"):
        apply(Image(np.full((4, 4, 4), 9, np.uint8), photometric="RGBA"), [models.Rotate(degrees=30.0)])
