"""A recipe that carries tests."""

from __future__ import annotations

from ..base import Many
from ..recipe import Recipe
from .models import RecipeTest


class RecipeWithTests(Recipe):
    """A whole recipe, after `extends` and `defaults` were merged into its conversions."""

    tests: Many[RecipeTest] = ()
    """What `dicombake test` makes and compares; no output depends on it."""
