"""Write Secondary Capture (PS3.3 A.8): grey or colour; several pages or frames give one multi-frame file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.uid import (
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from ...dicom.build.modules import common, conversion_type, pixel_module, rescale, source_items
from ...dicom.build.origins import FRAMES, of_pixels
from ...dicom.build.places import texts
from ...dicom.encode.encoding import MULTI_FRAME, SECONDARY_CAPTURE, Encoded
from ...dicom.encode.pixel_element import PixelElement
from ...dicom.encode.pixels import encode
from ...dicom.finish import Draft, artifact, stacked
from ...errors import ExportError, Note
from ...imaging.image import Image, Origin
from ...output import Artifact, Context
from ..base import Exporter
from ..padding import keep_padding
from ..pictures.colour import COLOUR_NOTES, polarity, without_alpha
from .contents import contents
from .frames import PAGE_NUMBERS, alike
from .kept_stream import keep_streams

if TYPE_CHECKING:
    from ..options import SecondaryCaptureOptions


def export(images: Sequence[Image], options: SecondaryCaptureOptions, context: Context) -> Artifact:
    """Return a Secondary Capture of one image, or of all. Raises: ExportError."""
    return artifact(draft(images, options, context), context, options.transfer_syntax)


def draft(images: Sequence[Image], options: SecondaryCaptureOptions, context: Context) -> Draft:
    """Return the Secondary Capture of some images before the recipe's tags. Raises: ExportError."""
    trace = context.trace
    if not images:
        raise ExportError("there is no image to write")
    images = [without_alpha(image) for image in images]
    first, several = images[0], len(images) > 1
    frames = [
        encode(image, options.pixels, MULTI_FRAME if several else SECONDARY_CAPTURE) for image in images
    ]
    alike(images, frames)
    encoded = frames[0]
    colour = first.photometric == "RGB"
    if several and colour and encoded.stored.dtype != np.uint8:
        raise ExportError(
            f"a multi-frame Secondary Capture holds colour of 8 bits, not {encoded.stored.dtype}",
            hint="one file per page ({page} in 'path') holds 16",
        )
    kind = _sop_class(encoded, several, colour)
    dataset, notes = common(first, sop_class=kind, modality="OT", trace=trace)
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.ConversionType = conversion_type(first)
    dataset.Laterality = None
    trace.layer(dataset, Origin("rule", "SC Image and General Series modules, PS3.3 C.8.6 and C.7.3.1"))
    if "PositionReferenceIndicator" in dataset:
        # it needs a frame of reference, which this kind does not take over
        del dataset.PositionReferenceIndicator
    photometric = "MONOCHROME2" if several and not colour else first.photometric
    pixel_module(dataset, encoded, photometric=photometric, frames=len(images) if several else None)
    streams, kept = keep_streams(dataset, images, frames, options.transfer_syntax)
    rescale(dataset, encoded, first.units, computed=first.computed and options.pixels != "retain")
    notes += keep_padding(dataset, images, [frame.stored for frame in frames])
    trace.layer(dataset, of_pixels(options.pixels))
    if several:
        _multi_frame(dataset, images, colour)
        trace.layer(dataset, FRAMES)
        notes += polarity(first, "a multi-frame Secondary Capture")
    numbers, more = _spacing(dataset, images)
    trace.layer(dataset, first.geometry.origins.get("spacing", Origin("rule")))
    colour_notes = tuple(note for note in first.notes if note.code in COLOUR_NOTES)
    return Draft(
        dataset,
        PixelElement(stacked([frame.stored for frame in frames]), encoded.element, streams),
        images,
        notes=notes + colour_notes + encoded.notes + kept + more,
        frame="none",
        numbers=numbers,
    )


def _sop_class(encoded: Encoded, several: bool, colour: bool) -> str:
    if not several:
        return SecondaryCaptureImageStorage
    if colour:
        return MultiFrameTrueColorSecondaryCaptureImageStorage
    if encoded.bits_allocated == 8:
        return MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    return MultiFrameGrayscaleWordSecondaryCaptureImageStorage


def _multi_frame(dataset: Dataset, images: Sequence[Image], colour: bool) -> None:
    """Write Multi-frame, SC Multi-frame Image and SC Multi-frame Vector (C.7.6.6, C.8.6.3, C.8.6.4)."""
    dataset.FrameIncrementPointer = PAGE_NUMBERS
    dataset.PageNumberVector = [str(image.source.page) for image in images]
    if "BurnedInAnnotation" not in dataset:
        dataset.BurnedInAnnotation = "NO"
    if not colour:
        dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
        dataset.PresentationLUTShape = "IDENTITY"
    items = source_items(images)
    if items:
        dataset.SourceImageSequence = items


def _spacing(
    dataset: Dataset, images: Sequence[Image]
) -> tuple[dict[str, tuple[float, ...]], tuple[Note, ...]]:
    """Write the spacing that all pages share: of a slice PixelSpacing, of others that of their medium."""
    found = {image.geometry.spacing for image in images}
    if len(found) > 1:
        return {}, (Note("spacing-differs", "the pages differ in their pixel spacing, which is left out"),)
    spacing = found.pop()
    if spacing is None:
        return {}, ()
    # A multi-frame kind has the nominal one only for a digitizer's ConversionType (PS3.3 C.8.6.3).
    calibrated = images[0].geometry.patient is not None or len(images) > 1
    keyword = "PixelSpacing" if calibrated else "NominalScannedPixelSpacing"
    setattr(dataset, keyword, texts(spacing))
    return {keyword: spacing}, ()


EXPORTER = Exporter(export, contents, draft)
