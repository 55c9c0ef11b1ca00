"""What every loader agrees on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SourceError
from ..imaging.image import Image
from ..imaging.probe import Probe

if TYPE_CHECKING:
    from ...schemas.recipe import Limits


Load = Callable[[Path, Any, "Limits", range | None], Iterator[Image]]
Probing = Callable[[Path, Any, "Limits"], Probe]


@dataclass(frozen=True, slots=True)
class Loader:
    """One source format."""

    load: Load
    probe: Probing
    describes: str
    """One line for `dicombake formats` and the docs."""
    sniff: Callable[[bytes, Path], bool] | None = None
    """Whether the first kilobyte of a file is this format's; None where content cannot tell (raw)."""


def check_claim(
    path: Path, limits: Limits, *, rows: int, columns: int, samples: int = 1, pages: int = 1
) -> None:
    """Refuse sizes that a header claims and `limits` does not allow. Raises: SourceError."""
    if rows < 1 or columns < 1 or samples < 1 or pages < 1:
        raise SourceError(f"claims {rows} rows and {columns} columns, which is no image", subject=str(path))
    if rows * columns * samples > limits.image_pixels:
        raise SourceError(
            f"claims {rows} x {columns} x {samples} values, more than the limit of {limits.image_pixels}",
            subject=str(path),
            hint="raise limits.image_pixels in the recipe if that is right",
        )
    if pages > limits.frames:
        raise SourceError(
            f"claims {pages} pages or frames, more than the limit of {limits.frames}",
            subject=str(path),
            hint="raise limits.frames in the recipe if that is right",
        )
