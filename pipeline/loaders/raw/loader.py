"""Load any flat pixel file: the recipe says everything, and the file's size must agree exactly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...imaging.image import Image, SourceFile
from ...imaging.probe import Probe
from ..base import Loader
from ..flat import check_flat, file_dtype, read_flat

if TYPE_CHECKING:
    from ..options import Limits, RawOptions


def load(path: Path, source: RawOptions, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """Yield the one image. Raises: SourceError."""
    if pages is not None and 0 not in pages:
        return
    dtype = file_dtype(source.dtype, source.byte_order)
    pixels = read_flat(path, limits, source.shape, dtype, source.header_bytes)
    yield Image(pixels=pixels, sources=(SourceFile(path, "raw"),))


def probe(path: Path, source: RawOptions, limits: Limits) -> Probe:
    """Return what the recipe says, once the file's size agrees. Raises: SourceError."""
    dtype = file_dtype(source.dtype, source.byte_order)
    check_flat(path, limits, source.shape, dtype, source.header_bytes)
    return Probe("raw", source.shape, source.dtype, 1)


LOADER = Loader(load, probe)
