"""Remember what the headers of a series of files said, from the plan to the work and from range to range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .files import stat_of

if TYPE_CHECKING:
    from .options import Limits

_KEPT = 2
"""Series that are remembered."""
_MOST = 5000
"""Files of such a series."""

Found = TypeVar("Found")
Options = TypeVar("Options")


def remembered(
    survey: Callable[[Sequence[Path], Options, Limits], Found],
) -> Callable[[Sequence[Path], Options, Limits], Found]:
    """Return a survey of files that reads them anew only where they are others, or their content is."""

    @lru_cache(_KEPT)
    def known(paths: tuple[Path, ...], stats: tuple[object, ...], source: Options, limits: Limits) -> Found:
        del stats  # they tell one content from another
        return survey(paths, source, limits)

    @wraps(survey)
    def surveyed(paths: Sequence[Path], source: Options, limits: Limits) -> Found:
        if len(paths) > _MOST:
            return survey(paths, source, limits)
        try:
            stats = tuple(stat_of(path) for path in paths)
        except OSError:
            return survey(paths, source, limits)
        return known(tuple(paths), stats, source, limits)

    return surveyed
