"""Every source format by its name in a recipe. A format's module is loaded when it is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...schemas.recipe import Limits
    from ...schemas.sources import AnySource
    from ..imaging.image import Image
    from ..imaging.probe import Probe
    from .base import Loader

LOADERS: dict[str, str] = {
    "dicom": "dicom.loader",
    "image": "pictures.loader",
    "xim": "xim.loader",
    "array": "arrays.array",
    "volume": "arrays.volume",
    "dicom-series": "dicom.series",
    "cyberknife-raw": "raw.cyberknife",
    "visionrt-raw": "raw.visionrt",
    "raw": "raw.loader",
    "auto": "auto",
}
"""The module here that has each format's `LOADER`."""


def loader(name: str) -> Loader:
    """The loader of a format. Raises: KeyError for a name that is none."""
    found: Loader = import_module(f".{LOADERS[name]}", __package__).LOADER
    return found


def load(path: Path, source: AnySource, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """The images of a file in order, one in memory at a time; `pages` picks some, counted from 0.

    Raises:
        SourceError: what the file is or holds that cannot be read truly.
    """
    return loader(source.format).load(path, source, limits, pages)


def load_each(
    paths: Sequence[Path], source: AnySource, limits: Limits, pages: range | None = None
) -> Iterator[tuple[Path, Image]]:
    """The images of several files, each with the file it is of; a series in the order of its slices.

    Raises: SourceError, as `load`.
    """
    if source.format == "dicom-series":
        from .dicom.series import load_series

        yield from load_series(paths, source, limits, pages)
        return
    for path in paths:
        for image in load(path, source, limits, pages):
            yield path, image


def probe(path: Path, source: AnySource, limits: Limits) -> Probe:
    """What the file's headers say, no pixel read. Raises: SourceError."""
    return loader(source.format).probe(path, source, limits)
