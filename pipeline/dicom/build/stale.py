"""Attributes of a DICOM source that stop being true when its pixels change."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.sequence import Sequence

from ...errors import Note

WINDOW = ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction")
"""A window of the values, as far as it is no look-up table."""

_ANY_CHANGE = "IconImageSequence DigitalSignaturesSequence MACParametersSequence"
_VALUES = (
    "SmallestImagePixelValue LargestImagePixelValue SmallestPixelValueInSeries LargestPixelValueInSeries "
    "SmallestImagePixelValueInPlane LargestImagePixelValueInPlane PixelPaddingValue PixelPaddingRangeLimit "
    "WindowCenter WindowWidth WindowCenterWidthExplanation VOILUTFunction VOILUTSequence HistogramSequence "
    "RealWorldValueMappingSequence ModalityLUTSequence PixelIntensityRelationship "
    "PixelIntensityRelationshipSign"
)
_PLACES = (
    "SmallestImagePixelValue LargestImagePixelValue HistogramSequence PatientOrientation "
    "PixelAspectRatio GraphicAnnotationSequence DisplayedAreaSelectionSequence ShutterShape"
)
_PALETTE = (
    "RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor "
    "BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData GreenPaletteColorLookupTableData "
    "BluePaletteColorLookupTableData SegmentedRedPaletteColorLookupTableData "
    "SegmentedGreenPaletteColorLookupTableData SegmentedBluePaletteColorLookupTableData "
    "PaletteColorLookupTableUID AlphaPaletteColorLookupTableDescriptor AlphaPaletteColorLookupTableData"
)
_OVERLAYS = range(0x6000, 0x6100, 2)


def drop_stale(dataset: Dataset, *, values: bool, places: bool) -> tuple[Note, ...]:
    """Delete what no longer holds, in place: `values` were computed, or pixels moved (`places`)."""
    words = _ANY_CHANGE.split()
    words += _VALUES.split() if values else []
    words += _PLACES.split() if places else []
    dropped = _delete(dataset, words)
    if places:
        dropped += _overlays(dataset)
    text = "left out, since it no longer holds for the changed pixels: {}"
    return tuple(Note("stale-attribute", text.format(name)) for name in dropped)


def drop_palette(dataset: Dataset) -> None:
    """The palette of a source whose colours were looked up."""
    _delete(dataset, _PALETTE.split())


def _delete(dataset: Dataset, words: Iterable[str]) -> list[str]:
    found = []
    for word in words:
        if word in dataset:
            if dataset[word].value not in (None, ""):
                found.append(word)
            del dataset[word]
    return found


def _overlays(dataset: Dataset) -> list[str]:
    tags = [tag for tag in dataset.keys() if tag.group in _OVERLAYS]  # noqa: SIM118
    for tag in tags:
        del dataset[tag]
    return ["overlays"] if tags else []


_FRAME_VECTORS = tuple(
    word
    for word in (
        "FrameTimeVector", "FrameLabelVector", "PageNumberVector", "FramePrimaryAngleVector",
        "FrameSecondaryAngleVector", "SliceLocationVector", "DisplayWindowLabelVector",
    )
    if tag_for_keyword(word)
)  # fmt: skip


def pick_frames(dataset: Dataset, pages: tuple[int, ...], of: int) -> None:
    """What describes the frames of a multi-frame source, for some of them (counted from 1), in place."""
    dataset.NumberOfFrames = str(len(pages))
    if pages == tuple(range(1, of + 1)):
        return
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if groups and len(groups) == of:
        dataset.PerFrameFunctionalGroupsSequence = Sequence([groups[page - 1] for page in pages])
    for word in _FRAME_VECTORS:
        values = list(dataset[word].value) if word in dataset and dataset[word].VM > 1 else []
        if len(values) == of:
            dataset[word].value = [values[page - 1] for page in pages]
