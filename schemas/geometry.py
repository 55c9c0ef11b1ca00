"""The `geometry` of a conversion: distances, angles, spacing and places that a recipe may state."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from .base import AS_IT_IS, AngleOrUnknown, KnownOrNot, Many, Model, Quantity, quantity

Scale = Literal["iec61217", "varian_iec", "varian_standard", "elekta_iec"]
Filling = Literal[
    "sid", "sad", "dpi", "pixel_spacing", "at", "center", "gantry", "collimator", "couch", "scale"
]


def _pair_or(word: str, *, positive: bool = False) -> PlainValidator:
    """Return two numbers (or templates), row then column; or a word."""

    def check(value: Any) -> Any:
        if value == word:
            return word
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise PydanticCustomError(
                "pair", "must be two numbers, row then column, as in [0.4, 0.4], or '{word}'", {"word": word}
            )
        return tuple(quantity(part, positive=positive) for part in value)

    return PlainValidator(check, json_schema_input_type=tuple[float | str, float | str] | str)


class Geometry(Model):
    """Distances in mm, angles in degrees of `scale`. Absent: the file says, or nobody does.

    ``unknown`` leaves the tag empty on purpose.
    """

    sid: KnownOrNot | None = None
    sad: KnownOrNot | None = None
    dpi: KnownOrNot | None = None
    """Pixels per inch, in the plane that `at` names."""
    pixel_spacing: (
        Annotated[
            tuple[Quantity, Quantity] | Literal["unknown"], _pair_or("unknown", positive=True), AS_IT_IS
        ]
        | None
    ) = None
    """mm between rows, between columns, in the plane that `at` names."""
    at: Literal["image_plane", "isocenter"] = "image_plane"
    center: Annotated[tuple[Quantity, Quantity] | Literal["image"], _pair_or("image"), AS_IT_IS] | None = None
    """Row and column (pixels, from 0) where the beam's axis meets the image, or ``image``: its middle."""
    gantry: AngleOrUnknown | None = None
    collimator: AngleOrUnknown | None = None
    couch: AngleOrUnknown | None = None
    scale: Scale = "iec61217"
    fills: Many[Filling] = ()
    """Keys here that only fill what the file leaves open, as all do that stand in `defaults`."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.dpi is not None and self.pixel_spacing is not None:
            raise PydanticCustomError("geometry", "give 'dpi' or 'pixel_spacing', not both")
        for name in self.fills:
            if name not in self.model_fields_set:
                raise PydanticCustomError(
                    "geometry", "'fills' names '{name}', which does not stand beside it", {"name": name}
                )
        return self
