"""Operations on values: exact in every dtype, or refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import ProcessError
from dicombake.pipeline.imaging.exact import DTYPES
from dicombake.pipeline.imaging.image import Image, Stored
from dicombake.pipeline.process.apply import KNOWING, apply
from dicombake.schemas import process as models
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

INTEGERS = sorted((dtype for dtype in DTYPES if dtype.kind in "iu"), key=str)
FLOATS = sorted((dtype for dtype in DTYPES if dtype.kind == "f"), key=str)
EVERY = [*INTEGERS, *FLOATS, np.dtype(bool)]

ARRAYS = st.sampled_from([*INTEGERS, np.dtype(bool)]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6))
)


def whole(pixels: np.ndarray[Any, Any]) -> list[int]:
    """The values as Python integers, which cannot overflow: the independent reference."""
    return [int(value) for value in pixels.ravel().tolist()]


def run(pixels: Any, operation: models.AnyOperation, **fields: Any) -> Image:
    return apply(Image(np.asarray(pixels), **fields), [operation])


def extremes(dtype: np.dtype) -> np.ndarray[Any, Any]:
    if dtype.kind == "b":
        return np.array([[False, True, True]])
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    return np.array([[limits.min, 0, 1, limits.max]], dtype)


@given(ARRAYS)
def test_invert_is_exact_and_its_own_inverse(pixels: np.ndarray[Any, Any]) -> None:
    after = run(pixels, models.Invert())
    values = whole(pixels)
    assert after.pixels.dtype == pixels.dtype
    assert whole(after.pixels) == [max(values) + min(values) - value for value in values]
    assert after.history == (f"inverted ({max(values) + min(values)} - value)",)
    assert np.array_equal(apply(after, [models.Invert()]).pixels, pixels)


@given(ARRAYS)
def test_ground_is_exact(pixels: np.ndarray[Any, Any]) -> None:
    after = run(pixels, models.Ground()).pixels
    values = whole(pixels)
    assert whole(after) == [value - min(values) for value in values]
    fits = pixels.dtype.kind == "b" or max(values) - min(values) <= np.iinfo(pixels.dtype).max
    assert (after.dtype == pixels.dtype) == fits
    assert after.dtype.itemsize == pixels.dtype.itemsize


@given(ARRAYS, st.integers(-1000, 1000), st.integers(-(10**6), 10**6))
def test_rescale_by_whole_numbers_is_exact(pixels: np.ndarray[Any, Any], slope: int, intercept: int) -> None:
    after = run(pixels, models.Rescale(slope=float(slope), intercept=float(intercept))).pixels
    expected = [value * slope + intercept for value in whole(pixels)]
    if after.dtype.kind in "iu":
        assert whole(after) == expected
    elif after.dtype == np.float64:
        # Only what no 64-bit dtype holds.
        assert not any(
            np.iinfo(dtype).min <= min(expected) and max(expected) <= np.iinfo(dtype).max
            for dtype in (np.int64, np.uint64)
        )
    else:
        assert (slope, intercept) == (1, 0)


@given(ARRAYS, st.floats(-(2.0**64), 2.0**64) | st.integers(-300, 300).map(float))
def test_threshold_and_binary_compare_exactly(pixels: np.ndarray[Any, Any], limit: float) -> None:
    from fractions import Fraction

    exact = Fraction(limit)
    values = whole(pixels)
    low = run(pixels, models.Threshold(low=limit)).pixels
    high = run(pixels, models.Threshold(high=limit)).pixels
    ones = run(pixels, models.Binary(at=limit)).pixels
    assert whole(low) == [0 if value < exact else value for value in values]
    assert whole(high) == [0 if value > exact else value for value in values]
    assert ones.tolist() == np.reshape([int(value >= exact) for value in values], ones.shape).tolist()
    assert low.dtype == high.dtype == pixels.dtype and ones.dtype == np.uint8


def _exact(value: Any, dtype: np.dtype) -> bool:
    """Whether a dtype holds a value, told by Python's own integers and fractions."""
    from fractions import Fraction

    if isinstance(value, float) and not np.isfinite(value):
        return dtype.kind == "f"
    if dtype.kind == "b":
        return Fraction(value) in (0, 1)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return Fraction(value).denominator == 1 and limits.min <= value <= limits.max
    with np.errstate(over="ignore"):
        back = np.array(value).astype(dtype).item()
    return bool(np.isfinite(back)) and Fraction(back) == Fraction(value)


INTERESTING = {
    "iu": [0, 1, 2, 127, 128, 255, 256, 2049, 32768, 65535, 2**24 + 1, 2**31, 2**53 + 1, 2**63 - 1, 2**64 - 1,
           -1, -128, -129, -32769, -(2**31) - 1, -(2**63)],
    "f": [0.0, -0.0, 0.5, 1.0, -1.0, 0.1, 255.0, 256.0, 65504.0, 65536.0, 1e30, 2.0**31, 2.0**63, 2.0**64,
          -(2.0**63), -(2.0**63) - 2048, float("nan"), float("inf")],
}  # fmt: skip


@pytest.mark.parametrize(("source", "target"), list(itertools.product(EVERY, EVERY)), ids=str)
def test_cast_is_exact_or_refused(source: np.dtype, target: np.dtype) -> None:
    kind = "f" if source.kind == "f" else "iu"
    candidates: list[Any] = [False, True] if source.kind == "b" else INTERESTING[kind]
    for value in candidates:
        if kind == "iu" and source.kind != "b" and not np.iinfo(source).min <= value <= np.iinfo(source).max:
            continue
        with np.errstate(over="ignore"):
            pixels = np.array([[0, value]]).astype(source) if kind == "f" else np.array([[0, value]], source)
        held = pixels[0, 1].item()
        operation = models.Cast(dtype=str(target))  # type: ignore[arg-type]
        if _exact(held, target):
            after = run(pixels, operation).pixels
            assert after.dtype == target
            assert repr(after[0, 1].item()) == repr(held) or after[0, 1].item() == held
        else:
            with pytest.raises(ProcessError) as caught:
                run(pixels, operation)
            assert str(caught.value) == (
                f"cast to {target}: the value {held!r} in row 0, column 1 does not fit exactly"
            )


@pytest.mark.parametrize("dtype", EVERY, ids=str)
@pytest.mark.parametrize(
    "operation",
    [
        models.Invert(),
        models.Ground(),
        models.Threshold(low=1),
        models.Binary(at=1),
        models.Rescale(slope=2.0),
    ],
    ids=lambda operation: operation.op,
)
def test_the_extremes_of_every_dtype(dtype: np.dtype, operation: models.AnyOperation) -> None:
    pixels = extremes(dtype)
    before = pixels.copy()
    try:
        after = run(pixels, operation)
    except ProcessError as error:
        assert dtype.kind == "f" and "beyond" in str(error)
    else:
        assert after.computed and after.stored is None
        if dtype.kind == "f":
            assert np.isfinite(after.pixels).all()
    assert np.array_equal(pixels, before)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_float_dtypes_stay(dtype: np.dtype) -> None:
    pixels = np.array([[1.5, -2.0], [0.25, 8.0]], dtype)
    assert run(pixels, models.Invert()).pixels.tolist() == [[4.5, 8.0], [5.75, -2.0]]
    assert run(pixels, models.Ground()).pixels.tolist() == [[3.5, 0.0], [2.25, 10.0]]
    for operation in (models.Invert(), models.Ground(), models.Threshold(high=3)):
        assert run(pixels, operation).pixels.dtype == dtype


@pytest.mark.parametrize(
    ("dtype", "expected"), [("uint8", "float64"), ("int64", "float64"), ("float32", "float32"),
                            ("float16", "float64"), ("float64", "float64"), ("bool", "float64")],
)  # fmt: skip
def test_normalize_gives_float(dtype: str, expected: str) -> None:
    after = run(np.array([[0, 1], [1, 0]], dtype), models.Normalize())
    assert after.pixels.dtype == expected
    assert after.pixels.max() == 1


def test_normalize_as_pylinac_does() -> None:
    pixels = np.array([[3, 7], [10, 4]], np.uint16)
    assert np.array_equal(run(pixels, models.Normalize()).pixels, pixels / pixels.max())
    assert np.array_equal(run(pixels, models.Normalize(to=4.0)).pixels, pixels / 4)
    assert run(pixels, models.Normalize(to=4.0)).history == ("normalized (value / 4)",)


@pytest.mark.parametrize(
    ("pixels", "operation", "message"),
    [
        ([[0, 0]], models.Normalize(), "normalize: the maximum is 0, not above 0; ground the image first"),
        ([[-4, -3]], models.Normalize(), "normalize: the maximum is -3, not above 0; ground the image first"),
        ([[1, 2]], models.Normalize(to=0.0), "normalize: division by 0"),
        ([[1.5]], models.BitInvert(), "bit_invert is for integers and the values are float64; use invert"),
    ],
)
def test_refusals(pixels: Any, operation: models.AnyOperation, message: str) -> None:
    with pytest.raises(ProcessError) as caught:
        run(pixels, operation)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "operation",
    [models.Invert(), models.Ground(), models.Normalize(), models.Binary(at=0), models.Rotate(degrees=5),
     models.Filter(size=models.FilterSize(value=3))],
    ids=lambda operation: operation.op,
)  # fmt: skip
def test_what_is_no_number_is_refused_and_counted(operation: models.AnyOperation) -> None:
    pixels = np.array([[np.nan, 1.0, np.inf], [0.0, 2.0, 3.0]])
    with pytest.raises(ProcessError) as caught:
        run(pixels, operation)
    assert str(caught.value) == f"{operation.op} needs numbers and 2 of 6 values are NaN or infinite"


def test_nan_stays_nan_where_each_value_stands_for_itself() -> None:
    pixels = np.array([[np.nan, 1.0, 5.0]])
    for operation in (models.Threshold(low=2), models.Rescale(slope=2.0), models.Normalize(to=2.0)):
        after = run(pixels, operation).pixels
        assert np.isnan(after).tolist() == [[True, False, False]]


@pytest.mark.parametrize("dtype", [*INTEGERS, np.dtype(bool)], ids=str)
def test_bit_invert(dtype: np.dtype) -> None:
    pixels = extremes(dtype)
    after = run(pixels, models.BitInvert()).pixels
    assert after.dtype == dtype
    if dtype.kind == "b":
        assert after.tolist() == [[True, False, False]]
    else:
        limits = np.iinfo(dtype)
        assert whole(after) == [limits.max + limits.min - value for value in whole(pixels)]


def test_invert_ends_units_and_turns_monochrome1() -> None:
    image = Image(
        np.array([[1, 5]], np.int16),
        photometric="MONOCHROME1",
        units="HU",
        stored=Stored(np.array([[1, 5]], np.int16), 1.0, 0.0, "HU", 16),
    )
    after = apply(image, [models.Invert()])
    assert (after.units, after.photometric, after.stored, after.computed) == (None, "MONOCHROME2", None, True)
    again = apply(image.replace(photometric="MONOCHROME2"), [models.Invert()])
    assert again.photometric == "MONOCHROME2"


@pytest.mark.parametrize(
    ("operation", "units"),
    [(models.Threshold(low=1), "HU"), (models.Cast(dtype="int32"), "HU"), (models.Ground(), None),
     (models.Binary(at=1), None), (models.Rescale(slope=2.0), None), (models.Normalize(), None),
     (models.BitInvert(), None)],
    ids=lambda value: getattr(value, "op", str(value)),
)  # fmt: skip
def test_units_stay_where_values_keep_their_meaning(
    operation: models.AnyOperation, units: str | None
) -> None:
    assert run(np.array([[1, 2]], np.int16), operation, units="HU").units == units


WITH_COLOUR = {"crop", "flip_vertical", "flip_horizontal", "rotate90", "roll", "rotate", "mask"}


@pytest.mark.parametrize("name", sorted(models.OPERATIONS.keys() - WITH_COLOUR - KNOWING))
def test_colour_is_refused(name: str) -> None:
    options: dict[str, Any] = {
        "filter": {"size": 3}, "threshold": {"low": 1}, "binary": {"at": 1}, "cast": {"dtype": "int8"},
        "rescale": {"slope": 2.0},
    }.get(name, {})  # fmt: skip
    operation: Any = models.OPERATIONS[name](**options)
    with pytest.raises(ProcessError) as caught:
        run(np.zeros((2, 2, 3), np.uint8), operation, photometric="RGB")
    assert str(caught.value) == (
        f"{name} works on one value per pixel and this image is RGB; choose a channel of the source"
    )


def test_rescale_dtype_follows_the_dtype_and_not_the_values() -> None:
    small, large = np.array([[0, 1]], np.uint16), np.array([[0, 65535]], np.uint16)
    operation = models.Rescale(slope=1.0, intercept=-1000.0)
    assert run(small, operation).pixels.dtype == run(large, operation).pixels.dtype == np.int32
    assert run(small, models.Rescale(slope=0.5)).pixels.tolist() == [[0.0, 0.5]]
