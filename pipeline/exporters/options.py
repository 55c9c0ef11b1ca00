"""What an exporter gets besides the images: the options of its target.

A recipe's own models (``schemas/exports.py``) are lowered to these, field by field, so that workers need no
Pydantic; a test holds that no field is left behind. A target's row names its type, and several may share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ...schemas.exports import KeptSyntax, Pixels, Summation, TransferSyntax
    from ...schemas.language.template import Template

Window = Literal["full", "auto"] | tuple[float, float]
"""The lowest value, shown black, and the highest, shown white."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomOptionsBase:
    """What every DICOM target shares: how values are stored."""

    path: Template
    pixels: Pixels = "auto"
    keep: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomFileOptions(DicomOptionsBase):
    """Of a target that encodes its pixels itself: how the file is encoded."""

    transfer_syntax: TransferSyntax = "explicit-le"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingOptions(DicomOptionsBase):
    """Of a target that can hold its source's compressed stream."""

    transfer_syntax: KeptSyntax = "explicit-le"


@dataclass(frozen=True, slots=True, kw_only=True)
class RtImageOptions(DicomFileOptions):
    """Options of `RtImageExport`."""

    to: Literal["rt-image"] = "rt-image"


@dataclass(frozen=True, slots=True, kw_only=True)
class CtSeriesOptions(DicomFileOptions):
    """Options of `CtSeriesExport`."""

    to: Literal["ct-series"] = "ct-series"


@dataclass(frozen=True, slots=True, kw_only=True)
class MrSeriesOptions(DicomFileOptions):
    """Options of `MrSeriesExport`."""

    to: Literal["mr-series"] = "mr-series"


@dataclass(frozen=True, slots=True, kw_only=True)
class PetSeriesOptions(DicomFileOptions):
    """Options of `PetSeriesExport`."""

    to: Literal["pet-series"] = "pet-series"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondaryCaptureOptions(KeepingOptions):
    """Options of `SecondaryCaptureExport`."""

    to: Literal["secondary-capture"] = "secondary-capture"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParametricMapOptions(DicomFileOptions):
    """Options of `ParametricMapExport`."""

    to: Literal["parametric-map"] = "parametric-map"


@dataclass(frozen=True, slots=True, kw_only=True)
class RtDoseOptions(DicomFileOptions):
    """Options of `RtDoseExport`."""

    to: Literal["rt-dose"] = "rt-dose"
    bits: Literal[16, 32] = 32
    units: Literal["gy", "relative"] = "gy"
    type: Literal["physical", "effective", "error"] = "physical"
    summation: Summation = "PLAN"
    plan: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SameKindOptions(KeepingOptions):
    """Options of `SameKindExport`."""

    to: Literal["dicom"] = "dicom"


@dataclass(frozen=True, slots=True, kw_only=True)
class PngOptions:
    """Options of `PngExport`."""

    path: Template
    to: Literal["png"] = "png"
    window: Window | None = None
    metadata: bool = True
    keep: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JpgOptions:
    """Options of `JpgExport`."""

    path: Template
    to: Literal["jpg"] = "jpg"
    window: Window = "full"
    quality: int = 90
    keep: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainOptions:
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
