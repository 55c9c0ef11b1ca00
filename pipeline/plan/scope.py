"""Collect the values that templates may name for a unit of work, or for one of its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import environ
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ...schemas.language.patterns import captures_of
from ..errors import SourceError
from ..inputs.acquired import Moment, shared_moment
from ..inputs.render import Scope, SourceLookup, source_lookup
from .lowered import LoweredRecipe
from .model import InputFile, Unit

if TYPE_CHECKING:
    from ...schemas.recipe import Recipe
    from ..imaging.probe import Probe
    from ..inputs.globs import Captures

NO_CELLS: Mapping[str, str] = MappingProxyType({})
NO_REASONS: Mapping[str, str] = MappingProxyType({})


def scope_of(
    recipe: LoweredRecipe,
    unit: Unit,
    *,
    file: InputFile | None = None,
    page: int | None = None,
    source: SourceLookup | None = None,
    moments: Sequence[Moment] = (),
) -> Scope:
    """Return the values that templates may name for a unit, or for one of its files.

    Of a group, only captures that are the same in all of its files have a value.
    """
    kinds = recipe.conversions[unit.conversion].kinds
    files = unit.inputs if file is None else (file,)
    scope = scope_of_files(
        recipe.variables,
        kinds,
        files,
        unit.index,
        group=unit.group,
        page=page,
        source=source,
        moments=moments,
    )
    return scope if unit.volume is None else replace(scope, frame=unit.volume)


def scope_of_files(
    variables: Mapping[str, str],
    kinds: Mapping[str, str],
    files: Sequence[InputFile],
    index: int,
    *,
    group: str,
    page: int | None = None,
    source: SourceLookup | None = None,
    moments: Sequence[Moment] = (),
) -> Scope:
    """Return the values that templates may name for files that are not a unit yet.

    Args:
        variables: the recipe's `vars`.
        kinds: the kinds of the captures.
        files: one file, or those of a group.
        index: the value of ``{index}``, from 1.
        group: the value of ``{group}``.
        page: the value of ``{page}``, ``{frame}`` and ``{slice}``, from 1.
        source: looks up ``{source.X}``.
        moments: when each image was acquired, as far as it is known.
    """
    captures, row, unknown = files[0].captures, files[0].companions.row, NO_REASONS
    table: Mapping[str, str] = dict(row) if row else NO_CELLS
    if len(files) > 1:
        captures, differing = shared_captures(files)
        table, cells = shared_cells(files)
        unknown = dict.fromkeys((*differing, *cells), "it differs between the files of one group")
    acquired = Moment()
    if moments:
        acquired, several = shared_moment(moments)
        unknown = {**several, **unknown} if several else unknown
    return Scope(
        path=files[0].path,
        index=index,
        group=group or None,
        page=page,
        captures=captures,
        kinds=kinds,
        variables=variables,
        environment=environ,
        source=source,
        table=table,
        acquired=acquired,
        unknown=unknown,
    )


def kinds_of(recipe: Recipe, name: str) -> dict[str, str]:
    """Return names and kinds of a conversion's captures, with those of the conversions it chains from."""
    inputs = recipe.conversions[name].inputs
    kinds: dict[str, str] = {}
    for other in inputs.from_:
        kinds |= kinds_of(recipe, other)
    return kinds | captures_of(inputs.files)


def shared_captures(files: Sequence[InputFile]) -> tuple[Captures, tuple[str, ...]]:
    """Return the captures that all files share, and the names of the others."""
    first = files[0].captures
    if len(files) == 1:
        return first, ()
    shared = set(first).intersection(*(file.captures for file in files[1:]))
    names = dict.fromkeys(name for file in files for name, _ in file.captures)
    kept = tuple(item for item in first if item in shared)
    return kept, tuple(name for name in names if name not in dict(kept))


def shared_cells(files: Sequence[InputFile]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the cells that all files of a group share, and the places (``csv.column``) of the others."""
    rows: list[Mapping[str, str]] = [dict(file.companions.row) for file in files]
    shared = {
        column: cell for column, cell in rows[0].items() if all(row.get(column) == cell for row in rows[1:])
    }
    return shared, tuple(f"csv.{column}" for column in rows[0] if column not in shared)


def lookup_of(header: Probe) -> SourceLookup:
    """``{source.X}`` of one file, from its headers."""
    return source_lookup(header.properties, header.attributes)


def shared_lookup(subject: str, headers: Sequence[Probe]) -> SourceLookup | None:
    """Return the lookup of ``{source.X}``; of a group, it gives what all files agree on."""
    if not headers:
        return None
    lookups = [lookup_of(header) for header in headers]

    def find(name: str) -> Any:
        values = [lookup(name) for lookup in lookups]
        if any(str(value) != str(values[0]) for value in values[1:]):
            raise SourceError(f"'{name}' differs between the files of one group", subject=subject)
        return values[0]

    return find
