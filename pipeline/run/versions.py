"""Which installed distributions can change a byte of an output, and their versions."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import assert_never

from ...schemas.exports import DicomExport
from ...schemas.process import Filter, Rotate
from ...schemas.recipe import Conversion, Recipe
from ...schemas.sources import (
    AnySource,
    ArraySource,
    AutoSource,
    CyberKnifeRawSource,
    DicomSeriesSource,
    DicomSource,
    ImageSource,
    RawSource,
    VisionRtRawSource,
    VolumeSource,
    XimSource,
)
from ..exporters.registry import CODECS, SYNTAX_CODECS

_DICOM = ("imagecodecs", "pydicom", "pyjpegls", "pylibjpeg", "pylibjpeg-openjpeg", "python-gdcm")
_PICTURES = ("imagecodecs", "pillow", "tifffile")


@cache
def installed(distribution: str) -> str | None:
    """The version of a distribution; None where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def codecs_of(conversion: Conversion) -> dict[str, str]:
    """Distribution -> version, of those that read, compute or write in this conversion."""
    names = set(_reading(conversion.source))
    if conversion.combine or conversion.process:
        names.add("numpy")
    if any(isinstance(operation, Filter | Rotate) for operation in conversion.process):
        names.add("scipy")
    for export in conversion.exports:
        names.update(CODECS[export.to])
        if isinstance(export, DicomExport):
            names.update(SYNTAX_CODECS[export.transfer_syntax])
    return _versions(names)


def codecs(recipe: Recipe) -> dict[str, str]:
    """Those of every conversion, sorted by name."""
    found: dict[str, str] = {}
    for conversion in recipe.conversions.values():
        found |= codecs_of(conversion)
    return dict(sorted(found.items()))


def _reading(source: AnySource) -> tuple[str, ...]:
    match source:
        case DicomSource() | DicomSeriesSource():
            return _DICOM
        case ImageSource():
            return _PICTURES
        case AutoSource():
            return (*_DICOM, *_PICTURES)
        case (
            XimSource()
            | ArraySource()
            | VolumeSource()
            | CyberKnifeRawSource()
            | VisionRtRawSource()
            | RawSource()
        ):
            return ()
        case _:
            assert_never(source)


def _versions(names: Iterable[str]) -> dict[str, str]:
    return {name: found for name in sorted(names) if (found := installed(name)) is not None}
