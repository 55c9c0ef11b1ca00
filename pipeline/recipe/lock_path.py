"""Where the lock of a recipe lies: the one place that knows its name."""

from __future__ import annotations

from pathlib import Path

LOCK_SUFFIX = ".lock"


def lock_path(recipe: Path) -> Path:
    """Give the path of a recipe's lock: ``x.lock`` next to ``x.yaml``."""
    return recipe.with_suffix(LOCK_SUFFIX)
