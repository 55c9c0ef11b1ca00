"""Operations on images as they are carried out: one frozen type per operation, and `Combine`.

A recipe's own models (``schemas/process.py``) are lowered to these, field by field, so that workers need no
Pydantic; a test holds that no field is left behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct, field

if TYPE_CHECKING:
    from ...schemas.sources import Dtype


class Combine(Struct, frozen=True):
    """Combine a group of files into one image."""

    method: Literal["mean", "sum", "max", "min", "median"]
    stretch: bool = False


class Crop(Struct, frozen=True):
    """Pixels to take off each edge."""

    op: Literal["crop"] = "crop"
    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


class FlipVertical(Struct, frozen=True):
    """The first row becomes the last."""

    op: Literal["flip_vertical"] = "flip_vertical"


class FlipHorizontal(Struct, frozen=True):
    """The first column becomes the last."""

    op: Literal["flip_horizontal"] = "flip_horizontal"


class Rotate90(Struct, frozen=True):
    """Quarter turns, counter-clockwise as displayed."""

    op: Literal["rotate90"] = "rotate90"
    turns: int = 1


class Rotate(Struct, frozen=True):
    """Degrees, counter-clockwise as displayed; order of the spline that interpolates."""

    degrees: float
    op: Literal["rotate"] = "rotate"
    order: int = 1


class Roll(Struct, frozen=True):
    """Pixels, towards higher rows and columns."""

    op: Literal["roll"] = "roll"
    rows: int = 0
    columns: int = 0


class Invert(Struct, frozen=True):
    """max + min - value, of this image."""

    op: Literal["invert"] = "invert"


class BitInvert(Struct, frozen=True):
    """Bitwise not within the dtype."""

    op: Literal["bit_invert"] = "bit_invert"


class Ground(Struct, frozen=True):
    """Subtracts the minimum."""

    op: Literal["ground"] = "ground"


class Normalize(Struct, frozen=True):
    """Divides by the maximum, or by a number."""

    op: Literal["normalize"] = "normalize"
    to: float | Literal["max"] = "max"


class FilterSize(Struct, frozen=True):
    """The size of a filter: pixels, or millimetres at the image plane."""

    value: float
    unit: Literal["pixels", "mm"] = "pixels"


class Filter(Struct, frozen=True):
    """A median over a square of `size`, or a Gaussian whose sigma is `size`."""

    size: FilterSize
    op: Literal["filter"] = "filter"
    kind: Literal["median", "gaussian"] = "median"


class Threshold(Struct, frozen=True):
    """Values below `low`, or above `high`, become 0."""

    op: Literal["threshold"] = "threshold"
    low: float | None = None
    high: float | None = None


class Binary(Struct, frozen=True):
    """1 where the value is at least `at`, else 0."""

    at: float
    op: Literal["binary"] = "binary"


class Cast(Struct, frozen=True):
    """Another dtype, exactly or not at all."""

    dtype: Dtype
    op: Literal["cast"] = "cast"


class Rescale(Struct, frozen=True):
    """value x slope + intercept."""

    op: Literal["rescale"] = "rescale"
    slope: float = 1.0
    intercept: float = 0.0


class Area(Struct, frozen=True):
    """A rectangle; pixels, counted from 0."""

    top: int
    left: int
    height: int
    width: int


class MaskRule(Struct, frozen=True):
    """What is blanked, in images whose file says all of `when`; the value in modality units."""

    areas: tuple[Area, ...] = ()
    regions: Literal["ultrasound"] | None = None
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    value: float = 0.0


class Mask(Struct, frozen=True):
    """Rules, each for the images that it holds for."""

    rules: tuple[MaskRule, ...]
    op: Literal["mask"] = "mask"


class Pad(Struct, frozen=True):
    """Pixels to add at each edge, and their value."""

    op: Literal["pad"] = "pad"
    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0
    value: float = 0.0


class Subtract(Struct, frozen=True):
    """Subtracts the image of a file; the smallest result."""

    by: str
    op: Literal["subtract"] = "subtract"
    floor: float | None = None


class Divide(Struct, frozen=True):
    """Divides by the image of a file; the smallest divisor."""

    by: str
    op: Literal["divide"] = "divide"
    floor: float | None = None


class Calibrate(Struct, frozen=True):
    """Maps values by a table of two columns."""

    csv: str
    op: Literal["calibrate"] = "calibrate"
    units: str | None = None
    outside: Literal["refuse", "clip"] = "refuse"


class Resample(Struct, frozen=True):
    """A new grid: mm between rows, columns and slices, or that of a file; 1 linear, 0 the nearest pixel."""

    spacing: tuple[float, ...] | None = None
    like: str | None = None
    op: Literal["resample"] = "resample"
    order: int = 1
    outside: float | None = None


Operation = (
    Crop | FlipVertical | FlipHorizontal | Rotate90 | Rotate | Roll | Invert | BitInvert | Ground | Normalize
    | Filter | Threshold | Binary | Cast | Rescale | Mask
    | Pad | Subtract | Divide | Calibrate | Resample
)  # fmt: skip


def _name(kind: type[Operation]) -> str:
    """Return the default of `op`; defaults are those of the last fields."""
    defaults = kind.__struct_defaults__
    name: str = defaults[kind.__struct_fields__.index("op") - len(kind.__struct_fields__)]
    return name


OPERATION_KINDS: Mapping[str, type[Operation]] = {_name(kind): kind for kind in get_args(Operation)}
"""The type of each operation by its name in a recipe."""

INNER_KINDS: Mapping[str, type[FilterSize | MaskRule | Area]] = {
    kind.__name__: kind for kind in (FilterSize, MaskRule, Area)
}
"""The types of what stands inside operations, by the names of the models in a recipe."""
