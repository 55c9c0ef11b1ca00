"""A YAML file -> Recipe, or every mistake in it with its line and column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..schemas.recipe import Recipe

Layer = Literal["conversion", "defaults", "extends", "recipe", "set"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value of the merged recipe stands."""

    file: str
    line: int
    column: int
    layer: Layer
    """``conversion``: in the conversion itself, in the recipe's own file; only such values outrank a file's."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class LoadedRecipe:
    """A valid recipe, merged, with the place of every value."""

    recipe: Recipe
    path: Path
    places: Mapping[tuple[str | int, ...], Place] = field(default_factory=dict)
    """By location in the merged recipe: ``("conversions", "film", "geometry", "sid")``."""
    digest: str = ""
    """sha256 (hex) of the merged recipe's canonical form, `vars` and `--set` included, places not."""

    def place(self, *location: str | int) -> Place | None:
        """The place of a value, or of the nearest part of the recipe around it."""
        raise NotImplementedError


def load_recipe(path: Path, variables: Mapping[str, str] | None = None) -> LoadedRecipe:
    """Read a recipe and what it extends; `variables` are those of ``--set``.

    Raises:
        RecipeError: with every mistake in the files.
    """
    raise NotImplementedError
