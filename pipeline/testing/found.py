"""An output as a test looks at it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...schemas.recipe import Limits
from ...schemas.sources import AutoSource
from ..imaging.image import Image
from ..loaders.registry import load

if TYPE_CHECKING:
    from pydicom import Dataset

_STARTS = {"png": (b"\x89PNG",), "jpg": (b"\xff\xd8",), "tiff": (b"II", b"MM"), "npy": (b"\x93NUMPY",)}


class Found:
    """An output, read when something is asked of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def kind(self) -> str:
        head = self.path.read_bytes()[:132]
        if head[128:132] == b"DICM":
            return "dicom"
        return next((kind for kind, starts in _STARTS.items() if head.startswith(starts)), "unknown")

    @cached_property
    def dataset(self) -> Dataset | None:
        from pydicom import dcmread

        return dcmread(self.path, stop_before_pixels=True) if self.kind == "dicom" else None

    @cached_property
    def images(self) -> list[Image]:
        return list(load(self.path, AutoSource(), Limits()))

    @cached_property
    def stored(self) -> npt.NDArray[Any]:
        """Pixels as they are stored."""
        if self.kind == "npy":
            return np.asarray(np.load(self.path, allow_pickle=False))
        images = [image.pixels if image.stored is None else image.stored.pixels for image in self.images]
        return images[0] if len(images) == 1 else np.stack(images)

    @cached_property
    def values(self) -> npt.NDArray[Any]:
        """Modality values, (rows, columns), frames before and samples after them."""
        if self.kind == "npy":
            return self.stored
        images = [image.pixels for image in self.images]
        return images[0] if len(images) == 1 else np.stack(images)

    @property
    def planes(self) -> npt.NDArray[Any]:
        """(frames, rows, columns, ...)"""
        framed = self.values.ndim == 2 or self.values.shape[-1] in (3, 4)
        alone = framed and (self.kind == "npy" or len(self.images) == 1)
        return self.values[np.newaxis] if alone else self.values
