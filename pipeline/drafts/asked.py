"""The source that the user names for files that are not recognised by content."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from pydantic import TypeAdapter, ValidationError

from ...schemas.sources import AnySource, Source
from ..errors import UsageError
from ..loaders.options import SourceOptions
from ..plan.lower import lowered_source
from ..recipe.yaml_nodes import Node, YamlError, read_yaml


class AskedSource(Struct, frozen=True):
    """A `source` as a recipe has it, and the options of its loader."""

    text: str
    options: SourceOptions


def asked_source(text: str) -> AskedSource:
    """Return a source that is written as in a recipe. Raises: UsageError."""
    if "\n" in text.strip():
        raise UsageError(
            "must be one line, as in '{format: raw, shape: [512, 512], dtype: uint16}'", subject="--source"
        )
    try:
        model: AnySource = TypeAdapter(Source).validate_python(_plain(read_yaml(text.encode())))
    except YamlError as error:
        raise UsageError("; ".join(problem.what for problem in error.problems), subject="--source") from None
    except ValidationError as error:
        mistakes = "; ".join(
            f"{'.'.join(str(part) for part in each['loc'][1:]) or 'source'}: {each['msg']}"
            for each in error.errors()
        )
        raise UsageError(
            mistakes, subject="--source", hint="dicombake formats lists each with its options"
        ) from None
    return AskedSource(text.strip(), lowered_source(model))


def _plain(node: Node) -> Any:
    value = node.value
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
