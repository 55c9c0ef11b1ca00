"""Parse templates: text with ``{name}`` places, as ``path``, ``tags`` and ``geometry`` have them.

The language is deliberately small: ``{name}``, ``{name:spec}``, ``{{`` and ``}}``. No conversions, no
indexing and no attributes but ``vars.``, ``env.``, ``source.`` and ``csv.``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

BUILT_IN = ("stem", "name", "suffix", "parent", "index", "slice", "group", "page", "frame")
"""Names that every template may use; a capture may not have one of them."""

ACQUIRED = ("date", "time")
"""When the image was acquired; a capture or a column of the table with such a name hides them."""

NAMESPACES = ("vars", "env", "source", "csv")

MAX_WIDTH = 64
_SPEC = re.compile(r"(?:.?[<>=^])?[+\- ]?#?0?(?P<width>\d+)?,?(?:\.(?P<precision>\d+))?[bcdeEfFgGosxX%]?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_ ]*)?|source\.[0-9A-Fa-f]{8}")
_PIECE = re.compile(r"\{\{|\}\}|\{(?P<body>[^{}]*)\}|(?P<stray>[{}])|(?P<text>[^{}]+)")


class Place(Struct, frozen=True):
    """One ``{name:spec}`` of a template. `namespace` is ``vars``, ``env``, ``source``, ``csv`` or empty."""

    namespace: str
    name: str
    spec: str

    def __str__(self) -> str:
        return f"{self.namespace}.{self.name}" if self.namespace else self.name


class TemplateError(ValueError):
    """The text is not a template; the message is the reason."""


def is_template(text: str) -> bool:
    """Tell whether the text has a brace, and so is parsed as a template."""
    return "{" in text or "}" in text


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[str | Place, ...]:
    """Return the literal texts and places of a template, in order.

    Raises:
        TemplateError: a brace without its partner, an unknown form of name, a format spec that Python
            does not know or that would write more than `MAX_WIDTH` characters.
    """
    return tuple(_pieces(text))


def _pieces(text: str) -> Iterator[str | Place]:
    for piece in _PIECE.finditer(text):
        if piece["text"] is not None:
            yield piece["text"]
        elif piece["stray"] is not None:
            raise TemplateError(f"a single '{piece['stray']}'; write it twice to mean the brace itself")
        elif piece["body"] is not None:
            yield _place(piece["body"])
        else:
            yield piece[0][0]


def _place(body: str) -> Place:
    name, _, spec = body.partition(":")
    if not _NAME.fullmatch(name):
        raise TemplateError(f"'{{{body}}}' is no name; a name is letters, digits and _")
    namespace, dot, rest = name.partition(".")
    if dot and namespace not in NAMESPACES:
        raise TemplateError(f"'{{{body}}}': only vars., env., source. and csv. have names inside")
    matched = _SPEC.fullmatch(spec)
    if matched is None:
        raise TemplateError(f"'{{{body}}}': '{spec}' is no format such as 04d or .1f")
    if max(int(matched["width"] or 0), int(matched["precision"] or 0)) > MAX_WIDTH:
        raise TemplateError(f"'{{{body}}}': a width of more than {MAX_WIDTH}")
    return Place(namespace, rest, spec) if dot else Place("", name, spec)


def places(text: str) -> tuple[Place, ...]:
    """Return the places of a template, in order. Raises: TemplateError."""
    return tuple(piece for piece in parse(text) if isinstance(piece, Place))


class Template(str):
    """Text that was checked to be a well-formed template."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            check_template, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "minLength": 1}


def check_template(value: Any) -> Template:
    """Return the value as a `Template`, for Pydantic. Raises: PydanticCustomError."""
    from pydantic_core import PydanticCustomError

    from .parsing import parsable

    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "must be text")
    if not value:
        raise PydanticCustomError("string_too_short", "must not be empty")
    return Template(parsable(value, parse=parse, kind="template"))
