"""What a recipe says of the geometry against what the file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import GeometryError
from dicombake.pipeline.imaging.geometry import axis_pixel, axis_position, resolve
from dicombake.pipeline.imaging.image import Geometry, Image, Origin, PatientPlane, SourceFile
from dicombake.pipeline.imaging.stated import Stated
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

FILE = {
    "sid": "RTImageSID", "sad": "RadiationMachineSAD", "spacing": "ImagePlanePixelSpacing",
    "position": "RTImagePosition", "orientation": "RTImageOrientation", "gantry": "GantryAngle",
    "translation": "XRayImageReceptorTranslation", "couch": "PatientSupportAngle",
}  # fmt: skip
EPID: dict[str, Any] = {
    "sid": 1500.0, "sad": 1000.0, "spacing": (0.4, 0.2), "position": (-1.9, 1.8), "gantry": 359.98,
    "orientation": (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), "translation": (3.0, -2.0, -500.0),
}  # fmt: skip


def fields_of(image: Image) -> tuple[Any, ...]:
    """Return what images are compared by: of pixels whether they are the same array."""
    return tuple(getattr(image, name) for name in image.__struct_fields__)


def image_of(**values: Any) -> Image:
    geometry = Geometry()
    for name, value in values.items():
        geometry = geometry.having(Origin("file", FILE[name]), **{name: value})
    return Image(
        np.zeros((10, 20), np.uint8), geometry=geometry, sources=(SourceFile(Path("epid.dcm"), "dicom"),)
    )


def at(line: int, kind: str = "conversion") -> Origin:
    return Origin(kind, f"film.yaml:{line}")  # type: ignore[arg-type]


def codes(image: Image) -> list[str]:
    return [note.code for note in image.notes]


def test_nothing_stated_changes_nothing() -> None:
    image = image_of(**EPID)
    assert resolve(image, Stated()) == image


def test_dpi_sid_and_angles_fill_an_image_that_says_nothing() -> None:
    stated = Stated(dpi=300.0, sid=1000.0, sad=1000.0, gantry=-90.0, collimator=0.0, couch=0.0)
    after = resolve(image_of(), stated, origins={"dpi": at(4), "sid": at(5)}).geometry
    assert after.spacing == (25.4 / 300, 25.4 / 300)
    assert (after.sid, after.sad, after.gantry, after.collimator, after.couch) == (1000, 1000, 270, 0, 0)
    assert (after.position, after.orientation, after.translation) == (None, None, None)
    assert after.origins == {
        "spacing": Origin("derived", "dpi, conversion (film.yaml:4)"),
        "sid": at(5),
        "sad": Origin("conversion", "geometry.sad"),
        "gantry": Origin("conversion", "geometry.gantry"),
        "collimator": Origin("conversion", "geometry.collimator"),
        "couch": Origin("conversion", "geometry.couch"),
    }


@pytest.mark.parametrize(
    ("scale", "gantry", "collimator", "couch"),
    [
        ("iec61217", 30, 40, 50),
        ("varian_iec", 30, 40, 310),
        ("elekta_iec", 30, 40, 310),
        ("varian_standard", 150, 140, 130),
    ],
)
def test_angles_by_scale(scale: Any, gantry: float, collimator: float, couch: float) -> None:
    after = resolve(image_of(), Stated(gantry=30.0, collimator=40.0, couch=50.0, scale=scale)).geometry
    assert (after.gantry, after.collimator, after.couch) == (gantry, collimator, couch)


@pytest.mark.parametrize("key", ["pixel_spacing", "dpi"])
def test_a_spacing_at_the_isocenter_is_projected(key: str) -> None:
    value: Any = (0.2, 0.3) if key == "pixel_spacing" else 100.0
    after = resolve(image_of(), Stated(**{key: value}, at="isocenter", sid=1500.0, sad=1000.0)).geometry
    expected = (0.2 * 1.5, 0.3 * 1.5) if key == "pixel_spacing" else (0.254 * 1.5, 0.254 * 1.5)
    assert after.spacing == pytest.approx(expected)
    assert after.origins["spacing"].kind == "derived"


def test_the_projection_takes_sid_and_sad_from_the_file_too() -> None:
    after = resolve(image_of(sid=1500.0, sad=1000.0), Stated(pixel_spacing=(0.2, 0.2), at="isocenter"))
    assert after.geometry.spacing == pytest.approx((0.3, 0.3))


@pytest.mark.parametrize(
    ("known", "missing"), [({"sid": 1500.0}, "sad"), ({"sad": 1000.0}, "sid"), ({}, "sid and sad")]
)
def test_the_projection_needs_both(known: dict[str, float], missing: str) -> None:
    with pytest.raises(GeometryError) as caught:
        resolve(image_of(), Stated(dpi=300.0, at="isocenter", **known))
    assert str(caught.value) == (
        f"epid.dcm: geometry.dpi at the isocenter needs sid and sad, and {missing} is not known;"
        f" give geometry.{missing.replace(' and ', ' and geometry.')}, or 'at: image_plane'"
    )


def test_a_weak_spacing_that_does_not_apply_needs_nothing() -> None:
    image = image_of(spacing=(0.4, 0.2))
    assert resolve(image, Stated(dpi=300.0, at="isocenter"), weak=frozenset({"dpi"})) == image


@pytest.mark.parametrize(
    ("stated", "field", "kept"),
    [
        ({"sid": 1000.0}, "sid", 1500.0),
        ({"sad": 900.0}, "sad", 1000.0),
        ({"gantry": 90.0}, "gantry", 359.98),
        ({"dpi": 300.0}, "spacing", (0.4, 0.2)),
        ({"pixel_spacing": (9.0, 9.0)}, "spacing", (0.4, 0.2)),
        ({"center": (0.0, 0.0)}, "position", (-1.9, 1.8)),
        ({"sid": "unknown"}, "sid", 1500.0),
    ],
)
def test_weak_values_only_fill(stated: dict[str, Any], field: str, kept: Any) -> None:
    image = image_of(**EPID)
    weak = frozenset(stated)
    assert resolve(image, Stated(**stated), weak=weak, strict=True) == image
    emptied = image_of(**{name: value for name, value in EPID.items() if name != field})
    filled = resolve(emptied, Stated(**stated), weak=weak, strict=True).geometry
    if "unknown" in stated.values():
        assert filled.sid is None and "sid" in filled.blank
    else:
        assert getattr(filled, field) not in (None, kept)
    strong = resolve(image, Stated(**stated)).geometry
    assert getattr(strong, field) != kept


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ({"sid": 1499.5}, None),
        ({"sid": 1499.4}, "sid-differs"),
        ({"sad": 1000.6}, "sad-differs"),
        ({"gantry": 0.07}, None),
        ({"gantry": 0.1}, "gantry-differs"),
        ({"gantry": 359.85}, "gantry-differs"),
        ({"pixel_spacing": (0.4003, 0.2)}, None),
        ({"pixel_spacing": (0.4, 0.2003)}, "spacing-differs"),
    ],
)
def test_differences_are_reported_beyond_the_bounds(stated: dict[str, Any], code: str | None) -> None:
    image = image_of(**EPID)
    after = resolve(image, Stated(**stated))
    assert codes(after) == ([code] if code else [])
    if code:
        assert after.notes[0].contradiction
        with pytest.raises(GeometryError):
            resolve(image, Stated(**stated), strict=True)
    else:
        assert fields_of(resolve(image, Stated(**stated), strict=True)) == fields_of(after)


def test_a_difference_names_both_values_and_their_places() -> None:
    image = image_of(**EPID)
    stated, origins = Stated(sid=1000.0), {"sid": at(12)}
    text = (
        "geometry.sid is 1000 mm (film.yaml:12) and the file (RTImageSID) says 1500 mm;"
        " the recipe's value is used"
    )
    assert [str(note) for note in resolve(image, stated, origins=origins).notes] == [text]
    with pytest.raises(GeometryError) as caught:
        resolve(image, stated, origins=origins, strict=True)
    assert str(caught.value) == (
        f"epid.dcm: {text}; correct one of the two, or leave the key out of the recipe"
    )


def test_another_sid_keeps_the_pixels_and_moves_the_receptor() -> None:
    after = resolve(image_of(**EPID), Stated(sid=1400.0)).geometry
    assert (after.sid, after.spacing, after.position) == (1400, (0.4, 0.2), (-1.9, 1.8))
    assert after.translation == (3.0, -2.0, -400.0)
    assert after.origins["translation"] == Origin("derived", "XRayImageReceptorTranslation, sad, sid")


def test_a_translation_that_never_fitted_is_dropped_with_the_sid() -> None:
    after = resolve(image_of(**{**EPID, "translation": (3.0, -2.0, 7.0)}), Stated(sid=1400.0))
    assert after.geometry.translation is None and "translation" in after.geometry.blank
    assert "translation-lost" in codes(after)


def test_another_spacing_keeps_the_axis_on_its_pixel() -> None:
    before = image_of(**EPID)
    after = resolve(before, Stated(pixel_spacing=(0.8, 0.1))).geometry
    pixel = axis_pixel(EPID["position"], EPID["orientation"], (0.4, 0.2))
    assert after.position is not None and after.spacing is not None
    assert axis_pixel(after.position, after.orientation, after.spacing) == pytest.approx(pixel)
    assert after.position == pytest.approx((-0.95, 3.6))


def test_another_spacing_without_an_orientation_empties_the_position() -> None:
    values = {name: value for name, value in EPID.items() if name != "orientation"}
    after = resolve(image_of(**values), Stated(pixel_spacing=(0.8, 0.1)))
    assert after.geometry.position is None
    assert codes(after) == ["spacing-differs", "position-lost"]


def test_filling_a_spacing_leaves_the_position() -> None:
    values = {name: value for name, value in EPID.items() if name != "spacing"}
    after = resolve(image_of(**values), Stated(pixel_spacing=(0.8, 0.1))).geometry
    assert after.position == EPID["position"]


@pytest.mark.parametrize(
    ("center", "position"),
    [("image", (-9.5 * 0.25, 4.5 * 0.5)), ((0.0, 0.0), (0.0, 0.0)), ((2.0, 8.0), (-2.0, 1.0))],
)
def test_center(center: Any, position: tuple[float, float]) -> None:
    after = resolve(image_of(), Stated(pixel_spacing=(0.5, 0.25), center=center)).geometry
    assert after.position == position
    assert after.orientation == (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
    assert after.origins["orientation"] == Origin("rule", "center")
    assert "-0.0" not in repr(after.position)


def test_center_without_a_spacing_says_why_there_is_no_position() -> None:
    after = resolve(image_of(), Stated(center="image")).geometry
    assert after.position is None
    assert after.blank == {"position": "center is given in pixels and no spacing is known"}


def test_center_takes_over_the_offset_of_the_panel() -> None:
    """The file: axis at receptor (-3, 2), which is column -5.5 and row -0.5 of the image."""
    image = image_of(**EPID)
    offset_from_axis = (-1.9 + 3.0, 1.8 - 2.0)
    pixel = axis_pixel(offset_from_axis, EPID["orientation"], (0.4, 0.2))
    assert pixel is not None
    after = resolve(image, Stated(center=pixel), strict=True).geometry
    assert after.position == pytest.approx(offset_from_axis)
    assert after.translation == (0.0, 0.0, -500.0)
    assert codes(resolve(image, Stated(center="image"))) == ["center-differs"]


def test_unknown_leaves_values_empty_and_says_so() -> None:
    after = resolve(
        image_of(**EPID), Stated(sid="unknown", dpi="unknown", gantry="unknown"), origins={"sid": at(7)}
    )
    geometry = after.geometry
    assert (geometry.sid, geometry.spacing, geometry.position, geometry.gantry) == (None, None, None, None)
    assert geometry.blank["sid"] == "sid: unknown, conversion (film.yaml:7)"
    assert set(geometry.blank) == {"sid", "spacing", "position", "gantry"}
    assert not set(geometry.blank) & set(geometry.origins)
    assert after.notes == ()


def test_a_parked_panel_stays_empty_unless_the_conversion_says_otherwise() -> None:
    parked = {"sid": "the panel is parked", "position": "the panel is parked"}
    image = image_of(spacing=(0.4, 0.4), sad=1000.0)
    image = image.replace(geometry=structs.replace(image.geometry, blank=parked))
    stated = Stated(sid=1500.0, center="image")
    assert resolve(image, stated, weak=frozenset({"sid", "center"})) == image
    told = resolve(image, stated).geometry
    assert told.sid == 1500 and told.position is not None and told.blank == {}


def test_slices_keep_their_plane_and_spacing() -> None:
    plane = PatientPlane((1.0, 2.0, 3.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), 2.5, 2.5)
    image = image_of(spacing=(0.5, 0.5))
    image = image.replace(geometry=image.geometry.having(Origin("file", "IPP"), patient=plane))
    after = resolve(image, Stated(sid=1000.0, sad=1000.0, dpi=300.0, center="image", gantry=0.0)).geometry
    assert (after.patient, after.spacing, after.position, after.translation) == (
        plane,
        (0.5, 0.5),
        None,
        None,
    )


STATED = st.fixed_dictionaries(
    {},
    optional={
        "sid": st.just("unknown") | st.floats(500, 2000),
        "sad": st.just("unknown") | st.floats(500, 1500),
        "pixel_spacing": st.just("unknown") | st.tuples(st.floats(0.01, 2), st.floats(0.01, 2)),
        "center": st.just("image") | st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
        "gantry": st.just("unknown") | st.floats(-360, 720),
        "couch": st.just("unknown") | st.floats(-360, 720),
        "scale": st.sampled_from(("iec61217", "varian_iec", "varian_standard", "elekta_iec")),
    },
)


@given(file=st.sets(st.sampled_from(sorted(EPID))), stated=STATED, weak=st.booleans())
def test_every_value_has_one_origin_and_an_empty_one_none(
    file: set[str], stated: dict[str, Any], weak: bool
) -> None:
    image = image_of(**{name: EPID[name] for name in file})
    after = resolve(image, Stated(**stated), weak=frozenset(stated) if weak else frozenset()).geometry
    fields = set(Geometry.__struct_fields__) - {"origins", "blank"}
    known = {name for name in fields if getattr(after, name) is not None}
    assert set(after.origins) == known
    assert not set(after.blank) & known
    if weak:
        assert all(getattr(after, name) == EPID[name] for name in file)


@given(
    st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000)),
    st.tuples(st.floats(0.01, 5), st.floats(0.01, 5)),
    st.sampled_from(
        [(1.0, 0.0, 0.0, 0.0, -1.0, 0.0), (0.0, 1.0, 0.0, 1.0, 0.0, 0.0), (0.6, 0.8, 0.0, 0.8, -0.6, 0.0)]
    ),
)
def test_axis_pixel_is_the_inverse_of_axis_position(
    pixel: tuple[float, float],
    spacing: tuple[float, float],
    orientation: tuple[float, float, float, float, float, float],
) -> None:
    assert axis_pixel(axis_position(pixel, orientation, spacing), orientation, spacing) == pytest.approx(
        pixel, abs=1e-6
    )


@pytest.mark.parametrize("orientation", [None, (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)])
def test_axis_pixel_of_an_image_seen_edge_on_is_not_defined(orientation: Any) -> None:
    assert axis_pixel((1.0, 2.0), orientation, (0.5, 0.5)) is None


@pytest.mark.parametrize("angle", [0.0, 90.0, 30.0])
def test_a_weak_center_leaves_the_offset_of_the_panel_in_its_place(angle: float) -> None:
    """The pixel that is named lies on the axis: receptor origin + turned position = 0 (IEC 61217)."""
    image = image_of(spacing=(0.4, 0.2), translation=(3.0, -2.0, -500.0))
    image = image.replace(geometry=image.geometry.having(Origin("file", "x"), receptor_angle=angle))
    after = resolve(image, Stated(center=(7.0, 4.0)), weak=frozenset({"center"})).geometry
    assert after.translation == (3.0, -2.0, -500.0) and after.position is not None
    x, y = after.position[0] + 4 * 0.2, after.position[1] - 7 * 0.4
    turn = np.radians(angle)
    gantry = (
        3.0 + x * np.cos(turn) - y * np.sin(turn),
        -2.0 + x * np.sin(turn) + y * np.cos(turn),
    )
    assert gantry == pytest.approx((0.0, 0.0), abs=1e-12)
