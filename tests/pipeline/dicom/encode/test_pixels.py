from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from dicombake.pipeline.dicom.encode.encoding import (
    CT_IMAGE,
    MULTI_FRAME,
    RT_IMAGE,
    SECONDARY_CAPTURE,
    Encoded,
)
from dicombake.pipeline.dicom.encode.pixels import encode
from dicombake.pipeline.dicom.encode.rescaling import portable, quantized
from dicombake.pipeline.errors import ExportError
from dicombake.pipeline.imaging.image import Image, Stored
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
FLOATS = ("float16", "float32", "float64")
KINDS = (RT_IMAGE, CT_IMAGE, SECONDARY_CAPTURE)
shapes = st.tuples(st.integers(1, 4), st.integers(1, 4))


def read_back(encoded: Encoded, dtype: np.dtype) -> np.ndarray:
    """What a reader computes: the text of the rescale, in float64, and the dtype of the source."""
    assert encoded.element == "PixelData"
    if encoded.rescale is None:
        return encoded.stored.astype(dtype)
    assert len(encoded.rescale.slope) <= 16
    assert len(encoded.rescale.intercept) <= 16
    values = encoded.stored * np.float64(encoded.rescale.slope) + np.float64(encoded.rescale.intercept)
    return values.astype(dtype)


def any_array():
    return st.sampled_from(("bool", *INTEGERS, *FLOATS)).flatmap(lambda name: arrays(name, shapes))


@given(any_array())
def test_retain_gives_every_dtype_back_bit_for_bit(pixels):
    encoded = encode(Image(pixels), "retain", RT_IMAGE)
    wider = {"bool": "uint8", "float16": "float32"}.get(pixels.dtype.name, pixels.dtype.name)
    assert encoded.stored.dtype == np.dtype(wider)
    assert encoded.rescale is None
    assert encoded.element == {"float32": "FloatPixelData", "float64": "DoubleFloatPixelData"}.get(
        wider, "PixelData"
    )
    assert encoded.stored.astype(pixels.dtype).tobytes() == pixels.tobytes() or np.isnan(pixels).any()
    assert np.array_equal(encoded.stored.astype(pixels.dtype), pixels, equal_nan=pixels.dtype.kind == "f")


def test_retain_keeps_nan_infinity_and_the_sign_of_zero():
    pixels = np.array([[np.nan, -np.inf, -0.0]], np.float32)
    assert encode(Image(pixels), "retain", RT_IMAGE).stored.tobytes() == pixels.tobytes()


@settings(max_examples=300)
@given(any_array(), st.sampled_from(KINDS))
def test_portable_is_exact_or_refused(pixels, kind):
    encoded, reason = portable(pixels, kind)
    if encoded is None:
        assert reason
        return
    assert encoded.stored.dtype.name in kind.dtypes
    assert np.array_equal(read_back(encoded, pixels.dtype), pixels)


@given(
    st.sampled_from(("int32", "int64", "float32", "float64")),
    st.integers(-(2**15), 2**15),
    st.integers(-12, 6),
    arrays(np.uint16, shapes),
)
def test_portable_holds_every_grid_of_65536_steps(name, start, exponent, steps):
    values = np.float64(start) * 2.0**exponent + steps * 2.0**exponent
    pixels = values.astype(name)
    assume(np.array_equal(pixels, values))
    encoded, reason = portable(pixels, RT_IMAGE)
    assert encoded is not None, reason
    assert np.array_equal(read_back(encoded, pixels.dtype), pixels)


@settings(max_examples=200)
@given(st.sampled_from((*INTEGERS, *FLOATS)).flatmap(lambda name: arrays(name, shapes)))
@example(np.array([[0.1, 0.1]], np.float32))
@example(np.array([[2**63, 2**64 - 1]], np.uint64))
@example(np.array([[1e308, 1.5e308]]))
def test_quantize_says_its_largest_error(pixels):
    assume(np.isfinite(pixels).all())
    try:
        encoded = encode(Image(pixels, computed=True), "quantize", RT_IMAGE)
    except ExportError as error:
        assert "cannot be told apart in 16 bits" in str(error)
        return
    slope = np.float64(encoded.rescale.slope if encoded.rescale else 1)
    intercept = np.float64(encoded.rescale.intercept if encoded.rescale else 0)
    values = encoded.stored * slope + intercept
    truth = [int(v) if pixels.dtype.kind in "iu" else float(v) for v in pixels.ravel().tolist()]
    worst = max(abs(Fraction(float(v)) - Fraction(t)) for v, t in zip(values.ravel(), truth, strict=True))
    assert encoded.error is not None
    if encoded.error == 0:
        assert np.array_equal(read_back(encoded, pixels.dtype), pixels)
        return
    assert worst <= Fraction(encoded.error) * (1 + Fraction(1, 2**40))


def test_quantize_spends_all_16_bits():
    pixels = np.linspace(-0.75, 2.75, 100_000).reshape(100, 1000)
    encoded = quantized(pixels, RT_IMAGE)
    assert (encoded.stored.min(), encoded.stored.max()) == (0, 65535)
    assert encoded.error == pytest.approx(3.5 / 65535 / 2, rel=1e-2)
    assert [note.code for note in encoded.notes] == ["quantized"]


@pytest.mark.parametrize(
    ("pixels", "dtype", "slope", "intercept"),
    [
        (np.array([[-30000, 30000]], "i2"), "uint16", "1", "-32768"),
        (np.array([[-3, 3]], "i1"), "uint8", "1", "-128"),
        (np.array([[-5, 39995]], "i4"), "uint16", "1", "-5"),
        (np.array([[-0.75, 2.75]], "f4"), "uint16", "0.5", "-0.75"),
        (np.array([[2**-17, 0]], "f8"), "uint16", "7.62939453125E-6", "0"),
        (np.array([[0.1, 0.1]], "f4"), "uint16", "1", "0.10000000149012"),
        (np.array([[0.25, 0.5]], "f8"), "uint16", "0.25", "0"),
        (np.array([[0, 2**20]], "i8"), "uint16", "1048576", "0"),
    ],
)
def test_portable_rescales_of_an_rt_image(pixels, dtype, slope, intercept):
    encoded, reason = portable(pixels, RT_IMAGE)
    assert encoded is not None, reason
    assert encoded.stored.dtype == np.dtype(dtype)
    assert (encoded.rescale.slope, encoded.rescale.intercept) == (slope, intercept)


@pytest.mark.parametrize(
    ("pixels", "dtype"),
    [
        (np.array([[True, False]]), "uint8"),
        (np.array([[0, 255]], "u1"), "uint8"),
        (np.array([[0, 100]], "i1"), "uint8"),
        (np.array([[0, 65535]], "u2"), "uint16"),
        (np.array([[0, 200]], "i4"), "uint16"),
        (np.array([[65535, 0]], "u8"), "uint16"),
        (np.array([[7.0, 7.0]], "f8"), "uint16"),
        (np.array([[-0.0]], "f4"), "uint16"),
    ],
)
def test_values_that_fit_get_no_rescale(pixels, dtype):
    encoded, _ = portable(pixels, RT_IMAGE)
    assert encoded.rescale is None
    assert encoded.stored.dtype == np.dtype(dtype)
    assert np.array_equal(encoded.stored, pixels)


@pytest.mark.parametrize("kind", [CT_IMAGE, SECONDARY_CAPTURE])
def test_hounsfield_units_are_stored_as_they_are(kind):
    pixels = np.array([[-1024, 3071]], "i4")
    encoded, _ = portable(pixels, kind)
    assert encoded.stored.dtype == np.dtype("<i2")
    assert encoded.rescale is None


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.array([[0, np.nan, np.inf]]), "2 values are not finite numbers"),
        (
            np.array([[-5, 70000]], "i4"),
            "values from -5 to 70000 in steps of 1 need 70006 levels, and 16 bits have 65536",
        ),
        (
            np.array([[2**60, 2**60 + 1]], "i8"),
            f"values from {2**60} to {2**60 + 1} are beyond what the decimal text of a rescale can hold",
        ),
        (
            np.array([[2.0**-18, 0]], "f8"),
            "a slope of 3.814697265625e-06 does not fit the 16 characters of a DICOM decimal string",
        ),
    ],
)
def test_portable_says_why_it_cannot(pixels, reason):
    with pytest.raises(ExportError) as caught:
        encode(Image(pixels), "portable", RT_IMAGE)
    assert str(caught.value) == f"cannot be stored exactly in 16 bits: {reason}; use 'pixels: quantize'"


def test_auto_retains_what_is_straight_from_its_source():
    assert encode(Image(np.array([[0.5]])), "auto", RT_IMAGE).element == "DoubleFloatPixelData"


def test_auto_is_portable_where_that_is_exact_and_quantizes_where_not():
    exact = encode(Image(np.array([[0.5, 0.0]]), computed=True), "auto", RT_IMAGE)
    assert (exact.rescale.slope, exact.error) == ("0.5", None)
    rounded = encode(Image(np.array([[0.1, 0.2, 0.4]]), computed=True), "auto", RT_IMAGE)
    assert rounded.error is not None
    assert rounded.error > 0


@pytest.mark.parametrize("how", ["auto", "retain", "portable"])
def test_a_dicom_source_keeps_its_integers_and_its_rescale(how):
    integers = np.array([[5, 4095]], np.uint16)
    stored = Stored(integers, 2.8244119574e-06, -1.5, "GY", 12)
    image = Image(integers * stored.slope + stored.intercept, stored=stored)
    encoded = encode(image, how, RT_IMAGE)
    assert np.array_equal(encoded.stored, integers)
    assert float(encoded.rescale.slope) == stored.slope
    assert float(encoded.rescale.intercept) == stored.intercept
    assert (encoded.rescale.kind, encoded.bits_stored) == ("GY", 12)


def test_few_stored_bits_are_raised_to_what_the_kind_allows():
    stored = Stored(np.array([[1]], np.uint16), 1, 0, None, 10)
    image = Image(stored.pixels, stored=stored)
    assert encode(image, "auto", RT_IMAGE).bits_stored == 12
    assert encode(image, "auto", SECONDARY_CAPTURE).bits_stored == 10


def test_an_identity_rescale_is_not_written():
    stored = Stored(np.array([[1]], np.uint16), 1, 0, "US", 16)
    assert encode(Image(stored.pixels, stored=stored), "auto", RT_IMAGE).rescale is None


def test_a_source_of_32_bits_is_portable_through_its_values():
    stored = Stored(np.array([[0, 131070]], np.uint32), 0.5, 0, None, 32)
    image = Image(stored.pixels * 0.5, stored=stored)
    encoded = encode(image, "portable", RT_IMAGE)
    assert encoded.stored.tolist() == [[0, 65535]]
    assert encoded.rescale is None


@pytest.mark.parametrize("name", ["int8", "int32", "uint32", "int64", "uint64", "float32", "float64"])
def test_a_dtype_outside_the_iod_is_told_and_names_portable(name):
    encoded = encode(Image(np.zeros((2, 2), name)), "retain", RT_IMAGE)
    assert [note.text for note in encoded.notes] == [
        f"an RT Image may not hold {name}, and few programs read it there; "
        "use 'pixels: portable' for one that all do"
    ]


def test_multi_frame_kinds_have_no_rescale():
    with pytest.raises(ExportError) as caught:
        encode(Image(np.array([[-1]], "i2")), "portable", MULTI_FRAME)
    assert str(caught.value) == (
        "cannot be stored exactly in 16 bits: a multi-frame Secondary Capture has no rescale, and the values "
        "are not whole numbers from 0 to 65535; use one file per page ({page} in 'path')"
    )
    with pytest.raises(ExportError) as caught:
        encode(Image(np.array([[0.1]])), "quantize", MULTI_FRAME)
    assert str(caught.value) == (
        "a multi-frame Secondary Capture has no rescale, which quantized values need; "
        "use one file per page ({page} in 'path')"
    )


def test_an_image_without_pixels_is_refused():
    with pytest.raises(ExportError, match="has no pixels"):
        encode(Image(np.zeros((0, 4), np.uint8)), "auto", RT_IMAGE)


def test_big_endian_arrays_are_stored_little_endian():
    pixels = np.array([[1, 2]], ">u2")
    assert encode(Image(pixels), "retain", RT_IMAGE).stored.tobytes() == b"\1\0\2\0"
