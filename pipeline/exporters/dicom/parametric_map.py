"""Write Parametric Map (PS3.3 A.75): the kind of DICOM that holds floats; frames and slices in one file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ParametricMapStorage

from ...dicom.build.functional_groups import (
    Groups,
    frame_content,
    identity_transformation,
    pixel_measures,
    plane_groups,
    write_dimension,
    write_groups,
)
from ...dicom.build.modules import common, pixel_module, source_items
from ...dicom.build.origins import FRAMES, of_groups, of_pixels
from ...dicom.build.overrides import is_given
from ...dicom.build.stale import WINDOW
from ...dicom.encode.encoding import Encoded, one_channel
from ...dicom.encode.map_pixels import encode_map
from ...dicom.encode.pixel_element import PixelElement
from ...dicom.encode.uids import IMPLEMENTATION_VERSION_NAME
from ...dicom.finish import Draft, artifact, stacked
from ...errors import ExportError, Note
from ...imaging.image import Image, Origin, Pixels
from ...output import Artifact, Context
from ..base import Exporter
from ..padding import keep_padding
from ..pictures.colour import polarity
from .contents import contents

if TYPE_CHECKING:
    from ..options import ParametricMapOptions

UNITS = {
    "HU": ("[hnsf'U]", "Hounsfield unit"),
    "GY": ("Gy", "Gray"),
    None: ("1", "no units"),
}
"""UCUM code and meaning of the units that values may have (PS3.16 CID 82)."""

_EQUIPMENT = ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions")
_DATES = (
    ("ContentDate", "ContentTime"),
    ("AcquisitionDate", "AcquisitionTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)


def export(images: Sequence[Image], options: ParametricMapOptions, context: Context) -> Artifact:
    """Return a Parametric Map of one image, or of all. Raises: ExportError, GeometryError."""
    return artifact(draft(images, options, context), context, options.transfer_syntax)


def draft(images: Sequence[Image], options: ParametricMapOptions, context: Context) -> Draft:
    """Return the Parametric Map of some images before the recipe's tags.

    Raises: ExportError, GeometryError.
    """
    _require_alike(images)
    first = images[0]
    values = stacked([image.pixels for image in images])
    encoded = encode_map(values, options.pixels)
    trace = context.trace
    dataset, notes = common(first, sop_class=ParametricMapStorage, modality="OT", trace=trace)
    items = source_items(images)
    if items:
        dataset.SourceImageSequence = items
    trace.layer(dataset, FRAMES)
    placed = all(image.geometry.patient is not None for image in images)
    notes += _equipment(dataset, context)
    trace.layer(dataset, Origin("rule", "Enhanced General Equipment module, PS3.3 C.7.5.2"))
    _date(dataset, context)
    trace.layer(dataset, Origin("derived", "the date of the image, its acquisition, series or study"))
    _map_image(dataset, first, placed=placed)
    _refuse_burned_in(dataset, context)
    trace.layer(dataset, Origin("rule", "Parametric Map Image module, PS3.3 C.8.32.2"))
    pixel_module(dataset, encoded, photometric="MONOCHROME2", frames=len(images))
    frames = encoded.stored if len(images) > 1 else encoded.stored[np.newaxis]
    notes += keep_padding(dataset, images, list(frames))
    trace.layer(dataset, of_pixels(options.pixels))
    _frames(dataset, images, values, encoded, placed=placed)
    trace.layer(dataset, of_groups(first.geometry))
    return Draft(
        dataset,
        PixelElement(encoded.stored, encoded.element),
        images,
        notes=notes + encoded.notes + polarity(first, "a Parametric Map"),
        frame="needed",
    )


def _require_alike(images: Sequence[Image]) -> None:
    """Refuse colour, and frames of another shape, type or unit than the first one. Raises: ExportError."""
    if not images:
        raise ExportError("there is no image to write")
    first = images[0]
    for image in images:
        if image.pixels.ndim != 2:
            raise ExportError(
                "a Parametric Map holds one value in a pixel, and the source is colour",
                hint=one_channel(image),
            )
        for ours, theirs, what in (
            (first.pixels.shape, image.pixels.shape, "shape"),
            (first.pixels.dtype, image.pixels.dtype, "type"),
            (first.units, image.units, "unit"),
        ):
            if ours != theirs:
                raise ExportError(
                    f"page {image.source.page} has the {what} {theirs}, the first one {ours}; "
                    "all of one file must have the same",
                    hint="write one file per page ({page} in 'path')",
                )


def _equipment(dataset: Dataset, context: Context) -> tuple[Note, ...]:
    """Write Enhanced General Equipment (C.7.5.2): all Type 1, so UNKNOWN stands for unknown values."""
    unknown = [keyword for keyword in _EQUIPMENT if not dataset.get(keyword)]
    for keyword in unknown:
        setattr(dataset, keyword, "UNKNOWN")
    if "SoftwareVersions" in unknown:
        dataset.SoftwareVersions = IMPLEMENTATION_VERSION_NAME
    reported = [
        keyword
        for keyword in unknown
        if keyword != "SoftwareVersions" and not is_given(context.tags, keyword)
    ]
    if not reported:
        return ()
    text = (
        f"a Parametric Map needs {', '.join(reported)}, which the source does not say: written as UNKNOWN; "
        "give them under 'tags'"
    )
    return (Note("equipment-unknown", text),)


def _date(dataset: Dataset, context: Context) -> None:
    """Write Content Date and Time (Type 1): the source's own, or those of its acquisition, series or study.

    Raises:
        ExportError: nobody knows them. They are never taken from the clock.
    """
    for date, time in _DATES:
        if dataset.get(date) and dataset.get(time):
            dataset.ContentDate, dataset.ContentTime = dataset.get(date), dataset.get(time)
            return
    missing = [
        keyword
        for keyword in ("ContentDate", "ContentTime")
        if not dataset.get(keyword) and not is_given(context.tags, keyword)
    ]
    if missing:
        raise ExportError(
            f"a Parametric Map needs {' and '.join(missing)}, and the source says neither when it was made "
            "nor when it was acquired",
            hint="add 'tags: {ContentDate: 2024-01-31, ContentTime: 12:00:00}'",
        )


def _map_image(dataset: Dataset, first: Image, *, placed: bool) -> None:
    """Write Parametric Map Image, Frame of Reference, Acquisition Context (C.8.32.2, C.7.4.1, C.7.6.14)."""
    dataset.ImageType = ["DERIVED", "PRIMARY", "VOLUME" if placed else "OTHER", "NONE"]
    dataset.PixelPresentation = "MONOCHROME"
    dataset.ContentQualification = "RESEARCH"
    dataset.ContentLabel = "MAP"
    dataset.ContentDescription = None
    dataset.ContentCreatorName = None
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.AcquisitionContextSequence = Items()
    dataset.PositionReferenceIndicator = dataset.get("PositionReferenceIndicator")
    dataset.Laterality = None
    for keyword, default in (
        ("SeriesNumber", "1"),
        ("InstanceNumber", "1"),
        ("BurnedInAnnotation", "NO"),
        # slices of a patient may show a face
        ("RecognizableVisualFeatures", "YES" if placed and first.source.dataset is not None else "NO"),
        ("LossyImageCompression", "00"),
    ):
        if not dataset.get(keyword):
            setattr(dataset, keyword, default)


def _refuse_burned_in(dataset: Dataset, context: Context) -> None:
    """Refuse a picture with text in it, which this kind may not hold (C.8.32.2). Raises: ExportError."""
    if dataset.get("BurnedInAnnotation") == "YES" and not is_given(context.tags, "BurnedInAnnotation"):
        raise ExportError(
            "a Parametric Map may hold no burned-in text, and the source says BurnedInAnnotation YES",
            hint="use another 'to', or say 'tags: {BurnedInAnnotation: \"NO\"}' where there is none",
        )


def _frames(
    dataset: Dataset, images: Sequence[Image], values: Pixels, encoded: Encoded, *, placed: bool
) -> None:
    """Write functional groups and dimensions.

    A window of the source moves from the top level into its group.
    """
    write_dimension(dataset, placed=placed)
    frame_type, window = Dataset(), _window(dataset)
    frame_type.FrameType = dataset.ImageType
    mapping = _mapping(values, encoded, images[0].units)
    groups: list[Groups] = []
    for number, image in enumerate(images, 1):
        plane = image.geometry.patient if placed else None
        group = {
            "FrameContentSequence": frame_content(number, placed=placed),
            **plane_groups(plane),
            "PixelMeasuresSequence": pixel_measures(image),
            "PixelValueTransformationSequence": identity_transformation(),
            "ParametricMapFrameTypeSequence": frame_type,
            "RealWorldValueMappingSequence": mapping,
        }
        groups.append(group | ({"FrameVOILUTSequence": window} if window else {}))
    write_groups(dataset, groups)


def _window(dataset: Dataset) -> Dataset:
    window = Dataset()
    for keyword in WINDOW:
        if keyword in dataset:
            window.add(dataset[keyword])
            del dataset[keyword]
    return window if window.get("WindowCenter") and window.get("WindowWidth") else Dataset()


def _mapping(values: Pixels, encoded: Encoded, units: str | None) -> Dataset:
    """Return the Real World Value Mapping (C.7.6.16.2.11): stored values are the values, in these units."""
    item, unit = Dataset(), Dataset()
    unit.CodeValue, unit.CodeMeaning = UNITS.get(units, UNITS[None])
    unit.CodingSchemeDesignator = "UCUM"
    item.MeasurementUnitsCodeSequence = Items([unit])
    item.LUTLabel = "MAP"
    item.LUTExplanation = "the values as they are stored"
    item.RealWorldValueIntercept, item.RealWorldValueSlope = 0.0, 1.0
    low, high = _range(values)
    # 32 and 64 bits, which only `retain` writes, have no other place for the ends of their range
    if encoded.element == "PixelData" and encoded.bits_allocated <= 16:
        kind = "SS" if encoded.stored.dtype.kind == "i" else "US"
        item.add_new("RealWorldValueFirstValueMapped", kind, int(low))
        item.add_new("RealWorldValueLastValueMapped", kind, int(high))
    else:
        item.DoubleFloatRealWorldValueFirstValueMapped = float(low)
        item.DoubleFloatRealWorldValueLastValueMapped = float(high)
    return item


def _range(values: Pixels) -> tuple[float, float]:
    """Return the least and the largest finite value; 0 and 0 where there is none."""
    if values.dtype.kind != "f":
        return values.min().item(), values.max().item()
    low = np.min(values, where=np.isfinite(values), initial=np.inf)
    high = np.max(values, where=np.isfinite(values), initial=-np.inf)
    return (float(low), float(high)) if low <= high else (0.0, 0.0)


EXPORTER = Exporter(export, contents, draft)
