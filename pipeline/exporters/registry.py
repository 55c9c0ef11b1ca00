"""Every export target. A target's module is loaded when it is used: names cost no numpy and no pydicom."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Exporter

EXPORTERS: dict[str, str] = {
    "rt-image": "dicom.rt_image",
    "ct-series": "dicom.ct_series",
    "secondary-capture": "dicom.secondary_capture",
    "parametric-map": "dicom.parametric_map",
    "dicom": "dicom.same_kind",
    "png": "pictures.png",
    "jpg": "pictures.jpg",
    "tiff": "pictures.tiff",
    "npy": "npy",
}
"""The module here that has each target's `EXPORTER`, by its name in a recipe."""

CODECS: dict[str, tuple[str, ...]] = {
    "rt-image": ("pydicom",),
    "ct-series": ("pydicom",),
    "secondary-capture": ("pydicom",),
    "parametric-map": ("pydicom",),
    "dicom": ("pydicom",),
    "png": ("imagecodecs",),
    "jpg": ("pillow",),
    "tiff": ("tifffile",),
    "npy": ("numpy",),
}
"""Distributions whose version can change the bytes that a target writes; told without loading its module,
since a run that finds everything up to date asks for no more."""

SYNTAX_CODECS: dict[str, tuple[str, ...]] = {
    "explicit-le": (),
    "implicit-le": (),
    "deflated": ("imagecodecs",),
    "rle": (),
    "jpeg2000-lossless": ("pylibjpeg", "pylibjpeg-openjpeg"),
    "jpegls-lossless": ("pyjpegls",),
    "htj2k-lossless": ("imagecodecs",),
}
"""The same for each transfer syntax of a DICOM target, pydicom being one of them all (RLE is its own)."""


def exporter(to: str) -> Exporter:
    """The exporter of a target. Raises: KeyError for a name that is none."""
    found: Exporter = import_module(f".{EXPORTERS[to]}", __package__).EXPORTER
    return found
