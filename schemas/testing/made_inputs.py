"""The files that the tests of a recipe make: one model per phantom, joined in a union on ``phantom``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from ..base import Count, Flag, Integer, Many, Model, Number, Pair, Positive, PositiveNumber, Text, as_tuple
from ..language.tag_fields import Tags
from ..language.tags import templates_of
from ..language.template import Template, places
from ..sources import ByteOrder, Dtype

FileFormat = Literal[
    "xim", "dicom", "tiff", "png", "jpeg", "bmp", "npy", "npz", "nifti", "metaimage",
    "ct-series", "cyberknife-raw", "visionrt-raw", "raw",
]  # fmt: skip
VOLUMES = ("npy", "npz", "nifti", "metaimage", "ct-series")
"""Formats that can hold a volume, a CT series in a file for each slice."""
_ANY: tuple[str, ...] = (
    "uint16", "uint8", "int8", "int16", "int32", "uint32", "int64", "uint64", "float32", "float64",
)  # fmt: skip
DTYPES: dict[str, tuple[str, ...]] = {
    "xim": ("uint16", "int32"),
    "dicom": ("uint16", "uint8"),
    "tiff": _ANY,
    "png": ("uint8", "uint16"),
    "jpeg": ("uint8",),
    "bmp": ("uint8",),
    "npy": _ANY,
    "npz": _ANY,
    "nifti": ("int16", "float32"),
    "metaimage": ("int16", "float32"),
    "ct-series": ("int16",),
    "cyberknife-raw": ("uint16",),
    "visionrt-raw": ("uint32",),
    "raw": _ANY,
}
"""What a made file of each format can hold; the first is the default."""

_ANGLES = ("gantry", "collimator", "couch")
_HOLDS: dict[str, tuple[str, ...]] = {
    "xim": ("sid", *_ANGLES),
    "dicom": ("sid", "sad", *_ANGLES, "machine", "rescale", "tags"),
    "tiff": ("dpi", "colour", "pages"),
    "png": ("dpi", "colour"),
    "jpeg": ("dpi", "colour"),
    "bmp": ("dpi", "colour"),
    "npz": ("key",),
    "ct-series": ("tags",),
    "raw": ("byte_order", "header_bytes"),
}
"""Options of made files, by the formats that have a place for them."""
_BOUNDED = frozenset(option for options in _HOLDS.values() for option in options)


def _below(value: str) -> str:
    parts = value.replace("\\", "/").split("/")
    if parts[0] == "" or ":" in parts[0] or ".." in parts or parts[-1] == "":
        raise PydanticCustomError(
            "made_name", "must be a file's path below the data folder, as in film/g090_a.tif"
        )
    return value


def _made_name(value: Template) -> Template:
    _below(value)
    if not {str(place) for place in places(value)} <= {"index", "slice"}:
        raise PydanticCustomError(
            "made_name",
            "only {index} and {slice} can stand in the name of a made file",
            {"index": "{index}", "slice": "{slice}"},
        )
    return value


def _plain(value: Any) -> Any:
    if any(any(templates_of(tag)) for tag in value.values()):
        raise PydanticCustomError("plain_tags", "must be plain values; nothing fills templates here")
    return value


def _shape(value: Any) -> Any:
    if isinstance(value, list | tuple) and not 2 <= len(value) <= 4:
        raise PydanticCustomError(
            "shape", "must be rows and columns, as in [600, 960], with what comes with them"
        )
    return as_tuple(value)


BelowData = Annotated[Text, AfterValidator(_below)]
PlainTags = Annotated[Tags, AfterValidator(_plain)]
AnyShape = Annotated[tuple[Positive, ...], BeforeValidator(_shape)]


class MadeInput(Model):
    """A file, or several, that a test makes."""

    name: Annotated[Template, AfterValidator(_made_name)]
    """Path below the data folder, as the globs of the conversion want it; ``{index}`` counts files from 1,
    ``{slice}`` those of a CT series."""
    format: FileFormat
    shape: AnyShape
    """Rows, columns; of a volume (npy, npz, nifti, metaimage, ct-series) rows, columns, slices."""
    dtype: Dtype | None = None
    """Default: uint16 where the format can hold it."""
    values: Pair[Number] = (0.0, 200.0)
    """Where the phantom is 0 and where it is 1."""
    sigma: Annotated[Number, Field(ge=0)] = 0.0
    """Standard deviation of noise that is added."""
    seed: Integer = 0
    """Of the noise; every further file has the next one."""
    spacing: Pair[PositiveNumber] | None = None
    """mm between rows, between columns; 1 where `dpi` does not say it. XIM and DICOM state it."""
    count: Positive = 1
    sid: PositiveNumber | None = None
    sad: PositiveNumber | None = None
    gantry: Number | None = None
    """Degrees, IEC 61217; as the collimator and the couch."""
    collimator: Number | None = None
    couch: Number | None = None
    machine: Text | None = None
    """RadiationMachineName."""
    rescale: Pair[Number] | None = None
    """Slope and intercept."""
    tags: PlainTags = Field(default_factory=dict)
    """Set in the made file."""
    dpi: PositiveNumber | None = None
    colour: Flag = False
    """Red as the phantom, green 0.9 and blue 0.55 of it."""
    pages: Positive = 1
    key: Text = "image"
    byte_order: ByteOrder = "little"
    header_bytes: Count = 0

    @model_validator(mode="after")
    def _holds(self) -> Self:
        for option in sorted(_BOUNDED - set(_HOLDS.get(self.format, ()))):
            field = MadeInput.model_fields[option]
            if getattr(self, option) != field.get_default(call_default_factory=True):
                raise PydanticCustomError(
                    "made_input", "a made {format} has no place for '{option}'",
                    {"format": self.format, "option": option},
                )  # fmt: skip
        dtypes = DTYPES[self.format]
        if self.dtype is not None and self.dtype not in dtypes:
            raise PydanticCustomError(
                "made_input",
                "a made {format} holds {dtypes}",
                {"format": self.format, "dtypes": " or ".join(dtypes)},
            )
        if len(self.shape) != 2 and not (len(self.shape) == 3 and self.format in VOLUMES):
            raise PydanticCustomError(
                "made_input",
                "'shape' is rows and columns; only {formats} hold a volume",
                {"formats": ", ".join(VOLUMES[:-1]) + f" and {VOLUMES[-1]}"},
            )
        if self.colour and self.format == "png" and self.dtype == "uint16":
            raise PydanticCustomError("made_input", "a made png in colour holds uint8")
        self._check_name()
        return self

    def _check_name(self) -> None:
        """Hold the places in the name to what is counted. Raises: PydanticCustomError."""
        named = {str(place) for place in places(self.name)}
        sliced = self.format == "ct-series"
        if "slice" in named and not sliced:
            raise PydanticCustomError(
                "made_name", "only the files of a ct-series have {place} in their name", {"place": "{slice}"}
            )
        for place, several in (("index", self.count > 1), ("slice", sliced and len(self.shape) == 3)):
            if several and place not in named:
                raise PydanticCustomError(
                    "made_input", "several files need {place} in their name", {"place": f"{{{place}}}"}
                )

    @property
    def holds(self) -> str:
        """The dtype of the made pixels."""
        return self.dtype or DTYPES[self.format][0]

    @property
    def pitch(self) -> tuple[float, float]:
        """mm between rows, between columns."""
        if self.spacing is not None:
            return self.spacing
        return (25.4 / self.dpi, 25.4 / self.dpi) if self.dpi else (1.0, 1.0)


class FieldInput(MadeInput):
    """A rectangular beam in the middle."""

    phantom: Literal["field"] = "field"
    size: Pair[PositiveNumber]
    """mm, rows then columns, from edge to edge at half its height."""
    penumbra: PositiveNumber = 6.0
    """mm from nothing to all."""


class WedgeInput(MadeInput):
    """A film's step wedge along the columns, from 1/steps to 1."""

    phantom: Literal["wedge"] = "wedge"
    steps: Positive = 8
    border: Count = 0
    """Pixels around it that are 0."""


class CylinderInput(MadeInput):
    """A cylinder along the slices; of two dimensions a disc. A volume has a wire of 4 in its first slice."""

    phantom: Literal["cylinder"] = "cylinder"
    radius: PositiveNumber
    """mm."""


class StarInput(MadeInput):
    """Slits through the middle."""

    phantom: Literal["star"] = "star"
    angles: Many[Number] = (0.0, 45.0, 90.0, 135.0)
    """Degrees, counter-clockwise from the row's direction."""
    width: PositiveNumber = 5.0
    """mm."""


class NoiseInput(MadeInput):
    """Noise between the two `values`, nearly normal about their middle."""

    phantom: Literal["noise"] = "noise"


AnyInput = FieldInput | WedgeInput | CylinderInput | StarInput | NoiseInput
PHANTOMS: dict[str, type[MadeInput]] = {
    "field": FieldInput,
    "wedge": WedgeInput,
    "cylinder": CylinderInput,
    "star": StarInput,
    "noise": NoiseInput,
}
