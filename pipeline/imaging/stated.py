"""What a recipe states of the geometry, as it is carried out: with templates first, then with numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from ...schemas.geometry import Scale

Unknown = Literal["unknown"]
Given = TypeVar("Given")


class Stated(Struct, Generic[Given], frozen=True):
    """Distances in mm, angles in degrees of `scale`, each as `Given`: a number or a template that gives one.

    None: not stated. ``unknown``: left empty on purpose. The fields are those of `schemas.geometry`.
    """

    sid: Given | Unknown | None = None
    sad: Given | Unknown | None = None
    dpi: Given | Unknown | None = None
    pixel_spacing: tuple[Given, Given] | Unknown | None = None
    """Between rows, between columns, in the plane that `at` names; as `dpi`."""
    at: Literal["image_plane", "isocenter"] = "image_plane"
    center: tuple[Given, Given] | Literal["image"] | None = None
    """Row and column (pixels, from 0) where the beam's axis meets the image, or ``image``: its middle."""
    gantry: Given | Unknown | None = None
    collimator: Given | Unknown | None = None
    couch: Given | Unknown | None = None
    scale: Scale = "iec61217"

    def filled(self, number: Callable[[Given], float]) -> Stated[float]:
        """Return it with `number` applied to everything that stands for a number."""

        def one(value: Given | Unknown | None) -> float | Unknown | None:
            return value if value is None or value == "unknown" else number(value)

        def two(value: tuple[Given, Given]) -> tuple[float, float]:
            return number(value[0]), number(value[1])

        spacing, center = self.pixel_spacing, self.center
        return Stated(
            sid=one(self.sid),
            sad=one(self.sad),
            dpi=one(self.dpi),
            pixel_spacing=two(spacing) if isinstance(spacing, tuple) else spacing,
            at=self.at,
            center=two(center) if isinstance(center, tuple) else center,
            gantry=one(self.gantry),
            collimator=one(self.collimator),
            couch=one(self.couch),
            scale=self.scale,
        )
