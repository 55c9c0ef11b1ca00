"""Find compressed frames among the fragments of encapsulated pixels, and check the tables that place them.

PS3.5 A.4: a Basic Offset Table, if there is one, says where the first fragment of each frame begins; an
Extended Offset Table says the same of frames of one fragment each (PS3.3 C.7.6.3.1.8). A table that points
elsewhere would give one frame as another, so that it is never followed.
"""

from __future__ import annotations

import struct
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ...errors import Note, SourceError
from .layout import RLE, Layout

if TYPE_CHECKING:
    from pydicom import Dataset

_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")
"""The first bytes of JPEG and JPEG-LS, and of JPEG 2000."""
_EMPTY_TABLE = b"\xfe\xff\x00\xe0\0\0\0\0"
_HEAD = 8
"""Bytes of an item's tag and length."""


class Fragments(Struct, frozen=True):
    """The fragments of a dataset's pixels, and what tables say of them."""

    data: bytes
    places: tuple[int, ...]
    """Where each fragment's item begins in `data`."""
    offsets: tuple[int, ...]
    """Where frames begin, from the first fragment on; empty without a table."""
    extended: tuple[bytes, bytes] | None
    """The Extended Offset Table and its lengths."""
    fit: bool
    """Whether `offsets` name fragments, in order, from the first one on."""

    @property
    def reordered(self) -> bool:
        """Whether `offsets` name fragments, each once, in another order."""
        known = {place - self.places[0] for place in self.places}
        once = len(set(self.offsets)) == len(self.offsets)
        return (
            not self.fit
            and once
            and list(self.offsets) != sorted(self.offsets)
            and known.issuperset(self.offsets)
        )

    def held(self, syntax: str) -> int:
        """Return the number of frames, as far as a table or the starts of codestreams show it."""
        if not self.fit or (syntax == RLE and len(self.offsets) < 2):
            return len(self.places)
        if self.extended is not None or len(self.offsets) > 1:
            return len(self.offsets)
        starts = (self.data[place + _HEAD : place + _HEAD + 4] for place in self.places)
        return sum(start.startswith(_STARTS) for start in starts)


def read_fragments(dataset: Dataset) -> Fragments:
    """Return the fragments of encapsulated pixels. Raises: ValueError, where they are no items."""
    from ...pydicom_versions.frames import parse_basic_offsets, parse_fragments

    data = dataset.PixelData
    buffer = BytesIO(data)
    offsets = tuple(parse_basic_offsets(buffer))
    places = tuple(parse_fragments(buffer)[1])
    extended = None
    if "ExtendedOffsetTable" in dataset and "ExtendedOffsetTableLengths" in dataset:
        extended = (dataset.ExtendedOffsetTable or b"", dataset.ExtendedOffsetTableLengths or b"")
        offsets = struct.unpack(f"<{len(extended[0]) // 8}Q", extended[0])
    fit = not offsets or _name_fragments(offsets, places)
    if fit and extended is not None:
        fit = _fit_lengths(data, places, offsets, extended[1])
    return Fragments(data, places, offsets, extended, fit)


def _name_fragments(offsets: tuple[int, ...], places: tuple[int, ...]) -> bool:
    known = {place - places[0] for place in places}
    rising = all(one < other for one, other in pairwise(offsets))
    return offsets[0] == 0 and rising and known.issuperset(offsets)


def _fit_lengths(data: bytes, places: tuple[int, ...], offsets: tuple[int, ...], lengths: bytes) -> bool:
    """Tell whether each length is that of its frame's only fragment, which may be padded by a byte."""
    held = [struct.unpack_from("<I", data, place + 4)[0] for place in places]
    claimed = struct.unpack(f"<{len(lengths) // 8}Q", lengths)
    if not len(offsets) == len(places) == len(claimed):
        return False
    return all(length in (size, size - 1) for length, size in zip(claimed, held, strict=True))


def checked_fragments(
    path: Path, fragments: Fragments, frames: int
) -> tuple[bytes, tuple[bytes, bytes] | None]:
    """Return encapsulated pixels and their Extended Offset Table, without a table that does not fit.

    Raises:
        SourceError: it does not fit, and the fragments are not one for each frame; a fragment is cut off.
    """
    data, places = fragments.data, fragments.places
    if places and places[-1] + _HEAD + struct.unpack_from("<I", data, places[-1] + 4)[0] > len(data):
        raise SourceError("is truncated: it ends within a fragment of its pixels", subject=str(path))
    if fragments.fit:
        return data, fragments.extended
    if len(places) != frames or fragments.reordered:
        raise SourceError(
            f"has a table of frames that does not fit its {len(places)} fragments, "
            f"so that which are those of its {frames} frames is not known",
            subject=str(path),
        )
    return _EMPTY_TABLE + data[places[0] :], None


def fragment_notes(dataset: Dataset, layout: Layout) -> tuple[Note, ...]:
    """Return what the fragments of compressed pixels do not say alike. Raises: ValueError."""
    fragments = read_fragments(dataset)
    notes = []
    if not fragments.fit:
        text = "the table of frames does not fit the fragments; they are read in order, one for each frame"
        notes.append(Note("frame-table", text, contradiction=True))
    held = fragments.held(layout.syntax)
    if held > layout.frames:
        text = f"PixelData holds {held} frames where NumberOfFrames says {layout.frames}; "
        notes.append(Note("frames-excess", f"{text}the others are left out", contradiction=True))
    return tuple(notes)
