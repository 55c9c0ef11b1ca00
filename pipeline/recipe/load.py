"""Load a recipe from a YAML file, or report every mistake in it with its line and column."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from pydantic import ValidationError

from ...schemas.language.suggest import at_most, suggestion
from ...schemas.language.template import is_template
from ...schemas.recipe import Conversion, Limits, Recipe
from ...schemas.rules.checks import problems_of
from ...schemas.rules.delivery import problems as delivery_problems
from ...schemas.rules.doubts import doubts
from ...schemas.rules.rows import Rows
from ...schemas.testing.select import model_of
from ..errors import Problem, RecipeError
from ..exporters.registry import TARGETS
from ..loaders.registry import FORMATS
from .canonical import keep_what_counts
from .carried_tests import wrong_tests
from .files import FileReader
from .loaded import Layer, LoadedRecipe, Location, Place
from .machines import applied, machine_names, templated, unknown_machines
from .problems import make_problem, problem_at, problems_in
from .profiles import HANDED_DOWN, Profiles
from .tree import Part, plain
from .yaml_nodes import SMALLER

__all__ = ["Layer", "LoadedRecipe", "Location", "Place", "load_recipe"]

_ROWS = Rows(FORMATS, TARGETS)
_NOT_OF_THE_BYTES = {"machines", "tests", "profile", "destinations", "receive"}
"""Keys of a recipe that no output depends on by themselves."""
MAX_MERGED = 500_000
"""The most values of a recipe with its defaults in every conversion."""
_MOST_SUGGESTIONS = 500
"""The most unknown names of one recipe that are compared with the known ones, since that takes time."""


def load_recipe(
    path: Path, variables: Mapping[str, str] | None = None, *, trusted: bool = True
) -> LoadedRecipe:
    """Read a recipe and what it extends; `variables` are those of ``--set``.

    One that is not `trusted` (docs/security.md) extends nothing outside of its folder and raises no limits.

    Raises:
        RecipeError: with every mistake in the files.
    """
    return load_with_parts(path, variables, trusted=trusted)[0]


def load_with_parts(
    path: Path, variables: Mapping[str, str] | None = None, *, trusted: bool = True
) -> tuple[LoadedRecipe, Part, Profiles]:
    """Return the recipe, the merged tree of its files before `defaults` and machines, and its profiles.

    Raises: RecipeError, as `load_recipe`.
    """
    with at_most(_MOST_SUGGESTIONS):
        return _load(Path(path), variables or {}, trusted=trusted)


def load_tree(tree: Part, path: Path) -> LoadedRecipe:
    """Return the recipe of a tree of parts, as if it were at `path`.

    Raises: RecipeError, as `load_recipe`.
    """
    reader = FileReader()
    with at_most(_MOST_SUGGESTIONS):
        return _settled(reader, reader.take(tree, path), path, {})[0]


def _load(path: Path, variables: Mapping[str, str], *, trusted: bool) -> tuple[LoadedRecipe, Part, Profiles]:
    reader = FileReader(trusted=trusted)
    read = reader.read(path, path.as_posix())
    if read is None:
        raise RecipeError(_in_order(reader.problems))
    return _settled(reader, _named(read, path), path, variables)


def _settled(
    reader: FileReader, read: Part, path: Path, variables: Mapping[str, str]
) -> tuple[LoadedRecipe, Part, Profiles]:
    problems = [*reader.problems, *_set(read, variables)]
    read = _with_variables(read, variables)
    merged = applied(read, reader.profiles)
    variants = _variants(read, reader.profiles, merged)
    recipe, found = _validated(merged)
    problems += found
    loaded: dict[str, LoadedRecipe] = {}
    for name, variant in variants.items():
        inner, found = _validated(variant)
        problems += found
        if inner is not None:
            places = dict(_places(variant))
            loaded[name] = LoadedRecipe(inner, path, places, _digest(inner, places, {}))
    if recipe is not None and not reader.trusted:
        problems += _raised_limits(merged, recipe)
    if problems or recipe is None:
        raise RecipeError(_in_order(problems))
    places = dict(_places(merged))
    whole = LoadedRecipe(
        recipe, path, places, _digest(recipe, places, loaded), trusted=reader.trusted, variants=loaded
    )
    return whole, read, reader.profiles


def _raised_limits(merged: Part, recipe: Recipe) -> Iterator[Problem]:
    standard = Limits()
    for name, value in recipe.limits:
        if value > getattr(standard, name):
            what = f"an untrusted recipe may not raise it above {getattr(standard, name)}"
            yield problem_at(merged, ("limits", name), what)


def _variants(read: Part, profiles: Profiles, merged: Part) -> dict[str, Part]:
    """Return the recipe as it is for each machine, where a template chooses it. Raises: RecipeError."""
    names = machine_names(merged) if templated(merged) else []
    size, variants = merged.size(), {}
    for name in names:
        if size > MAX_MERGED:
            break
        variants[name] = applied(read, profiles, name)
        size += variants[name].size()
    if size > MAX_MERGED:
        what = f"merges into more than {MAX_MERGED} values; {SMALLER}"
        raise RecipeError((make_problem(merged.place, (), what),))
    return variants


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """Return problems by place, each mistake once, though several conversions may share the part it is in."""
    once: dict[tuple[str, int, int, str], Problem] = {}
    for problem in sorted(problems):
        once.setdefault((problem.file, problem.line, problem.column, problem.what), problem)
    return tuple(once.values())


def _named(merged: Part, path: Path) -> Part:
    if "name" in merged.entries:
        return merged
    name = re.sub(r"[^\w.\-]+", "_", unicodedata.normalize("NFC", _stem(path))).lstrip(".-")[:64]
    part = Part(name or "recipe", replace(merged.place, line=1, column=1), ("name",))
    return replace(merged, value={**merged.entries, "name": part})


def _stem(path: Path) -> str:
    """Return the name without its suffix; Python 3.14 finds no suffix in ``....yaml``."""
    stem, dot, _ = path.name.rpartition(".")
    return stem if dot and stem else path.name


def _set(merged: Part, variables: Mapping[str, str]) -> list[Problem]:
    declared = merged.entries["vars"].entries if "vars" in merged.entries else {}
    unknown = [name for name in variables if name not in declared]
    place = replace(merged.place, line=0, column=0)
    return [
        make_problem(
            place,
            ("vars", name),
            f"--set names a variable that the recipe does not declare{suggestion(name, declared)}",
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
    """Return the recipe, or its mistakes; conversions without mistakes are checked in any case."""
    data = plain(merged)
    model = model_of(data)
    try:
        recipe = model.model_validate(data)
    except ValidationError as error:
        problems = list(problems_in(error, merged, model))
        wrong = {detail["loc"][:2] for detail in error.errors(include_url=False)}
        return None, problems + list(_checked(merged, data, wrong))
    found = [
        problem_at(merged, location, what)
        for location, what in problems_of(recipe.conversions, recipe.vars, _ROWS)
    ]
    found += [
        problem_at(merged, location, what)
        for name, conversion in recipe.conversions.items()
        if (recipe.strict if conversion.strict is None else conversion.strict)
        for location, what in doubts(name, conversion)
    ]
    found += [problem_at(merged, location, what) for location, what in delivery_problems(recipe)]
    found += [*unknown_machines(merged, recipe.conversions), *wrong_tests(merged, recipe)]
    return recipe, found


def _checked(merged: Part, data: Any, wrong: set[tuple[Any, ...]]) -> Iterator[Problem]:
    given = data.get("conversions")
    conversions: dict[str, Conversion | None] = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        sound = ("conversions", name) not in wrong
        conversions[name] = Conversion.model_validate(value) if sound else None
    given = data.get("vars", {})
    texts = isinstance(given, dict) and all(isinstance(value, str) for value in given.values())
    for location, what in problems_of(conversions, given if texts else None, _ROWS):
        yield problem_at(merged, location, what)
    yield from unknown_machines(merged, conversions)


def _places(merged: Part) -> Iterator[tuple[Location, Place]]:
    """Yield every part's place; in a list or mapping that of its key. A single export is also number 0."""
    for location, part in merged.walk():
        place = part.key if part.key is not None and not isinstance(part.value, str) else part.place
        yield location, place
        in_exports = location[0:1] == ("conversions",) and location[2:3] == ("exports",)
        numbered = isinstance(part.value, list) or any(isinstance(step, int) for step in location[3:4])
        if in_exports and not numbered:
            yield (*location[:3], 0, *location[3:]), place


def _digest(recipe: Recipe, places: Mapping[Location, Place], variants: Mapping[str, LoadedRecipe]) -> str:
    own = sorted(
        f"{name}.geometry.{key}"
        for name, conversion in recipe.conversions.items()
        for key in conversion.geometry.model_fields_set
        if (place := places.get(("conversions", name, "geometry", key))) and place.layer == "conversion"
    )
    content = recipe.model_dump(mode="json", by_alias=True, exclude=_NOT_OF_THE_BYTES)
    for conversion in content["conversions"].values():
        for key in ("profile", *HANDED_DOWN):  # merged already, into conversions and exports
            del conversion[key]
        if not is_template(conversion["machine"] or ""):
            del conversion["machine"]
        keep_what_counts(conversion)
    canonical = {"recipe": content, "own": own}
    if variants:
        canonical["variants"] = {name: variant.digest for name, variant in variants.items()}
    text = json.dumps(canonical, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
