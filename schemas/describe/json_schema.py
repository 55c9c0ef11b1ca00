"""Write the JSON Schema of recipe files for editors, with short forms and incomplete parts.

It is generated from the models. A file may have less than a recipe, since `defaults` and `extends` may hold
the rest; so what an editor accepts may still be refused, but not the other way round, except for numbers and
flags in quotes, which recipes may have and an editor marks.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from ..companions import Metadata, Sidecar
from ..delivery import DESTINATIONS, Caller, ClientTls, Receive, ReceiveLimits, ServerTls
from ..exports import EXPORT_TARGETS
from ..geometry import Geometry
from ..inputs import Inputs
from ..machines import Machine
from ..process import OPERATIONS, Combine, FilterSize
from ..recipe import Conversion, Limits
from ..sources import SOURCE_FORMATS
from ..testing.made_inputs import PHANTOMS
from ..testing.models import Expectation, Mean, Near, RecipeTest
from ..testing.recipe import RecipeWithTests

Schema = dict[str, Any]

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_NOISE = ("title", "discriminator")
_TEXT = ["string", "number", "boolean"]
"""Any scalar is text where text is meant: ``PatientID: 00123``."""
_PARTS = ("Combine", "Inputs", "Sidecar", "Metadata")
"""Models whose required keys `defaults` or `extends` may give."""


def recipe_json_schema() -> Schema:
    """Return the schema, JSON Schema draft 7."""
    raw = RecipeWithTests.model_json_schema(by_alias=True)
    definitions: Schema = raw.pop("$defs")
    for model in _models():
        _describe(definitions[model.__name__], model)
    schema: Schema = _tidy(raw)
    definitions = {name: _tidy(definition) for name, definition in sorted(definitions.items())}
    _loosen(definitions)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A recipe of dicombake",
        **_file(schema),
        "definitions": definitions,
    }


def schema_text() -> str:
    """Return the text of ``recipe.schema.json``."""
    return json.dumps(recipe_json_schema(), indent=1, ensure_ascii=True) + "\n"


def _models() -> tuple[type[BaseModel], ...]:
    unions = (*SOURCE_FORMATS.values(), *OPERATIONS.values(), *EXPORT_TARGETS.values())
    testing: tuple[type[BaseModel], ...] = (RecipeTest, Expectation, Near, Mean, *PHANTOMS.values())
    companions = (Sidecar, Metadata)
    delivery: tuple[type[BaseModel], ...] = (
        *DESTINATIONS.values(),
        ClientTls,
        ServerTls,
        Caller,
        Receive,
        ReceiveLimits,
    )
    return (
        Limits,
        Machine,
        Conversion,
        Inputs,
        Geometry,
        Combine,
        FilterSize,
        *companions,
        *delivery,
        *unions,
        *testing,
    )


def _describe(definition: Schema, model: type[BaseModel]) -> None:
    """Add the text below each field of the model, which Pydantic leaves out."""
    documented: dict[str, str] = {}
    for base in reversed(model.__mro__[:-1]):
        if issubclass(base, BaseModel) and base is not BaseModel:
            documented |= field_docs(base)
    for name, info in model.model_fields.items():
        if name in documented:
            definition["properties"][info.alias or name]["description"] = documented[name]


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings of a model's own fields, by the field's name."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    found: dict[str, str] = {}
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    for field, text in pairwise(body):
        documented = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and documented:
            found[field.target.id] = inspect.cleandoc(str(text.value.value))  # type: ignore[attr-defined]
    return found


def _tidy(value: Any, *, names: bool = False) -> Any:
    """Return draft 7, without what only Pydantic understands.

    `names`: the keys are a recipe's, not a schema's.
    """
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value.replace("#/$defs/", "#/definitions/") if isinstance(value, str) else value
    if names:
        return {key: _tidy(inner) for key, inner in value.items()}
    tidied: Schema = {
        _BOUNDS.get(str(key), str(key)): inner
        if key in ("enum", "const", "default")
        else _tidy(inner, names=key == "properties")
        for key, inner in value.items()
        if key not in _NOISE
    }
    if tidied.get("default", 0) is None or isinstance(tidied.get("default"), dict):
        del tidied["default"]
    if tidied.get("type") == "string" and not {"enum", "const"} & set(tidied):
        tidied["type"] = _TEXT
    for choice in tidied.get("anyOf", ()):
        if {"type": "number"} in tidied["anyOf"] and choice.get("type") == _TEXT:
            choice["type"] = "string"
    if tidied.get("type") == "array":
        _as_list(tidied)
    return tidied


def _as_list(schema: Schema) -> None:
    """Write tuples as lists of one kind of items; Pydantic counts some of them as text."""
    if "prefixItems" in schema:
        schema["items"] = schema.pop("prefixItems")[0]
    if "minLength" in schema:
        schema["minItems"] = schema.pop("minLength")


def _loosen(definitions: Schema) -> None:
    """Allow the short forms, and parts that leave to `defaults` and `extends` what they lack."""
    for key, models in (("format", SOURCE_FORMATS), ("to", EXPORT_TARGETS)):
        for model in models.values():
            definitions[model.__name__]["required"] = [key]
    for name in _PARTS:
        definitions[name].pop("required", None)
    inputs = definitions["Inputs"]["properties"]
    for key in ("files", "exclude", "group_by", "from"):
        inputs[key] = _or_one(inputs[key])
    definitions["FilterSize"] = _any(
        {"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^\s*[0-9.]+\s*(mm)?\s*$"},
        definitions["FilterSize"],
    )  # fmt: skip
    _loosen_tests(definitions)
    _loosen_delivery(definitions)
    conversion = definitions["Conversion"]
    del conversion["required"]
    fields = conversion["properties"]
    source = {**fields["source"], "oneOf": [*fields["source"]["oneOf"], _without("format")]}
    fields["source"] = _any({"enum": list(SOURCE_FORMATS)}, source)
    fields["exports"] = {"anyOf": [fields["exports"], *_export_parts(fields["exports"]["items"])]}
    fields["inputs"] = _any({"type": "string"}, {"type": "array", "items": {"type": _TEXT}}, fields["inputs"])
    methods = definitions["Combine"]["properties"]["method"]["enum"]
    fields["combine"]["anyOf"].insert(0, {"enum": methods})
    for key in ("sidecar", "metadata"):
        fields[key]["anyOf"].insert(0, {"type": "string"})
    fields["process"]["items"] = _operations(definitions)
    for properties in (
        fields,
        *(definitions[name]["properties"] for name in ("Geometry", "Limits", "Machine")),
    ):
        _nullable(properties)


def _loosen_delivery(definitions: Schema) -> None:
    for model in DESTINATIONS.values():
        definition = definitions[model.__name__]
        definition["required"] = ["to"]
        _nullable(definition["properties"])
    for name in ("Receive", "ReceiveLimits"):
        definitions[name].pop("required", None)
        _nullable(definitions[name]["properties"])
    allow = definitions["Receive"]["properties"]["allow"]
    caller = definitions["Receive"]["properties"]
    allow["items"] = _any({"type": "string"}, allow["items"])
    caller["allow"] = _any(*allow["items"]["anyOf"], allow)
    address = definitions["Caller"]["properties"]["address"]
    definitions["Caller"]["properties"]["address"] = _or_one(address)
    for target in ("Conversion", *(model.__name__ for model in EXPORT_TARGETS.values())):
        definitions[target]["properties"]["deliver"]["anyOf"].insert(0, {"type": "string"})


def _loosen_tests(definitions: Schema) -> None:
    for model in PHANTOMS.values():
        definition = definitions[model.__name__]
        definition["required"] = ["phantom", *definition["required"]]
    for name, keys in (("RecipeTest", ("input", "expect")), ("Expectation", ("mean",))):
        properties = definitions[name]["properties"]
        for key in keys:
            properties[key] = _or_one(properties[key])
    definitions["Near"] = _any({"type": "number"}, definitions["Near"])


def _export_parts(items: Schema) -> list[Schema]:
    return [items, _without("to")]


def _without(key: str) -> Schema:
    """Return a mapping without its decisive key, which what it is merged over may have."""
    return {"type": "object", "not": {"required": [key]}}


def _operations(definitions: Schema) -> Schema:
    """Return the forms ``invert``, ``{crop: {top: 20}}`` and ``{op: crop, top: 20}``."""
    alone, named, written_out = [], [], []
    for name, model in OPERATIONS.items():
        definition = definitions[model.__name__]
        options = {
            "type": "object",
            "description": definition["description"],
            "properties": {key: value for key, value in definition["properties"].items() if key != "op"},
            "additionalProperties": False,
        }
        required = list(definition.get("required", ()))
        if required:
            options["required"] = required
        else:
            alone.append(name)
        value: Schema = options if required else _any(options, {"type": "null"})
        named.append(
            {"type": "object", "properties": {name: value}, "required": [name], "additionalProperties": False}
        )
        definition["required"] = ["op", *required]
        written_out.append({"$ref": f"#/definitions/{model.__name__}"})
    return _any({"enum": alone}, *named, *written_out)


def _file(schema: Schema) -> Schema:
    """Return the top level of a file: `extends` and `defaults` besides what a recipe has."""
    properties = schema["properties"]
    properties["version"] = {"const": 1, "description": "Of the recipe language."}
    properties["extends"] = _or_one({"type": "array", "items": {"type": "string", "minLength": 1}}) | {
        "description": "Recipe files merged under this one, relative to it; later ones win, this one last."
    }
    properties["defaults"] = {
        "$ref": "#/definitions/Conversion",
        "description": "A part of a conversion, merged under every conversion.",
    }
    properties["vars"]["additionalProperties"] = {"type": [*_TEXT, "null"]}
    properties["machines"]["additionalProperties"] = _any({"$ref": "#/definitions/Machine"}, {"type": "null"})
    properties["destinations"]["additionalProperties"] = _any(
        {"oneOf": [{"$ref": f"#/definitions/{model.__name__}"} for model in DESTINATIONS.values()]},
        _without("to"),
        {"type": "null"},
    )
    properties["conversions"].pop("minProperties", None)
    properties["conversions"]["additionalProperties"] = _any(
        {"$ref": "#/definitions/Conversion"}, {"type": "null"}
    )
    _nullable(properties)
    whole = {"required": ["inputs", "source", "exports"]}
    return {
        **{key: value for key, value in schema.items() if key != "required"},
        "properties": properties,
        "if": {"not": {"anyOf": [{"required": ["extends"]}, {"required": ["defaults"]}]}},
        "then": {
            "required": ["version", "conversions"],
            "properties": {"conversions": {"minProperties": 1, "additionalProperties": whole}},
        },
    }


def _or_one(schema: Schema) -> Schema:
    return _any(schema["items"], schema)


def _any(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


def _nullable(properties: Schema) -> None:
    """Allow null for a key: it counts as absent, and removes what it is merged over."""
    for key, schema in properties.items():
        allowed = schema.get("anyOf", [])
        if {"type": "null"} in allowed:
            continue
        if isinstance(schema.get("type"), str | list) and not {"enum", "const"} & set(schema):
            known = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            schema["type"] = [*known, "null"]
            continue
        described = {"description": schema["description"]} if "description" in schema else {}
        inner = {name: value for name, value in schema.items() if name != "description"}
        properties[key] = described | _any(*(allowed or [inner]), {"type": "null"})
