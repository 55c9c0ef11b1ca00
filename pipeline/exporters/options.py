"""What an exporter gets besides the images: the options of its target.

A recipe's own models (``schemas/exports.py``) are lowered to these, field by field, so that workers need no
Pydantic; a test holds that no field is left behind. A target's row names its type, and several may share one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from ...schemas.exports import KeptSyntax, Pixels, Summation, TransferSyntax
    from ...schemas.language.template import Template

Window = Literal["full", "auto"] | tuple[float, float]
"""The lowest value, shown black, and the highest, shown white."""


class DicomOptionsBase(Struct, frozen=True, kw_only=True):
    """What every DICOM target shares: how values are stored."""

    path: Template
    pixels: Pixels = "auto"
    keep: bool | None = None


class DicomFileOptions(DicomOptionsBase, frozen=True, kw_only=True):
    """Of a target that encodes its pixels itself: how the file is encoded."""

    transfer_syntax: TransferSyntax = "explicit-le"


class KeepingOptions(DicomOptionsBase, frozen=True, kw_only=True):
    """Of a target that can hold its source's compressed stream."""

    transfer_syntax: KeptSyntax = "explicit-le"


class RtImageOptions(DicomFileOptions, frozen=True, kw_only=True):
    """Options of `RtImageExport`."""

    to: Literal["rt-image"] = "rt-image"


class SliceOptions(DicomFileOptions, frozen=True, kw_only=True):
    """Of a target of one slice in a file."""

    reference: str | None = None


class CtSeriesOptions(SliceOptions, frozen=True, kw_only=True):
    """Options of `CtSeriesExport`."""

    to: Literal["ct-series"] = "ct-series"


class MrSeriesOptions(SliceOptions, frozen=True, kw_only=True):
    """Options of `MrSeriesExport`."""

    to: Literal["mr-series"] = "mr-series"


class PetSeriesOptions(SliceOptions, frozen=True, kw_only=True):
    """Options of `PetSeriesExport`."""

    to: Literal["pet-series"] = "pet-series"


class SecondaryCaptureOptions(KeepingOptions, frozen=True, kw_only=True):
    """Options of `SecondaryCaptureExport`."""

    to: Literal["secondary-capture"] = "secondary-capture"


class ParametricMapOptions(DicomFileOptions, frozen=True, kw_only=True):
    """Options of `ParametricMapExport`."""

    to: Literal["parametric-map"] = "parametric-map"


class RtDoseOptions(DicomFileOptions, frozen=True, kw_only=True):
    """Options of `RtDoseExport`."""

    to: Literal["rt-dose"] = "rt-dose"
    bits: Literal[16, 32] = 32
    units: Literal["gy", "relative"] = "gy"
    type: Literal["physical", "effective", "error"] | None = None
    summation: Summation | None = None
    plan: str | None = None
    reference: str | None = None


class SameKindOptions(KeepingOptions, frozen=True, kw_only=True):
    """Options of `SameKindExport`."""

    to: Literal["dicom"] = "dicom"


class PngOptions(Struct, frozen=True, kw_only=True):
    """Options of `PngExport`."""

    path: Template
    to: Literal["png"] = "png"
    window: Window | None = None
    metadata: bool = True
    keep: bool | None = None


class JpgOptions(Struct, frozen=True, kw_only=True):
    """Options of `JpgExport`."""

    path: Template
    to: Literal["jpg"] = "jpg"
    window: Window = "full"
    quality: int = 90
    keep: bool | None = None


class PlainOptions(Struct, frozen=True, kw_only=True):
    """Options of targets that have none of their own: `TiffExport`, `NpyExport`, those of volumes."""

    path: Template
    to: str
    keep: bool | None = None


ExportOptions = (
    RtImageOptions
    | CtSeriesOptions
    | MrSeriesOptions
    | PetSeriesOptions
    | SecondaryCaptureOptions
    | ParametricMapOptions
    | RtDoseOptions
    | SameKindOptions
    | PngOptions
    | JpgOptions
    | PlainOptions
)
