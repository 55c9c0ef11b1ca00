"""A YAML file -> Recipe, or every mistake in it with its line and column."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..schemas.checks import problems_of
from ..schemas.recipe import Conversion, Recipe
from .errors import Problem, RecipeError
from .recipe_extends import FileReader
from .recipe_parts import Layer, Location, Part, Place, merge, plain
from .recipe_problems import make_problem, nearest, problem_at, problems_in

__all__ = ["Layer", "LoadedRecipe", "Location", "Place", "load_recipe"]

MAX_MERGED = 500_000
"""Values of a recipe with its defaults in every conversion."""


@dataclass(frozen=True)
class LoadedRecipe:
    """A valid recipe, merged, with the place of every value."""

    recipe: Recipe
    path: Path
    places: Mapping[Location, Place] = field(default_factory=dict)
    """By location in the merged recipe: ``("conversions", "film", "geometry", "sid")``."""
    digest: str = ""
    """sha256 (hex) of the merged recipe's canonical form, `vars` and `--set` included, places not.

    Which geometry stands in the conversion itself is part of it, since that outranks what a file says.
    """

    def place(self, *location: str | int) -> Place | None:
        """The place of a value, or of the nearest part of the recipe around it."""
        for end in range(len(location), -1, -1):
            found = self.places.get(location[:end])
            if found is not None:
                return found
        return None


def load_recipe(path: Path, variables: Mapping[str, str] | None = None) -> LoadedRecipe:
    """Read a recipe and what it extends; `variables` are those of ``--set``.

    Raises:
        RecipeError: with every mistake in the files.
    """
    path = Path(path)
    reader = FileReader()
    read = reader.read(path, path.as_posix())
    if read is None:
        raise RecipeError(_in_order(reader.problems))
    problems = reader.problems
    merged = _named(_applied(read), path)
    problems += _set(merged, variables or {})
    merged = _with_variables(merged, variables or {})
    if merged.size() > MAX_MERGED:
        raise RecipeError((make_problem(merged.place, (), f"merges into more than {MAX_MERGED} values"),))
    recipe, found = _validated(merged)
    problems += found
    if problems or recipe is None:
        raise RecipeError(_in_order(problems))
    places = dict(_places(merged))
    return LoadedRecipe(recipe, path, places, _digest(recipe, places))


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """By place, each mistake once, though several conversions may share the part that it stands in."""
    once: dict[tuple[str, int, int, str], Problem] = {}
    for problem in sorted(problems):
        once.setdefault((problem.file, problem.line, problem.column, problem.what), problem)
    return tuple(once.values())


def _applied(read: Part) -> Part:
    """`defaults` under every conversion; `defaults` and `extends` are gone then."""
    entries = {key: part for key, part in read.entries.items() if key not in ("defaults", "extends")}
    defaults, conversions = read.entries.get("defaults"), entries.get("conversions")
    if defaults is not None and defaults.entries and conversions is not None and conversions.entries:
        merged = {name: merge(defaults, part, "conversion") for name, part in conversions.entries.items()}
        entries["conversions"] = replace(conversions, value=merged)
    return replace(read, value=entries)


def _named(merged: Part, path: Path) -> Part:
    if "name" in merged.entries:
        return merged
    name = re.sub(r"[^A-Za-z0-9_.\-]+", "_", unicodedata.normalize("NFC", path.stem)).lstrip(".-")[:64]
    part = Part(name or "recipe", replace(merged.place, line=1, column=1), ("name",))
    return replace(merged, value={**merged.entries, "name": part})


def _set(merged: Part, variables: Mapping[str, str]) -> list[Problem]:
    declared = merged.entries["vars"].entries if "vars" in merged.entries else {}
    unknown = [name for name in variables if name not in declared]
    place = replace(merged.place, line=0, column=0)
    return [
        make_problem(
            place,
            ("vars", name),
            f"--set names a variable that the recipe does not declare{nearest(name, declared)}",
        )
        for name in unknown
    ]


def _with_variables(merged: Part, variables: Mapping[str, str]) -> Part:
    part = merged.entries.get("vars")
    if part is None or not part.entries:
        return merged
    given = {
        name: replace(old, value=variables[name], place=replace(old.place, layer="set"))
        if name in variables
        else old
        for name, old in part.entries.items()
    }
    return replace(merged, value={**merged.entries, "vars": replace(part, value=given)})


def _validated(merged: Part) -> tuple[Recipe | None, list[Problem]]:
    """The recipe, or what is wrong; conversions that are right by themselves are checked in any case."""
    data = plain(merged)
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        problems = list(problems_in(error, merged))
        wrong = {detail["loc"][:2] for detail in error.errors(include_url=False)}
        return None, problems + list(_checked(merged, data, wrong))
    found = problems_of(recipe.conversions, recipe.vars)
    return recipe, [problem_at(merged, location, what) for location, what in found]


def _checked(merged: Part, data: Any, wrong: set[tuple[Any, ...]]) -> Iterator[Problem]:
    given = data.get("conversions")
    conversions: dict[str, Conversion | None] = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        sound = ("conversions", name) not in wrong
        conversions[name] = Conversion.model_validate(value) if sound else None
    given = data.get("vars", {})
    texts = isinstance(given, dict) and all(isinstance(value, str) for value in given.values())
    for location, what in problems_of(conversions, given if texts else None):
        yield problem_at(merged, location, what)


def _places(merged: Part) -> Iterator[tuple[Location, Place]]:
    """Every part's place; of a list or mapping the place of its key. A single export is also number 0."""
    for location, part in merged.walk():
        place = part.key if part.key is not None and not isinstance(part.value, str) else part.place
        yield location, place
        in_exports = location[0:1] == ("conversions",) and location[2:3] == ("exports",)
        numbered = isinstance(part.value, list) or any(isinstance(step, int) for step in location[3:4])
        if in_exports and not numbered:
            yield (*location[:3], 0, *location[3:]), place


def _digest(recipe: Recipe, places: Mapping[Location, Place]) -> str:
    own = sorted(
        ".".join(map(str, location[1:]))
        for location, place in places.items()
        if location[0:1] == ("conversions",) and location[2:3] == ("geometry",) and len(location) == 4
        if place.layer == "conversion"
    )
    canonical = {"recipe": recipe.model_dump(mode="json", by_alias=True), "own": own}
    text = json.dumps(canonical, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
