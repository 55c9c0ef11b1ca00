"""Where crosswalks may lie: beside no output, input or recipe, and never where git keeps them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import PlanError
from ..recipe.loaded import LoadedRecipe
from .git import would_be_kept


def crosswalk_path(loaded: LoadedRecipe, name: str) -> Path | None:
    """Return the crosswalk of a conversion, as the recipe names it; None where it names none."""
    said = loaded.recipe.conversions[name].deidentify
    if said is None or said.crosswalk is None:
        return None
    return loaded.path.parent / Path(said.crosswalk.file).expanduser()


def refuse_misplaced(loaded: LoadedRecipe, names: Iterable[str], data: Path, out: Path) -> None:
    """Raise: PlanError, for a crosswalk that would be handed on with what it must be kept apart from."""
    if not loaded.trusted:
        return
    folders = {"output": out, "data": data, "recipe's": loaded.path.parent}
    for name in names:
        path = crosswalk_path(loaded, name)
        if path is None:
            continue
        real = Path(os.path.realpath(path))
        for what, folder in folders.items():
            if real.is_relative_to(os.path.realpath(folder)):
                raise PlanError(
                    f"a crosswalk may not lie in the {what} folder, which others get",
                    subject=str(path),
                    hint="name a file elsewhere, such as '~/keys/trial.crosswalk'",
                )
        if not real.parent.is_dir():
            raise PlanError("the folder of the crosswalk does not exist", subject=str(path))
        if would_be_kept(real):
            raise PlanError(
                "a crosswalk may not lie where git would keep it",
                subject=str(path),
                hint="name a file outside of the repository, or one that .gitignore names",
            )
