"""The file that a page goes to: never one that is no page of ours, or that a stranger's link leads to."""

from __future__ import annotations

import re
import stat
from collections.abc import Collection
from pathlib import Path

from ...confined import refuse_leaving
from ...errors import UsageError
from ...reading import start_of
from ...recipe.loaded import LoadedRecipe
from .page import MARK

_HEAD = 200
"""Bytes in which the mark stands."""
_NO_NAME = re.compile(r'[/\\:*?"<>|\x00-\x1f]')


def default_page(loaded: LoadedRecipe) -> Path:
    """Return where the page of a recipe goes: ``NAME.html`` beside it."""
    return loaded.path.with_name(f"{_NO_NAME.sub('_', loaded.recipe.name)}.html")


def check_target(path: Path, *, confined_to: Collection[Path] = ()) -> None:
    """Check that a page may be written there.

    Args:
        path: where it is to go.
        confined_to: folders of a recipe that is not trusted: what seems to lie in them must do so.

    Raises:
        UsageError: a folder or a file that is no page of ours has that name; a link leads elsewhere.
    """
    refuse_leaving(path, confined_to)
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror or error}", subject=str(path)) from error
    if stat.S_ISDIR(kind):
        raise UsageError("is a folder", subject=str(path), hint="name a file, such as page.html")
    if stat.S_ISREG(kind) and not is_page(path):
        raise UsageError(
            "is there and is no page of dicombake, so that it is not replaced",
            subject=str(path),
            hint="name another file, or move it away",
        )


def is_page(path: Path) -> bool:
    """Tell whether a file is a page that this program wrote. An empty file is nobody's."""
    try:
        head = start_of(path, _HEAD)
    except OSError:
        return False
    return not head or MARK.encode() in head
