"""What the files are: one model per source format, joined in a union on ``format``."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from .base import Count, Flag, Model, Number, Positive, PositiveNumber, Sextuple, Shape, Text, Triple
from .on_demand import ByKey

Channel = Literal["all", "luminance", "red", "green", "blue", "alpha"]
ByteOrder = Literal["little", "big"]
Dtype = Literal[
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64",
]  # fmt: skip


def _number_as_text(value: Any) -> Any:
    """Return a series number that Python gives as a number as text; a recipe's is text already."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_DICOM_CHARSET = re.compile(r"(ISO_IR|ISO 2022 IR) \d{1,3}|GBK")


def _charset(value: str) -> str:
    """Check a name of a character set: of a Python encoding, or a Defined Term (PS3.3 C.12.1.1.2)."""
    try:
        "a".encode(value)
        known = True
    except (LookupError, ValueError, UnicodeError):
        known = False
    if not known and not _DICOM_CHARSET.fullmatch(value):
        raise PydanticCustomError(
            "charset", "must be a character set, such as GB18030, latin-1 or ISO_IR 100"
        )
    return value


class DicomSource(Model):
    """A DICOM file, also one without preamble or file meta."""

    format: Literal["dicom"] = "dicom"
    raw_values: Flag = False
    """Stored values instead of modality values (rescale not applied)."""
    frame: Positive | None = None
    """One frame of a multi-frame file, from 1; else every frame."""
    charset: Annotated[Text, AfterValidator(_charset)] | None = None
    """Which character set a file's text is in, where the file says none or a wrong one: GB18030."""


class DicomObjectSource(Model):
    """DICOM without pixels: structure set, plan, record, registration, report, presentation state, PDF."""

    format: Literal["dicom-object"] = "dicom-object"


class ImageSource(Model):
    """TIFF, JPEG, JPEG 2000, JPEG-LS, PNG, BMP, GIF or WebP."""

    format: Literal["image"] = "image"
    channel: Channel | None = None
    """Default: every channel is kept, and the target says what it can hold."""
    page: Positive | None = None
    """One page of a multi-page file, from 1; else every page."""


class XimSource(Model):
    """Varian .xim, compressed or not."""

    format: Literal["xim"] = "xim"


class ArraySource(Model):
    """A 2D numpy array, ``.npy`` or ``.npz``."""

    format: Literal["array"] = "array"
    key: Text | None = None


class VolumeSource(Model):
    """A 3D numpy array, ``.npy`` or ``.npz``."""

    format: Literal["volume"] = "volume"
    key: Text | None = None
    slice_axis: Annotated[Count, Field(le=2)]
    """The axis that counts the slices; the other two are rows and columns, in their order."""
    spacing: Triple[PositiveNumber]
    """mm between rows, between columns, between slices."""
    origin: Triple[Number] = (0.0, 0.0, 0.0)
    """Patient coordinates (mm) of the centre of the first pixel of the first slice."""
    orientation: Sextuple[Number] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    """Direction cosines of a row (along the columns' index), then of a column (PS3.3 C.7.6.2.1.1)."""
    units: Literal["hu", "none"] = "none"
    intercept: Number | None = None
    """For unsigned arrays in HU: HU = stored value + intercept."""


class ImageStackSource(Model):
    """TIFF, PNG, BMP or JPEG pictures of one size as the slices of a volume; or the pages of one file."""

    format: Literal["image-stack"] = "image-stack"
    spacing: Triple[PositiveNumber] | None = None
    """mm between rows, between columns, between slices. Absent: the files say it, as ImageJ's do."""
    origin: Triple[Number] = (0.0, 0.0, 0.0)
    """Patient coordinates (mm) of the centre of the first pixel of the first slice."""
    orientation: Sextuple[Number] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    """Direction cosines of a row (along the columns' index), then of a column (PS3.3 C.7.6.2.1.1)."""
    channel: Channel | None = None
    """Which samples of a picture in colour are its grey values."""
    units: Literal["hu", "none"] = "none"


class DicomSeriesSource(Model):
    """CT or MR slices, one DICOM file each, as one volume; one group of files is one volume."""

    format: Literal["dicom-series"] = "dicom-series"
    series: Annotated[Text, BeforeValidator(_number_as_text)] | None = None
    """Which series of a group: its UID, its description or its number. Absent: a group holds only one."""


class RtDoseSource(Model):
    """RT Dose as a volume in Gy, or relative."""

    format: Literal["rt-dose"] = "rt-dose"


class NiftiSource(Model):
    """NIfTI-1 or NIfTI-2, ``.nii``, ``.nii.gz`` or a pair of ``.hdr`` and ``.img``."""

    format: Literal["nifti"] = "nifti"
    units: Literal["hu", "none"] = "none"
    slice_axis: Annotated[Count, Field(le=2)] = 2
    """The stored axis (i, j, k) that counts the slices; of the others the first counts the columns."""
    frame: Positive | None = None
    """One volume of a file with four axes, from 1; else each gives outputs of its own."""


class NrrdSource(Model):
    """NRRD, ``.nrrd``, or ``.nhdr`` with its values in a file beside it."""

    format: Literal["nrrd"] = "nrrd"
    units: Literal["hu", "none"] = "none"
    slice_axis: Annotated[Count, Field(le=2)] = 2
    """The stored axis (i, j, k) that counts the slices; of the others the first counts the columns."""
    frame: Positive | None = None
    """One volume of a file with four axes, from 1; else each gives outputs of its own."""


class MetaImageSource(Model):
    """MetaImage, ``.mha``, or ``.mhd`` with its values in a file beside it."""

    format: Literal["metaimage"] = "metaimage"
    units: Literal["hu", "none"] = "none"
    slice_axis: Annotated[Count, Field(le=2)] = 2
    """The stored axis (i, j, k) that counts the slices; of the others the first counts the columns."""
    frame: Positive | None = None
    """One volume of a file with four axes, from 1; else each gives outputs of its own."""


class CyberKnifeRawSource(Model):
    """CyberKnife ``.raw``: a short ASCII header, then pixels."""

    format: Literal["cyberknife-raw"] = "cyberknife-raw"
    shape: Shape | None = None
    dtype: Dtype = "uint16"
    byte_order: ByteOrder = "little"
    header_bytes: Count | None = None
    """Bytes before the pixels; else found by the file's size, where the header's end is certain."""


class VisionRtRawSource(Model):
    """VisionRT ``.raw``: pixels and nothing else."""

    format: Literal["visionrt-raw"] = "visionrt-raw"
    shape: Shape = (600, 960)
    dtype: Dtype = "uint32"
    byte_order: ByteOrder = "little"


class RawSource(Model):
    """Any flat pixel file."""

    format: Literal["raw"] = "raw"
    shape: Shape
    dtype: Dtype
    byte_order: ByteOrder = "little"
    header_bytes: Count = 0


class AutoSource(Model):
    """Looks at the content of each file; never guesses a raw one."""

    format: Literal["auto"] = "auto"


def _short(value: Any) -> Any:
    return {"format": value} if isinstance(value, str) else value


AnySource = (
    DicomSource
    | ImageSource
    | XimSource
    | ArraySource
    | VolumeSource
    | ImageStackSource
    | DicomSeriesSource
    | DicomObjectSource
    | RtDoseSource
    | NiftiSource
    | NrrdSource
    | MetaImageSource
    | CyberKnifeRawSource
    | VisionRtRawSource
    | RawSource
    | AutoSource
)
Source = Annotated[Annotated[AnySource, ByKey("format")], BeforeValidator(_short)]

SOURCE_FORMATS: dict[str, type[Model]] = {
    model.model_fields["format"].default: model for model in get_args(AnySource)
}
"""The models by the name in a recipe, in the order in which they are listed."""
