"""Operations on images as they are carried out: one frozen type per operation, and `Combine`.

A recipe's own models (``schemas/process.py``) are lowered to these, field by field, so that workers need no
Pydantic; a test holds that no field is left behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from ...schemas.sources import Dtype


@dataclass(frozen=True, slots=True)
class Combine:
    """Combine a group of files into one image."""

    method: Literal["mean", "sum", "max", "min", "median"]
    stretch: bool = False


@dataclass(frozen=True, slots=True)
class Crop:
    """Pixels to take off each edge."""

    op: Literal["crop"] = "crop"
    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


@dataclass(frozen=True, slots=True)
class FlipVertical:
    """The first row becomes the last."""

    op: Literal["flip_vertical"] = "flip_vertical"


@dataclass(frozen=True, slots=True)
class FlipHorizontal:
    """The first column becomes the last."""

    op: Literal["flip_horizontal"] = "flip_horizontal"


@dataclass(frozen=True, slots=True)
class Rotate90:
    """Quarter turns, counter-clockwise as displayed."""

    op: Literal["rotate90"] = "rotate90"
    turns: int = 1


@dataclass(frozen=True, slots=True)
class Rotate:
    """Degrees, counter-clockwise as displayed; order of the spline that interpolates."""

    degrees: float
    op: Literal["rotate"] = "rotate"
    order: int = 1


@dataclass(frozen=True, slots=True)
class Roll:
    """Pixels, towards higher rows and columns."""

    op: Literal["roll"] = "roll"
    rows: int = 0
    columns: int = 0


@dataclass(frozen=True, slots=True)
class Invert:
    """max + min - value, of this image."""

    op: Literal["invert"] = "invert"


@dataclass(frozen=True, slots=True)
class BitInvert:
    """Bitwise not within the dtype."""

    op: Literal["bit_invert"] = "bit_invert"


@dataclass(frozen=True, slots=True)
class Ground:
    """Subtracts the minimum."""

    op: Literal["ground"] = "ground"


@dataclass(frozen=True, slots=True)
class Normalize:
    """Divides by the maximum, or by a number."""

    op: Literal["normalize"] = "normalize"
    to: float | Literal["max"] = "max"


@dataclass(frozen=True, slots=True)
class FilterSize:
    """The size of a filter: pixels, or millimetres at the image plane."""

    value: float
    unit: Literal["pixels", "mm"] = "pixels"


@dataclass(frozen=True, slots=True)
class Filter:
    """A median over a square of `size`, or a Gaussian whose sigma is `size`."""

    size: FilterSize
    op: Literal["filter"] = "filter"
    kind: Literal["median", "gaussian"] = "median"


@dataclass(frozen=True, slots=True)
class Threshold:
    """Values below `low`, or above `high`, become 0."""

    op: Literal["threshold"] = "threshold"
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """1 where the value is at least `at`, else 0."""

    at: float
    op: Literal["binary"] = "binary"


@dataclass(frozen=True, slots=True)
class Cast:
    """Another dtype, exactly or not at all."""

    dtype: Dtype
    op: Literal["cast"] = "cast"


@dataclass(frozen=True, slots=True)
class Rescale:
    """value x slope + intercept."""

    op: Literal["rescale"] = "rescale"
    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle; pixels, counted from 0."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class MaskRule:
    """What is blanked, in images whose file says all of `when`; the value in modality units."""

    areas: tuple[Area, ...] = ()
    regions: Literal["ultrasound"] | None = None
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Mask:
    """Rules, each for the images that it holds for."""

    rules: tuple[MaskRule, ...]
    op: Literal["mask"] = "mask"


@dataclass(frozen=True, slots=True)
class Pad:
    """Pixels to add at each edge, and their value."""

    op: Literal["pad"] = "pad"
    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Subtract:
    """Subtracts the image of a file; the smallest result."""

    by: str
    op: Literal["subtract"] = "subtract"
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class Divide:
    """Divides by the image of a file; the smallest divisor."""

    by: str
    op: Literal["divide"] = "divide"
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class Calibrate:
    """Maps values by a table of two columns."""

    csv: str
    op: Literal["calibrate"] = "calibrate"
    units: str | None = None
    outside: Literal["refuse", "clip"] = "refuse"


@dataclass(frozen=True, slots=True)
class Resample:
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

OPERATION_KINDS: Mapping[str, type[Operation]] = {
    kind.__dataclass_fields__["op"].default: kind for kind in get_args(Operation)
}
"""The type of each operation by its name in a recipe."""

INNER_KINDS: Mapping[str, type[FilterSize | MaskRule | Area]] = {
    kind.__name__: kind for kind in (FilterSize, MaskRule, Area)
}
"""The types of what stands inside operations, by the names of the models in a recipe."""
