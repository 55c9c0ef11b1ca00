"""Write CT Image (PS3.3 A.3): one file per slice; study, series and frame of reference are the volume's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.uid import CTImageStorage

from ....schemas.language.tags import path_of
from ...dicom.build.modules import common, leave_empty, pixel_module, rescale
from ...dicom.build.origins import of_geometry, of_pixels
from ...dicom.build.places import patient_places, text, texts
from ...dicom.encode.encoding import CT_IMAGE, Encoded, Rescale
from ...dicom.encode.pixel_element import PixelElement
from ...dicom.encode.pixels import encode
from ...dicom.encode.uids import set_uid
from ...dicom.finish import Draft
from ...dicom.siblings import INSTANCE_NUMBER, Sibling, all_but, artifact, common_key
from ...errors import ExportError, GeometryError
from ...imaging.image import Geometry, Image, Origin, PatientPlane, SourceFile
from ...imaging.tolerances import orthonormal
from ...output import Artifact, Context
from ...trace import Trace
from ..base import Exporter
from ..padding import keep_padding
from ..pictures.colour import polarity
from .contents import contents

if TYPE_CHECKING:
    from ..options import CtSeriesOptions

_TYPE_2 = ("KVP", "AcquisitionNumber", "PatientPosition", "PositionReferenceIndicator", "Laterality")
_POSITION = 0x00200032


def export(images: Sequence[Image], options: CtSeriesOptions, context: Context) -> Artifact:
    """Return the CT Image of one slice. Raises: ExportError, GeometryError."""
    image = _only(images)
    _refuse_other_modality(image, context)
    encoded = _encoded(image, options)
    return artifact(
        _sibling(image, encoded, options, context),
        lambda: _draft(image, encoded, options, context.trace),
        context,
        options.transfer_syntax,
    )


def draft(images: Sequence[Image], options: CtSeriesOptions, context: Context) -> Draft:
    """Return the CT Image of one slice before the recipe's tags. Raises: ExportError, GeometryError."""
    image = _only(images)
    return _draft(image, _encoded(image, options), options, context.trace)


def _only(images: Sequence[Image]) -> Image:
    if len(images) != 1:
        raise ExportError(
            f"a CT Image holds one slice, not {len(images)}",
            hint="put {slice} into 'path': one file per slice",
        )
    return images[0]


def _encoded(image: Image, options: CtSeriesOptions) -> Encoded:
    if image.pixels.ndim != 2:
        raise ExportError("a CT Image is grey, and the source is colour")
    _require_geometry(image.geometry)
    return _with_rescale(encode(image, options.pixels, CT_IMAGE))


def _sibling(image: Image, encoded: Encoded, options: CtSeriesOptions, context: Context) -> Sibling | None:
    """Return what a slice of an array does not share with the other slices: number, place and pixels."""
    source, plane = image.source, image.geometry.patient
    if (
        len(image.sources) != 1
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


def _draft(image: Image, encoded: Encoded, options: CtSeriesOptions, trace: Trace) -> Draft:
    dataset, notes = common(image, sop_class=CTImageStorage, modality="CT", trace=trace)
    dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    leave_empty(dataset, _TYPE_2)
    trace.layer(dataset, Origin("rule", "CT Image and General Series modules, PS3.3 C.8.2.1 and C.7.3.1"))
    plane = image.geometry.patient
    if plane is not None and plane.frame_of_reference and image.source.dataset is None:
        set_uid(dataset, "FrameOfReferenceUID", plane.frame_of_reference)
        trace.layer(dataset, Origin("file", "the volume's frame of reference"))
    pixel_module(dataset, encoded, photometric="MONOCHROME2")
    rescale(dataset, encoded, image.units)
    notes += keep_padding(dataset, (image,), (encoded.stored,))
    trace.layer(dataset, of_pixels(options.pixels))
    numbers = _geometry(dataset, image.geometry)
    trace.layer(dataset, of_geometry(patient_places(image.geometry), image.geometry))
    return Draft(
        dataset,
        PixelElement(encoded.stored, encoded.element),
        (image,),
        notes=notes + encoded.notes + polarity(image, "a CT Image"),
        frame="needed",
        numbers=numbers,
    )


def _refuse_other_modality(image: Image, context: Context) -> None:
    """Refuse slices of another modality, unless the recipe says what they shall be. Raises: ExportError."""
    dataset = image.source.dataset
    modality = str(dataset.get("Modality") or "") if dataset is not None else ""
    stated = {path.steps for path in context.tags}
    if modality in ("", "CT") or stated & {path_of(each).steps for each in ("Modality", "SOPClassUID")}:
        return
    raise ExportError(
        f"a CT Image of {modality} values would be untrue",
        hint="'to: dicom' keeps the source's kind; 'tags: {SOPClassUID: ..., Modality: ...}' says another",
    )


def _with_rescale(encoded: Encoded) -> Encoded:
    """Return pixels with a rescale, which a CT Image always has (PS3.3 C.8.2.1): 1 and 0 by default."""
    if encoded.rescale is not None:
        return encoded
    return Encoded(
        encoded.stored, encoded.element, encoded.bits_stored, Rescale(), encoded.error, encoded.notes
    )


def _require_geometry(geometry: Geometry) -> None:
    """Refuse a slice whose place is unknown, or whose axes are invalid. Raises: GeometryError."""
    plane = geometry.patient
    if plane is None or geometry.spacing is None:
        raise GeometryError(
            "a CT Image needs the place of its slice, which this source does not have",
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


EXPORTER = Exporter(export, contents, draft)
