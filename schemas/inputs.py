"""The `inputs` of a conversion: which files go in."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from .base import Model, OneOrMany, Positive, Text
from .language.conditions import Condition, as_written, parse_condition
from .language.parsing import parsable
from .language.patterns import parse_glob

OnEmpty = Literal["error", "warn", "ok"]
Glob = Annotated[Text, AfterValidator(partial(parsable, parse=parse_glob, kind="glob"))]

_TEXT_OR_ABSENT = {"type": ["string", "number", "boolean", "null"]}
Where = Annotated[
    Condition,
    PlainValidator(parse_condition),
    PlainSerializer(as_written),
    WithJsonSchema(
        {
            "anyOf": [
                _TEXT_OR_ABSENT,
                {"type": "array", "items": _TEXT_OR_ABSENT, "minItems": 1},
                {
                    "type": "object",
                    "properties": {"min": {"type": "number"}, "max": {"type": "number"}},
                    "additionalProperties": False,
                    "minProperties": 1,
                },
            ]
        }
    ),
]


class Inputs(Model):
    """Files by glob, or another conversion's outputs; short for it: a glob, or a list of globs."""

    files: OneOrMany[Glob] = ()
    exclude: OneOrMany[Glob] = ()
    where: dict[Text, Where] = Field(default_factory=dict)
    """What a file's header must say: a property or DICOM keyword, and text (``*`` and ``?`` as in globs), a
    list of texts, ``{min, max}``, or null for absent."""
    group_by: OneOrMany[Text] = ()
    """Captures (or ``parent``, ``stem``, ``name``, ``suffix``) whose equal values make one group."""
    min_files: Positive | None = None
    """Fewest files of a group (of the conversion, where nothing groups)."""
    max_files: Positive | None = None
    sort: Literal["natural", "name"] = "natural"
    from_: OneOrMany[Text] = Field(default=(), alias="from")
    on_empty: OnEmpty | None = None

    model_config = ConfigDict(validate_by_alias=True, validate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str | list | tuple):
            return {"files": value}
        return value

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.files and not self.from_:
            raise PydanticCustomError("inputs", "names no files: give a glob, 'files' or 'from'")
        if self.min_files and self.max_files and self.min_files > self.max_files:
            raise PydanticCustomError("inputs", "min_files is more than max_files")
        return self
