"""A recipe as it is carried to workers: plain values, so that they load no Pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from ...recipe.loaded import LoadedRecipe


def carried(loaded: LoadedRecipe) -> LoadedRecipe:
    """The recipe with each model in it as a namespace: the same values under the same names."""
    variants = {name: carried(variant) for name, variant in loaded.variants.items()}
    return replace(loaded, recipe=_plain(loaded.recipe), variants=variants)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return SimpleNamespace(**{name: _plain(part) for name, part in vars(value).items()})
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    return value
