"""The model of a whole recipe: that with tests only where it has some, since the models of tests are many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..recipe import Recipe

if TYPE_CHECKING:
    from .models import RecipeTest


def model_of(keys: Iterable[str]) -> type[Recipe]:
    """Return the model for a recipe with these keys at its top: that with tests, unless it has none.

    The models of tests are many, and most commands and all workers do without them.
    """
    if Recipe.model_fields.keys() >= set(keys):
        return Recipe
    from .recipe import RecipeWithTests

    return RecipeWithTests


def carried_tests(recipe: Recipe) -> tuple[RecipeTest, ...]:
    """Return the tests that a recipe carries."""
    return getattr(recipe, "tests", ())
