"""What a loader gets besides the path: the limits, and the options of its format.

A recipe's own models (``schemas/sources.py``) are lowered to these, field by field, so that workers need no
Pydantic; a test holds that no field is left behind. A format's row names its type, and several may share one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import NODEFAULT, Struct

if TYPE_CHECKING:
    from ...schemas.sources import ByteOrder, Channel, Dtype


class Limits(Struct, frozen=True):
    """Bounds on what a file may claim before memory is taken for it."""

    image_pixels: int = 2**28
    """Pixels of one decoded image or frame, its samples counted."""
    frames: int = 100_000
    """Pages or frames of one file."""
    header_bytes: int = 2**26
    """Properties, tables and headers of one file."""


class DicomOptions(Struct, frozen=True):
    """Options of `DicomSource`; frames count from 1."""

    format: Literal["dicom"] = "dicom"
    raw_values: bool = False
    frame: int | None = None
    charset: str | None = None


class DicomObjectOptions(Struct, frozen=True):
    """Options of `DicomObjectSource`: none."""

    format: Literal["dicom-object"] = "dicom-object"


class ImageOptions(Struct, frozen=True):
    """Options of `ImageSource`; pages count from 1."""

    format: Literal["image"] = "image"
    channel: Channel | None = None
    page: int | None = None


class XimOptions(Struct, frozen=True):
    """Options of `XimSource`: none."""

    format: Literal["xim"] = "xim"


class ArrayOptions(Struct, frozen=True):
    """Options of `ArraySource`."""

    format: Literal["array"] = "array"
    key: str | None = None


class VolumeOptions(Struct, frozen=True):
    """Options of `VolumeSource`; lengths in mm, patient coordinates."""

    slice_axis: int
    spacing: tuple[float, float, float]
    format: Literal["volume"] = "volume"
    key: str | None = None
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    orientation: tuple[float, float, float, float, float, float] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    units: Literal["hu", "none"] = "none"
    intercept: float | None = None


class ImageStackOptions(Struct, frozen=True):
    """Options of `ImageStackSource`; lengths in mm, patient coordinates. No spacing: the files say it."""

    format: Literal["image-stack"] = "image-stack"
    spacing: tuple[float, float, float] | None = None
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    orientation: tuple[float, float, float, float, float, float] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    channel: Channel | None = None
    units: Literal["hu", "none"] = "none"


class DicomSeriesOptions(Struct, frozen=True):
    """Options of `DicomSeriesSource`."""

    format: Literal["dicom-series"] = "dicom-series"
    series: str | None = None
    any_distance: bool = False
    """Whether slices may lie unevenly or not above each other: they are resampled to a straight grid."""


class RtDoseOptions(Struct, frozen=True):
    """Options of `RtDoseSource`: none."""

    format: Literal["rt-dose"] = "rt-dose"


class VolumeFileOptions(Struct, frozen=True):
    """Options of `NiftiSource`, `NrrdSource` and `MetaImageSource`; axes count from 0, volumes from 1."""

    format: str
    units: Literal["hu", "none"] = "none"
    slice_axis: int = 2
    frame: int | None = None


class CyberKnifeRawOptions(Struct, frozen=True):
    """Options of `CyberKnifeRawSource`; shape (rows, columns)."""

    format: Literal["cyberknife-raw"] = "cyberknife-raw"
    shape: tuple[int, int] | None = None
    dtype: Dtype = "uint16"
    byte_order: ByteOrder = "little"
    header_bytes: int | None = None


class VisionRtRawOptions(Struct, frozen=True):
    """Options of `VisionRtRawSource`; shape (rows, columns)."""

    format: Literal["visionrt-raw"] = "visionrt-raw"
    shape: tuple[int, int] = (600, 960)
    dtype: Dtype = "uint32"
    byte_order: ByteOrder = "little"


class RawOptions(Struct, frozen=True):
    """Options of `RawSource`, and of any other flat file; shape (rows, columns)."""

    shape: tuple[int, int]
    format: str = "raw"
    dtype: Dtype = "uint16"
    byte_order: ByteOrder = "little"
    header_bytes: int = 0


class AutoOptions(Struct, frozen=True):
    """Options of `AutoSource`: none."""

    format: Literal["auto"] = "auto"


SourceOptions = (
    DicomOptions
    | DicomObjectOptions
    | ImageOptions
    | XimOptions
    | ArrayOptions
    | VolumeOptions
    | ImageStackOptions
    | DicomSeriesOptions
    | RtDoseOptions
    | VolumeFileOptions
    | CyberKnifeRawOptions
    | VisionRtRawOptions
    | RawOptions
    | AutoOptions
)


def defaults_of(kind: type[SourceOptions]) -> SourceOptions | None:
    """Return the options of a format where nothing is said of them; None where it needs some."""
    make: Any = kind
    needed = len(kind.__struct_fields__) - len(kind.__struct_defaults__)
    return None if needed or NODEFAULT in kind.__struct_defaults__ else make()
