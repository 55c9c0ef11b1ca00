"""What CT, MR and PET series share: a file for each slice; study, series and frame are the volume's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace
from pydicom import Dataset

from ....schemas.language.tags import path_of
from ...dicom.build.modules import common, leave_empty, pixel_module, rescale
from ...dicom.build.origins import of_geometry, of_pixels
from ...dicom.build.overrides import is_given
from ...dicom.build.places import patient_places, text, texts
from ...dicom.encode.encoding import Allowed, Encoded, Rescale, one_channel
from ...dicom.encode.pixel_element import PixelElement
from ...dicom.encode.pixels import encode
from ...dicom.encode.uids import set_uid
from ...dicom.finish import Draft
from ...dicom.siblings import INSTANCE_NUMBER, Sibling, all_but, artifact, common_key
from ...errors import ExportError, GeometryError, Note
from ...imaging.image import Geometry, Image, Origin, PatientPlane, SourceFile
from ...imaging.tolerances import orthonormal
from ...output import Artifact, Context
from ..base import Exporter
from ..padding import keep_padding
from ..pictures.colour import polarity
from .contents import contents
from .reference import take_reference

if TYPE_CHECKING:
    from ....schemas.exports import Pixels as How
    from ..options import CtSeriesOptions, MrSeriesOptions, PetSeriesOptions

    SeriesOptions = CtSeriesOptions | MrSeriesOptions | PetSeriesOptions

_POSITION = 0x00200032

Module = Callable[[Dataset, Image, Context], tuple[Note, ...]]
"""Writes the attributes of a kind's own modules, layer by layer, and returns notes."""


def with_rescale(image: Image, how: How, allowed: Allowed) -> Encoded:
    """Return pixels with a rescale, 1 and 0 where they need none. Raises: ExportError."""
    encoded = encode(image, how, allowed)
    return encoded if encoded.rescale is not None else replace(encoded, rescale=Rescale())


def unsaid(dataset: Dataset, keywords: Iterable[str], context: Context) -> tuple[str, ...]:
    """Return those attributes that neither the dataset nor the recipe's tags give a value."""
    return tuple(
        keyword
        for keyword in keywords
        if dataset.get(keyword) in (None, "") and not is_given(context.tags, keyword)
    )


class SliceKind(Struct, frozen=True):
    """A kind of DICOM that has one slice in a file."""

    name: str
    """With its article, for messages."""
    sop_class: str
    modality: str
    allowed: Allowed
    image_type: tuple[str, ...]
    type_2: tuple[str, ...]
    """Attributes of its modules that are there, empty where nobody says them."""
    modules: str
    """Their sections of the standard, for the record of origins."""
    own: Module = lambda dataset, image, context: ()
    encoding: Callable[[Image, How, Allowed], Encoded] = encode
    of_reference: tuple[str, ...] = ("PatientPosition",)
    """Attributes that it takes of a `reference` besides patient, study and frame of reference."""
    rescale_type: bool = False
    """Whether its modules have RescaleType."""
    alike: bool = True
    """Whether slices of an array differ in number, place and pixels alone."""

    def export(self, images: Sequence[Image], options: SeriesOptions, context: Context) -> Artifact:
        """Return the file of one slice. Raises: ExportError, GeometryError."""
        image = self._only(images)
        self._refuse_other_modality(image, context)
        encoded = self._encoded(image, options)
        return artifact(
            self._sibling(image, encoded, options, context),
            lambda: self._draft(image, encoded, options, context),
            context,
            options.transfer_syntax,
        )

    def draft(self, images: Sequence[Image], options: SeriesOptions, context: Context) -> Draft:
        """Return the file of one slice before the recipe's tags. Raises: ExportError, GeometryError."""
        image = self._only(images)
        return self._draft(image, self._encoded(image, options), options, context)

    @property
    def exporter(self) -> Exporter:
        return Exporter(self.export, contents, self.draft)

    def _only(self, images: Sequence[Image]) -> Image:
        if len(images) != 1:
            raise ExportError(
                f"{self.name} holds one slice, not {len(images)}",
                hint="put {slice} into 'path': one file per slice",
            )
        return images[0]

    def _encoded(self, image: Image, options: SeriesOptions) -> Encoded:
        if image.pixels.ndim != 2:
            raise ExportError(f"{self.name} is grey, and the source is colour", hint=one_channel(image))
        _require_geometry(image.geometry, self.name)
        return self.encoding(image, options.pixels, self.allowed)

    def _sibling(
        self, image: Image, encoded: Encoded, options: SeriesOptions, context: Context
    ) -> Sibling | None:
        """Return what a slice of an array does not share with the others: number, place and pixels."""
        source, plane = image.source, image.geometry.patient
        if (
            not self.alike
            or len(image.sources) != 1
            or source.dataset is not None
            or source.attributes is not None
            or plane is None
        ):
            return None
        common = (
            common_key(options, context, image, encoded),
            all_but(Geometry, "patient")(image.geometry),
            all_but(PatientPlane, "position")(plane),
            all_but(SourceFile, "page")(source),
        )
        return Sibling(
            common,
            {INSTANCE_NUMBER: ("IS", str(source.page)), _POSITION: ("DS", text(plane.position))},
            PixelElement(encoded.stored, encoded.element),
            {_POSITION: plane.position},
            many=source.pages > 1,
        )

    def _draft(self, image: Image, encoded: Encoded, options: SeriesOptions, context: Context) -> Draft:
        trace = context.trace
        dataset, notes = common(image, sop_class=self.sop_class, modality=self.modality, trace=trace)
        dataset.ImageType = list(self.image_type)
        leave_empty(dataset, self.type_2)
        trace.layer(dataset, Origin("rule", self.modules))
        notes += self.own(dataset, image, context)
        plane = image.geometry.patient
        if plane is not None and plane.frame_of_reference and image.source.dataset is None:
            set_uid(dataset, "FrameOfReferenceUID", plane.frame_of_reference)
            trace.layer(dataset, Origin("file", "the volume's frame of reference"))
        take_reference(dataset, options.reference, context, (image,), also=self.of_reference)
        pixel_module(dataset, encoded, photometric="MONOCHROME2")
        rescale(dataset, encoded, image.units)
        if not self.rescale_type and "RescaleType" in dataset:
            del dataset.RescaleType
        notes += keep_padding(dataset, (image,), (encoded.stored,))
        trace.layer(dataset, of_pixels(options.pixels))
        numbers = _geometry(dataset, image.geometry)
        trace.layer(dataset, of_geometry(patient_places(image.geometry), image.geometry))
        return Draft(
            dataset,
            PixelElement(encoded.stored, encoded.element),
            (image,),
            notes=notes + encoded.notes + polarity(image, self.name),
            frame="needed",
            numbers=numbers,
        )

    def _refuse_other_modality(self, image: Image, context: Context) -> None:
        """Refuse slices of another modality, unless the recipe says what they are. Raises: ExportError."""
        dataset = image.source.dataset
        modality = str(dataset.get("Modality") or "") if dataset is not None else ""
        stated = {path.steps for path in context.tags}
        if not modality and image.units == "HU":
            modality = "CT"
        if modality in ("", self.modality) or stated & {
            path_of(each).steps for each in ("Modality", "SOPClassUID")
        }:
            return
        raise ExportError(
            f"{self.name} of {modality} values would be untrue",
            hint="'to: dicom' keeps the source's kind; "
            "'tags: {SOPClassUID: ..., Modality: ...}' says another",
        )


def _require_geometry(geometry: Geometry, name: str) -> None:
    """Refuse a slice whose place is unknown, or whose axes are invalid. Raises: GeometryError."""
    plane = geometry.patient
    if plane is None or geometry.spacing is None:
        raise GeometryError(
            f"{name} needs the place of its slice, which this source does not have",
            hint="a 3D array has it: 'source: {format: volume, slice_axis: ..., spacing: [...]}'",
        )
    if not orthonormal(plane.orientation):
        raise GeometryError("the orientation's two directions are not at right angles and of length 1")


def _geometry(dataset: Dataset, geometry: Geometry) -> dict[str, tuple[float, ...]]:
    """Write the Image Plane module; return its numbers by keyword, in mm."""
    meant = {}
    for keyword, (_, values) in patient_places(geometry).items():
        if values is not None:
            setattr(dataset, keyword, texts(values))
            meant[keyword] = values
        elif keyword == "SliceThickness":
            dataset.SliceThickness = None
    return meant
