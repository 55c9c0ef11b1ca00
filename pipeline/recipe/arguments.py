"""Read the arguments of Python users as the plain values that a recipe would have, and report mistakes."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from numbers import Integral
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from ...schemas.language.suggest import suggestion
from ..errors import UsageError
from .problems import sentence

Some = TypeVar("Some", bound=BaseModel)
Value = TypeVar("Value")


def plain(value: Any) -> Any:
    """Return a value as a recipe could write it: numpy and pydicom types, dates and bytes as plain ones."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, datetime):
        return value.strftime("%Y%m%d%H%M%S.%f%z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return str(value) if type(value).__module__.startswith("pydicom.valuerep") else value


def plain_tags(value: Any) -> Any:
    """Return `plain` tags; keys may be a tag's number or its group and element, as pydicom has them."""
    if isinstance(value, Mapping):
        return {tag_key(key): plain_tags(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_tags(item) for item in value]
    return plain(value)


def tag_key(key: Any) -> Any:
    """Return ``0x00100020`` and ``(0x0010, 0x0020)`` as ``00100020``; any other key unchanged."""
    if isinstance(key, tuple) and len(key) == 2 and all(isinstance(part, Integral) for part in key):
        return f"{key[0]:04X}{key[1]:04X}"
    return f"{int(key):08X}" if isinstance(key, Integral) else key


def as_model(model: type[Some], value: Some | Mapping[str, Any], argument: str) -> Some:
    """Return a part of a recipe from its keys. Raises: UsageError with the first mistake."""
    if isinstance(value, model):
        return value
    if not isinstance(value, Mapping):
        raise UsageError(f"must be a mapping, not {type(value).__name__}", subject=argument)
    return validated(TypeAdapter(model), plain(value), argument, model.model_fields)


def validated(adapter: TypeAdapter[Value], value: Any, argument: str, known: Any = ()) -> Value:
    """Return the value as a recipe would read it, `known` its keys.

    Raises: UsageError with the first mistake.
    """
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in (argument, *first["loc"]))
        if first["type"] == "extra_forbidden":
            raise UsageError(
                f"unknown key{suggestion(str(first['loc'][-1]), known)}", subject=place
            ) from None
        raise UsageError(sentence(first), subject=place) from None
