"""What is carried out of a recipe: frozen data, without its models and without what the plan settled.

Workers get this instead of the recipe, so that they load neither Pydantic nor the places of keys in files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec import Struct

from ...schemas.language.tags import TagPath, TagValue
from ...schemas.language.template import Template
from ..imaging.stated import Stated
from ..recipe.loaded import Place

if TYPE_CHECKING:
    from ...schemas.recipe import Verify
    from ..deidentify.settings import Settings
    from ..exporters.options import ExportOptions
    from ..loaders.options import Limits, SourceOptions
    from ..process.operations import Combine, Operation

Quantity = float | Template


class LoweredConversion(Struct, frozen=True):
    """What is done to the files of a conversion; where a template chooses the machine, to those of one."""

    name: str
    source: SourceOptions
    combine: Combine | None
    process: tuple[Operation, ...]
    geometry: Stated[Quantity]
    geometry_places: Mapping[str, Place]
    """The place of each key of the geometry in the recipe's files."""
    exports: tuple[ExportOptions, ...]
    tags: Mapping[TagPath, TagValue]
    tag_places: Mapping[TagPath, Place]
    remove_tags: tuple[TagPath, ...]
    study: Template | None
    machine: Template | None
    """The template that names the machine of each file; one that the recipe names outright is merged already.
    """
    kinds: Mapping[str, str]
    """Names and kinds of the captures that its templates may name."""
    other_columns: frozenset[str]
    """Columns of its table that are no tags: the one that finds a row, and those that only people read."""
    strict: bool
    verify: Verify
    deidentify: Settings | None
    """How identity is taken out of its sources."""
    keep: bool
    """The value of each export that states none itself."""


class LoweredRecipe(Struct, frozen=True):
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
        """Return a conversion as it is for the files of a machine. Raises: KeyError."""
        return self.variants[machine][name] if machine else self.conversions[name]
