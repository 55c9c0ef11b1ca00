"""The path of a recipe's lock; no other module knows its name."""

from __future__ import annotations

from pathlib import Path

LOCK_SUFFIX = ".lock"


def lock_path(recipe: Path) -> Path:
    """Return the path of a recipe's lock: ``x.lock`` next to ``x.yaml``."""
    return recipe.with_suffix(LOCK_SUFFIX)
