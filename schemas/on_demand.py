"""Models that are made and built with the first value that needs them.

Most recipes use a few of all formats, targets and operations. A class of Pydantic and what it validates with
take about a millisecond, which each start would pay for every one of them.
"""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue


class ByKey:
    """Goes with a union of models, in place of a `Field` with a discriminator, and does the same."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._whole: Any = None
        """The union with such a field."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        self._whole = Annotated[source, Field(discriminator=self._key)]
        choices: dict[Any, CoreSchema] = {
            model.model_fields[self._key].default: core_schema.no_info_plain_validator_function(
                model.model_validate
            )
            for model in get_args(source)
        }
        return core_schema.tagged_union_schema(choices, self._key, strict=False, from_attributes=True)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(TypeAdapter(self._whole).core_schema)


class OnDemand:
    """Stands for a model or another type of one of these modules, which is imported with the first value."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    @cached_property
    def kind(self) -> Any:
        """What it stands for."""
        return getattr(import_module(f".{self._module}", __package__), self._name)

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.kind)

    def _read(self, value: Any) -> Any:
        return self._adapter.validate_python(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # in a chain of one, since a handler alone writes a model here and not among the definitions
        return handler(core_schema.chain_schema([self._adapter.core_schema]))


def on_demand(module: str, name: str) -> Any:
    """Return the type of a field for a type of another module, which a type checker is told of instead."""
    return Annotated[Any, OnDemand(module, name)]
