"""Write ``to: dicom``: the source's own kind of DICOM and its tags, with the present pixels and geometry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import RTImageStorage

from ...dicom.build.carry import cleaned
from ...dicom.build.mending import complete, mend
from ...dicom.build.modules import add_derivation, record_loss, source_items
from ...dicom.build.origins import from_properties, of_geometry, of_pixels, trace_source
from ...dicom.build.places import patient_places, receptor_places
from ...dicom.encode.character_set import state_character_set
from ...dicom.encode.pixel_element import PixelElement
from ...dicom.encode.syntaxes import SYNTAXES
from ...dicom.finish import Draft, artifact, stacked
from ...dicom.moving.dose import along_normal, write_offsets
from ...dicom.moving.follow import follow
from ...dicom.moving.grid import moving_of
from ...errors import ExportError
from ...imaging.image import Image, Origin
from ...output import Artifact, Context
from ..base import Exporter
from ..pictures.colour import without_alpha
from .carried import carried_tag, changed, of_no_group
from .contents import contents
from .intensity import said_intensity, write_intensity
from .kept_stream import keep_streams
from .kinds import class_of_meta, in_no_unit, is_dose, needs_frame_of_reference
from .rt_image import label
from .same_kind_geometry import write_geometry
from .same_kind_pixels import frame_pixels, write_pixels
from .without_pixels import draft_of_object

if TYPE_CHECKING:
    from ..options import SameKindOptions

_LEFT_OUT = frozenset({"element-unreadable", "overlay-dropped", "frames-excess"})
"""Codes of notes on a source that cannot be read completely: the output is then another instance."""


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
    notes += class_of_meta(dataset, source) + of_no_group(source)
    trace_source(trace, dataset, images[0].source)
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
    frames = [frame_pixels(image, source, options) for image in images]
    untouched = not any(image.computed or image.history for image in images)
    before = said_intensity(dataset)
    notes += write_pixels(dataset, images, frames, untouched, moved=moving is not None)
    streams, more = keep_streams(dataset, images, frames, options.transfer_syntax)
    trace.layer(dataset, of_pixels(options.pixels))
    numbers = write_geometry(dataset, images, untouched)
    if is_dose(source) and not (untouched and _whole_source(images)):
        numbers |= write_offsets(dataset, images)
    places = {**patient_places(images[0].geometry), **receptor_places(images[0].geometry)}
    trace.layer(dataset, of_geometry(places, images[0].geometry))
    if not untouched:
        _derived(dataset, images)
        notes += in_no_unit(dataset, images[0])
        notes += write_intensity(dataset, images, frames, before)
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
        frame="needed" if not untouched and needs_frame_of_reference(dataset) else "kept",
        keep_series=untouched,
        numbers=numbers,
        instance=kept,
    )


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
