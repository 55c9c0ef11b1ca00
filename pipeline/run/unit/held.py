"""The images of an output that holds them all: in memory up to a bound, beyond it in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

import numpy as np
from msgspec.structs import replace

from ...imaging.image import Image, Pixels
from ...store.scratch import Scratch

IN_MEMORY = 2**28
"""Bytes of pixels; a CT of 512 x 512 x 500 stays below it."""


class Held:
    """Images in their order."""

    def __init__(self, folder: Path, *, stored: bool) -> None:
        """Hold images for an output below `folder`; `stored`: with the integers that sources store."""
        self._folder = folder
        self._stored = stored
        self._images: list[Image] = []
        self._bytes = 0
        self._scratch: Scratch | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._scratch is not None:
            self._scratch.close()

    def add(self, image: Image) -> None:
        """Take one more. Raises: StoreError, where its pixels cannot be written."""
        image = image if self._stored else image.replace(stored=None)
        self._images.append(image)
        self._bytes += sum(array.nbytes for array in _arrays(image))
        if self._scratch is not None:
            self._images[-1] = _written(image, self._scratch)
        elif (
            self._bytes > IN_MEMORY and len(self._images) > 1
        ):  # of one, which its reader holds, nothing is saved
            self._scratch = Scratch(self._folder)
            for index, each in enumerate(self._images):
                self._images[index] = _written(each, self._scratch)

    def images(self) -> Sequence[Image]:
        """Return the images. Raises: StoreError."""
        if self._scratch is None:
            return self._images
        arrays = iter(self._scratch.arrays())
        return [_with(image, [next(arrays) for _ in _arrays(image)]) for image in self._images]


def gathered(folder: Path, arrays: Iterable[Pixels]) -> Pixels:
    """Return arrays of one kind as one: in memory up to the bound, beyond it in a file below `folder`.

    Raises: StoreError, where it cannot be written.
    """
    first: list[Pixels] = []
    held = 0
    following = iter(arrays)
    for array in following:
        first.append(array)
        held += array.nbytes
        if held > IN_MEMORY:
            break
    else:
        return np.stack(first)
    with closing(Scratch(folder)) as scratch:
        while first:
            scratch.add(first.pop(0))
        for array in following:
            scratch.add(array)
        return scratch.together()


def _arrays(image: Image) -> list[Pixels]:
    """Return its pixels and, where these are others, those that its source stores."""
    if image.stored is None or image.stored.pixels is image.pixels:
        return [image.pixels]
    return [image.pixels, image.stored.pixels]


def _with(image: Image, arrays: Sequence[Pixels]) -> Image:
    stored = None if image.stored is None else replace(image.stored, pixels=arrays[-1])
    return image.replace(pixels=arrays[0], stored=stored)


def _written(image: Image, scratch: Scratch) -> Image:
    """Write its pixels, and return it with arrays of one value in their place. Raises: StoreError."""
    places = []
    for array in _arrays(image):
        scratch.add(array)
        places.append(np.broadcast_to(np.zeros((), array.dtype), array.shape))
    return _with(image, places)
