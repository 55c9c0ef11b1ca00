"""The strict base of every recipe model, and the scalar types its fields are made of.

The reader of recipes hands over text: a scalar is what stands in the file. The types here give it its
meaning at the place where it is used, so that ``00123`` is a number for ``sid`` and text for a tag.
Values that come from Python (the API) may be numbers already and pass unchanged.
"""

from __future__ import annotations

import math
import re
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

from .language.numbers import NUMBER
from .language.template import Template, check_template, is_template
from .language.words import UNKNOWN

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


class Model(BaseModel):
    """A part of a recipe: unknown keys are refused, values never change after they are read."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, validate_default=False, defer_build=True
    )


def _integer(value: Any) -> Any:
    """Return text of a whole number as an int; anything else unchanged. Raises: PydanticCustomError."""
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value.strip()):
            raise PydanticCustomError("whole_number", "must be a whole number")
        return int(value)
    return value


def _number(value: Any) -> Any:
    """Return text of a number as a float; anything else unchanged. Raises: PydanticCustomError."""
    if isinstance(value, str):
        if not NUMBER.fullmatch(value.strip()):
            raise PydanticCustomError("number", "must be a number")
        value = float(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("number", "must be a finite number")
    return value


def _flag(value: Any) -> Any:
    """Return text of a flag as a bool; anything else unchanged. Raises: PydanticCustomError."""
    if isinstance(value, str):
        if value in ("true", "True", "TRUE"):
            return True
        if value in ("false", "False", "FALSE"):
            return False
        raise PydanticCustomError("flag", "must be true or false")
    return value


def as_tuple(value: Any) -> Any:
    """Return a YAML list as the tuple that a frozen model keeps; anything else unchanged."""
    return tuple(value) if isinstance(value, list) else value


def _tuple_of(count: int) -> BeforeValidator:
    """Return a list of exactly so many values as a tuple."""

    def check(value: Any) -> Any:
        if isinstance(value, list | tuple) and len(value) != count:
            raise PydanticCustomError("length", "must be a list of {count} values", {"count": count})
        return as_tuple(value)

    return BeforeValidator(check)


def one_or_many(value: Any) -> Any:
    """Return a single item where a list is meant: ``exports: {...}`` is a list of one."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


AS_IT_IS = PlainSerializer(lambda value: value)
"""Goes with a PlainValidator, whose own serialiser expects the value that it has already turned into JSON."""


def quantity(value: Any, *, positive: bool = False, unknown: bool = False) -> Any:
    """Return a number, a template that gives one, or (where allowed) ``unknown``.

    Raises: PydanticCustomError.
    """
    if isinstance(value, str):
        if unknown and value == UNKNOWN:
            return UNKNOWN
        if is_template(value):
            return check_template(value)
    number = _number(value)
    if not isinstance(number, float):
        raise PydanticCustomError("number", "must be a number")
    if positive and number <= 0:
        raise PydanticCustomError("positive", "must be greater than 0")
    return number


def _quantity(*, positive: bool = False, unknown: bool = False) -> PlainValidator:
    check = partial(quantity, positive=positive, unknown=unknown)
    return PlainValidator(check, json_schema_input_type=float | str)


def _number_or(*words: str) -> PlainValidator:
    """Return a number or one of some words."""

    def check(value: Any) -> Any:
        if value in words:
            return value
        if isinstance(value, str) and not NUMBER.fullmatch(value.strip()):
            raise PydanticCustomError("number", "must be a number or {words}", {"words": " or ".join(words)})
        return _number(value)

    return PlainValidator(check, json_schema_input_type=float | str)


Quantity = float | Template
"""A number, or a template that gives one when a file is known."""

Text = Annotated[str, Field(min_length=1)]
Integer = Annotated[int, BeforeValidator(_integer)]
Count = Annotated[int, BeforeValidator(_integer), Field(ge=0)]
Positive = Annotated[int, BeforeValidator(_integer), Field(ge=1)]
Number = Annotated[float, BeforeValidator(_number)]
PositiveNumber = Annotated[float, BeforeValidator(_number), Field(gt=0)]
Flag = Annotated[bool, BeforeValidator(_flag)]

Item = TypeVar("Item")
Pair = Annotated[tuple[Item, Item], _tuple_of(2)]
Triple = Annotated[tuple[Item, Item, Item], _tuple_of(3)]
Sextuple = Annotated[tuple[Item, Item, Item, Item, Item, Item], _tuple_of(6)]
Many = Annotated[tuple[Item, ...], BeforeValidator(as_tuple)]
OneOrMany = Annotated[tuple[Item, ...], BeforeValidator(one_or_many)]

Shape = Pair[Positive]
"""Rows, columns."""

Millimetres = Annotated[Quantity, _quantity(), AS_IT_IS]
"""A length in mm, of either sign, or a template that gives one."""

PositiveMillimetres = Annotated[Quantity, _quantity(positive=True), AS_IT_IS]
"""A length in mm, above 0, or a template that gives one."""

KnownOrNot = Annotated[Quantity | Literal["unknown"], _quantity(positive=True, unknown=True), AS_IT_IS]
"""A number above 0, a template that gives one, or ``unknown``."""

AngleOrUnknown = Annotated[Quantity | Literal["unknown"], _quantity(unknown=True), AS_IT_IS]
"""Degrees, a template that gives them, or ``unknown``."""

MaximumOrNumber = Annotated[float | Literal["max"], _number_or("max"), AS_IT_IS]
