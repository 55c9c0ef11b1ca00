"""Tests that a recipe carries: made files go in, and what must come out is stated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from ..base import Count, Many, Model, Number, OneOrMany, Pair, PositiveNumber, Text, as_tuple
from ..exports import DICOM_TARGETS, EXPORT_TARGETS
from ..inputs import Glob
from ..language.tag_fields import TagKey
from ..sources import Dtype
from .made_inputs import AnyInput, AnyShape, BelowData, PlainTags

KINDS = (
    "rt-image", "ct-image", "mr-image", "pet-image", "rt-dose", "secondary-capture", "parametric-map",
    "dicom",
    *(name for name in EXPORT_TARGETS if name not in DICOM_TARGETS),
)  # fmt: skip
"""What an output can be: a kind of DICOM, DICOM at all, or the file of another target, by its name."""
if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[KINDS]


def _quadruple(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) != 4:
        raise PydanticCustomError(
            "region", "must be four pixels: first row, first column, end row, end column"
        )
    return as_tuple(value)


Region = Annotated[tuple[Count, Count, Count, Count], BeforeValidator(_quadruple)]


class Near(Model):
    """A number, and how far from it is near enough."""

    value: Number
    tolerance: Annotated[Number, Field(ge=0)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"value": value} if isinstance(value, str | int | float) else value


class Mean(Model):
    """The mean of a region."""

    region: Region | None = None
    """First row, first column, end row, end column; the ends are not part of it. Default: everything."""
    value: Number
    tolerance: Annotated[Number, Field(ge=0)] = 0.0


class Expectation(Model):
    """What must hold of a conversion's outputs; values are modality values (rescale applied)."""

    file: Glob | None = None
    """The outputs that are meant, relative to the output folder; default: all of the conversion."""
    outputs: Count | None = None
    """How many files there are."""
    kind: Kind | None = None
    tags: PlainTags = Field(default_factory=dict)
    """Elements and their values; null: empty. Numbers agree to six digits."""
    absent: Many[TagKey] = ()
    shape: AnyShape | None = None
    """Rows, columns; frames before them, samples of colour after them."""
    dtype: Dtype | None = None
    """Of the pixels as they are stored."""
    mean: OneOrMany[Mean] = ()
    min: Near | None = None
    max: Near | None = None
    spacing: Pair[PositiveNumber] | None = None
    """mm between rows, between columns."""
    fails: Text | None = None
    """Part of the error that the conversion must end in; nothing else can be stated with it."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        stated = {name for name, value in self if value not in (None, (), {})}
        if not stated - {"file"}:
            raise PydanticCustomError(
                "expectation", "states nothing: give outputs, kind, tags, shape, mean or fails"
            )
        if self.fails is not None and stated != {"fails"}:
            raise PydanticCustomError(
                "expectation", "'fails' stands alone: what fails has no outputs to look at"
            )
        return self


class RecipeTest(Model):
    """One test: it makes files, runs a conversion on them, and compares."""

    name: Text
    conversion: Text
    vars: dict[Text, str] = Field(default_factory=dict)
    """In place of the recipe's, as ``--set`` does."""
    files: dict[BelowData, str] = Field(default_factory=dict)
    """Text files that the conversion needs besides, such as a table: path below the data folder, and text."""
    input: Annotated[OneOrMany[Annotated[AnyInput, Field(discriminator="phantom")]], Field(min_length=1)]
    expect: Annotated[OneOrMany[Expectation], Field(min_length=1)]
