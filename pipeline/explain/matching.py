"""Say why a file is an input of a recipe, or is none: conversion by conversion and glob by glob."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ..errors import PlanError, SourceError
from ..inputs.globs import Globs
from ..inputs.hints import barring, fails
from ..inputs.search import STATE_FOLDER
from ..loaders.registry import probe
from ..plan.aliases import names_of
from ..plan.build import own_files
from ..plan.build import plan as make_plan
from ..plan.deidentified import sealed, settings_of
from ..plan.gather import unlike
from ..plan.model import InputFile, Plan
from ..plan.scope import lookup_of
from ..recipe.loaded import LoadedRecipe

ELSEWHERE = "it does not lie in the data folder"
OWN = "it is the recipe's own file: recipes, what they extend and their locks are no inputs"
STATE = f"files in {STATE_FOLDER} are never inputs"


class Glob(Struct, frozen=True):
    """One glob, and why it does not match a file; `why` is empty where it matches."""

    glob: str
    place: str
    """Its place: ``film.yaml:6``."""
    why: str = ""


class Match(Struct, frozen=True):
    """One conversion, and whether it takes a file."""

    conversion: str
    globs: tuple[Glob, ...] = ()
    units: tuple[str, ...] = ()
    """The units that take it."""
    why: str = ""
    """The reason why it does not, as a sentence; empty where it does."""


class Matching(Struct, frozen=True):
    """All conversions of a recipe, and whether they take a file."""

    recipe: Path
    path: str
    """Relative to the data folder."""
    matches: tuple[Match, ...]
    problem: str = ""
    """The reason why the recipe has no plan, so that no unit is known."""
    aliases: Mapping[str, str] = {}
    """Names in it that only the terminal may show, each with what stands for it elsewhere."""

    @property
    def taken(self) -> bool:
        return any(not match.why for match in self.matches)


def matching(
    loaded: LoadedRecipe, path: str, *, data: Path | None = None, out: Path | None = None
) -> Matching:
    """Compare a path (with /, relative to the data folder) with every conversion's inputs."""
    data = data or loaded.path.parent
    plan: Plan | None = None
    problem, aliases = "", dict[str, str]()
    try:
        plan = make_plan(loaded, data=data, out=out)
    except PlanError as error:
        problem, aliases = str(error), dict(error.aliases)
    never = _never(loaded, path, data)
    matches = tuple(_match(loaded, name, path, plan, never) for name in loaded.recipe.conversions)
    for name in _private(loaded, path, taken=any(not match.why for match in matches)):
        said = "\n".join(loaded.recipe.conversions[name].inputs.files)
        aliases = names_of([_sealed(loaded, name, path)], said, data) | aliases
    return Matching(loaded.path, path, matches, problem, aliases)


def _private(loaded: LoadedRecipe, path: str, *, taken: bool) -> Iterator[str]:
    """Yield the conversions that de-identify, of a file that is taken those whose globs match it."""
    for name, conversion in loaded.recipe.conversions.items():
        matched = not taken or Globs(conversion.inputs.files).match(path) is not None
        if conversion.deidentify is not None and matched:
            yield name


def _sealed(loaded: LoadedRecipe, name: str, path: str) -> InputFile:
    """Return the file as a conversion that de-identifies calls it; without its key, ``input``."""
    file = InputFile(path, "data")
    try:
        settings = settings_of(loaded, name) if loaded.trusted else None
    except PlanError:
        settings = None
    return sealed([file], settings)[0] if settings else replace(file, alias="input")


def _never(loaded: LoadedRecipe, path: str, data: Path) -> str:
    """Return why no conversion can take the file, whatever its globs say; empty where one can."""
    if path == ".." or path.startswith(("../", "/")) or Path(path).is_absolute():
        return ELSEWHERE
    if any(part.casefold() == STATE_FOLDER for part in path.split("/")):
        return STATE
    file = data.joinpath(*path.split("/"))
    if any(_same(file, own) for own in own_files(loaded)):
        return OWN
    return ""


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _match(loaded: LoadedRecipe, name: str, path: str, plan: Plan | None, never: str) -> Match:
    inputs = loaded.recipe.conversions[name].inputs
    globs = tuple(_globs(loaded, name, path))
    units = tuple(
        unit.id
        for unit in (plan.units if plan else ())
        if unit.conversion == name and any(item.path == path and item.base == "data" for item in unit.inputs)
    )
    if units:
        return Match(name, globs, units)
    if inputs.from_:
        return Match(
            name, globs, why=f"it takes what '{', '.join(inputs.from_)}' writes, not files of the data folder"
        )
    if never:
        return Match(name, globs, why=never)
    if Globs(inputs.files).match(path) is None:
        return Match(name, globs, why="no glob matches it")
    barred = barring(inputs, path)
    if barred:
        return Match(name, globs, why=f"'exclude' leaves it out: '{barred}'")
    if plan is None:
        return Match(name, globs)
    if inputs.where:
        return Match(name, globs, why=_asked(loaded, name, plan, path))
    return Match(
        name,
        globs,
        why="its globs match it, and no unit takes it: there is no such file, or its series leaves it out",
    )


def _asked(loaded: LoadedRecipe, name: str, plan: Plan, path: str) -> str:
    """Say which property is not as `where` asks; its value goes into no message."""
    source = plan.lowered.conversions[name].source
    try:
        header = probe(plan.data.joinpath(*path.split("/")), source, plan.lowered.limits)
    except SourceError as error:
        return f"'where' asks its header, which cannot be read: {error.what}"
    what = unlike(loaded.recipe.conversions[name].inputs.where, lookup_of(header))
    return f"'where' leaves it out: its {what} is another, or not there" if what else "there is no such file"


def _globs(loaded: LoadedRecipe, name: str, path: str) -> Iterator[Glob]:
    files = loaded.recipe.conversions[name].inputs.files
    for number, glob in enumerate(files):
        place = loaded.place("conversions", name, "inputs", "files", number) if len(files) > 1 else None
        place = place or loaded.place("conversions", name, "inputs")
        yield Glob(glob, str(place) if place else "", fails(glob, path))
