"""Dark field, flood field, calibration and padding: known answers, exact arithmetic, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import ProcessError
from dicombake.pipeline.imaging.image import Geometry, Image, Origin, PatientPlane, SourceFile
from dicombake.pipeline.loaders.options import Limits, XimOptions
from dicombake.pipeline.loaders.registry import load
from dicombake.pipeline.process.apply import apply
from dicombake.pipeline.process.known import Known
from dicombake.schemas import process as models
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from msgspec import structs

KINDS = st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint32])


def known(folder: Path, **files: Any) -> Known:
    """Arrays in files, and text, by the name that a recipe would give."""
    named = {}
    for name, content in files.items():
        path = folder / name
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        else:
            with path.open("wb") as file:
                np.save(file, content)
        named[name] = (path,)
    return Known(named, Limits())


def run(pixels: np.ndarray, operation: Any, found: Known | None = None, **more: Any) -> Image:
    return apply(Image(pixels, **more), [operation], found)


@given(st.data())
def test_differences_of_integers_are_exact(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    one = data.draw(arrays(data.draw(KINDS), (2, 3)))
    other = data.draw(arrays(data.draw(KINDS), (2, 3)))
    floor = data.draw(st.none() | st.integers(-(2**33), 2**33))
    found = known(tmp_path_factory.mktemp("dark"), dark=other)
    operation = models.Subtract(by="dark", floor=None if floor is None else float(floor))
    after = run(one, operation, found).pixels
    meant = [int(a) - int(b) for a, b in zip(one.flat, other.flat, strict=True)]
    assert [int(value) for value in after.flat] == [
        value if floor is None else max(value, floor) for value in meant
    ]
    again = run(np.zeros_like(one), operation, found).pixels
    assert again.dtype == after.dtype


def test_dark_and_flood_give_the_answer_that_is_known(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    signal = rng.integers(1, 1000, (8, 9)).astype(np.float64)
    gain = rng.integers(1, 8, (8, 9)) / 4
    dark = rng.integers(90, 110, (8, 9)).astype(np.uint16)
    raw = (signal * gain * 4 + dark).astype(np.uint16)
    flood = (gain * 4).astype(np.float32)
    found = known(tmp_path, dark=dark, flood=flood)
    after = apply(
        Image(raw, units="counts"), [models.Subtract(by="dark", floor=0.0), models.Divide(by="flood")], found
    )
    assert np.array_equal(after.pixels, signal)
    assert after.units is None and after.computed
    assert after.history == ("'dark' subtracted, values below 0 set to it", "divided by 'flood'")


def test_a_divisor_of_0_is_refused_or_floored(tmp_path: Path) -> None:
    flood = np.array([[1.0, 0.0], [2.0, 4.0]])
    found = known(tmp_path, flood=flood)
    with pytest.raises(ProcessError, match="is 0 in 1 pixels, first in row 0, column 1"):
        run(np.ones((2, 2)), models.Divide(by="flood"), found)
    assert run(np.ones((2, 2)), models.Divide(by="flood", floor=0.5), found).pixels.tolist() == [
        [1, 2], [0.5, 0.25],
    ]  # fmt: skip


def test_another_shape_is_refused(tmp_path: Path) -> None:
    found = known(tmp_path, dark=np.zeros((3, 2), np.uint8))
    for operation in (models.Subtract(by="dark"), models.Divide(by="dark")):
        with pytest.raises(ProcessError, match="has 3 rows and 2 columns, and this image 2 and 2"):
            run(np.ones((2, 2)), operation, found)
        with pytest.raises(ProcessError, match="is no file that is known here"):
            run(np.ones((2, 2)), operation)


TABLE = "response,dose\n0,0\n10,0.5\n30,2\n40,6\n"


def test_calibration_is_linear_between_the_rows(tmp_path: Path) -> None:
    values = np.array([[0, 10, 30, 40], [5, 20, 35, 1]], np.uint16)
    after = run(values, models.Calibrate(csv="film", units="gy"), known(tmp_path, film=TABLE))
    assert np.allclose(after.pixels, np.interp(values, [0, 10, 30, 40], [0, 0.5, 2, 6]), rtol=1e-15)
    assert after.pixels[0].tolist() == [0, 0.5, 2, 6]
    assert after.units == "GY" and after.calibrated and after.pixels.dtype == np.float64


@given(st.lists(st.integers(-(10**6), 10**6).map(float), min_size=2, max_size=8, unique=True), st.data())
def test_calibration_is_numpys_interpolation(
    tmp_path_factory: pytest.TempPathFactory, knots: list[float], data: Any
) -> None:
    knots = sorted(knots)
    ends = sorted(data.draw(st.lists(st.floats(-1e6, 1e6), min_size=len(knots), max_size=len(knots))))
    if data.draw(st.booleans()):
        ends.reverse()
    text = "\n".join(f"{a!r};{b!r}" for a, b in zip(knots, ends, strict=True))
    values = np.array([data.draw(st.lists(st.floats(-2e6, 2e6), min_size=1, max_size=9))])
    found = known(tmp_path_factory.mktemp("film"), film=text)
    after = run(values, models.Calibrate(csv="film", outside="clip"), found).pixels
    meant = np.interp(values, knots, ends)
    assert np.allclose(after, np.clip(meant, min(ends), max(ends)), rtol=1e-9, atol=1e-6)
    assert after.min() >= min(ends) - 1e-6 and after.max() <= max(ends) + 1e-6


@pytest.mark.parametrize(
    "table, told",
    [
        ("0,0\n10,1\n10,2\n", "does not rise"),
        ("0,0\n10,1\n20,0.5\n", "goes up and down"),
        ("0,0\n", "has 1 lines of numbers"),
        ("0,0\nx,1\n", "line 2 of 'film' is not two numbers"),
        ("0,0,0\n1,1,1\n", "line 1 of 'film' is not two numbers"),
        ("0,0\n10,nan\n", "is not two numbers"),
        ("0,0\n4,1\n", "values from 0 to 5 are beyond the table 'film', which goes from 0 to 4"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, table: str, told: str) -> None:
    with pytest.raises(ProcessError, match=told):
        run(np.array([[0, 5]]), models.Calibrate(csv="film"), known(tmp_path, film=table))


def placed(pixels: np.ndarray) -> Image:
    plane = PatientPlane((10.0, -20.0, 30.0), (0.8, 0.6, 0.0, 0.36, -0.48, 0.8), 2.0, 2.0)
    geometry = Geometry().having(Origin("file"), spacing=(0.5, 0.75), patient=plane)
    return Image(pixels, geometry=geometry, sources=(SourceFile(Path("a"), "volume"),))


@given(*[st.integers(0, 4)] * 4)
def test_cropping_undoes_padding_place_included(top: int, bottom: int, left: int, right: int) -> None:
    image = placed(np.arange(12, dtype=np.int16).reshape(3, 4))
    edges = {"top": top, "bottom": bottom, "left": left, "right": right}
    padded = apply(image, [models.Pad(**edges, value=-7.0)])
    assert padded.pixels.shape == (3 + top + bottom, 4 + left + right)
    assert padded.pixels.dtype == np.int16
    back = apply(padded, [models.Crop(**edges)])
    assert np.array_equal(back.pixels, image.pixels)
    one, other = back.geometry.patient, image.geometry.patient
    assert one is not None and other is not None
    assert np.allclose(one.position, other.position, atol=1e-12)
    assert int((padded.pixels == -7).sum()) == padded.pixels.size - 12


def test_what_cannot_be_padded_is_refused() -> None:
    with pytest.raises(ProcessError, match="the value -1 does not fit uint8"):
        run(np.zeros((2, 2), np.uint8), models.Pad(top=1, value=-1.0))
    small = Known({}, structs.replace(Limits(), image_pixels=100))
    with pytest.raises(ProcessError, match="more than the limit of 100"):
        run(np.zeros((2, 2), np.uint8), models.Pad(top=1000), small)


@pytest.mark.real
def test_a_raw_frame_of_a_real_panel_takes_dark_and_flood(real: Path) -> None:
    """A frame less itself is 0, divided by itself 1, with its geometry kept."""
    path = real / "xim" / "SN6543_15x_Floodfield-RawKV.xim"
    (raw,) = load(path, XimOptions(), Limits())
    found = Known({"raw": (path,)}, Limits())
    dark = apply(raw, [models.Subtract(by="raw")], found)
    assert not dark.pixels.any() and dark.geometry == raw.geometry
    flat = apply(raw, [models.Divide(by="raw", floor=1.0)], found)
    assert np.array_equal(flat.pixels, np.where(raw.pixels >= 1, 1.0, raw.pixels))
