"""The fields of models that hold tags, and what a recipe may write for a tag's value.

Tags are parsed here, once: all later code gets paths and values, never their text.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from . import vr as vrs
from .tags import TagPath, TagValue, as_written, parse_tag, problem_of
from .template import check_template, is_template


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


def _mapping(item: Mapping[Any, Any]) -> dict[TagPath, TagValue]:
    return dict(_inner(str(key), inner) for key, inner in item.items())


def _inner(key: str, raw: Any) -> tuple[TagPath, TagValue]:
    """Read an entry of a sequence's item; report a mistake in a key further inside at this one."""
    try:
        value = _value(raw)
    except PydanticCustomError as error:
        if error.type == "tag":
            raise _wrong_tag(f"{key}: {error.message()}") from None
        raise
    return _path(key), value


def _path(key: str) -> TagPath:
    try:
        return parse_tag(key)
    except ValueError as error:
        raise _wrong_tag(str(error)) from None


def _wrong_tag(reason: str) -> PydanticCustomError:
    return PydanticCustomError("tag", "{reason}", {"reason": reason})


def _explicit(value: Mapping[Any, Any]) -> TagValue:
    keys = set(value)
    if keys == {"base64"}:
        try:
            return TagValue(data=base64.b64decode(str(value["base64"]), validate=True))
        except (binascii.Error, ValueError):
            raise PydanticCustomError("tag_value", "'base64' holds no base64 text") from None
    if "vr" in keys and keys <= {"vr", "value", "base64"}:
        vr = value["vr"]
        if vr not in vrs.ALL:
            raise PydanticCustomError("tag_value", "'{vr}' is no VR", {"vr": str(vr)})
        if "base64" in keys:
            return TagValue(data=_explicit({"base64": value["base64"]}).data, vr=vr)
        return _value(value.get("value"), vr)
    raise PydanticCustomError(
        "tag_value", "a mapping is {vr: .., value: ..} or {base64: ..}; a sequence is a list of mappings"
    )


def _with_keys(value: Any) -> Any:
    """Return each value together with its key, so that a wrong one is reported at its own place."""
    if not isinstance(value, Mapping):
        raise PydanticCustomError("mapping", "must be a mapping of tags to values")
    return {str(key): (str(key), inner) for key, inner in value.items()}


def _entry(pair: tuple[str, Any]) -> tuple[TagPath, TagValue]:
    key, raw = pair
    value, path = _value(raw), _path(key)
    problem = problem_of(path, value)
    if problem:
        raise _wrong_tag(problem.removeprefix(f"{key}: "))
    return path, value


class _ByPath:
    """Makes Pydantic read tags by their text, which is a mistake's place, and keep them by path."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        entries = core_schema.dict_schema(
            core_schema.str_schema(), core_schema.no_info_plain_validator_function(_entry)
        )
        return core_schema.chain_schema(
            [
                core_schema.no_info_before_validator_function(_with_keys, entries),
                core_schema.no_info_plain_validator_function(lambda read: dict(read.values())),
            ],
            serialization=core_schema.plain_serializer_function_ser_schema(_as_written),
        )


def _as_written(tags: Mapping[TagPath, TagValue]) -> dict[str, Any]:
    return {str(path): as_written(value) for path, value in tags.items()}


def _key(value: Any) -> TagPath:
    if isinstance(value, TagPath):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "must be text")
    return _path(value)


TagKey = Annotated[TagPath, PlainValidator(_key, json_schema_input_type=str), PlainSerializer(str)]
Tags = Annotated[
    dict[TagPath, TagValue],
    _ByPath,
    WithJsonSchema({"type": "object", "description": "DICOM tags by keyword, number or private element"}),
]
