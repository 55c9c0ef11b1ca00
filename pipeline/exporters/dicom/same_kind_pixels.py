"""The pixels of a source's own kind of DICOM, and the attributes that say how they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace
from pydicom import Dataset

from ...dicom.build.modules import pixel_module, rescale
from ...dicom.build.stale import drop_palette, drop_stale, pick_frames
from ...dicom.encode.encoding import Encoded, Rescale, little
from ...dicom.encode.pixels import encode
from ...errors import ExportError, Note
from ...imaging.image import Image
from .kinds import (
    GROUPS,
    RESCALED,
    allowed,
    eight_bits,
    has_functional_groups,
    is_dose,
    is_ultrasound,
    matching_shape,
)

if TYPE_CHECKING:
    from ..options import SameKindOptions

_RESCALE = ("RescaleSlope", "RescaleIntercept", "RescaleType")


def frame_pixels(image: Image, source: Dataset, options: SameKindOptions) -> Encoded:
    """Return the pixels of one frame: the source's stored integers, or what was computed from them.

    Raises: ExportError.
    """
    if source.get("BitsAllocated") == 1:
        raise ExportError(
            "a source of 1-bit pixels cannot be written as its own kind", hint="use another 'to'"
        )
    if image.stored is not None and not image.computed:
        return Encoded(little(image.stored.pixels), bits_stored=image.stored.bits_stored)
    if image.computed and has_functional_groups(source):
        raise ExportError(
            "values were computed, and what functional groups say of each frame's holds no longer",
            hint="use another 'to'",
        )
    if image.computed and is_dose(source):
        raise ExportError(
            "doses that were computed on cannot be written as an RT Dose", hint="use another 'to'"
        )
    encoded = encode(image, options.pixels, allowed(source))
    if image.pixels.ndim == 3 and encoded.stored.dtype == np.uint16 and is_ultrasound(source):
        return eight_bits(encoded)
    if image.pixels.ndim == 2 and (image.computed or _rescales(source)):
        if _grouped(source, "PixelValueTransformationSequence"):
            raise ExportError("the rescale of each frame lies in its functional groups and cannot be changed")
        if encoded.rescale is None and str(source.get("SOPClassUID")) in RESCALED:
            return replace(encoded, rescale=Rescale())
    return encoded


def _rescales(source: Dataset) -> bool:
    """Tell whether the source's stored values are not its modality values."""
    if "ModalityLUTSequence" in source or "DoseGridScaling" in source:
        return True
    return (float(source.get("RescaleSlope") or 1), float(source.get("RescaleIntercept") or 0)) != (1, 0)


def _grouped(source: Dataset, keyword: str) -> bool:
    """Tell whether an attribute is in the functional groups of a multi-frame source."""
    groups = [item for name in GROUPS for item in source.get(name) or ()]
    return any(keyword in item for item in groups)


def write_pixels(
    dataset: Dataset, images: Sequence[Image], frames: Sequence[Encoded], untouched: bool, *, moved: bool
) -> tuple[Note, ...]:
    """Write the Image Pixel and Modality LUT attributes as they are now; delete what no longer holds.

    Raises: ExportError.
    """
    first, encoded = images[0], frames[0]
    for image, frame in zip(images, frames, strict=True):
        if (frame.stored.shape, frame.stored.dtype) != (encoded.stored.shape, encoded.stored.dtype):
            raise ExportError(f"frame {image.source.page} differs from the first one in its shape or type")
        if frame.rescale != encoded.rescale:
            raise ExportError(
                f"frame {image.source.page} needs another rescale than the first one", hint="use one per file"
            )
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR" and first.photometric == "RGB":
        drop_palette(dataset)
    several = len(images) > 1 or int(dataset.get("NumberOfFrames") or 1) > 1
    if several or "NumberOfFrames" in dataset:
        pages = tuple(image.source.frame for image in images)
        pick_frames(dataset, pages, first.source.frames)
    polarity = dataset.get("PhotometricInterpretation")
    pixel_module(dataset, encoded, photometric=first.photometric, frames=None)
    matching_shape(dataset, polarity)
    if first.stored is None or first.computed:
        _rescale(dataset, first, encoded)
    if first.photometric != "RGB" and "PlanarConfiguration" in dataset:
        del dataset.PlanarConfiguration
    if untouched:
        return ()
    return drop_stale(dataset, values=first.computed, moved=moved or first.masked)


def _rescale(dataset: Dataset, image: Image, encoded: Encoded) -> None:
    """Replace the source's rescale by that of the newly stored values."""
    if image.pixels.ndim == 3:
        return
    for keyword in (*_RESCALE, "ModalityLUTSequence"):
        if keyword in dataset:
            del dataset[keyword]
    rescale(dataset, encoded, image.units)
