"""The fields of models that hold tags, and what a recipe may write for a tag's value."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from .parsing import parsable
from .tags import TagValue, as_written, parse_tag, problem_of
from .template import check_template, is_template

_VRS = frozenset(
    "AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW "  # noqa: SIM905
    "PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)


def _value(value: Any, vr: str | None = None) -> TagValue:
    if isinstance(value, TagValue):
        return value
    if value is None:
        return TagValue(vr=vr)
    if isinstance(value, bool):
        raise PydanticCustomError("tag_value", "must be text or a number; quote it to mean the word")
    if isinstance(value, str | int | float):
        return TagValue(items=(_item(str(value)),), vr=vr)
    if isinstance(value, Mapping):
        return _explicit(value)
    if isinstance(value, list | tuple):
        if value and all(isinstance(item, Mapping) for item in value):
            return TagValue(nested=tuple(_mapping(item) for item in value), vr=vr)
        if any(isinstance(item, Mapping | list | tuple) for item in value):
            raise PydanticCustomError(
                "tag_value", "is either a list of values or a list of mappings (a sequence)"
            )
        return TagValue(items=tuple("" if item is None else _item(str(item)) for item in value), vr=vr)
    raise PydanticCustomError("tag_value", "must be text, a number, a list, null or a mapping with 'value'")


def _item(text: str) -> str:
    return str(check_template(text)) if is_template(text) else text


def _mapping(item: Mapping[Any, Any]) -> dict[str, TagValue]:
    return {str(key): _value(inner) for key, inner in item.items()}


def _explicit(value: Mapping[Any, Any]) -> TagValue:
    keys = set(value)
    if keys == {"base64"}:
        try:
            return TagValue(data=base64.b64decode(str(value["base64"]), validate=True))
        except (binascii.Error, ValueError):
            raise PydanticCustomError("tag_value", "'base64' holds no base64 text") from None
    if "vr" in keys and keys <= {"vr", "value", "base64"}:
        vr = value["vr"]
        if vr not in _VRS:
            raise PydanticCustomError("tag_value", "'{vr}' is no VR", {"vr": str(vr)})
        if "base64" in keys:
            return TagValue(data=_explicit({"base64": value["base64"]}).data, vr=vr)
        return _value(value.get("value"), vr)
    raise PydanticCustomError(
        "tag_value", "a mapping is {vr: .., value: ..} or {base64: ..}; a sequence is a list of mappings"
    )


def _with_keys(value: Any) -> Any:
    """Each value together with its key, so that a wrong one is told at its own place."""
    if not isinstance(value, Mapping):
        raise PydanticCustomError("mapping", "must be a mapping of tags to values")
    return {str(key): (str(key), inner) for key, inner in value.items()}


def _entry(pair: tuple[str, Any]) -> TagValue:
    key, raw = pair
    value = _value(raw)
    problem = problem_of(key, value)
    if problem:
        raise PydanticCustomError("tag", "{reason}", {"reason": problem.removeprefix(f"{key}: ")})
    return value


TagKey = Annotated[str, AfterValidator(partial(parsable, parse=parse_tag, kind="tag"))]
Tags = Annotated[
    dict[str, Annotated[TagValue, PlainValidator(_entry), PlainSerializer(as_written)]],
    BeforeValidator(_with_keys),
    WithJsonSchema({"type": "object", "description": "DICOM tags by keyword, number or private element"}),
]
