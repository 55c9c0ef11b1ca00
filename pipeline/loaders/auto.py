"""Looks at the content of each file and hands it to the format's own loader; never guesses a raw one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SourceError
from ..imaging.image import Image
from ..imaging.probe import Probe
from . import defaults as unasked
from .arrays import array
from .base import Loader
from .dicom import loader as dicom_file
from .files import head_of
from .pictures import loader as image_file
from .xim import loader as xim

if TYPE_CHECKING:
    from ...schemas.recipe import Limits
    from ...schemas.sources import AutoSource

_KNOWN: tuple[tuple[Loader, Any], ...] = (
    (xim.LOADER, unasked.XIM),
    (image_file.LOADER, unasked.IMAGE),
    (array.LOADER, unasked.ARRAY),
    (dicom_file.LOADER, unasked.DICOM),
)
"""In the order of asking, DICOM last: a file without preamble is told by its first elements only."""


def recognise(path: Path) -> tuple[Loader, Any]:
    """The loader of a file by its content, and the options that it reads with. Raises: SourceError."""
    head = head_of(path)
    if head[128:132] == b"DICM":  # the 128 bytes before it are free, and may say TIFF (PS3.10 7.1)
        return dicom_file.LOADER, unasked.DICOM
    for loader, source in _KNOWN:
        if loader.sniff is not None and loader.sniff(head, path):
            return loader, source
    raise SourceError(
        "is no format that its content tells (DICOM, XIM, TIFF, JPEG, PNG, BMP, numpy)"
        if head
        else "is empty",
        subject=str(path),
        hint="a raw file needs a source of its own: cyberknife-raw, visionrt-raw or raw" if head else "",
    )


def load(path: Path, source: AutoSource, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """The images that the file's own loader gives. Raises: SourceError."""
    loader, own = recognise(path)
    yield from loader.load(path, own, limits, pages)


def probe(path: Path, source: AutoSource, limits: Limits) -> Probe:
    """What the file's own loader says; `format` names it. Raises: SourceError."""
    loader, own = recognise(path)
    return loader.probe(path, own, limits)


LOADER = Loader(load, probe, "any format that its content tells; never a raw one")
