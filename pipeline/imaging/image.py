"""The image on its way from a file to an output: pixels, geometry, metadata of its file, history.

Everything is frozen: a step takes an image and returns another one. Pixel arrays are never written to.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field, structs

from ..errors import Note
from .move import STILL, Move

if TYPE_CHECKING:
    import numpy.typing as npt
    from pydicom import Dataset

    Pixels = npt.NDArray[Any]
else:
    Pixels = Any  # files are probed without importing numpy
Photometric = Literal["MONOCHROME1", "MONOCHROME2", "RGB", "RGBA"]
OriginKind = Literal[
    "conversion", "set", "csv", "file", "derived", "machine", "defaults", "extends", "profile", "rule"
]


class Origin(Struct, frozen=True):
    """The origin of a value: a kind of layer, and the place in it.

    ``conversion`` film.yaml:12, ``csv`` angles.csv:3, ``file`` RTImageSID, ``derived`` dpi and sid.
    """

    kind: OriginKind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} ({self.detail})" if self.detail else self.kind


class PatientPlane(Struct, frozen=True):
    """The plane of one slice in patient coordinates (PS3.3 C.7.6.2), mm."""

    position: tuple[float, float, float]
    """Centre of the pixel in row 0, column 0."""
    orientation: tuple[float, float, float, float, float, float]
    """Direction cosines of a row (towards higher columns), then of a column (towards higher rows)."""
    thickness: float | None
    spacing: float | None
    """Between the centres of neighbouring slices."""
    frame_of_reference: str | None = None
    """UID, where the source has one."""


class Geometry(Struct, frozen=True):
    """The geometry of an image: mm and degrees, angles in IEC 61217. None: unknown.

    `origins` has the origin of each value that is set, by the field's name; `blank` has the reason for each
    value that is deliberately empty (``sid: unknown`` in the recipe, a parked panel).
    """

    spacing: tuple[float, float] | None = None
    """Between rows, between columns; at the image plane (the plane at `sid`), as ImagePlanePixelSpacing."""
    sid: float | None = None
    sad: float | None = None
    gantry: float | None = None
    collimator: float | None = None
    couch: float | None = None
    position: tuple[float, float] | None = None
    """x, y of the centre of the pixel in row 0, column 0, in the receptor's system (RTImagePosition)."""
    orientation: tuple[float, float, float, float, float, float] | None = None
    """Direction cosines of a row, then of a column, in the image receptor's system (RTImageOrientation)."""
    translation: tuple[float, float, float] | None = None
    """Of the receptor's origin in the IEC GANTRY system (XRayImageReceptorTranslation)."""
    receptor_angle: float | None = None
    patient: PatientPlane | None = None
    """Set for slices; `spacing` is then PixelSpacing, in the slice's plane."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    blank: Mapping[str, str] = field(default_factory=dict)

    def having(self, origin: Origin, **values: Any) -> Geometry:
        """Return this geometry with some values set, all of one origin.

        A value of None clears field and origin.
        """
        origins = {name: found for name, found in self.origins.items() if name not in values}
        origins |= {name: origin for name, value in values.items() if value is not None}
        return structs.replace(self, origins=origins, **values)


class Lossy(Struct, frozen=True):
    """A loss of information before the source came to us (PS3.3 C.7.6.1.1.5)."""

    method: str
    """A Defined Term such as ISO_10918_1."""
    ratio: float
    """Uncompressed size / compressed size."""


class Stored(Struct, frozen=True):
    """Integers as a source stores them, with the rescale that makes them modality values."""

    pixels: Pixels
    slope: float
    intercept: float
    rescale_type: str | None
    bits_stored: int


class Codestream(Struct, frozen=True):
    """The compressed stream that a source's pixels were decoded from, as a DICOM file can hold it.

    Its frame alone, as its file has it: what was decoded from it are the image's pixels as they were loaded.
    """

    syntax: str
    """UID of the transfer syntax."""
    photometric: str
    """Photometric Interpretation of its samples (PS3.5 section 8.2)."""
    data: bytes
    bits: int
    """Bits Stored."""
    planar: int = 0
    """Planar Configuration, of colour."""
    besides: tuple[str, ...] = ()
    """What it holds besides the picture, by name: EXIF, a comment."""


class SourceFile(Struct, frozen=True):
    """The file that an image came from, with its metadata."""

    path: Path
    format: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    """The format's own names and values ("not set" values left out), for templates and picture text."""
    dataset: Dataset | None = None
    """Of a DICOM source: everything but its pixels."""
    attributes: Dataset | None = None
    """What the file implies for a DICOM output beyond geometry (dates, maker, exposure), as a dataset."""
    page: int = 1
    pages: int = 1
    """Page, frame or slice, from 1, and how many of them the file holds."""
    lossy: Lossy | None = None
    codestream: Codestream | None = None
    """What the image was decoded from, where it is all of that and a transfer syntax can hold it."""
    companions: Mapping[str, str] = field(default_factory=dict)
    """The companion file that an attribute of `attributes` comes from, by keyword."""
    undecoded: bool = False
    """Whether some text of `dataset` does not fit its character set; then all text is read byte for byte."""
    decided: Mapping[str, str] = field(default_factory=dict)
    """Of a de-identified `dataset`: by which rule each element that it changed is as it is, by its path."""
    in_volume: bool = False
    """Whether `page` counts the slices of a volume of several files, each of one frame."""
    volume: int = 1
    volumes: int = 1
    """For a file of several volumes: which one, from 1, and how many; `page` counts the slices of one."""

    @property
    def frame(self) -> int:
        """The frame of this file that the image is, from 1."""
        if self.volumes > 1:
            return self.volume
        return 1 if self.in_volume else self.page

    @property
    def frames(self) -> int:
        """The number of frames of this file."""
        return 1 if self.in_volume else self.pages


class Image(Struct, frozen=True):
    """One image.

    `pixels` are modality values, (rows, columns) or, for colour, (rows, columns, samples); in the byte
    order of the machine; (0, 0) for a DICOM object that has none. `stored` is kept as long as values stay
    what they were: the same image as its DICOM source stores it.
    """

    pixels: Pixels
    geometry: Geometry = field(default_factory=Geometry)
    photometric: Photometric = "MONOCHROME2"
    stored: Stored | None = None
    units: str | None = None
    """RescaleType of `pixels`, if it is known (HU, ...)."""
    calibrated: bool = True
    """Whether the values are still in the source's unit, whatever that is."""
    rising: Literal[-1, 0, 1] = 1
    """Whether `pixels` rise linearly with the source's values (1), fall with them (-1), or do neither (0)."""
    computed: bool = False
    """Whether values were computed (combine, or an operation that changes them)."""
    masked: bool = False
    """Whether areas of it were blanked."""
    sources: tuple[SourceFile, ...] = ()
    """The files it was made of; several after combining."""
    history: tuple[str, ...] = ()
    """The operations that were done, one phrase each, for DerivationDescription."""
    move: Move = STILL
    """The move from the image as it was loaded."""
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        samples = {"RGB": 3, "RGBA": 4}.get(self.photometric)
        shape = self.pixels.shape
        if (samples is None and len(shape) != 2) or (samples and (len(shape) != 3 or shape[2] != samples)):
            raise ValueError(f"pixels of shape {shape} are no {self.photometric} image")

    def __repr__(self) -> str:
        name, size = self.source.path.name or "in memory", f"{self.rows} rows x {self.columns} columns"
        return f"<Image {name}: {size}, {self.pixels.dtype}, {self.photometric}>"

    def _repr_html_(self) -> str:
        from ..notebook import shown

        return shown(self)

    @property
    def rows(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def columns(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def without_pixels(self) -> bool:
        """Tell whether it is a DICOM object that has none, such as a structure set."""
        return self.pixels.size == 0

    @property
    def source(self) -> SourceFile:
        """The first file; for an image that was made in memory, one without a path."""
        return self.sources[0] if self.sources else IN_MEMORY

    @property
    def lossy(self) -> Lossy | None:
        """The first loss among the sources."""
        return next((source.lossy for source in self.sources if source.lossy), None)

    def replace(self, **changes: Any) -> Image:
        return structs.replace(self, **changes)

    def noting(self, *notes: Note) -> Image:
        return structs.replace(self, notes=self.notes + notes) if notes else self


IN_MEMORY = SourceFile(path=Path(), format="memory", properties=MappingProxyType({}))
