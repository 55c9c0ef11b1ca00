"""What is done to an image: one model per operation, joined in a union on ``op``; and `Combine`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from .base import (
    Count,
    Flag,
    Integer,
    Many,
    MaximumOrNumber,
    Model,
    Number,
    Positive,
    PositiveNumber,
    Text,
    as_tuple,
)
from .inputs import Glob
from .on_demand import ByKey
from .sources import Dtype

MaskKeyword = Annotated[str, Field(min_length=1, max_length=64)]
_SHORT = 20
"""Letters of a value that a message repeats."""
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(mm)?")


class Combine(Model):
    """One group of files gives one image."""

    method: Literal["mean", "sum", "max", "min", "median"]
    stretch: Flag = False
    """Map each image to 0..1 first."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"method": value} if isinstance(value, str) else value


class Crop(Model):
    """Removes edges; pixels."""

    op: Literal["crop"] = "crop"
    top: Count = 0
    bottom: Count = 0
    left: Count = 0
    right: Count = 0


class FlipVertical(Model):
    """The first row becomes the last."""

    op: Literal["flip_vertical"] = "flip_vertical"


class FlipHorizontal(Model):
    """The first column becomes the last."""

    op: Literal["flip_horizontal"] = "flip_horizontal"


def _not_degrees(turns: int) -> int:
    """Refuse 90 quarter turns: they would turn the image upside down."""
    if abs(turns) >= 45:
        raise PydanticCustomError("turns", "counts quarter turns, counter-clockwise: 90 degrees are turns: 1")
    return turns


class Rotate90(Model):
    """Quarter turns, counter-clockwise as displayed."""

    op: Literal["rotate90"] = "rotate90"
    turns: Annotated[Integer, AfterValidator(_not_degrees)] = 1


class Rotate(Model):
    """Turns counter-clockwise by any angle about the centre; same shape, edges repeated."""

    op: Literal["rotate"] = "rotate"
    degrees: Number
    order: Annotated[Count, Field(le=5)] = 1
    """Order of the spline that interpolates."""


class Roll(Model):
    """Cyclic shift; pixels, towards higher rows and columns."""

    op: Literal["roll"] = "roll"
    rows: Integer = 0
    columns: Integer = 0


class Invert(Model):
    """max + min - value, of this image."""

    op: Literal["invert"] = "invert"


class BitInvert(Model):
    """Bitwise not within the dtype; integers only."""

    op: Literal["bit_invert"] = "bit_invert"


class Ground(Model):
    """Subtracts the minimum."""

    op: Literal["ground"] = "ground"


class Normalize(Model):
    """Divides by the maximum, or by a number; gives float."""

    op: Literal["normalize"] = "normalize"
    to: MaximumOrNumber = "max"


class FilterSize(Model):
    """The size of a filter: pixels, or millimetres at the image plane."""

    value: PositiveNumber
    unit: Literal["pixels", "mm"] = "pixels"

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, int | float):
            return {"value": value}
        if isinstance(value, str):
            matched = _SIZE.fullmatch(value.strip())
            if matched is None:
                raise PydanticCustomError(
                    "filter_size", "must be a number of pixels, or text such as '1.5 mm'"
                )
            return {"value": matched[1], "unit": "mm" if matched[2] else "pixels"}
        return value


class Filter(Model):
    """Smooths: a median over a square of `size`, or a Gaussian whose sigma is `size`."""

    op: Literal["filter"] = "filter"
    kind: Literal["median", "gaussian"] = "median"
    size: FilterSize


class Threshold(Model):
    """Values below `low`, or above `high`, become 0."""

    op: Literal["threshold"] = "threshold"
    low: Number | None = None
    high: Number | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.low is None and self.high is None:
            raise PydanticCustomError("threshold", "needs 'low' or 'high'")
        return self


class Binary(Model):
    """1 where the value is at least `at`, else 0; uint8."""

    op: Literal["binary"] = "binary"
    at: Number


class Cast(Model):
    """Another dtype, exactly or not at all."""

    op: Literal["cast"] = "cast"
    dtype: Dtype


class Rescale(Model):
    """value x slope + intercept."""

    op: Literal["rescale"] = "rescale"
    slope: Number = 1.0
    intercept: Number = 0.0


class Area(Model):
    """A rectangle; pixels, counted from 0."""

    top: Count
    left: Count
    height: Positive
    width: Positive


def _wanted(value: Any) -> Any:
    """Return a value of `when`, or a list of which any may match, as text."""
    values = value if isinstance(value, list | tuple) else (value,)
    if not values or any(isinstance(each, dict | list) or each is None for each in values):
        raise PydanticCustomError("when", "must be a value, or a list of values of which any is meant")
    return tuple(str(each) for each in values)


class MaskRule(Model):
    """What is blanked: areas, or all outside of the regions of an ultrasound image."""

    areas: Many[Area] = ()
    regions: Literal["ultrasound"] | None = None
    when: dict[MaskKeyword, Annotated[tuple[str, ...], BeforeValidator(_wanted)]] = Field(
        default_factory=dict
    )
    """Which images: those whose file says all of this, as in ``{Manufacturer: ACME*, Rows: 600}``."""
    value: Number = 0.0
    """What they are blanked with, in modality units."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.areas and self.regions is None:
            raise PydanticCustomError(
                "mask", "needs 'areas', as in [{top: 0, left: 0, height: 40, width: 600}], or 'regions'"
            )
        return self


def _rule_or_areas(value: Any) -> Any:
    """Return a list of rules; a single rule, or a bare list of areas, is a list of one."""
    if isinstance(value, dict):
        return ({"areas": [value]} if "top" in value else value,)
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(each, dict) and "top" in each for each in value)
    ):
        return ({"areas": list(value)},)
    return as_tuple(value)


class Mask(Model):
    """Blanks areas, in overlays, icons and all frames too: burned-in text goes."""

    op: Literal["mask"] = "mask"
    rules: Annotated[tuple[MaskRule, ...], BeforeValidator(_rule_or_areas), Field(min_length=1)]
    """Each for the images that its `when` names."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, dict) and "rules" not in value:
            rule = {key: each for key, each in value.items() if key != "op"}
            return {"op": "mask", "rules": rule}
        return value


class Pad(Model):
    """Adds edges of one value; pixels."""

    op: Literal["pad"] = "pad"
    top: Count = 0
    bottom: Count = 0
    left: Count = 0
    right: Count = 0
    value: Number = 0.0


def _lengths(value: Any) -> Any:
    """Return one to three numbers as a tuple; a single number is a list of one."""
    values = value if isinstance(value, list | tuple) else (value,)
    if not 1 <= len(values) <= 3:
        raise PydanticCustomError(
            "resample_spacing", "must be a number of mm, or two or three: row, column, slice"
        )
    return tuple(values)


class Resample(Model):
    """Gives a new grid over the same place, by linear interpolation or the nearest pixel."""

    op: Literal["resample"] = "resample"
    spacing: Annotated[tuple[PositiveNumber, ...], BeforeValidator(_lengths)] | None = None
    """mm between rows, columns and, of a volume, slices; one number for all, two for rows and columns."""
    like: Glob | None = None
    """A file whose grid is taken, relative to the data folder; a glob may name the slices of a series."""
    order: Annotated[Count, Field(le=1)] = 1
    """1: linear; 0: the nearest pixel."""
    outside: Number | None = None
    """The value of what lies outside of the source: 0, and of values in HU -1000 (air), where none is given.
    """

    @model_validator(mode="after")
    def _one_grid(self) -> Self:
        if (self.spacing is None) == (self.like is None):
            raise PydanticCustomError("resample", "needs 'spacing' or 'like', and not both")
        return self


class Subtract(Model):
    """Subtracts the image of a file, such as a dark field."""

    op: Literal["subtract"] = "subtract"
    by: Glob
    """Relative to the data folder; of any format that content tells."""
    floor: Number | None = None
    """Results below it become it."""


class Divide(Model):
    """Divides by the image of a file, such as a flood field; gives float."""

    op: Literal["divide"] = "divide"
    by: Glob
    """Relative to the data folder; of any format that content tells."""
    floor: Number | None = None
    """Divisors below it count as it."""


class Calibrate(Model):
    """Maps values by a table, such as a film's response to dose: straight lines between its rows."""

    op: Literal["calibrate"] = "calibrate"
    csv: Glob
    """Relative to the data folder: two columns of numbers, the first one rising."""
    units: Text | None = None
    """Of the results, such as gy."""
    outside: Literal["refuse", "clip"] = "refuse"
    """What becomes of values beyond the table."""


AnyOperation = (
    Crop | FlipVertical | FlipHorizontal | Rotate90 | Rotate | Roll | Invert | BitInvert | Ground | Normalize
    | Filter | Threshold | Binary | Cast | Rescale | Mask
    | Pad | Subtract | Divide | Calibrate | Resample
)  # fmt: skip


def _short(value: Any) -> Any:
    """Return ``invert`` and ``{crop: {top: 2}}`` in the models' own form, ``{op: crop, top: 2}``."""
    if isinstance(value, str):
        return {"op": value}
    if isinstance(value, dict) and "op" not in value and len(value) == 1:
        ((name, options),) = value.items()
        if options is None:
            return {"op": name}
        if isinstance(options, dict):
            return {"op": name, **options}
        if name not in OPERATIONS:
            return {"op": name}
        if name == "mask" and isinstance(options, list | tuple):
            return {"op": name, "rules": options}
        raise PydanticCustomError("operation", "{what}", {"what": _no_mapping(name, options)})
    if isinstance(value, dict) and "op" not in value:
        name = next(iter(value), None)
        if name in OPERATIONS and value[name] is None and value.keys() <= {name, *_options_of(name)}:
            what = f"the options of '{name}' are to be indented deeper than '{name}'"
            raise PydanticCustomError("operation", "{what}", {"what": what})
        raise PydanticCustomError("operation", "one operation per list item, as in {crop: {top: 20}}")
    return value


def _no_mapping(name: str, options: Any) -> str:
    """Say how the options of an operation are written; one that is given stands for the first."""
    known = _options_of(name)
    if not known:
        return f"'{name}' takes no options"
    given = options if isinstance(options, str) and _fits(name, known[0], options) else "..."
    several = f" of {', '.join(known)}" if len(known) > 1 else ""
    return f"the options of '{name}' are a mapping{several}, as in {{{name}: {{{known[0]}: {given}}}}}"


def _fits(name: str, option: str, value: str) -> bool:
    """Tell whether a short value is a sound one of an operation's option."""
    if len(value) >= _SHORT:
        return False
    try:
        OPERATIONS[name].model_validate({option: value})
    except ValidationError as error:
        return all(each["loc"][:1] != (option,) for each in error.errors(include_url=False))
    return True


def _options_of(name: str) -> list[str]:
    return [option for option in OPERATIONS[name].model_fields if option != "op"]


Operation = Annotated[Annotated[AnyOperation, ByKey("op")], BeforeValidator(_short)]
Operations = Many[Operation]

OPERATIONS: dict[str, type[Model]] = {
    model.model_fields["op"].default: model
    for model in (
        Crop, FlipVertical, FlipHorizontal, Rotate90, Rotate, Roll, Invert, BitInvert, Ground, Normalize,
        Filter, Threshold, Binary, Cast, Rescale, Mask,
        Pad, Subtract, Divide, Calibrate, Resample,
    )
}  # fmt: skip
