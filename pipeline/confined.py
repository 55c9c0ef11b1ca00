"""Confine an untrusted recipe to the folders that the caller named."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .errors import UsageError

REFUSED = "an untrusted recipe may not leave its folders"

WITHHELD = "an untrusted recipe does not get"


def escapes(path: Path, folder: Path) -> bool:
    """Tell whether a path lies outside of a folder once every link on the way is followed.

    Of a path that does not exist yet, the part that exists decides.
    """
    real, root = os.path.realpath(path), os.path.realpath(folder)
    return real != root and not real.startswith(root.rstrip(os.sep) + os.sep)


def folders_of(recipes: Iterable[Path], *places: object) -> tuple[Path, ...]:
    """Return the folders that recipes reach that are not trusted: `places` may be none, or a URL."""
    return (*(recipe.parent for recipe in recipes), *(each for each in places if isinstance(each, Path)))


def refuse_leaving(path: Path, folders: Iterable[Path]) -> None:
    """Refuse to write where a path that seems to lie in one of some folders leads elsewhere by a link.

    Raises: UsageError.
    """
    for folder in folders:
        inside = os.path.abspath(path).startswith(os.path.abspath(folder) + os.sep)  # noqa: PTH100
        if inside and escapes(path, folder):
            raise UsageError(f"leads elsewhere, and {REFUSED}", subject=str(path))
