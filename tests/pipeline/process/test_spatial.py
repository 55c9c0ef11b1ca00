"""Moving pixels: values arrive where they should, and each keeps its place in the room."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.errors import ProcessError
from dicombake.pipeline.imaging.image import Geometry, Image, Origin, PatientPlane, SourceFile, Stored
from dicombake.pipeline.process.apply import OPERATIONS, apply
from dicombake.schemas import process as models
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs

FILE = Origin("file", "there")
TILTED = (0.8, 0.6, 0.0, 0.36, -0.48, 0.8)
"""Two directions of length 1 at a right angle."""

MOVES = st.one_of(
    st.builds(
        models.Crop,
        top=st.integers(0, 3),
        bottom=st.integers(0, 3),
        left=st.integers(0, 3),
        right=st.integers(0, 3),
    ),
    st.builds(models.FlipVertical),
    st.builds(models.FlipHorizontal),
    st.builds(models.Rotate90, turns=st.integers(-5, 5)),
    st.builds(models.Roll, rows=st.integers(-20, 20), columns=st.integers(-20, 20)),
)


def numbered(rows: int, columns: int, **geometry: object) -> Image:
    """An image in which every pixel has a value of its own."""
    pixels = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    stored = Stored((pixels * 2).astype(np.int32), 0.5, 0.0, None, 32)
    return Image(pixels, geometry=Geometry().having(FILE, **geometry), stored=stored)


def slice_of(rows: int, columns: int) -> Image:
    plane = PatientPlane((10.0, -20.0, 30.0), TILTED, 2.0, 2.0)
    return numbered(rows, columns, spacing=(0.5, 0.75), patient=plane)


def receptor_of(rows: int, columns: int) -> Image:
    orientation = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
    return numbered(rows, columns, spacing=(0.5, 0.75), position=(-11.0, 7.0), orientation=orientation)


def place(image: Image, row: int, column: int) -> tuple[float, ...]:
    """Where a pixel lies, written out from PS3.3 C.7.6.2.1.1 for itself."""
    geometry = image.geometry
    start, directions = (
        (geometry.patient.position, geometry.patient.orientation)
        if geometry.patient
        else (geometry.position, geometry.orientation)
    )
    assert start is not None and directions is not None and geometry.spacing is not None
    return tuple(
        start[axis]
        + directions[axis] * geometry.spacing[1] * column
        + directions[3 + axis] * geometry.spacing[0] * row
        for axis in range(len(start))
    )


@given(
    rows=st.integers(1, 12),
    columns=st.integers(1, 12),
    moves=st.lists(MOVES, max_size=6),
    patient=st.booleans(),
)
def test_every_pixel_keeps_its_place(
    rows: int, columns: int, moves: list[models.AnyOperation], patient: bool
) -> None:
    before = slice_of(rows, columns) if patient else receptor_of(rows, columns)
    try:
        after = apply(before, moves)
    except ProcessError as error:
        assert "leaves nothing" in str(error)
        assume(False)
        return
    wrapped = any(note.code == "roll-wraps" for note in after.notes)
    true = 0
    for (row, column), value in np.ndenumerate(after.pixels):
        old = divmod(int(value), columns)
        same = math.dist(place(after, row, column), place(before, *old)) < 1e-9
        assert same or wrapped
        true += same
    assert wrapped or true == after.pixels.size
    assert after.stored is not None
    assert np.array_equal(after.stored.pixels, after.pixels * 2)
    assert not after.computed


@given(rows=st.integers(-30, 30), columns=st.integers(-30, 30))
def test_roll_keeps_the_place_of_what_did_not_wrap(rows: int, columns: int) -> None:
    before = receptor_of(7, 9)
    after = apply(before, [models.Roll(rows=rows, columns=columns)])
    assert np.array_equal(after.pixels, np.roll(before.pixels, (rows, columns), (0, 1)))
    true = sum(
        math.dist(place(after, row, column), place(before, *divmod(int(value), 9))) < 1e-9
        for (row, column), value in np.ndenumerate(after.pixels)
    )
    down, along = min(rows % 7, -rows % 7), min(columns % 9, -columns % 9)
    assert true == (7 - down) * (9 - along)
    assert bool(after.notes) == bool(down or along)


@given(moves=st.lists(MOVES, max_size=5))
def test_without_geometry_none_is_made(moves: list[models.AnyOperation]) -> None:
    try:
        after = apply(numbered(12, 12), moves)
    except ProcessError:
        assume(False)
        return
    assert after.geometry == Geometry()


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (models.Crop(top=1, right=1), [[4, 5]]),
        (models.FlipVertical(), [[4, 5, 6], [1, 2, 3]]),
        (models.FlipHorizontal(), [[3, 2, 1], [6, 5, 4]]),
        (models.Rotate90(), [[3, 6], [2, 5], [1, 4]]),
        (models.Rotate90(turns=2), [[6, 5, 4], [3, 2, 1]]),
        (models.Rotate90(turns=-1), [[4, 1], [5, 2], [6, 3]]),
        (models.Roll(rows=1), [[4, 5, 6], [1, 2, 3]]),
        (models.Roll(columns=1), [[3, 1, 2], [6, 4, 5]]),
    ],
)
def test_as_displayed(operation: models.AnyOperation, expected: list[list[int]]) -> None:
    image = Image(np.array([[1, 2, 3], [4, 5, 6]], np.uint8))
    after = apply(image, [operation])
    assert after.pixels.tolist() == expected
    assert after.pixels.flags.c_contiguous
    assert len(after.history) == 1


@pytest.mark.parametrize(
    "operation",
    [models.Crop(), models.Rotate90(turns=8), models.Roll(rows=4, columns=-6), models.Rotate(degrees=720)],
)
def test_what_changes_nothing_gives_the_same_image(operation: models.AnyOperation) -> None:
    image = receptor_of(4, 6)
    assert apply(image, [operation]) is image


@pytest.mark.parametrize("name", ["flip_vertical", "flip_horizontal", "rotate90"])
def test_inverses_give_everything_back(name: str) -> None:
    image = receptor_of(5, 8)
    times = 4 if name == "rotate90" else 2
    after = apply(image, [models.OPERATIONS[name]()] * times)  # type: ignore[list-item]
    assert np.array_equal(after.pixels, image.pixels)
    for field in ("spacing", "position", "orientation"):
        assert getattr(after.geometry, field) == pytest.approx(getattr(image.geometry, field), abs=1e-12)


def test_crop_of_everything_names_the_sizes() -> None:
    with pytest.raises(ProcessError) as caught:
        apply(numbered(30, 40), [models.Crop(top=20, bottom=10)])
    assert str(caught.value) == (
        "crop of 20 + 10 rows and 0 + 0 columns leaves nothing of 30 rows and 40 columns"
    )


def test_crop_moves_the_position_and_says_why() -> None:
    after = apply(receptor_of(10, 10), [models.Crop(top=2, left=4)])
    assert after.geometry.position == (-11.0 + 4 * 0.75, 7.0 - 2 * 0.5)
    assert after.geometry.origins["position"] == Origin("derived", "file (there), crop")
    assert after.history == ("cropped (top 2, left 4)",)


def test_cropping_the_far_edges_needs_no_orientation() -> None:
    image = numbered(10, 10, position=(-11.0, 7.0))
    assert apply(image, [models.Crop(bottom=2, right=1)]).geometry.position == (-11.0, 7.0)


@pytest.mark.parametrize("known", [{"spacing": (0.5, 0.5)}, {"orientation": (1.0, 0, 0, 0, -1.0, 0)}])
def test_a_position_that_cannot_follow_is_dropped(known: dict[str, object]) -> None:
    after = apply(numbered(10, 10, position=(-11.0, 7.0), **known), [models.Crop(top=2)])
    assert after.geometry.position is None
    assert "position" not in after.geometry.origins
    assert [note.code for note in after.notes] == ["position-lost"]


def test_quarter_turn_swaps_the_spacings_and_turns_the_orientation() -> None:
    after = apply(receptor_of(4, 6), [models.Rotate90()])
    assert after.geometry.spacing == (0.75, 0.5)
    assert after.geometry.orientation == (0.0, -1.0, 0.0, -1.0, 0.0, 0.0)
    assert "-0.0" not in repr(after.geometry.orientation)


def test_stored_pixels_are_shared_where_they_are_the_pixels() -> None:
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    image = Image(pixels, stored=Stored(pixels, 1.0, 0.0, None, 12))
    after = apply(image, [models.FlipVertical()])
    assert after.stored is not None and after.stored.pixels is after.pixels


def test_colour_moves_too() -> None:
    image = Image(np.arange(18, dtype=np.uint8).reshape(2, 3, 3), photometric="RGB")
    after = apply(image, [models.Rotate90()])
    assert after.pixels.tolist() == np.rot90(image.pixels).tolist()


def test_errors_name_the_file() -> None:
    image = numbered(2, 2).replace(sources=(SourceFile(Path("field.dcm"), "dicom"),))
    with pytest.raises(ProcessError, match=r"^field\.dcm: crop of"):
        apply(image, [models.Crop(top=2)])


def test_every_operation_of_the_language_has_its_function() -> None:
    assert set(OPERATIONS) == set(models.OPERATIONS)


def test_moving_leaves_the_source_image_as_it_was() -> None:
    image = receptor_of(6, 6)
    kept = structs.replace(image, pixels=image.pixels.copy())
    apply(image, [models.FlipVertical(), models.Crop(top=1), models.Rotate90(), models.Roll(rows=1)])
    assert np.array_equal(image.pixels, kept.pixels) and image.geometry == kept.geometry
