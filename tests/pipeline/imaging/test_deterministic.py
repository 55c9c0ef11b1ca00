"""Arithmetic whose last bit must not depend on the machine: against decimals, scipy and fixed digests."""

from __future__ import annotations

import ast
import hashlib
import math
import re
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.imaging.deterministic import cosine_and_sine, exponential, extremes, settled
from dicombake.pipeline.imaging.move import Move
from dicombake.pipeline.loaders.dicom.ybr import rgb_of_ybr
from dicombake.pipeline.process.smoothing import gaussian
from dicombake.pipeline.process.splines import resampled
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ...pydicom_api import convert_color_space

PIPELINE = Path(__file__).resolve().parents[3] / "pipeline"


@given(st.floats(-1e6, 1e6))
def test_cosine_and_sine_are_within_a_bit_of_the_c_library(degrees: float) -> None:
    angle = math.radians(math.fmod(degrees, 360.0))
    cosine, sine = cosine_and_sine(degrees)
    assert cosine == pytest.approx(math.cos(angle), abs=1e-15)
    assert sine == pytest.approx(math.sin(angle), abs=1e-15)


@pytest.mark.parametrize("quarters", range(-5, 6))
def test_quarter_turns_are_exact(quarters: int) -> None:
    assert cosine_and_sine(90.0 * quarters) == ([1, 0, -1, 0][quarters % 4], [0, 1, 0, -1][quarters % 4])


def test_the_last_bit_is_the_rounded_one() -> None:
    """cos 60 is 1/2 and sin 45 the root of 1/2, whatever a library makes of pi/3."""
    assert cosine_and_sine(60.0)[0] == 0.5
    assert cosine_and_sine(-300.0)[0] == 0.5
    assert cosine_and_sine(150.0)[1] == 0.5
    assert cosine_and_sine(45.0) == (math.sqrt(0.5), math.sqrt(0.5))


@given(st.floats(-700, 0), st.floats(0.01, 100))
def test_an_exponential_is_rounded_once(power: float, by: float) -> None:
    with localcontext() as context:
        context.prec = 80
        assert exponential(power, divided_by=by) == float((Decimal(power) / Decimal(by)).exp())


def test_nan_is_one_and_zeros_of_a_range_are_positive() -> None:
    odd = np.array([0xFFF8000000000123, 0x7FF0000000000001], np.uint64).view(np.float64)
    assert settled(odd).view(np.uint64).tolist() == [0x7FF8000000000000] * 2
    zeros = np.array([-0.0, 0.0] * 40)
    for pixels in (zeros, zeros[::-1], zeros[:1]):
        assert [math.copysign(1, end) for end in extremes(pixels)] == [1.0, 1.0]
    whole = np.array([3, 4], np.uint8)
    assert settled(whole) is whole and extremes(whole) == (3, 4)


TURN = cosine_and_sine(17.3)
MOVE = Move(((TURN[0], TURN[1]), (-TURN[1], TURN[0])), (-3.1, 4.7))


@pytest.mark.parametrize("shape", [(30, 41), (5, 3), (1, 7), (64, 2)])
@pytest.mark.parametrize("order", range(6))
def test_splines_are_scipys(order: int, shape: tuple[int, int]) -> None:
    """scipy's own margin of 12 pixels is too narrow for the higher orders, so it gets a wider image."""
    values = np.random.default_rng(order).normal(size=shape) * 100
    wide = np.pad(values, 40, mode="edge")
    grid = np.mgrid[0 : shape[0], 0 : shape[1]].astype(float)
    places = [
        np.clip(matrix[0] * grid[0] + matrix[1] * grid[1] + offset, -28, size + 27) + 40
        for matrix, offset, size in zip(MOVE.matrix, MOVE.offset, shape, strict=True)
    ]
    expected = ndimage.map_coordinates(wide, places, order=order, mode="nearest")
    assert np.abs(resampled(values, MOVE, order) - expected).max() < 1e-8


@settings(max_examples=30)
@given(sigma=st.tuples(st.floats(0.01, 6), st.floats(0.01, 6)), seed=st.integers(0, 99))
def test_the_gaussian_is_scipys(sigma: tuple[float, float], seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(19, 23)) * 1000
    expected = ndimage.gaussian_filter(values, sigma, mode="nearest")
    assert np.abs(gaussian(values, sigma) - expected).max() < 1e-10


def test_bands_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(5).normal(size=(37, 29))
    whole = gaussian(values, (2.0, 1.0)), resampled(values, MOVE, 3)
    for module in ("smoothing", "splines"):
        monkeypatch.setattr(f"dicombake.pipeline.process.{module}._BAND", 64)
    assert np.array_equal(gaussian(values, (2.0, 1.0)), whole[0])
    assert np.array_equal(resampled(values, MOVE, 3), whole[1])


def test_the_bits_are_those_of_every_machine() -> None:
    """Digests made once, on x86-64; any other processor, compiler or library must give the same."""
    values = (np.arange(48 * 64, dtype=np.float64).reshape(48, 64) * 2654435761 % 65536) / 3.0
    digests = {
        "gaussian": hashlib.sha256(gaussian(values, (1.3, 2.7)).tobytes()).hexdigest()[:16],
        **{
            f"order {order}": hashlib.sha256(resampled(values, MOVE, order).tobytes()).hexdigest()[:16]
            for order in range(6)
        },
    }
    assert digests == {
        "gaussian": "6ede1e627e0174b7",
        "order 0": "eb4e8833997e3b82",
        "order 1": "c96f8e686f96cb14",
        "order 2": "2fc9ebd0881ba99a",
        "order 3": "b1e64d86134b9c25",
        "order 4": "08ac828e7e955f8e",
        "order 5": "a094e36aba0a4d0b",
    }


def test_ybr_is_the_standards_equation_rounded_once() -> None:
    """Every chroma with some lumas, against exact fractions; pydicom is one level off at most."""
    chroma = np.stack(np.meshgrid(np.arange(256), np.arange(256)), axis=-1)  # [red, blue]
    for luma in (0, 1, 100, 255):
        ybr = np.dstack([np.full((256, 256), luma), chroma]).astype(np.uint8)
        rgb = rgb_of_ybr(ybr)
        assert np.abs(rgb.astype(int) - convert_color_space(ybr, "YBR_FULL", "RGB")).max() <= 1
        for blue, red in ((0, 0), (3, 250), (128, 128), (201, 77), (255, 255), (253, 128), (128, 3)):
            exact = [
                luma + Fraction(1402, 1000) * (red - 128),
                luma
                - (114 * Fraction(1772, 1000) * (blue - 128) + 299 * Fraction(1402, 1000) * (red - 128))
                / 587,
                luma + Fraction(1772, 1000) * (blue - 128),
            ]
            rounded = [min(255, max(0, math.floor(value + Fraction(1, 2)))) for value in exact]
            assert rgb[red, blue].tolist() == rounded


SUMS = re.compile(
    "sum|mean|average|std|var|dot|matmul|einsum|vdot|inner|tensordot|cumsum|trapezoid|convolve|correlate"
    "|linspace|logspace|percentile|quantile|interp|polyfit"
)
FUNCTIONS = re.compile(
    "exp2?|expm1|log(2|10|1p)?|a?(sin|cos|tan)h?|arc(sin|cos|tan2?)|atan2|(float_)?power|pow|hypot|cbrt"
    "|degrees|radians|deg2rad|rad2deg"
)
HARMLESS = {
    # sums of whole numbers, which no order changes
    ("exporters/pictures/colour.py", "sum"),
    ("loaders/xim/pixels.py", "sum"),
    ("loaders/xim/pixels.py", "cumsum"),
    ("loaders/xim/pixels.py", "@"),
    ("samples/xim.py", "cumsum"),
    ("process/values.py", "sum"),
    ("process/fields.py", "sum"),
    ("samples/xim.py", "sum"),
    # a picture in a notebook; no output
    ("imaging/thumbnail.py", "percentile"),
    # compared with a bound; never written
    ("exporters/pictures/jpg.py", "mean"),
    ("testing/expecting.py", "mean"),
    ("imaging/tolerances.py", "hypot"),
    ("loaders/dicom/stack.py", "hypot"),
    ("loaders/dicom/stack.py", "atan2"),
    ("loaders/dicom/stack.py", "degrees"),
    ("exporters/dicom/ct_series.py", "@"),
    ("exporters/volumes/nifti.py", "@"),
    # the tilt of slices, in a note of three digits
    ("process/resampling/lattice.py", "atan2"),
    ("process/resampling/lattice.py", "degrees"),
    # in a message, and compared with a bound
    ("loaders/volumes/grid.py", "asin"),
    ("loaders/volumes/grid.py", "acos"),
    ("loaders/volumes/grid.py", "degrees"),
    # a percentile is interpolated between two values, which no order changes
    ("report/html/shown.py", "percentile"),
    # the one place for them
    ("imaging/deterministic.py", "exp"),
}


def test_no_sum_or_function_of_the_machine_reaches_an_output() -> None:
    """A new use is either harmless, and listed with the reason, or takes its number from `deterministic`."""
    found = set()
    for path in sorted(PIPELINE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = path.relative_to(PIPELINE).as_posix()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name = node.func.attr
                found |= {(place, name)} if SUMS.fullmatch(name) or FUNCTIONS.fullmatch(name) else set()
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
                found.add((place, "@"))
    assert found - HARMLESS == set()
