"""What operations know besides the image: the files that they name, and the limits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from ..errors import SourceError
from ..imaging.image import Image
from ..loaders.files import stat_of
from ..loaders.options import AutoOptions, Limits
from ..loaders.registry import load
from .common import refusal

_KEPT = 4
"""Files whose images are remembered: the same dark field serves every frame."""


class Known(Struct, frozen=True):
    """The files of a unit by the text that names them in the recipe."""

    named: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    extremes: tuple[Any, Any] | None = None
    """Lowest and highest value of the volume that an image is a slice of; None: it stands for itself."""

    def path(self, image: Image, name: str) -> Path:
        """Return the one file of a name. Raises: ProcessError."""
        paths = self.named.get(name, ())
        if len(paths) != 1:
            what = f"names {len(paths)} files, and one is meant" if paths else "is no file that is known here"
            raise refusal(image, f"'{name}' {what}")
        return paths[0]

    def operand(self, image: Image, name: str) -> Image:
        """Return the image that goes with `image`: the only one of a file, or that of the same page or slice.

        Raises: ProcessError, SourceError.
        """
        path = self.path(image, name)
        images = _images(path, stat_of(path), self.limits)
        if len(images) == 1:
            return images[0]
        if len(images) != image.source.pages:
            raise refusal(
                image,
                f"'{name}' holds {len(images)} images, and this file {image.source.pages}",
                "name a file with one image, or with as many",
            )
        return images[image.source.page - 1]

    def check_size(self, image: Image, rows: int, columns: int, does: str) -> None:
        """Refuse a result beyond `limits`, before memory is taken. Raises: ProcessError."""
        if rows * columns > self.limits.image_pixels:
            raise refusal(
                image,
                f"{does}: {rows} x {columns} pixels are more than the limit of {self.limits.image_pixels}",
                "raise limits.image_pixels in the recipe if that is right",
            )


@lru_cache(_KEPT)
def _images(path: Path, stat: tuple[int, ...], limits: Limits) -> tuple[Image, ...]:
    """Return the images of a file, by its content; `stat` tells one content from another."""
    del stat
    found = tuple(load(path, AutoOptions(), limits))
    if not found:
        raise SourceError("holds no image", subject=str(path))
    return found
