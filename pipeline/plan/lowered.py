"""A recipe lowered to what is carried out: frozen data, without its models and without what the plan settled.

Workers get this and no recipe, so that they load neither Pydantic nor where in a file each key stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from ...schemas.language.tags import TagPath, TagValue
from ...schemas.language.template import Template
from ..exporters.options import ExportOptions
from ..imaging.stated import Stated
from ..loaders.options import Limits, SourceOptions
from ..process.operations import Combine, Operation
from ..recipe.loaded import Place

if TYPE_CHECKING:
    from ...schemas.recipe import Verify

Quantity = float | Template


@dataclass(frozen=True, slots=True)
class LoweredConversion:
    """What is done to the files of a conversion; where a template chooses the machine, to those of one."""

    name: str
    source: SourceOptions
    combine: Combine | None
    process: tuple[Operation, ...]
    geometry: Stated[Quantity]
    geometry_places: Mapping[str, Place]
    """Where each key of the geometry stands."""
    exports: tuple[ExportOptions, ...]
    tags: Mapping[TagPath, TagValue]
    tag_places: Mapping[TagPath, Place]
    remove_tags: tuple[TagPath, ...]
    study: Template | None
    machine: Template | None
    """The template that names the machine of each file; a machine that is named is merged already."""
    kinds: Mapping[str, str]
    """Names and kinds of the captures that its templates may name."""
    other_columns: frozenset[str]
    """Columns of its table that are no tags: the one that finds a row, and those for people."""
    strict: bool
    verify: Verify
    keep: bool
    """Of the exports that do not say it themselves."""


@dataclass(frozen=True, slots=True)
class LoweredRecipe:
    """What all units of a plan share."""

    name: str
    namespace: UUID | None
    variables: Mapping[str, str]
    limits: Limits
    machines: tuple[str, ...]
    conversions: Mapping[str, LoweredConversion]
    variants: Mapping[str, Mapping[str, LoweredConversion]]
    """The conversions as they are for each machine, where a template chooses it."""

    def conversion(self, name: str, machine: str = "") -> LoweredConversion:
        """A conversion, for the files of a machine. Raises: KeyError."""
        return self.variants[machine][name] if machine else self.conversions[name]
