"""Read every element of a dataset once; leave out what cannot be read, and report it.

pydicom reads an element only when it is accessed, so that one that is not what its VR says would fail
somewhere later. Sequences nested deeper than `DEEPEST` are left out too: no kind of DICOM has them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ....schemas.language.vr import INTEGERS, TEXT
from ...errors import Note
from ...first_of import first_of
from .text import explained, read_as

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement

DEEPEST = 32
_PIXELS = 0x7FE0
_UNDEFINED = 0xFFFFFFFF
_SHOWN = 5
_NUMERIC = INTEGERS | {"DS", "FD", "FL", "IS"}
_OVERLAY_DATA, _BIT_POSITION = 0x3000, 0x0102
_OVERLAYS = range(0x6000, 0x6100, 2)


@dataclass(slots=True)
class Settled:
    """What was found while reading a dataset: elements that were left out or could not be decoded."""

    unreadable: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    """Elements that are not of the kind that the standard says: text for a number, a value for a sequence."""
    deep: list[str] = field(default_factory=list)
    undecoded: list[str] = field(default_factory=list)
    """Elements whose bytes are not text in the declared character set."""
    overlays: bool = False

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self._notes())

    def _notes(self) -> Iterator[Note]:
        if self.unreadable:
            text = f"{_some(self.unreadable)} cannot be read as what the file says, and is left out"
            yield Note("element-unreadable", text)
        if self.other:
            text = f"{_some(self.other)} is of another kind than the standard says, and is left out"
            yield Note("element-unreadable", text)
        if self.deep:
            text = f"{_some(self.deep)} is nested deeper than {DEEPEST} sequences, and is left out"
            yield Note("element-unreadable", text)
        if self.undecoded:
            text = (
                f"{_some(self.undecoded)} holds bytes that are no text in the file's character set; they are "
                "kept as they are, and so is the set; 'charset' in 'source' says which one it is, as in "
                "source: {format: dicom, charset: GB18030}"
            )
            yield Note("text-undecoded", text, contradiction=True)
        if self.overlays:
            text = "an overlay in the unused bits of the pixels is left out, and so is what describes it"
            yield Note("overlay-dropped", text)


def settle(dataset: Dataset, charset: str | None = None) -> Settled:
    """Read every element but the pixels, also of the file meta, in place; text in `charset` where given.

    Where some text is not in the declared set, all of it is read byte for byte (as ISO 8859-1), so that it
    can be written as it was.
    """
    found = Settled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if charset is not None:
            read_as(dataset, charset)
        else:
            found.undecoded += _undecoded(dataset, 0)
            if found.undecoded:
                read_as(dataset, None)
        _read(dataset, found, 0)
        _read(dataset.file_meta, found, 0)
        found.overlays = _drop_embedded_overlays(dataset)
    return found


def _read(dataset: Dataset, found: Settled, depth: int) -> None:
    from .dataset import broken

    for tag in list(dataset.keys()):
        if tag >> 16 == _PIXELS:
            continue
        _check_length(dataset, tag)
        try:
            element = dataset[tag]
            items = element.value if element.VR == "SQ" else ()
        except broken():
            found.unreadable.append(_name(tag))
            del dataset._dict[tag]
            continue
        if _is_other(element):
            found.other.append(_name(tag))
            del dataset._dict[tag]
            continue
        if len(items) and depth == DEEPEST:
            found.deep.append(_name(tag))
            del dataset[tag]
            continue
        for item in items:
            _read(item, found, depth + 1)


def _is_other(element: DataElement) -> bool:
    """Tell whether a value is of another kind than the standard's VR of its tag: what reads it would fail."""
    from pydicom.datadict import dictionary_VR
    from pydicom.multival import MultiValue
    from pydicom.valuerep import PersonName

    try:
        meant = dictionary_VR(element.tag)
    except KeyError:
        return False
    if meant == element.VR:
        return False
    value = element.value
    if "SQ" in (meant, element.VR):
        return True
    values = value if isinstance(value, list | MultiValue) else (value,)
    if meant in _NUMERIC:
        return element.VR not in _NUMERIC and not all(map(_is_number, values))
    if meant not in TEXT or element.VR in TEXT:
        return False
    return not all(isinstance(each, str | PersonName | None) for each in values)


def _is_number(value: object) -> bool:
    try:
        float(str(value or 0))
    except ValueError:
        return False
    return True


def _check_length(dataset: Dataset, tag: int) -> None:
    """Check that an element has as many bytes as it claims; pydicom returns those that there are.

    Raises: ValueError.
    """
    raw = dataset.get_item(tag)
    length = getattr(raw, "length", _UNDEFINED)
    if length != _UNDEFINED and isinstance(raw.value, bytes) and len(raw.value) < length:
        raise ValueError(f"it is truncated: {_name(tag)} claims {length} bytes and {len(raw.value)} follow")


def _undecoded(dataset: Dataset, depth: int) -> Iterator[str]:
    """Yield the names of elements, nested ones too, whose text is not in the declared character set."""
    from ...pydicom_versions.elements import original_character_set
    from .dataset import broken

    for tag in list(dataset.keys()):
        raw = dataset.get_item(tag)
        if raw is None or tag >> 16 == _PIXELS:
            continue
        if not explained(raw, original_character_set(dataset) or "ascii"):
            yield _name(tag)
        if _may_nest(raw) and depth < DEEPEST:
            try:
                items = dataset[tag].value if dataset[tag].VR == "SQ" else ()
            except broken():
                continue
            for item in items:
                yield from _undecoded(item, depth + 1)


def _may_nest(raw: DataElement) -> bool:
    return raw.VR in ("SQ", "UN", None)


def _drop_embedded_overlays(dataset: Dataset) -> bool:
    """Delete overlay groups whose bits lie in the pixels' unused ones, which are not kept (PS3.3 C.9.2)."""
    dropped = False
    for group in _OVERLAYS:
        position = dataset.get((group, _BIT_POSITION))
        if position is None or (group, _OVERLAY_DATA) in dataset:
            continue
        for tag in [tag for tag in dataset.keys() if tag.group == group]:  # noqa: SIM118
            del dataset[tag]
        dropped = True
    return dropped


def _name(tag: int) -> str:
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _some(names: list[str]) -> str:
    return first_of(sorted(set(names)), _SHOWN)
