"""A loaded recipe: valid and merged, with the place of each of its values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

if TYPE_CHECKING:
    from ...schemas.recipe import Recipe

Layer = Literal["conversion", "defaults", "extends", "machine", "profile", "recipe", "set"]
Location = tuple[str | int, ...]


class Place(Struct, frozen=True):
    """The place of a value of the merged recipe."""

    file: str
    line: int
    column: int
    layer: Layer
    """``conversion``: in the conversion itself, in the recipe; only that outranks what a file says."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class LoadedRecipe(Struct, frozen=True):
    """A valid recipe, merged, with the place of every value."""

    recipe: Recipe
    path: Path
    places: Mapping[Location, Place] = field(default_factory=dict)
    """By location in the merged recipe: ``("conversions", "film", "geometry", "sid")``."""
    digest: str = ""
    """sha256 (hex) of the merged recipe's canonical form, `vars` and `--set` included, without places.

    It covers which geometry the conversion itself states, since that outranks what a file says, and what each
    machine makes of conversions that choose theirs by a template. Machines that nothing chooses and tests are
    left out.
    """
    trusted: bool = True
    """False: it may reach only its own folder, the data folder and the output folder."""
    variants: Mapping[str, LoadedRecipe] = field(default_factory=dict)
    """The recipe with a machine in every conversion that chooses its machine by a template, by machine."""

    def __repr__(self) -> str:
        return f"<LoadedRecipe {self.recipe.name}: conversions: {len(self.recipe.conversions)}>"

    def for_machine(self, name: str) -> LoadedRecipe:
        """Return the recipe as it is for files of a machine; itself where `name` is empty."""
        return self.variants[name] if name else self

    def place(self, *location: str | int) -> Place | None:
        """Return the place of a value, or of the nearest part of the recipe around it."""
        for end in range(len(location), -1, -1):
            found = self.places.get(location[:end])
            if found is not None:
                return found
        return None
