"""Every source format by its name in a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...schemas.recipe import Limits
from ...schemas.sources import AnySource, DicomSeriesSource
from ..image import Image
from . import array, auto, cyberknife, dicom_file, dicom_series, image_file, raw, visionrt, volume, xim
from .base import Loader, Probe

LOADERS: dict[str, Loader] = {
    "dicom": dicom_file.LOADER,
    "image": image_file.LOADER,
    "xim": xim.LOADER,
    "array": array.LOADER,
    "volume": volume.LOADER,
    "dicom-series": dicom_series.LOADER,
    "cyberknife-raw": cyberknife.LOADER,
    "visionrt-raw": visionrt.LOADER,
    "raw": raw.LOADER,
    "auto": auto.LOADER,
}


def load(path: Path, source: AnySource, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """The images of a file in order, one in memory at a time; `pages` picks some, counted from 0.

    Raises:
        SourceError: what the file is or holds that cannot be read truly.
    """
    return LOADERS[source.format].load(path, source, limits, pages)


def load_each(
    paths: Sequence[Path], source: AnySource, limits: Limits, pages: range | None = None
) -> Iterator[tuple[Path, Image]]:
    """The images of several files, each with the file it is of; a series in the order of its slices.

    Raises: SourceError, as `load`.
    """
    if isinstance(source, DicomSeriesSource):
        yield from dicom_series.load_series(paths, source, limits, pages)
        return
    for path in paths:
        for image in load(path, source, limits, pages):
            yield path, image


def probe(path: Path, source: AnySource, limits: Limits) -> Probe:
    """What the file's headers say, no pixel read. Raises: SourceError."""
    return LOADERS[source.format].probe(path, source, limits)
