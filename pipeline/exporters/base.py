"""What every exporter agrees on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ExportError
from ..imaging.image import Image
from ..output import Artifact, Context

Export = Callable[[Sequence[Image], Any, Context], Artifact]


@dataclass(frozen=True, slots=True)
class Exporter:
    """One export target."""

    export: Export
    describes: str
    """One line for `dicombake formats` and the docs."""
    many: bool = False
    """Whether several pages or frames fit in one file."""
    dicom: bool = False


def only(images: Sequence[Image], what: str) -> Image:
    """The image of a target that holds one. Raises: ExportError for none or several."""
    if len(images) != 1:
        raise ExportError(
            f"a {what} holds one image, not {len(images)}",
            hint="write a file per page, with {page} in its path",
        )
    return images[0]
