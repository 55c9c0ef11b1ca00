"""Write RT Image (PS3.3 A.17 and C.8.8.2): one image, or the frames of one file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec.structs import replace
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import RTImageStorage

from ...dicom.build.exposures import reach_from
from ...dicom.build.modules import common, conversion_type, leave_empty, pixel_module, rescale
from ...dicom.build.origins import FRAMES, of_geometry, of_pixels
from ...dicom.build.places import REQUIRED_IN_RT_IMAGE, receptor_places, text, texts
from ...dicom.encode.encoding import RT_IMAGE, Encoded, one_channel
from ...dicom.encode.pixel_element import PixelElement
from ...dicom.encode.pixels import encode
from ...dicom.finish import Draft, stacked
from ...dicom.siblings import INSTANCE_NUMBER, Sibling, all_but, artifact, common_key
from ...errors import ExportError, GeometryError, Note
from ...imaging.image import Geometry, Image, Origin, SourceFile
from ...loaders.registry import FORMATS
from ...output import Artifact, Context
from ..base import Exporter
from ..padding import keep_padding
from ..pictures.colour import COLOUR_NOTES, luminance, polarity, without_alpha
from .contents import contents
from .frames import alike, no_frames, of_exposures, rt_frames, same_geometry

if TYPE_CHECKING:
    from ..options import RtImageOptions

_LABEL = 16
_LABEL_TAG = 0x30020002


class _Prepared(NamedTuple):
    """Images in the form that an RT Image can hold, and their pixels as it stores them."""

    images: list[Image]
    frames: list[Encoded]


def export(images: Sequence[Image], options: RtImageOptions, context: Context) -> Artifact:
    """Return an RT Image of one image, or of all as its frames. Raises: ExportError, GeometryError."""
    prepared = _prepared(images, options)
    return artifact(
        _sibling(prepared, options, context),
        lambda: _draft(prepared, options, context),
        context,
        options.transfer_syntax,
    )


def draft(images: Sequence[Image], options: RtImageOptions, context: Context) -> Draft:
    """Return the RT Image of some images before the recipe's tags. Raises: ExportError, GeometryError."""
    return _draft(_prepared(images, options), options, context)


def _prepared(images: Sequence[Image], options: RtImageOptions) -> _Prepared:
    if not images:
        raise ExportError("there is no image to write")
    _require_geometry(images[0].geometry)
    grey = [_grey(image) for image in images]
    frames = [encode(image, options.pixels, RT_IMAGE) for image in grey]
    alike(grey, frames)
    same_geometry(grey)
    return _Prepared(grey, frames)


def _sibling(prepared: _Prepared, options: RtImageOptions, context: Context) -> Sibling | None:
    """Return what an image does not share with others of its kind: label, number, geometry and pixels."""
    (image, *others), (encoded, *_) = prepared
    source, name = image.source, label(context.stem)
    if others or len(image.sources) != 1 or not name.isascii():
        return None
    if source.dataset is not None or source.attributes:
        return None
    places = receptor_places(image.geometry)
    known = {keyword: (field, values) for keyword, (field, values) in places.items() if values is not None}
    tags = {keyword: int(Tag(keyword)) for keyword in known}
    common = (
        common_key(options, context, image, encoded),
        all_but(Geometry, *(field for field, _ in places.values()))(image.geometry),
        all_but(SourceFile, "path", "page")(source),
        known.keys(),
        _grey_notes(image),
    )
    own = {tags[keyword]: ("DS", text(values)) for keyword, (_, values) in known.items()}
    own |= {_LABEL_TAG: ("SH", name), INSTANCE_NUMBER: ("IS", str(source.page))}
    numbers = {tags[keyword]: values for keyword, (_, values) in known.items()}
    return Sibling(common, own, PixelElement(encoded.stored, encoded.element), numbers)


def _draft(prepared: _Prepared, options: RtImageOptions, context: Context) -> Draft:
    images, frames = prepared
    first, several = images[0], len(images) > 1
    encoded = replace(frames[0], error=max((frame.error for frame in frames if frame.error), default=None))
    trace = context.trace
    dataset, notes = common(first, sop_class=RTImageStorage, modality="RTIMAGE", trace=trace)
    _rt_image(dataset, first, context.stem)
    trace.layer(dataset, Origin("rule", "RT Image module, PS3.3 C.8.8.2"))
    pixel_module(dataset, encoded, photometric="MONOCHROME2")
    rescale(dataset, encoded, first.units, computed=first.computed and options.pixels != "retain")
    notes += keep_padding(dataset, images, [frame.stored for frame in frames])
    trace.layer(dataset, of_pixels(options.pixels))
    if several:
        rt_frames(dataset, images)
    else:
        no_frames(dataset)
    trace.layer(dataset, FRAMES)
    numbers = _geometry(dataset, first.geometry, of_exposures(images))
    trace.layer(dataset, of_geometry(receptor_places(first.geometry), first.geometry))
    return Draft(
        dataset,
        PixelElement(stacked([frame.stored for frame in frames]), encoded.element),
        images,
        notes=notes + encoded.notes + _grey_notes(first),
        numbers=numbers,
    )


def _require_geometry(geometry: Geometry) -> None:
    """Refuse a geometry whose scale is neither known nor left open by the recipe.

    Raises: GeometryError, which names the key.
    """
    if geometry.spacing is None and "spacing" not in geometry.blank:
        raise GeometryError(
            "an RT Image needs the spacing of its pixels, and neither the file nor the recipe gives it",
            hint="add 'geometry: {dpi: ...}' or '{pixel_spacing: [row, column]}' (mm); "
            "'dpi: unknown' leaves it empty",
        )
    if geometry.sid is None and "sid" not in geometry.blank:
        raise GeometryError(
            "an RT Image needs its source-to-image distance, and neither the file nor the recipe gives it",
            hint="add 'geometry: {sid: ...}' (mm); 'sid: unknown' leaves it empty",
        )


def _grey(image: Image) -> Image:
    """Return the image in grey. Raises: ExportError for colour of more than 8 bits."""
    image = without_alpha(image)
    if image.photometric != "RGB":
        return image
    if image.pixels.dtype != np.uint8:
        raise ExportError(
            f"an RT Image is grey, and the source is colour of type {image.pixels.dtype}",
            hint=one_channel(image),
        )
    return luminance(image)


def _grey_notes(image: Image) -> tuple[Note, ...]:
    return tuple(note for note in image.notes if note.code in COLOUR_NOTES) + polarity(image, "an RT Image")


def _rt_image(dataset: Dataset, image: Image, stem: str) -> None:
    """Write the RT Image module but for geometry and pixels (PS3.3 C.8.8.2)."""
    origin = image.source.dataset
    given = origin if origin is not None and origin.get("Modality") == "RTIMAGE" else Dataset()
    leave_empty(dataset, ("OperatorsName", "RadiationMachineName", "PrimaryDosimeterUnit"))
    if "PatientPosition" in dataset and not dataset.get("IsocenterPosition"):
        # of a CT source; in an RT Image it belongs to the isocenter and to nothing else (C.8.8.2)
        del dataset.PatientPosition
    third = _third_value(given)
    dataset.ImageType = (
        ["ORIGINAL", "PRIMARY", third] if _original(image) else ["DERIVED", "SECONDARY", third]
    )
    dataset.ConversionType = _conversion_type(image, given)
    if not dataset.get("RTImageLabel"):
        dataset.RTImageLabel = label(stem)
    if not dataset.get("RTImagePlane"):
        dataset.RTImagePlane = "NORMAL"
    if third in ("PORTAL", "SIMULATOR") and not dataset.get("ReportedValuesOrigin"):
        dataset.ReportedValuesOrigin = _values_origin(image)


def _original(image: Image) -> bool:
    """Tell whether the pixels are those of the machine's own file (PS3.3 C.7.6.1.1.2)."""
    untouched = not image.computed and not image.history
    return untouched and bool(image.sources) and FORMATS[image.source.format].original


def _third_value(given: Dataset) -> str:
    said = given.get("ImageType")
    values = list(said) if isinstance(said, MultiValue) else []
    return str(values[2]) if len(values) > 2 and values[2] else "PORTAL"


def _conversion_type(image: Image, given: Dataset) -> str:
    if given.get("ConversionType"):
        return str(given.ConversionType)
    return conversion_type(image)


def _values_origin(image: Image) -> str | None:
    """Return ACTUAL where the machine reported the distances, OPERATOR where a recipe did (C.8.8.2.2.4)."""
    origin = image.geometry.origins.get("sid") or image.geometry.origins.get("spacing")
    if origin is None:
        return None
    return "ACTUAL" if origin.kind == "file" else "OPERATOR"


def label(stem: str) -> str:
    """Return the RTImageLabel of a file: as much of its stem as SH holds."""
    text = "".join(char for char in stem if char.isprintable() and char != "\\").strip()
    return text[:_LABEL].strip() or "image"


def _geometry(dataset: Dataset, geometry: Geometry, apart: frozenset[str]) -> dict[str, tuple[float, ...]]:
    """Write known values, and empty ones where unknown; return the numbers by keyword, in mm and degrees.

    `apart`: fields that each frame's exposure gives for itself.
    """
    meant = {}
    for keyword, (name, values) in receptor_places(geometry).items():
        if keyword in apart:
            continue
        if values is not None:
            setattr(dataset, keyword, texts(values))
            meant[keyword] = values
        elif keyword in REQUIRED_IN_RT_IMAGE:
            setattr(dataset, keyword, None)
        reach_from(geometry, name, dataset, keyword)
    return meant


EXPORTER = Exporter(export, contents, draft)
