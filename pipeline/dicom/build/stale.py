"""Delete attributes of a DICOM source that stop being true when its pixels change."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.sequence import Sequence

from ...errors import Note

WINDOW = ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction")
"""The attributes of a window of the values, without look-up tables."""

_ANY_CHANGE = "IconImageSequence DigitalSignaturesSequence MACParametersSequence"
_VALUES = (
    "SmallestImagePixelValue LargestImagePixelValue SmallestPixelValueInSeries LargestPixelValueInSeries "
    "SmallestImagePixelValueInPlane LargestImagePixelValueInPlane PixelPaddingValue PixelPaddingRangeLimit "
    "WindowCenter WindowWidth WindowCenterWidthExplanation VOILUTFunction VOILUTSequence HistogramSequence "
    "RealWorldValueMappingSequence ModalityLUTSequence PixelIntensityRelationship "
    "PixelIntensityRelationshipSign"
)
_GRID = "SmallestImagePixelValue LargestImagePixelValue HistogramSequence"
"""Attributes of the pixels that there are; those of where they are, are in `dicom.moving`."""
_PALETTE = (
    "RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor "
    "BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData GreenPaletteColorLookupTableData "
    "BluePaletteColorLookupTableData SegmentedRedPaletteColorLookupTableData "
    "SegmentedGreenPaletteColorLookupTableData SegmentedBluePaletteColorLookupTableData "
    "PaletteColorLookupTableUID AlphaPaletteColorLookupTableDescriptor AlphaPaletteColorLookupTableData"
)


def drop_stale(dataset: Dataset, *, values: bool, moved: bool) -> tuple[Note, ...]:
    """Delete attributes that are no longer true, in place: `values` were computed, or pixels `moved`."""
    words = _ANY_CHANGE.split()
    words += _VALUES.split() if values else []
    words += _GRID.split() if moved else []
    dropped = _delete(dataset, words)
    text = "left out, since it no longer holds for the changed pixels: {}"
    return tuple(Note("stale-attribute", text.format(name)) for name in dropped)


def drop_palette(dataset: Dataset) -> None:
    """Drop the palette of a source whose colours were looked up."""
    _delete(dataset, _PALETTE.split())


def _delete(dataset: Dataset, words: Iterable[str]) -> list[str]:
    found = []
    for word in words:
        if word in dataset:
            if dataset[word].value not in (None, ""):
                found.append(word)
            del dataset[word]
    return found


_FRAME_VECTORS = tuple(
    word
    for word in (
        "FrameTimeVector", "FrameLabelVector", "PageNumberVector", "FramePrimaryAngleVector",
        "FrameSecondaryAngleVector", "SliceLocationVector", "DisplayWindowLabelVector",
        "EnergyWindowVector", "DetectorVector", "PhaseVector", "RotationVector", "RRIntervalVector",
        "TimeSlotVector", "SliceVector", "AngularViewVector", "TimeSliceVector",
    )
    if tag_for_keyword(word)
)  # fmt: skip


def pick_frames(dataset: Dataset, pages: tuple[int, ...], of: int) -> None:
    """Keep, in place, only what describes the chosen frames (from 1) of a multi-frame source."""
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
