"""Where a pixel is, against formulas written down from the standard: turned, flipped and oblique images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.imaging.image import Geometry, Image, PatientPlane, SourceFile
from dicombake.pipeline.report.html.overlays import overlays
from dicombake.pipeline.report.html.place import (
    described,
    gantry_place,
    letters,
    patient_place,
    receptor_place,
)
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

NUMBERS = st.floats(-500, 500)
ANGLES = st.floats(0, 360, exclude_max=True)


def turned(angle: float, *, flipped: bool) -> tuple[float, ...]:
    """Direction cosines of a row and a column that are turned in the receptor's plane."""
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    sign = 1.0 if flipped else -1.0
    return (cosine, sine, 0.0, -sign * sine, sign * cosine, 0.0)


@given(st.tuples(NUMBERS, NUMBERS), ANGLES, st.booleans(), ANGLES, st.tuples(NUMBERS, NUMBERS))
def test_a_pixel_of_a_projection_image(
    start: tuple[float, float], angle: float, flipped: bool, receptor: float, moved: tuple[float, float]
) -> None:
    orientation: Any = turned(angle, flipped=flipped)
    geometry = Geometry(
        spacing=(0.4, 0.3),
        position=start,
        orientation=orientation,
        translation=(*moved, -500.0),
        receptor_angle=receptor,
    )
    place, gantry = receptor_place(geometry), gantry_place(geometry)
    assert place is not None
    assert gantry is not None
    row, column = 12, 345
    # C.8.8.2: positions advance by a row's direction from column to column, by a column's from row to row
    expected = (
        np.array(start) + column * 0.3 * np.array(orientation[:2]) + row * 0.4 * np.array(orientation[3:5])
    )
    assert place.at(row, column) == pytest.approx(tuple(expected), abs=1e-9)
    radians = math.radians(receptor)
    rotation = np.array([[math.cos(radians), -math.sin(radians)], [math.sin(radians), math.cos(radians)]])
    assert gantry.at(row, column) == pytest.approx(tuple(rotation @ expected + moved), abs=1e-9)
    back = gantry.pixel(*gantry.at(row, column))
    assert back == pytest.approx((row, column), abs=1e-6)


@given(st.lists(NUMBERS, min_size=3, max_size=3), ANGLES, ANGLES)
def test_a_pixel_of_an_oblique_slice(position: list[float], one: float, other: float) -> None:
    a, b = math.radians(one), math.radians(other)
    row = np.array([math.cos(a) * math.cos(b), math.sin(a) * math.cos(b), math.sin(b)])
    column = np.array([-math.sin(a), math.cos(a), 0.0])
    plane = PatientPlane(tuple(position), (*row, *column), None, None)  # type: ignore[arg-type]
    place = patient_place(Geometry(spacing=(0.7, 1.3), patient=plane))
    assert place is not None
    # equation C.7.6.2.1-1, written as a matrix
    matrix = np.column_stack([row * 1.3, column * 0.7, np.array(position)])
    assert place.at(9, 4) == pytest.approx(tuple(matrix @ [4, 9, 1]), abs=1e-9)


def test_directions_have_letters() -> None:
    assert letters((1, 0, 0)) == "L"
    assert letters((0, -1, 0)) == "A"
    assert letters((0, 0.6, 0.8)) == "HP"


def test_nothing_is_invented_where_nobody_knows() -> None:
    assert described(Geometry())["kind"] == "none"
    assert described(Geometry(spacing=(1.0, 1.0)))["kind"] == "spacing"
    assert list(overlays(Image(np.zeros((4, 4)), Geometry(spacing=(1.0, 1.0))))) == []


def device(kind: str, positions: list[float], boundaries: list[float] | None = None) -> Dataset:
    found = Dataset()
    found.RTBeamLimitingDeviceType, found.LeafJawPositions = kind, positions
    if boundaries:
        found.LeafPositionBoundaries = boundaries
    return found


@pytest.mark.parametrize(
    ("collimator", "corner"), [(0.0, (30.0, 40.0)), (90.0, (-40.0, 30.0)), (270.0, (40.0, -30.0))]
)
def test_jaws_turn_with_the_collimator(collimator: float, corner: tuple[float, float]) -> None:
    """X2 = 30 and Y2 = 40 mm at the isocentre; a collimator at 90 degrees takes +X to +Y (IEC 61217)."""
    item, dataset = Dataset(), Dataset()
    item.BeamLimitingDeviceSequence = [device("ASYMX", [-10, 30]), device("ASYMY", [-20, 40])]
    dataset.ExposureSequence = [item]
    geometry = Geometry(
        spacing=(1.0, 1.0), position=(-100.0, 100.0), sid=1500.0, sad=1000.0, collimator=collimator
    )
    image = Image(
        np.zeros((201, 201)), geometry, sources=(SourceFile(path=None, format="xim", attributes=dataset),)
    )  # type: ignore[arg-type]
    drawn = {overlay.name: overlay for overlay in overlays(image)}
    assert drawn["isocentre"].marks == [(100.0, 100.0)]
    column, row = drawn["jaws"].lines[0][2]
    assert (column - 100, 100 - row) == pytest.approx((1.5 * corner[0], 1.5 * corner[1]))
