"""The interface of every exporter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ..errors import ExportError
from ..imaging.image import Image, Pixels
from ..output import Artifact, Context

if TYPE_CHECKING:
    from ..dicom.finish import Draft

Export = Callable[[Sequence[Image], Any, Context], Artifact]


class Contents(Struct, frozen=True):
    """The pixels and tags that a reader finds in an output, to compare two files of a kind."""

    pixels: Pixels
    """(rows, columns), pages before them and samples of colour after them."""
    tags: Mapping[str, object]
    """Elements, or properties of a picture, by name.

    Without what only says where in the file something is.
    """
    colour: bool


class Exporter(Struct, frozen=True):
    """The functions of a target's module.

    A field that stays None agrees with the target's row in the registry.
    """

    export: Export
    contents: Callable[[bytes], Contents]
    """Reads an output, for `dicombake check --diff`. Raises whatever its reader raises on an altered file."""
    draft: Callable[[Sequence[Image], Any, Context], Draft] | None = None
    """For a DICOM target: returns the dataset before the recipe's tags.

    Raises: ExportError, GeometryError.
    """


def only(images: Sequence[Image], what: str) -> Image:
    """Return the image of a target that holds one. Raises: ExportError for none or several."""
    if len(images) != 1:
        raise ExportError(
            f"a {what} holds one image, not {len(images)}",
            hint="write a file per page, with {page} in its path",
        )
    return images[0]
