"""Load VisionRT ``.raw``: only pixels, 600 rows of 960 uint32 unless the recipe says otherwise.

No real file was available; this follows pylinac. The size cannot tell 600 x 960 from 960 x 600.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...imaging.image import Image, SourceFile
from ...imaging.probe import Probe
from ..base import Loader
from ..flat import check_flat, file_dtype, read_flat

if TYPE_CHECKING:
    from ..options import Limits, VisionRtRawOptions


def load(
    path: Path, source: VisionRtRawOptions, limits: Limits, pages: range | None = None
) -> Iterator[Image]:
    """Yield the one image. Raises: SourceError."""
    if pages is not None and 0 not in pages:
        return
    pixels = read_flat(path, limits, source.shape, file_dtype(source.dtype, source.byte_order), 0)
    yield Image(pixels=pixels, sources=(SourceFile(path, "visionrt-raw"),))


def probe(path: Path, source: VisionRtRawOptions, limits: Limits) -> Probe:
    """Return what the recipe says, once the file's size agrees. Raises: SourceError."""
    check_flat(path, limits, source.shape, file_dtype(source.dtype, source.byte_order), 0)
    return Probe("visionrt-raw", source.shape, source.dtype, 1)


LOADER = Loader(load, probe)
