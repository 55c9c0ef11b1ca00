"""Every source format: one row says all that the rest of the program has to know of it.

A format's module is loaded when it is used: rows cost no numpy and no pydicom. What a recipe may say of a
format is its model, in `schemas/sources.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from .options import (
    ArrayOptions,
    AutoOptions,
    CyberKnifeRawOptions,
    DicomObjectOptions,
    DicomOptions,
    DicomSeriesOptions,
    ImageOptions,
    ImageStackOptions,
    Limits,
    RawOptions,
    RtDoseOptions,
    SourceOptions,
    VisionRtRawOptions,
    VolumeFileOptions,
    VolumeOptions,
    XimOptions,
)

if TYPE_CHECKING:
    from ..imaging.image import Image
    from ..imaging.probe import Probe
    from .base import Loader, Surveyed


class Format(Struct, frozen=True, kw_only=True):
    """One source format. No field has a default: whoever adds a format decides each of them."""

    module: str
    """The module of this folder that has its `LOADER`."""
    options: type[SourceOptions]
    """The options that its loader takes, with the same fields as the recipe's model."""
    describes: str
    """What it reads, in one line, for `dicombake formats` and the docs."""
    content: str | None
    """What users call its files, where they are recognised by content and so read by `auto` (its `LOADER` has
    `sniff` and `defaults`). None: content does not show it, or it is another way to read such files.
    """
    raw: bool
    """Whether only the recipe says what its bytes mean; then `auto` points to it."""
    holds: Literal["image", "pages", "slices", "object"]
    """What one source gives: one image; pages or frames, as many as the file says; the slices of a volume; an
    object without pixels."""
    picked_by: Literal["page", "frame"] | None
    """The option that picks one of several pages or frames, from 1; of slices, one of several volumes."""
    series: bool
    """Whether a group of files, one slice each, is one source (its `LOADER` has `series`)."""
    dicom: Literal["always", "perhaps", "never"]
    """Whether its files are DICOM: they have a kind that `to: dicom` keeps, and a study that is kept."""
    codecs: tuple[str, ...]
    """Distributions whose version can change the pixels that are read."""
    extra: str | None
    """The extra (`extras.EXTRAS`) whose packages it needs; None: those of every installation do."""
    conversion_type: Literal["DI", "WSD"]
    """ConversionType of its pixels (PS3.3 C.8.6.1): DI, as a machine gave them; WSD, as a workstation did."""
    original: bool
    """Whether it is a machine's own file, so that its untouched pixels are ORIGINAL (PS3.3 C.7.6.1.1.2)."""
    traces_properties: bool
    """Whether it knows which of its properties an attribute is made of (its `LOADER` has
    `properties_behind`), for `dicombake explain`."""
    preloaded: bool
    """Whether workers load its module ahead: of formats that come in thousands, and whose module is light."""


_DICOM = ("imagecodecs", "pydicom", "pyjpegls", "pylibjpeg", "pylibjpeg-openjpeg", "python-gdcm")

_OWN: Mapping[str, Format] = {
    "dicom": Format(
        module="dicom.loader",
        options=DicomOptions,
        describes="DICOM file, also without preamble or file meta, of every readable codec",
        content="DICOM",
        raw=False,
        holds="pages",
        picked_by="frame",
        series=False,
        dicom="always",
        codecs=_DICOM,
        extra=None,
        conversion_type="DI",
        original=False,
        traces_properties=False,
        preloaded=False,
    ),
    "xim": Format(
        module="xim.loader",
        options=XimOptions,
        describes="Varian .xim image, compressed or not, by content whatever its name",
        content="XIM",
        raw=False,
        holds="image",
        picked_by=None,
        series=False,
        dicom="never",
        codecs=("imagecodecs",),
        extra=None,
        conversion_type="DI",
        original=True,
        traces_properties=True,
        preloaded=True,
    ),
    "image": Format(
        module="pictures.loader",
        options=ImageOptions,
        describes="TIFF, JPEG, JPEG 2000, JPEG-LS, PNG, BMP, GIF or WebP picture; each page is an image",
        content="TIFF, JPEG, JPEG 2000, JPEG-LS, PNG, BMP, GIF, WebP",
        raw=False,
        holds="pages",
        picked_by="page",
        series=False,
        dicom="never",
        codecs=("imagecodecs", "pillow", "tifffile"),
        extra=None,
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=True,
    ),
    "array": Format(
        module="arrays.array",
        options=ArrayOptions,
        describes="2D numpy array, .npy or .npz",
        content="numpy",
        raw=False,
        holds="image",
        picked_by=None,
        series=False,
        dicom="never",
        codecs=(),
        extra=None,
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=True,
    ),
    "volume": Format(
        module="arrays.volume",
        options=VolumeOptions,
        describes="3D numpy array, .npy or .npz, as slices",
        content=None,
        raw=False,
        holds="slices",
        picked_by=None,
        series=False,
        dicom="never",
        codecs=(),
        extra=None,
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=True,
    ),
    "image-stack": Format(
        module="pictures.stack",
        options=ImageStackOptions,
        describes="TIFF, PNG, BMP or JPEG pictures of one size as slices; or the pages of one file",
        content=None,
        raw=False,
        holds="slices",
        picked_by=None,
        series=True,
        dicom="never",
        codecs=("imagecodecs", "pillow", "tifffile"),
        extra=None,
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=False,
    ),
    "dicom-series": Format(
        module="dicom.series",
        options=DicomSeriesOptions,
        describes="CT, MR or PET slices, one DICOM file each, as one volume",
        content=None,
        raw=False,
        holds="slices",
        picked_by=None,
        series=True,
        dicom="always",
        codecs=_DICOM,
        extra=None,
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=False,
    ),
    "rt-dose": Format(
        module="dicom.rt_dose",
        options=RtDoseOptions,
        describes="RT Dose as a volume in Gy, or relative; its frames are the slices",
        content=None,
        raw=False,
        holds="slices",
        picked_by=None,
        series=False,
        dicom="always",
        codecs=_DICOM,
        extra=None,
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=False,
    ),
    "nifti": Format(
        module="volumes.nifti",
        options=VolumeFileOptions,
        describes="NIfTI volume, .nii, .nii.gz or .hdr with .img, as slices",
        content="NIfTI",
        raw=False,
        holds="slices",
        picked_by="frame",
        series=False,
        dicom="never",
        codecs=("nibabel",),
        extra="volumes",
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=False,
    ),
    "nrrd": Format(
        module="volumes.nrrd",
        options=VolumeFileOptions,
        describes="NRRD volume, .nrrd, or .nhdr with its values beside it, as slices",
        content="NRRD",
        raw=False,
        holds="slices",
        picked_by="frame",
        series=False,
        dicom="never",
        codecs=("pynrrd",),
        extra="volumes",
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=False,
    ),
    "metaimage": Format(
        module="volumes.metaimage",
        options=VolumeFileOptions,
        describes="MetaImage volume, .mha, or .mhd with its values beside it, as slices",
        content="MetaImage",
        raw=False,
        holds="slices",
        picked_by="frame",
        series=False,
        dicom="never",
        codecs=(),
        extra=None,
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=False,
    ),
    "dicom-object": Format(
        module="dicom.without_pixels",
        options=DicomObjectOptions,
        describes="DICOM without pixels: structure set, plan, record, registration, SR, state, PDF",
        content=None,
        raw=False,
        holds="object",
        picked_by=None,
        series=False,
        dicom="always",
        codecs=("pydicom",),
        extra=None,
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=False,
    ),
    "cyberknife-raw": Format(
        module="raw.cyberknife",
        options=CyberKnifeRawOptions,
        describes="CyberKnife .raw, an ASCII header with width and height, then pixels",
        content=None,
        raw=True,
        holds="image",
        picked_by=None,
        series=False,
        dicom="never",
        codecs=(),
        extra=None,
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=False,
    ),
    "visionrt-raw": Format(
        module="raw.visionrt",
        options=VisionRtRawOptions,
        describes="VisionRT .raw, pixels without a header",
        content=None,
        raw=True,
        holds="image",
        picked_by=None,
        series=False,
        dicom="never",
        codecs=(),
        extra=None,
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=False,
    ),
    "raw": Format(
        module="raw.loader",
        options=RawOptions,
        describes="any flat pixel file whose shape and dtype the recipe states",
        content=None,
        raw=True,
        holds="image",
        picked_by=None,
        series=False,
        dicom="never",
        codecs=(),
        extra=None,
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=False,
    ),
}

FORMATS: Mapping[str, Format] = {
    **_OWN,
    "auto": Format(
        module="auto",
        options=AutoOptions,
        describes="any format that its content tells; never a raw one",
        content=None,
        raw=False,
        holds="pages",
        picked_by=None,
        series=False,
        dicom="perhaps",
        # without those of extras: a lock is not to depend on whether one is installed that no file needs
        codecs=tuple(
            sorted({name for row in _OWN.values() if row.content and not row.extra for name in row.codecs})
        ),
        extra=None,
        conversion_type="WSD",
        original=False,
        traces_properties=False,
        preloaded=False,
    ),
}
"""Rows by the name in a recipe. An image that `auto` read has the row of the format that was recognised."""


def loader(name: str) -> Loader:
    """Return the loader of a format. Raises: KeyError for an unknown name."""
    found: Loader = import_module(f".{FORMATS[name].module}", __package__).LOADER
    return found


def load(path: Path, source: SourceOptions, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """Yield the images of a file in order, one in memory at a time; `pages` picks some, counted from 0.

    Raises:
        SourceError: for what cannot be read truly.
    """
    return loader(source.format).load(path, source, limits, pages)


def load_each(
    paths: Sequence[Path], source: SourceOptions, limits: Limits, pages: range | None = None
) -> Iterator[tuple[Path, Image]]:
    """Yield the images of several files, each with its file; a series in the order of its slices.

    Raises: SourceError, as `load`.
    """
    found = loader(source.format)
    several = found.each if len(paths) > 1 else None
    each = several if found.series is None else found.series.load
    if each is not None:
        yield from each(paths, source, limits, pages)
        return
    for path in paths:
        for image in load(path, source, limits, pages):
            yield path, image


def probe(path: Path, source: SourceOptions, limits: Limits) -> Probe:
    """Return what the file's headers say, no pixel read. Raises: SourceError."""
    return loader(source.format).probe(path, source, limits)


def parts_of(path: Path, source: SourceOptions) -> tuple[Path, ...]:
    """Return the files beside one that hold its values, of which none is opened. Raises: SourceError."""
    parts = loader(source.format).parts
    return () if parts is None else parts(path)


def survey(paths: Sequence[Path], source: SourceOptions, limits: Limits) -> Surveyed:
    """Return the slices of a series among some files, no pixel read.

    Raises:
        SourceError: for files that are no series.
        TypeError: where the format is no series.
    """
    series = loader(source.format).series
    if series is None:
        raise TypeError(f"{source.format} is no series of files")
    return series.survey(paths, source, limits)
