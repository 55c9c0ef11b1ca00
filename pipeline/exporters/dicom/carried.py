"""What an output of its source's own kind takes over from it, and whether it still says the same."""

from __future__ import annotations

from pydicom import Dataset

from ...dicom.encode.pixel_element import PIXEL_TAGS
from ...dicom.verify import differences


def carried_tag(tag: int) -> bool:
    """Tell whether an element is taken over: all but the file meta, pixels and padding."""
    return tag >> 16 not in (0, 2, 0xFFFC) and tag not in PIXEL_TAGS.values()


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
