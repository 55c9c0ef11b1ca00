"""Write ``to: dicom``: the source's own kind of DICOM and its tags, with the present pixels and geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import (
    RTImageStorage,
)

from ...dicom.build.carry import cleaned
from ...dicom.build.exposures import reach_from
from ...dicom.build.mending import complete, mend
from ...dicom.build.modules import add_derivation, pixel_module, record_loss, rescale, source_items
from ...dicom.build.origins import from_dataset, from_properties, of_geometry, of_pixels
from ...dicom.build.places import Places, patient_places, receptor_places, texts
from ...dicom.build.stale import drop_palette, drop_stale, pick_frames
from ...dicom.encode.character_set import state_character_set
from ...dicom.encode.encoding import (
    Encoded,
    Rescale,
    little,
)
from ...dicom.encode.pixel_element import PixelElement
from ...dicom.encode.pixels import encode
from ...dicom.encode.syntaxes import SYNTAXES
from ...dicom.finish import Draft, artifact, stacked
from ...dicom.moving.dose import along_normal, write_offsets
from ...dicom.moving.follow import follow
from ...dicom.moving.grid import moving_of
from ...errors import ExportError, Note
from ...imaging.image import Image, Origin
from ...imaging.tolerances import DECIMAL_STRING
from ...loaders.dicom.geometry import is_rt_image
from ...output import Artifact, Context
from ..base import Exporter
from ..pictures.colour import without_alpha
from .carried import carried_tag, changed
from .contents import contents
from .frames import by_exposure, of_exposures
from .kept_stream import keep_streams
from .kinds import (
    RESCALED,
    allowed,
    class_of_meta,
    eight_bits,
    in_no_unit,
    is_dose,
    is_ultrasound,
    matching_shape,
)
from .rt_image import label
from .without_pixels import draft_of_object

if TYPE_CHECKING:
    from ..options import SameKindOptions

_LEFT_OUT = frozenset({"element-unreadable", "overlay-dropped", "frames-excess"})
"""Codes of notes on a source that cannot be read completely: the output is then another instance."""
_RESCALE = ("RescaleSlope", "RescaleIntercept", "RescaleType")


def export(images: Sequence[Image], options: SameKindOptions, context: Context) -> Artifact:
    """Return the source's file with its present pixels.

    Raises: ExportError for a source that is not DICOM.
    """
    made = draft(images, options, context)
    syntax = options.transfer_syntax
    if images[0].without_pixels and (syntax == "keep" or SYNTAXES[syntax].compressed):
        syntax = "explicit-le"  # it says how pixels are compressed, and there are none
    return artifact(made, context, syntax)


def draft(images: Sequence[Image], options: SameKindOptions, context: Context) -> Draft:
    """Return the source's dataset with the present pixels before the recipe's tags. Raises: ExportError."""
    source = images[0].source.dataset if images else None
    if source is None:
        raise ExportError(
            "'to: dicom' keeps the kind of a DICOM source, and this source is none",
            hint="name a kind: rt-image, secondary-capture",
        )
    if images[0].without_pixels:
        return draft_of_object(images[0], source, context)
    return _of_images([without_alpha(image) for image in images], source, options, context)


def _of_images(images: Sequence[Image], source: Dataset, options: SameKindOptions, context: Context) -> Draft:
    trace = context.trace
    if any(image.source.path != images[0].source.path for image in images):
        raise ExportError("frames of different files do not make one file of their kind")
    dataset, notes = cleaned(source, carried_tag)
    state_character_set(dataset, images)
    notes += class_of_meta(dataset, source)
    trace.layer(dataset, from_dataset(images[0].source))
    notes += mend(dataset)
    trace.layer(dataset, Origin("rule", "mended: as the source's kind asks"))
    # an instance that says the same without the source's faults is the same one
    original, _ = cleaned(dataset)
    state_character_set(original, images)
    invalid = any(note.code == "invalid-source-value" for note in notes) or any(
        note.code in _LEFT_OUT for image in images for note in image.notes
    )
    if images[0].source.attributes is not None:
        companions, more = cleaned(images[0].source.attributes)
        dataset.update(companions)
        notes += more
        trace.layer(dataset, from_properties(images[0].source))
    moving = moving_of(images)
    if moving is not None:
        notes += follow(dataset, moving)
        trace.layer(dataset, Origin("derived", "the pixels, which it follows"))
    if is_dose(source):
        images = along_normal(images, turned=moving is not None and moving.move.turns)
    frames = [_frame(image, source, options) for image in images]
    untouched = not any(image.computed or image.history for image in images)
    notes += _pixels(dataset, images, frames, untouched, moved=moving is not None)
    streams, more = keep_streams(dataset, images, frames, options.transfer_syntax)
    trace.layer(dataset, of_pixels(options.pixels))
    numbers = _geometry(dataset, images, untouched)
    if is_dose(source) and not (untouched and _whole_source(images)):
        numbers |= write_offsets(dataset, images)
    places = {**patient_places(images[0].geometry), **receptor_places(images[0].geometry)}
    trace.layer(dataset, of_geometry(places, images[0].geometry))
    if not untouched:
        _derived(dataset, images)
        notes += in_no_unit(dataset, images[0])
        _required(dataset, images[0])
    trace.layer(dataset, Origin("derived", "what was done, and the images that it was done to"))
    record_loss(dataset, images[0])
    trace.layer(dataset, Origin("file", "the loss of its compression"))

    def kept(finished: Dataset) -> str | None:
        same = untouched and not invalid and _whole_source(images) and not changed(original, finished)
        return str(source.get("SOPInstanceUID") or "") or None if same else None

    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        if keyword in dataset:
            del dataset[keyword]
    trace.layer(dataset, Origin("rule", "given anew, or kept, when all else is known"))
    return Draft(
        dataset,
        PixelElement(stacked([frame.stored for frame in frames]), frames[0].element, streams),
        images,
        notes=notes + frames[0].notes + more,
        keep_series=untouched,
        numbers=numbers,
        instance=kept,
    )


def _frame(image: Image, source: Dataset, options: SameKindOptions) -> Encoded:
    """Return the pixels of one frame: the source's stored integers, or what was computed from them.

    Raises: ExportError.
    """
    if source.get("BitsAllocated") == 1:
        raise ExportError(
            "a source of 1-bit pixels cannot be written as its own kind", hint="use another 'to'"
        )
    if image.stored is not None and not image.computed:
        return Encoded(little(image.stored.pixels), bits_stored=image.stored.bits_stored)
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
    groups = [
        item
        for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
        for item in source.get(name) or ()
    ]
    return any(keyword in item for item in groups)


def _pixels(
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


def _geometry(dataset: Dataset, images: Sequence[Image], untouched: bool) -> dict[str, tuple[float, ...]]:
    """Write the geometry where it changed; return its numbers by keyword, in mm and degrees."""
    image, receptor = images[0], is_rt_image(dataset)
    places: Places = {}
    if receptor:
        places = receptor_places(image.geometry)
    elif image.geometry.patient is not None:
        places = patient_places(image.geometry)
    meant = {}
    apart = of_exposures(images)
    for keyword, (name, values) in places.items():
        if keyword in apart:
            continue
        now = _numbers(dataset, keyword)
        if values is None:
            if now and (not untouched or name in image.geometry.blank):
                setattr(dataset, keyword, None)
            reach_from(image.geometry, name, dataset, keyword)
            continue
        if not now and by_exposure(image, name):
            continue
        same = len(now) == len(values) and np.allclose(now, values, rtol=DECIMAL_STRING, atol=DECIMAL_STRING)
        if not same and (receptor or keyword in dataset):
            setattr(dataset, keyword, texts(values))
        if same or keyword in dataset:
            meant[keyword] = values
        reach_from(image.geometry, name, dataset, keyword)
    return meant


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    value = dataset.get(keyword)
    if value in (None, ""):
        return []
    return [float(item) for item in value] if isinstance(value, MultiValue) else [float(value)]


def _derived(dataset: Dataset, images: Sequence[Image]) -> None:
    """Write that the image is derived, how and from which (PS3.3 C.7.6.1.1.2 to C.7.6.1.1.4)."""
    said = dataset.get("ImageType")
    values = [str(value) for value in said] if isinstance(said, MultiValue) else ["ORIGINAL", "PRIMARY"]
    dataset.ImageType = ["DERIVED", *values[1:]]
    add_derivation(dataset, "; ".join(images[0].history))
    items = source_items(images)
    if items:
        dataset.SourceImageSequence = items


def _required(dataset: Dataset, image: Image) -> None:
    """Write what the kind must have and lost when files were combined or pixels moved."""
    complete(dataset)
    if dataset.get("SOPClassUID") == RTImageStorage and not dataset.get("RTImageLabel"):
        dataset.RTImageLabel = label(image.source.path.stem)


def _whole_source(images: Sequence[Image]) -> bool:
    return tuple(image.source.frame for image in images) == tuple(range(1, images[0].source.frames + 1))


EXPORTER = Exporter(export, contents, draft)
