"""Read DICOM files that differ in few elements, such as the slices of a series, faster.

The first file of a family is read by pydicom like any other, element by element. Of each further one the
bytes are compared with it: an element with the same bytes is the same element, in the same place of the same
encoding, and needs no reading. Only what differs is read. Whatever does not fit, another order of elements, a
sequence or a character set that differs, a value that cannot be read, is left to the ordinary way.

Why: pydicom takes a millisecond and more for the sixty elements of a slice, and a series has hundreds of
slices that differ in six of them.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ....schemas.language import vr as vrs
from ..files import opened
from .dataset import EXPLICIT, IMPLICIT, PREFIX, broken, read_dataset
from .sound import Settled, settle
from .text import explained

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import FileMetaDataset

    from ..options import Limits

_PIXEL_DATA = 0x7FE00010
_CHARACTER_SET = 0x00080005
_META_LENGTH, _INSTANCE = 0x00020000, 0x00020003
_START = 132
_UNDEFINED = 0xFFFFFFFF
_MORE = 4096
"""Bytes by which the head of a file may be longer than that of the first one."""
_NESTED = ("SQ", "UN", "OB", "OW")
"""VRs of what is compared as a whole: it may hold elements, or mean other bytes in another file."""
_OVERLAYS = range(0x60000000, 0x61000000)


class _Part(Struct, frozen=True):
    """An element of the first file: its bytes with its header, and what pydicom read it as at first."""

    tag: int
    content: bytes
    head: int
    """Bytes before its value."""
    element: Any
    """As pydicom held it before it was read: the bytes of its value, or for a sequence its items."""
    raw: RawDataElement | None
    """None: it is of those that may not differ."""
    meta: bool


class Read(Struct, frozen=True):
    """A file's elements, all read (`settle`)."""

    dataset: Dataset
    settled: Settled
    differing: frozenset[int] | None = None
    """The tags in which it differs from the one that was read before the others; None: it is such a one."""
    offset: int = 0
    """Where its pixels begin, if they lie in one piece at the end of the file; else 0."""
    again: Callable[[], Dataset] | None = None
    """Makes the dataset anew, without its pixels: one that nobody has changed."""
    shared: Dataset | None = None
    """The same elements, those that do not differ shared with other files: to be read, never changed."""

    @property
    def known(self) -> Dataset:
        """What to look up elements in: `dataset` is only made when it is asked for."""
        return self.dataset if self.shared is None else self.shared


class AlikeFiles:
    """Reads files one after the other, each by what differs from the first of its family."""

    def __init__(self, limits: Limits, charset: str | None = None) -> None:
        """`charset`: as in `settle`; such files are all read in the ordinary way."""
        self._limits = limits
        self._charset = charset
        self._family: _Family | None = None

    def read(self, path: Path, *, pixels: bool = True) -> Read:
        """Return the elements of a file. Raises: SourceError."""
        if self._family is not None:
            found = self._family.read(path, pixels=pixels)
            if found is not None:
                return found
        dataset = read_dataset(path, self._limits, pixels=pixels)
        before = dict(dataset._dict), dict(dataset.file_meta._dict)
        settled = settle(dataset, self._charset)
        alike = self._charset is None and settled == Settled()
        self._family = _family_of(path, dataset, *before) if alike else None
        return Read(dataset, settled)


def _family_of(
    path: Path, dataset: Dataset, elements: dict[Any, Any], meta: dict[Any, Any]
) -> _Family | None:
    """Return the family of a file of which pixels in one piece are the last element; else None."""
    from ...pydicom_versions.elements import original_encoding

    syntax = str(dataset.file_meta.get("TransferSyntaxUID") or "")
    if syntax not in (EXPLICIT, IMPLICIT) or original_encoding(dataset) != (syntax == IMPLICIT, True):
        return None
    every = [(each, True) for each in meta.values()]
    every += [(each, False) for each in elements.values() if each.tag < _PIXEL_DATA]
    starts = []
    for each, of_meta in every:
        place = getattr(each, "value_tell", None) or getattr(each, "file_tell", None)
        if not place:
            return None
        long = each.VR in vrs.LONG if of_meta or syntax == EXPLICIT else False
        head = 12 if long else 8
        starts.append((place - head, head))
    with opened(path) as file:
        data = file.read(max((start for start, _ in starts), default=0) + _MORE)
    parts = []
    for number, ((each, of_meta), (start, head)) in enumerate(zip(every, starts, strict=True)):
        following = starts[number + 1][0] if number + 1 < len(starts) else None
        if following is None:
            length = getattr(each, "length", _UNDEFINED)
            if length == _UNDEFINED:
                return None
            following = start + head + length
        if of_meta and each.tag == _META_LENGTH:
            each = _length_of_meta(data[start + head : start + head + 4], start + head)
        may_differ = (
            hasattr(each, "value_tell")
            and (of_meta or dataset._dict[each.tag].VR not in _NESTED)
            and each.tag != _CHARACTER_SET
            and int(each.tag) not in _OVERLAYS
            and (not of_meta or each.tag in (_META_LENGTH, _INSTANCE))
        )
        raw = each if may_differ else None
        kept = each if hasattr(each, "value_tell") else deepcopy(each)
        parts.append(_Part(int(each.tag), data[start:following], head, kept, raw, of_meta))
    end = _START + sum(len(part.content) for part in parts)
    head = 12 if syntax == EXPLICIT else 8
    pixels = data[end : end + head]
    whole = (starts and starts[0][0] == _START) and data[128:_START] == PREFIX
    if not whole or end + head > len(data) or struct.unpack("<HH", pixels[:4]) != (0x7FE0, 0x0010):
        return None
    size = struct.unpack("<I", pixels[-4:])[0]
    if size == _UNDEFINED or path.stat().st_size != end + head + size:
        return None
    shared = {tag: deepcopy(each) for tag, each in dataset._dict.items() if tag < _PIXEL_DATA}
    return _Family(tuple(parts), pixels, end, syntax == IMPLICIT, dataset, shared)


def _length_of_meta(value: bytes, place: int) -> RawDataElement:
    """Return that element as it stands in the file, which pydicom reads before all others."""
    from pydicom.dataelem import RawDataElement

    return RawDataElement(_tag(_META_LENGTH), "UL", len(value), value, place, False, True)


Differing = list[tuple[_Part, bytes]]
"""Elements that differ, each with the bytes of its value."""


class _Family(Struct, frozen=True):
    parts: tuple[_Part, ...]
    pixels: bytes
    """The header of the pixels, which all files of the family share."""
    end: int
    """Where it stands in the first file."""
    implicit: bool
    first: Dataset
    shared: Mapping[Any, Any]
    """Its elements, as they were read."""

    def read(self, path: Path, *, pixels: bool) -> Read | None:
        """Return the elements of a file; None where it is not of this family."""
        size = struct.unpack("<I", self.pixels[-4:])[0]
        with opened(path) as file:
            found = self._compared(file.read(self.end + _MORE))
            if found is None:
                return None
            differing, offset = found
            if file.seek(0, 2) != offset + size:
                return None
            file.seek(offset)
            values = file.read(size) if pixels else b""
        own = self._own(differing)
        if own is None:
            return None
        dataset = self._dataset(differing)
        if pixels:
            dataset._dict[_tag(_PIXEL_DATA)] = self._pixels(values)
        tags = frozenset(part.tag for part, _ in differing if not part.meta)
        return Read(dataset, Settled(), tags, offset, lambda: self._dataset(differing), own[0])

    def _compared(self, data: bytes) -> tuple[Differing, int] | None:
        """Return what differs in a file's start, and where its pixels begin; None where too much does."""
        if data[128:_START] != PREFIX:
            return None
        differing: Differing = []
        place = _START
        for part in self.parts:
            stop = place + len(part.content)
            if data[place:stop] == part.content:
                place = stop
                continue
            value = self._value(part, data, place)
            if value is None:
                return None
            differing.append((part, value))
            place += part.head + len(value)
        offset = place + len(self.pixels)
        return (differing, offset) if data[place:offset] == self.pixels else None

    def _value(self, part: _Part, data: bytes, place: int) -> bytes | None:
        """Return the value of an element that differs; None where more than its value does."""
        short = part.head == 8 and (part.meta or not self.implicit)
        same = 6 if part.meta or not self.implicit else 4
        if part.raw is None or data[place : place + same] != part.content[:same]:
            return None
        end = place + part.head
        length = int.from_bytes(data[end - (2 if short else 4) : end], "little")
        value = data[end : end + length]
        return value if length != _UNDEFINED and len(value) == length else None

    def _own(self, differing: Differing) -> tuple[Dataset, FileMetaDataset] | None:
        """Return the elements, those that differ read anew and the others shared, and the file meta's own.

        None where one that differs is not sound.
        """
        from pydicom import Dataset
        from pydicom.dataset import FileMetaDataset

        from ...pydicom_versions.elements import original_character_set, set_original_encoding

        encodings = original_character_set(self.first) or "ascii"
        own, meta = Dataset(), FileMetaDataset()
        set_original_encoding(own, self.first)
        # what an element is may depend on others: its creator, the sign of the pixels
        own._dict = dict(self.shared)
        set_original_encoding(meta, self.first.file_meta)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for part, value in differing:
                assert part.raw is not None  # only such differ
                raw: Any = part.raw._replace(value=value, length=len(value))
                if not explained(raw, encodings):
                    return None
                target = meta if part.meta else own
                target._dict[raw.tag] = raw
                try:
                    target[raw.tag]
                except broken():
                    return None
        return own, meta

    def _dataset(self, differing: Differing) -> Dataset:
        """Return the first file's elements, with those that differ read anew, which are known to be sound."""
        from .deferred import DeferredDataset

        return DeferredDataset(lambda: self._elements(differing), self.first)

    def _elements(self, differing: Differing) -> tuple[dict[Any, Any], FileMetaDataset]:
        found = self._own(differing)
        assert found is not None  # they were read once
        own, meta = found
        tags = {part.tag for part, _ in differing if not part.meta}
        elements: dict[Any, Any] = {}
        metas: dict[Any, Any] = {}
        for part in self.parts:
            # bytes can be shared; an element that is read can be changed, and is each dataset's own
            each = part.element if hasattr(part.element, "value_tell") else deepcopy(part.element)
            each = own._dict[each.tag] if not part.meta and part.tag in tags else each
            (metas if part.meta else elements)[each.tag] = each
        meta._dict = metas | dict(meta._dict)
        return elements, meta

    def _pixels(self, value: bytes) -> DataElement:
        from pydicom.dataelem import DataElement

        vr = "OW" if self.implicit else self.pixels[4:6].decode("ascii")
        return DataElement(_tag(_PIXEL_DATA), vr, value, already_converted=True)


def _tag(number: int) -> Any:
    from pydicom.tag import Tag

    return Tag(number)
