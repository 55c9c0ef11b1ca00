"""Write several images as the frames of one DICOM file."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from pydicom import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag

from ...dicom.build.modules import source_items
from ...dicom.encode.encoding import Encoded
from ...errors import ExportError
from ...imaging.image import Image

PAGE_NUMBERS = Tag("PageNumberVector")
_SHARED = (
    "spacing", "sid", "sad", "gantry", "collimator", "couch",
    "position", "orientation", "translation", "receptor_angle",
)  # fmt: skip
"""Geometry that an RT Image has once for all of its frames."""
_INCREMENTS = ("FrameTime", "FrameTimeVector")
_CINE = (
    *_INCREMENTS, "PreferredPlaybackSequencing", "StartTrim", "StopTrim", "RecommendedDisplayFrameRate",
    "CineRate", "FrameDelay", "ImageTriggerDelay", "EffectiveDuration", "ActualFrameDuration",
    "PageNumberVector", "FrameLabelVector",
)  # fmt: skip
"""Attributes that no single image has: the Cine module and vectors of frames (PS3.3 C.7.6.5, C.7.6.6)."""


def alike(images: Sequence[Image], frames: Sequence[Encoded]) -> None:
    """Check that pages fit together.

    Raises: ExportError, naming the first page that does not fit the first one.
    """
    first = frames[0]
    for image, frame in zip(images, frames, strict=True):
        for ours, theirs, what in (
            (first.stored.shape, frame.stored.shape, "shape"),
            (first.stored.dtype, frame.stored.dtype, "type"),
            (images[0].photometric, image.photometric, "colour"),
            (first.rescale, frame.rescale, "rescale"),
            (first.bits_stored, frame.bits_stored, "number of bits"),
        ):
            if ours != theirs:
                raise ExportError(
                    f"page {image.source.page} has the {what} {theirs}, the first one {ours}; "
                    "all of one file must have the same",
                    hint="write one file per page ({page} in 'path')",
                )


_EXPOSED = {
    "gantry": "GantryAngle",
    "collimator": "BeamLimitingDeviceAngle",
    "couch": "PatientSupportAngle",
}


def of_exposures(images: Sequence[Image]) -> frozenset[str]:
    """Return the attributes that differ between the frames' exposures, so that the image has none of them."""
    return frozenset(
        keyword
        for name, keyword in _EXPOSED.items()
        if len({getattr(image.geometry, name) for image in images}) > 1
        and any(by_exposure(image, name) for image in images)
    )


def by_exposure(image: Image, name: str) -> bool:
    """Tell whether a field of the geometry comes from an exposure of the file."""
    origin = image.geometry.origins.get(name)
    return origin is not None and origin.detail.startswith("ExposureSequence.")


def same_geometry(images: Sequence[Image]) -> None:
    """Compare the frames. Raises: ExportError where they differ in what an RT Image has only once."""
    first = images[0].geometry
    apart = of_exposures(images)
    for image in images[1:]:
        for name in _SHARED:
            if _EXPOSED.get(name) in apart:
                continue
            ours, theirs = getattr(first, name), getattr(image.geometry, name)
            if ours != theirs:
                raise ExportError(
                    f"page {image.source.page} has {name} {theirs}, the first one {ours}; "
                    "an RT Image says it once for all of its frames",
                    hint="write one file per page ({page} in 'path')",
                )


def rt_frames(dataset: Dataset, images: Sequence[Image]) -> None:
    """Write the Multi-frame module of an RT Image (PS3.3 C.7.6.6), and which frame each exposure belongs to.

    The frame increment is the source's own time where all of its frames are there; else it is the numbers of
    the pages, since no time is known.
    """
    dataset.NumberOfFrames = str(len(images))
    source = _one_source(images)
    pages = tuple(image.source.frame for image in images)
    increment = None
    if source is not None and pages == tuple(range(1, images[0].source.frames + 1)):
        increment = next((Tag(word) for word in _INCREMENTS if source.get(word)), None)
    for word in _INCREMENTS:
        if word in dataset and Tag(word) != increment:
            del dataset[word]
    if source is not None and increment is not None:
        dataset[increment] = source[increment]
        dataset.FrameIncrementPointer = increment
    else:
        dataset.PageNumberVector = [str(image.source.page) for image in images]
        dataset.FrameIncrementPointer = PAGE_NUMBERS
    if source is not None and source.get("ExposureSequence"):
        dataset.ExposureSequence = _exposures(source.ExposureSequence, pages)
    items = source_items(images)
    if items:
        dataset.SourceImageSequence = items


def no_frames(dataset: Dataset) -> None:
    """Delete what a multi-frame source says of its frames, where the image is one of them."""
    for word in _CINE:
        if word in dataset:
            del dataset[word]


def _one_source(images: Sequence[Image]) -> Dataset | None:
    """Return the dataset that all images are frames of; None where they come from several files."""
    source = images[0].source.dataset
    same = all(image.source.path == images[0].source.path for image in images)
    return source if same and not images[0].source.in_volume else None


def _exposures(exposures: Sequence[Dataset], pages: Sequence[int]) -> Items:
    """Return the exposures of some frames (from 1), renumbered; those of all frames stay."""
    kept = []
    for item in exposures:
        number = item.get("ReferencedFrameNumber")
        if number not in (None, "") and int(number) not in pages:
            continue
        exposure = deepcopy(item)
        if number not in (None, ""):
            exposure.ReferencedFrameNumber = str(pages.index(int(number)) + 1)
        kept.append(exposure)
    return Items(kept)
