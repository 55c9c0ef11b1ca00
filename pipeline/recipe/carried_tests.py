"""Find where the tests of a recipe do not fit its conversions and variables."""

from __future__ import annotations

from collections.abc import Iterator

from ...schemas.language.suggest import suggestion
from ...schemas.recipe import Recipe
from ...schemas.testing.select import carried_tests
from ..errors import Problem
from .problems import problem_at
from .tree import Part


def wrong_tests(merged: Part, recipe: Recipe) -> Iterator[Problem]:
    """Yield tests of unknown conversions and variables, and names that occur twice."""
    seen: set[str] = set()
    for index, test in enumerate(carried_tests(recipe)):
        if test.conversion not in recipe.conversions:
            what = (
                f"there is no conversion '{test.conversion}'{suggestion(test.conversion, recipe.conversions)}"
            )
            yield problem_at(merged, ("tests", index, "conversion"), what)
        for name in test.vars:
            if name not in recipe.vars:
                what = f"the recipe declares no such variable{suggestion(name, recipe.vars)}"
                yield problem_at(merged, ("tests", index, "vars", name), what)
        if test.name in seen:
            yield problem_at(merged, ("tests", index, "name"), "another test has this name")
        seen.add(test.name)
