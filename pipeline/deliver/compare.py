"""What came back against what was sent: the same, changed as a PACS may change it, or damaged."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from pydicom import Dataset

_OF_THE_ARCHIVE = frozenset(
    {
        0x00080054, 0x00080056, 0x00081190, 0x0040E010, 0x0040E011, 0x0040E025,  # where it is retrieved
        0x00880130, 0x00880140, 0x00080201, 0x04000561, 0xFFFCFFFC,
    }
)  # fmt: skip
"""Retrieve AE Title, Instance Availability, Retrieve URL and its like, media, time zone, Original Attributes
Sequence, Data Set Trailing Padding: an archive may add them (PS3.4 B.4.1, C.4.2)."""
_PATIENT = frozenset(
    {
        0x00080050, 0x00080051, 0x00080090, 0x00081030, 0x00100010, 0x00100020, 0x00100021, 0x00100022,
        0x00100024, 0x00100030, 0x00100032, 0x00100040, 0x00101000, 0x00101001, 0x00101002, 0x00101010,
        0x00101020, 0x00101030, 0x00104000, 0x00200010, 0x00080020, 0x00080030,
    }
)  # fmt: skip
"""Of patient and study: what an archive may coerce to its own records, where it says so with a warning."""
_PIXELS = {0x7FE00010: "PixelData", 0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData"}
_OF_THE_SYNTAX = (0x00280004, 0x00280006)
"""Photometric Interpretation and Planar Configuration, which compression changes (PS3.5 8.2): in another
transfer syntax the pixels decide."""


class Compared(Struct, frozen=True):
    """Names of elements that differ; no values."""

    coerced: tuple[str, ...] = ()
    """Elements of patient and study."""
    damaged: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        return not self.coerced and not self.damaged


def compared(sent: bytes, back: bytes) -> Compared:
    """Compare two DICOM files, element by element and pixel by pixel."""
    from pydicom import dcmread

    coerced: list[str] = []
    damaged: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ours, theirs = dcmread(io.BytesIO(sent)), dcmread(io.BytesIO(back))
            for tag in _differing(ours, theirs):
                (coerced if tag in _PATIENT else damaged).append(_name(tag))
        except Exception as error:  # noqa: BLE001  what came back may be anything
            return Compared(damaged=(f"it cannot be read: {type(error).__name__}",))
    return Compared(tuple(coerced), tuple(damaged))


def _name(tag: int) -> str:
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(tag) or f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


def _differing(ours: Dataset, theirs: Dataset) -> Iterator[int]:
    for tag in sorted({*map(int, ours.keys()), *map(int, theirs.keys())}):
        if tag & 0xFFFF == 0 or (tag in _OF_THE_ARCHIVE and tag not in ours):
            continue  # group lengths are no content (PS3.5 7.2)
        if tag in _OF_THE_SYNTAX and not _same_syntax(ours, theirs):
            continue
        if tag == 0x00080005 and _same_text(ours, theirs):
            continue
        if tag not in ours or tag not in theirs:
            yield tag
        elif tag in _PIXELS and hasattr(ours, "file_meta"):  # not those of an icon in an item
            if not _same_pixels(ours, theirs, tag):
                yield tag
        elif not _same_element(ours, theirs, tag):
            yield tag


def _same_text(ours: Dataset, theirs: Dataset) -> bool:
    """Whether another Specific Character Set says the same: ASCII is a part of each."""
    return all(
        str(each.value).isascii() for each in ours if each.VR in ("LO", "SH", "PN", "LT", "ST", "UT", "UC")
    )


def _same_element(ours: Dataset, theirs: Dataset, tag: int) -> bool:
    one, other = ours.get_item(tag), theirs.get_item(tag)
    raw = [getattr(each, "value", None) for each in (one, other)]
    if all(isinstance(value, bytes) for value in raw) and _unpadded(raw[0]) == _unpadded(raw[1]):
        return True
    left, right = ours[tag], theirs[tag]
    if left.VR == "SQ" and right.VR == "SQ":
        pairs = list(zip(left.value, right.value, strict=False))
        return len(left.value) == len(right.value) and not any(
            next(_differing(mine, yours), None) is not None for mine, yours in pairs
        )
    return bool(_value(left) == _value(right))


def _unpadded(value: Any) -> bytes:
    return bytes(value).rstrip(b"\0 ")


def _value(element: Any) -> Any:
    value = element.value
    if value is None or (hasattr(value, "__len__") and len(value) == 0):
        return ""
    return bytes(value).rstrip(b"\0 ") if isinstance(value, bytes | bytearray) else value


def _same_syntax(ours: Dataset, theirs: Dataset) -> bool:
    if not (hasattr(ours, "file_meta") and hasattr(theirs, "file_meta")):
        return True
    return bool(ours.file_meta.TransferSyntaxUID == theirs.file_meta.TransferSyntaxUID)


def _same_pixels(ours: Dataset, theirs: Dataset, tag: int) -> bool:
    """Whether pixels are the same values, as stored bytes or, in another transfer syntax, decoded."""
    if _same_syntax(ours, theirs):
        same = _same_padded(bytes(ours[tag].value), bytes(theirs[tag].value))
        if same or not ours.file_meta.TransferSyntaxUID.is_compressed:
            return same
    return _same_frames(ours, theirs, _PIXELS[tag])


def _same_frames(ours: Dataset, theirs: Dataset, keyword: str) -> bool:
    """Whether every frame decodes to the same stored values, one in memory at a time.

    They are decoded as those of sources are: what came back may be anything, and may crash a decoder.

    Raises: SourceError.
    """
    import numpy as np

    from ..loaders.dicom.frames import frames
    from ..loaders.dicom.layout import read_layout
    from ..loaders.options import Limits

    count = int(ours.get("NumberOfFrames") or 1)
    limits = Limits(image_pixels=int(ours.Rows) * int(ours.Columns) * int(ours.SamplesPerPixel), frames=count)
    layouts = [read_layout(Path(), each, limits, keyword) for each in (ours, theirs)]
    if layouts[0].frames != layouts[1].frames:
        return False
    pairs = zip(
        *(
            frames(Path(), each, layout, range(count))
            for each, layout in zip((ours, theirs), layouts, strict=True)
        ),
        strict=True,
    )
    floats = keyword != "PixelData"  # of which some may be no number
    return all(np.array_equal(one.pixels, other.pixels, equal_nan=floats) for one, other in pairs)


def _same_padded(one: bytes, other: bytes) -> bool:
    """Whether bytes are the same, but for the one that makes them even (PS3.5 7.1.1)."""
    short, long = sorted((one, other), key=len)
    return long[: len(short)] == short and long[len(short) :] in (b"", b"\0")
