"""Find which keys a recipe may have at a place, from the models, for hints and messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import Struct
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ..geometry import Geometry
from ..inputs import Inputs
from ..on_demand import OnDemand
from ..recipe import Conversion

Location = tuple[str | int, ...]
DISCRIMINATORS = ("format", "to", "op", "phantom")
"""Keys that say which member of a union is meant."""

_UNIONS = (Union, UnionType)


class Keys(Struct, frozen=True):
    """The keys at a location: a model and its keys, or the names of a union's members."""

    model: type[BaseModel] | None = None
    names: tuple[str, ...] = ()
    union_names: tuple[str, ...] = ()


def keys_at(model: type[BaseModel], location: Location) -> Keys:
    """Return what the models allow at a location as Pydantic writes it, with names of union members."""
    kind: Any = model
    for step in location:
        kind = _inner(_bare(kind), step)
    kind = _bare(kind)
    if _is_model(kind):
        return Keys(kind, tuple(names_of(kind)))
    return Keys(union_names=tuple(_members(kind)))


def names_of(model: type[BaseModel]) -> Iterator[str]:
    """Yield the keys of a model as a recipe writes them."""
    for name, info in model.model_fields.items():
        yield info.alias or name


def sections_with(name: str) -> list[str]:
    """Return the sections in which a key is known, for one that is in the wrong place."""
    return [section for section, names in _sections() if name in names]


@cache
def _sections() -> tuple[tuple[str, frozenset[str]], ...]:
    """Collect the keys of each section, in the order in which messages name the sections."""
    from ..delivery import DESTINATIONS, Receive
    from ..testing.recipe import RecipeWithTests

    found = [
        ("the top of the recipe", frozenset(names_of(RecipeWithTests))),
        ("the conversion", frozenset(names_of(Conversion))),
        ("'geometry'", frozenset(names_of(Geometry))),
        ("'inputs'", frozenset(names_of(Inputs))),
    ]
    destinations = [name for model in DESTINATIONS.values() for name in names_of(model)]
    found.append(("a destination", frozenset(destinations).difference(DISCRIMINATORS)))
    found.append(("'receive'", frozenset(names_of(Receive))))
    for section in ("source", "exports", "process", "combine"):
        members = _members(_bare(_item(Conversion.model_fields[section]))).values()
        names = {name for member in members for name in names_of(member)}
        found.append((f"'{section}'", frozenset(names.difference(DISCRIMINATORS))))
    return tuple(found)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _bare(kind: Any) -> Any:
    """Return a type without Annotated and None."""
    while True:
        if isinstance(kind, FieldInfo):
            kind = _meant(kind.annotation, kind.metadata)
        elif get_origin(kind) is Annotated:
            kind = _meant(get_args(kind)[0], get_args(kind)[1:])
        elif get_origin(kind) in _UNIONS and type(None) in get_args(kind):
            others = tuple(part for part in get_args(kind) if part is not type(None))
            kind = Union[others]  # noqa: UP007 - built from a tuple
        else:
            return kind


def _meant(kind: Any, marks: Iterable[Any]) -> Any:
    """Return the type that `Annotated` or a field is about, imported if it is one that is made on demand."""
    return next((mark.kind for mark in marks if isinstance(mark, OnDemand)), kind)


def _item(kind: Any) -> Any:
    """Return the type of a list's items."""
    kind = _bare(kind)
    return _item(get_args(kind)[0]) if get_origin(kind) is tuple else kind


def _members(kind: Any) -> dict[str, Any]:
    """Return the models of a union by the value of their discriminator."""
    if _is_model(kind):
        return {"": kind}
    parts = [part for part in get_args(kind) if _is_model(part)] if get_origin(kind) in _UNIONS else []
    for key in DISCRIMINATORS:
        if parts and all(isinstance(_default(part, key), str) for part in parts):
            return {part.model_fields[key].default: part for part in parts}
    return {}


def _default(model: type[BaseModel], key: str) -> Any:
    return model.model_fields[key].default if key in model.model_fields else None


def _inner(kind: Any, step: str | int) -> Any:
    if _is_model(kind):
        for name, info in kind.model_fields.items():
            if step in (name, info.alias):
                return info
        return None
    origin, args = get_origin(kind), get_args(kind)
    if origin is dict:
        return args[1]
    if origin is tuple and isinstance(step, int):
        return args[0]
    if origin in _UNIONS:
        return _members(kind).get(str(step))
    return None
