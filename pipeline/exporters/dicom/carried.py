"""What an output of its source's own kind takes over from it, and whether it still says the same."""

from __future__ import annotations

from pydicom import Dataset

from ...dicom.encode.pixel_element import PIXEL_TAGS
from ...dicom.verify import differences
from ...errors import Note

_FIRST_GROUP, _PADDING = 0x0008, 0xFFFC


def carried_tag(tag: int) -> bool:
    """Tell whether an element is taken over: not pixels, padding, groups of no dataset (PS3.5 7.8)."""
    return _FIRST_GROUP <= tag >> 16 != _PADDING and tag not in PIXEL_TAGS.values()


def of_no_group(source: Dataset) -> tuple[Note, ...]:
    """Say that elements of groups below 0008 are left out; the file meta is no part of a dataset."""
    if any(tag.group < _FIRST_GROUP and tag.group not in (0, 2) for tag in source.keys()):  # noqa: SIM118
        text = "elements of groups below 0008, which DICOM gives to no dataset, are left out"
        return (Note("element-unreadable", text),)
    return ()


_ENCODING = frozenset(
    {
        0x00080005,
        0x00080018,
        0x00280004,
        0x00280006,
        0x00280100,
        0x00280101,
        0x00280102,
        0x00280103,
    }
)
"""How values are written, not what they are: character set, photometric interpretation, bits."""


def changed(original: Dataset, finished: Dataset) -> bool:
    """Tell whether a finished dataset says anything else than its source, pixels apart."""
    skipped = _ENCODING | frozenset(PIXEL_TAGS.values())
    ours = Dataset({tag: original[tag] for tag in original.keys() if tag not in skipped})  # noqa: SIM118
    return next(differences(ours, finished, skipped=skipped), None) is not None
