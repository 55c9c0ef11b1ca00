"""What comes out: one model per export target, joined in a union on ``to``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PlainValidator
from pydantic_core import PydanticCustomError

from .base import AS_IT_IS, Flag, Model, OneOrMany, Positive, Text, quantity
from .inputs import Glob
from .language.template import Template
from .on_demand import ByKey

Pixels = Literal["auto", "retain", "portable", "quantize"]
TransferSyntax = Literal[
    "explicit-le", "implicit-le", "deflated", "rle", "jpeg2000-lossless", "jpegls-lossless", "htj2k-lossless"
]
KeptSyntax = Literal[TransferSyntax, "keep"]
"""`keep`: the source's own compressed stream."""

Deliver = OneOrMany[Text]
"""Names in `destinations`."""


def _whole(value: Any) -> Any:
    """Return a whole number that a recipe says as text."""
    return int(value) if isinstance(value, str) and value.isdigit() else value


class ExportBase(Model):
    """What every target shares."""

    path: Template
    """Relative to the output folder."""
    keep: Flag | None = None
    """Whether the output is never replaced by other content; else what the conversion says."""
    deliver: Deliver | None = None
    """Names of `destinations` that the output is sent to; else what the conversion says."""


class DicomExportBase(ExportBase):
    """What every DICOM target shares."""

    pixels: Pixels = "auto"


class DicomExport(DicomExportBase):
    """A DICOM target that encodes its pixels itself."""

    transfer_syntax: TransferSyntax = "explicit-le"
    """How the file is encoded: uncompressed, or compressed without loss."""


class KeepingExport(DicomExportBase):
    """A DICOM target that can hold its source's compressed stream as it is."""

    transfer_syntax: KeptSyntax = "explicit-le"
    """How the file is encoded; `keep` holds the source's own compressed stream where pixels are untouched."""


class RtImageExport(DicomExport):
    """One RT Image per image."""

    to: Literal["rt-image"] = "rt-image"


class SliceExport(DicomExport):
    """What targets of one slice in a file share."""

    reference: Glob | None = None
    """DICOM files, such as a CT's slices, whose study and frame of reference the volume is of."""


class CtSeriesExport(SliceExport):
    """One CT Image per slice; one study, series and frame of reference per volume."""

    to: Literal["ct-series"] = "ct-series"


class MrSeriesExport(SliceExport):
    """One MR Image per slice; one study, series and frame of reference per volume."""

    to: Literal["mr-series"] = "mr-series"


class PetSeriesExport(SliceExport):
    """One PET Image per slice, with a slope for each; one study, series and frame of reference per volume."""

    to: Literal["pet-series"] = "pet-series"


class SecondaryCaptureExport(KeepingExport):
    """Secondary Capture, grey or colour; several pages or frames give one multi-frame file."""

    to: Literal["secondary-capture"] = "secondary-capture"


class ParametricMapExport(DicomExport):
    """A Parametric Map: floats exactly; several pages, frames or slices give one multi-frame file."""

    to: Literal["parametric-map"] = "parametric-map"


Summation = Literal[
    "PLAN", "MULTI_PLAN", "PLAN_OVERVIEW", "FRACTION", "BEAM", "BRACHY", "FRACTION_SESSION", "BEAM_SESSION",
    "BRACHY_SESSION", "CONTROL_POINT", "RECORD",
]  # fmt: skip
"""Defined Terms of DoseSummationType (PS3.3 C.8.8.3)."""


class RtDoseExport(DicomExport):
    """RT Dose: the slices of a volume as frames, dose as integers with DoseGridScaling."""

    to: Literal["rt-dose"] = "rt-dose"
    bits: Annotated[Literal[16, 32], BeforeValidator(_whole)] = 32
    units: Literal["gy", "relative"] = "gy"
    type: Literal["physical", "effective", "error"] | None = None
    """Absent: that of an RT Dose that is the source, else physical."""
    summation: Summation | None = None
    """Absent: that of an RT Dose that is the source; MULTI_PLAN of the doses of several plans; else PLAN."""
    plan: Glob | None = None
    """The RT Plan that the dose is of, relative to the data folder."""
    reference: Glob | None = None
    """DICOM files, such as the CT's slices, whose study and frame of reference the dose is of."""


class SameKindExport(KeepingExport):
    """The source DICOM's own kind; tags kept, pixels and overrides replaced."""

    to: Literal["dicom"] = "dicom"


DicomTarget = Literal[
    "rt-image",
    "ct-series",
    "mr-series",
    "pet-series",
    "secondary-capture",
    "parametric-map",
    "rt-dose",
    "dicom",
]
"""The kinds of DICOM that `to_dataset` makes: every model of a `DicomExportBase`."""


def _window(value: Any) -> Any:
    if value in ("full", "auto"):
        return value
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise PydanticCustomError("window", "must be full, auto or two values, as in [0, 4095]")
    low, high = (quantity(edge) for edge in value)
    if isinstance(low, str) or isinstance(high, str):
        raise PydanticCustomError("window", "must be full, auto or two values, as in [0, 4095]")
    if low >= high:
        raise PydanticCustomError("window", "the first value of a window must be below the second")
    return (low, high)


Window = Annotated[
    Literal["full", "auto"] | tuple[float, float],
    PlainValidator(_window, json_schema_input_type=Literal["full", "auto"] | tuple[float, float]),
    AS_IT_IS,
]


class PngExport(ExportBase):
    """A picture without loss; 8 or 16 bits as the values need."""

    to: Literal["png"] = "png"
    window: Window | None = None
    """Values shown black and white. Absent: the values exactly, or a refusal."""
    metadata: Flag = True
    """Whether the source's properties go into the picture as text."""


class JpgExport(ExportBase):
    """A picture with loss."""

    to: Literal["jpg"] = "jpg"
    window: Window = "full"
    quality: Annotated[Positive, Field(le=100)] = 90


class TiffExport(ExportBase):
    """The values exactly, with the resolution."""

    to: Literal["tiff"] = "tiff"


class NpyExport(ExportBase):
    """The values exactly."""

    to: Literal["npy"] = "npy"


class NiftiExport(ExportBase):
    """A volume in one NIfTI file, ``.nii``, or ``.nii.gz`` where the path says so."""

    to: Literal["nifti"] = "nifti"


class NrrdExport(ExportBase):
    """A volume in one NRRD file."""

    to: Literal["nrrd"] = "nrrd"


class MetaImageExport(ExportBase):
    """A volume in one MetaImage file, ``.mha``."""

    to: Literal["metaimage"] = "metaimage"


AnyExport = (
    RtImageExport
    | CtSeriesExport
    | MrSeriesExport
    | PetSeriesExport
    | SecondaryCaptureExport
    | ParametricMapExport
    | RtDoseExport
    | SameKindExport
    | PngExport
    | JpgExport
    | TiffExport
    | NpyExport
    | NiftiExport
    | NrrdExport
    | MetaImageExport
)
Export = Annotated[AnyExport, ByKey("to")]

EXPORT_TARGETS: dict[str, type[Model]] = {
    model.model_fields["to"].default: model for model in get_args(AnyExport)
}
"""The models by the name in a recipe, in the order in which they are listed."""
DICOM_TARGETS = frozenset(
    name for name, model in EXPORT_TARGETS.items() if issubclass(model, DicomExportBase)
)
"""Targets that write DICOM, and have the options of `DicomExportBase`."""
