"""The templates of a recipe's geometry, filled in."""

from __future__ import annotations

from typing import Any

import pytest
from dicombake.pipeline.errors import GeometryError, PlanError
from dicombake.pipeline.imaging.stated import Stated
from dicombake.pipeline.inputs.render import Scope
from dicombake.pipeline.plan.lower import lowered_geometry
from dicombake.pipeline.plan.lowered import Quantity
from dicombake.pipeline.run.unit.rendering import rendered_geometry
from dicombake.schemas.geometry import Geometry


def scope(**variables: str) -> Scope:
    return Scope("film/a.tif", 1, variables=variables)


def stated(**keys: Any) -> Stated[Quantity]:
    return lowered_geometry(Geometry.model_validate(keys))


def test_numbers_stand_in_place_of_templates() -> None:
    said = stated(
        sid="{vars.a}",
        pixel_spacing=["{vars.b}", 0.5],
        center=[1, "{vars.a}"],
        gantry="unknown",
        couch=3,
    )
    rendered = rendered_geometry(said, lambda: scope(a="1500", b="0.25"))
    assert (rendered.sid, rendered.pixel_spacing, rendered.center) == (1500.0, (0.25, 0.5), (1.0, 1500.0))
    assert (rendered.gantry, rendered.couch, rendered.sad, rendered.at) == (
        "unknown",
        3.0,
        None,
        "image_plane",
    )
    assert said.sid == "{vars.a}"


def test_a_geometry_without_templates_is_left_alone() -> None:
    said = stated(sid=1500, gantry="unknown")
    assert rendered_geometry(said, scope) == said


@pytest.mark.parametrize(
    ("geometry", "value", "said"),
    [
        ({"sid": "{vars.x}"}, "-5", "sid must be greater than 0, here -5.0"),
        ({"sad": "{vars.x}"}, "0", "sad must be greater than 0, here 0.0"),
        ({"dpi": "{vars.x}"}, "-0.0", "dpi must be greater than 0, here -0.0"),
        (
            {"pixel_spacing": [0.4, "{vars.x}"]},
            "0",
            r"pixel_spacing must be greater than 0, here \(0.4, 0.0\)",
        ),
    ],
)
def test_numbers_that_cannot_be_are_refused(geometry: Any, value: str, said: str) -> None:
    with pytest.raises(GeometryError, match=f"^film/a.tif: {said}$"):
        rendered_geometry(stated(**geometry), lambda: scope(x=value))


@pytest.mark.parametrize("value", ["x", "nan", "1e999", ""])
def test_texts_that_are_no_numbers_are_refused(value: str) -> None:
    with pytest.raises(PlanError, match="which is no number"):
        rendered_geometry(stated(gantry="{vars.x}"), lambda: scope(x=value))


def test_angles_and_centers_may_be_below_0() -> None:
    rendered = rendered_geometry(stated(gantry="{vars.x}", center=["{vars.x}", 0]), lambda: scope(x="-1"))
    assert (rendered.gantry, rendered.center) == (-1.0, (-1.0, 0.0))
