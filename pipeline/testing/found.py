"""Read an output for a test."""

from __future__ import annotations

import zlib
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..exporters.registry import DICOM, TARGETS, exporter
from ..imaging.image import Image, Pixels
from ..loaders.options import AutoOptions, Limits
from ..loaders.registry import load

if TYPE_CHECKING:
    from pydicom import Dataset

_HEAD = 512
"""Bytes from the start that hold the signatures of every kind of file."""
_GZIP = b"\x1f\x8b"
_TARGETS = sorted(TARGETS, key=lambda to: -TARGETS[to].file.offset)
"""DICOM first: the bytes before its prefix are free, and may be those of a TIFF."""


class Found:
    """An output, read when something is asked of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def target(self) -> str | None:
        """A target that writes files of this kind, recognised by content."""
        with self.path.open("rb") as file:
            head = file.read(_HEAD)
        if head.startswith(_GZIP):
            with suppress(zlib.error):
                head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, _HEAD)
        kinds = ((to, TARGETS[to].file) for to in _TARGETS)
        return next((to for to, kind in kinds if head[kind.offset :].startswith(kind.signatures)), None)

    @property
    def kind(self) -> str:
        """The kind of file, named as in a test."""
        return "unknown" if self.target is None else TARGETS[self.target].file.name

    @property
    def is_dicom(self) -> bool:
        return self.target is not None and TARGETS[self.target].file is DICOM

    @cached_property
    def dataset(self) -> Dataset | None:
        from pydicom import dcmread

        return dcmread(self.path, stop_before_pixels=True) if self.is_dicom else None

    @cached_property
    def images(self) -> list[Image]:
        """The images, by the loader for the file's content."""
        return list(load(self.path, AutoOptions(), Limits()))

    @cached_property
    def array(self) -> Pixels | None:
        """The pixels of a file that no loader reads, by its target's own reader; else None."""
        if self.target is None or TARGETS[self.target].file.read_by is not None:
            return None
        return exporter(self.target).contents(self.path.read_bytes()).pixels

    @cached_property
    def stored(self) -> Pixels:
        """Pixels as they are stored."""
        if self.array is not None:
            return self.array
        images = [image.pixels if image.stored is None else image.stored.pixels for image in self.images]
        return images[0] if len(images) == 1 else np.stack(images)

    @cached_property
    def values(self) -> Pixels:
        """Modality values, (rows, columns), frames before and samples after them."""
        if self.array is not None:
            return self.array
        images = [image.pixels for image in self.images]
        return images[0] if len(images) == 1 else np.stack(images)

    @property
    def planes(self) -> Pixels:
        """Pixels as (frames, rows, columns, ...)."""
        framed = self.values.ndim == 2 or self.values.shape[-1] in (3, 4)
        alone = framed and (self.array is not None or len(self.images) == 1)
        return self.values[np.newaxis] if alone else self.values
