"""Find the recipe that made a file or could take it, by the locks and recipes in the folders above."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from ..errors import DicombakeError, UsageError
from ..first_of import first_of
from ..reading import start_of
from ..recipe.lock_path import LOCK_SUFFIX, lock_path
from ..store.lock import read_lock

_SUFFIXES = (".yaml", ".yml")
_RECIPE = re.compile(rb"^conversions\s*:", re.MULTILINE)
_LOCK = b"dicombake-lock"
_MOST_BYTES = 2**20


class Found(Struct, frozen=True):
    """A recipe, and the role of a file in it; `path` is relative to its output or data folder."""

    recipe: Path
    role: Literal["output", "input"]
    path: str


def find(file: Path, *, out: Path | None = None, data: Path | None = None) -> Found:
    """Return the recipe whose lock names the file, else the one recipe in the nearest folder that has any.

    Raises:
        UsageError: there is none, or there are several.
    """
    hits = list(dict.fromkeys(_locked(file, out, data)))
    outputs = [hit for hit in hits if hit.role == "output"]
    for found in (outputs, hits):
        if len(found) == 1:
            return found[0]
        if found:
            raise _several(file, [hit.recipe for hit in found])
    for folder in _above(file):
        recipes = [path for path in sorted(folder.iterdir()) if _is_recipe(path)]
        if len(recipes) > 1:
            raise _several(file, recipes)
        for recipe in recipes:
            return Found(_short(recipe), "input", relative(file, data or recipe.parent))
    raise UsageError(
        "no lock and no recipe in its folder or above tells of it", subject=str(file), hint=_HINT
    )


_SHOWN = 5
"""Recipes that are named where several may be meant."""
_HINT = "name the recipe: --recipe RECIPE, with --out and --data as it was run"


def of_recipe(file: Path, recipe: Path, *, out: Path | None, data: Path | None) -> Found:
    """Return the role of a file by the recipe's lock; an input where the lock does not know it."""
    for found in _in_lock(lock_path(recipe), recipe, file, out, data):
        return found
    return Found(recipe, "input", relative(file, data or recipe.parent))


def relative(file: Path, folder: Path) -> str:
    """Return the path of a file relative to a folder, with /; with .. where it is elsewhere.

    The absolute path where it is on another drive.
    """
    try:
        return Path(os.path.relpath(_real(file), os.path.realpath(folder))).as_posix()
    except ValueError:
        return file.as_posix()


def _real(file: Path) -> str:
    """Return the folder's true path, and the file's own name: a link is named, not what it leads to."""
    return os.path.join(os.path.realpath(file.parent), file.name)  # noqa: PTH118


def _locked(file: Path, out: Path | None, data: Path | None) -> Iterator[Found]:
    for folder in dict.fromkeys((*_above(file), *_above(Path.cwd() / file.name))):
        for lock in sorted(folder.glob(f"*{LOCK_SUFFIX}")):
            recipe = next(
                (lock.with_suffix(end) for end in _SUFFIXES if lock.with_suffix(end).is_file()), None
            )
            if recipe is not None:
                yield from _in_lock(lock, _short(recipe), file, out, data)


def _in_lock(lock: Path, recipe: Path, file: Path, out: Path | None, data: Path | None) -> Iterator[Found]:
    try:
        if _LOCK not in start_of(lock, _MOST_BYTES):
            return
        facts = read_lock(lock)
    except (OSError, DicombakeError):
        return
    made, taken = relative(file, out or recipe.parent), relative(file, data or recipe.parent)
    if made in facts.outputs:
        yield Found(recipe, "output", made)
    elif taken in facts.inputs:
        yield Found(recipe, "input", taken)


def _above(file: Path) -> Iterator[Path]:
    folder = Path(os.path.realpath(file.parent))
    yield from (each for each in (folder, *folder.parents) if each.is_dir() and os.access(each, os.R_OK))


def _short(path: Path) -> Path:
    """Return the path relative to the working folder if it lies in it, as a person would name it."""
    working_folder = Path(os.path.realpath(Path.cwd()))
    return path.relative_to(working_folder) if path.is_relative_to(working_folder) else path


def _is_recipe(path: Path) -> bool:
    if path.suffix.lower() not in _SUFFIXES or not path.is_file():
        return False
    try:
        return _RECIPE.search(start_of(path, _MOST_BYTES)) is not None
    except OSError:
        return False


def _several(file: Path, recipes: list[Path]) -> UsageError:
    found = sorted({str(recipe) for recipe in recipes})
    return UsageError(
        f"several recipes may be meant: {first_of(found, _SHOWN)}", subject=str(file), hint=_HINT
    )
