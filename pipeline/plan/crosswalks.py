"""Where crosswalks may lie: beside no output, input or recipe, and never where git keeps them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from ..errors import PlanError
from ..recipe.loaded import LoadedRecipe


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
        if _git_would_keep(real):
            raise PlanError(
                "a crosswalk may not lie where git would keep it",
                subject=str(path),
                hint="name a file outside of the repository, or one that .gitignore names",
            )


def _git_would_keep(path: Path) -> bool:
    """Tell whether git tracks a file, or would at the next ``git add``.

    Without git installed: whether the file lies in a repository.
    """
    root = next((each for each in path.parents if (each / ".git").exists()), None)
    if root is None:
        return False
    from .deidentified import tracked_by_git

    command = ["git", "-C", str(root), "check-ignore", "-q", "--", str(path)]
    try:
        ignored = subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return True
    return not ignored or tracked_by_git(path)
