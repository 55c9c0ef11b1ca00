"""Encode and decode elements by pydicom, equal ones only once: most are the same in file after file.

What is remembered is what pydicom makes of a tag, a VR and a value (or of their bytes), independent of the
file that they came from; so a file's bytes and checks depend on its own elements only, and are made faster.

Why keys carry types and the original text: equal is not the same. 1 and 1.0 and True are equal in Python and
differ as DICOM; a DS of ``1.50`` and one of ``1.5`` are equal numbers of other bytes; text reads by its
character set. What has no key that decides its bytes (long, mutable, of ambiguous VR) is encoded each time.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from operator import itemgetter
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_data_element
from pydicom.multival import MultiValue
from pydicom.tag import tag_in_exception
from pydicom.uid import UID
from pydicom.valuerep import PersonName

from ...pydicom_versions.elements import original_character_set
from .character_set import encodings_of

_MOST = 4096
"""The most elements that are remembered; then all are forgotten."""
_LONGEST = 512
"""The most bytes of a value that is remembered."""
_PLAIN = (str, int, UID, type(None))
"""Types of which equal values have equal bytes; floats are not among them, since -0.0 == 0.0."""

_encoded: dict[Hashable, bytes] = {}
_read: dict[Hashable, tuple[Any, ...]] = {}
_same_items: dict[Hashable, tuple[()]] = {}


def encode_each(dataset: Dataset, *, implicit: bool) -> list[tuple[int, bytes]]:
    """Return every element with its tag, in the order and as the bytes of pydicom's `write_dataset`.

    Raises:
        Whatever pydicom raises for values that cannot be written.
    """
    elements = sorted(elements_of(dataset), key=itemgetter(0))
    keys = [_key(element) for _, element in elements]
    if any(key is None and _may_be_ambiguous(each) for key, (_, each) in zip(keys, elements, strict=True)):
        corrected = correct_ambiguous_vr(Dataset({each.tag: each for _, each in elements}), True)
        elements = [(tag, corrected[tag]) for tag, _ in elements]
        keys = [_key(element) for _, element in elements]
    encodings = encodings_of(dataset)
    base = (implicit, *encodings)
    # a group's length (gggg,0000) is retired (PS3.5 section 7.2)
    return [
        (tag, _bytes_of(tag, element, key, base, encodings))
        for (tag, element), key in zip(elements, keys, strict=True)
        if tag & 0xFFFF or tag >> 16 <= 6
    ]


def _may_be_ambiguous(element: DataElement) -> bool:
    """Tell whether its VR, or one inside it, may be ambiguous, like ``US or SS``."""
    return element.VR == "SQ" or len(element.VR) > 2


def elements_of(dataset: Dataset) -> Iterator[tuple[int, DataElement]]:
    """Yield every element with its tag as a plain number, which is much faster to compare than pydicom's."""
    for element in dataset.values():
        tag = int(element.tag)
        yield tag, dataset[tag] if isinstance(element, RawDataElement) else element


def shallow(dataset: Dataset) -> Dataset:
    """Return another dataset that shares the same elements."""
    return Dataset({element.tag: element for _, element in elements_of(dataset)})


def _bytes_of(
    tag: int, element: DataElement, key: Hashable | None, base: tuple[Any, ...], encodings: list[str]
) -> bytes:
    known = _encoded.get((tag, element.VR, key, base)) if key is not None else None
    if known is not None:
        return known
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, bool(base[0])
    with tag_in_exception(element.tag):
        write_data_element(buffer, element, encodings)
    made = buffer.getvalue()
    if key is not None and len(made) <= _LONGEST:
        _remember(_encoded, (tag, element.VR, key, base), made)
    return made


def _key(element: DataElement) -> Hashable | None:
    """Return what decides the bytes of an element's value; None where that is not certain."""
    vr = element.VR
    if vr == "SQ":
        items = tuple(_item_key(item) for item in element.value)
        return None if None in items else (bool(element.is_undefined_length), items)
    return _value_key(vr, element.value) if len(vr) == 2 else None


def _item_key(item: Dataset) -> Hashable | None:
    found = tuple((tag, each.VR, _key(each)) for tag, each in elements_of(item))
    if any(key is None for _, _, key in found):
        return None
    return bool(getattr(item, "is_undefined_length_sequence_item", False)), found


def _value_key(vr: str, value: Any) -> Hashable | None:
    kind = type(value)
    if kind in _PLAIN:
        return kind, value
    if kind is MultiValue:
        keys = tuple(_value_key(vr, each) for each in value)
        return None if None in keys else (kind, keys)
    if vr in ("DS", "IS"):
        # pydicom writes the text that such a number was read from
        text = getattr(value, "original_string", None)
        return (kind, text) if isinstance(text, str) else (kind, "", str(value))
    if kind is PersonName:
        return kind, str(value), value.original_string, value.encodings
    return None


Stored = DataElement | RawDataElement
"""An element of a dataset that was read, before and after its value was decoded."""


def values_read(dataset: Dataset, stored: Stored, charset: str) -> tuple[str, tuple[Any, ...]]:
    """Return VR and `plain` values of an element of a dataset that was read; not for sequences.

    `charset`: the result of `charset_of` for the dataset.
    """
    key = _read_key(stored, charset)
    known = _read.get(key) if key is not None else None
    if known is None:
        element = dataset[stored.tag]
        known = (element.VR, plain(element.value))
        if key is not None:
            _remember(_read, key, known)
    return known


def same_items_as_before(meant: DataElement, stored: Stored, charset: str) -> bool:
    """Tell whether a sequence of these bytes was found before to be the one that is meant."""
    return _pair(meant, stored, charset) in _same_items


def remember_same_items(meant: DataElement, stored: Stored, charset: str) -> None:
    """Remember that a sequence which was read is, item by item, the one that was meant."""
    pair = _pair(meant, stored, charset)
    if pair is not None:
        _remember(_same_items, pair, ())


def charset_of(dataset: Dataset) -> str:
    """Return a key for the character set of a dataset that was read, and how its text is decoded."""
    return f"{dataset.get('SpecificCharacterSet')} {original_character_set(dataset)}"


def _read_key(stored: Stored, charset: str) -> Hashable | None:
    """Return what decides how an element reads.

    None where it was read already, is long, or of ambiguous VR.
    """
    if type(stored) is not RawDataElement or stored.VR in (None, "UN") or not 0 <= stored.length <= _LONGEST:
        return None
    return int(stored.tag), stored.VR, stored.value, stored.is_implicit_VR, stored.is_little_endian, charset


def _pair(meant: DataElement, stored: Stored, charset: str) -> Hashable | None:
    read, own = _read_key(stored, charset), _key(meant)
    return None if read is None or own is None else (read, own)


def plain(value: Any) -> tuple[Any, ...]:
    """Return the values of an element, each without what padding adds."""
    return tuple(_unpadded(each) for each in values_of(value))


def values_of(value: Any) -> list[Any]:
    """Return the values of an element as a list; empty where it has none."""
    if isinstance(value, str | bytes | PersonName) or not hasattr(value, "__iter__"):
        return [] if value is None or value in ("", b"") else [value]
    return list(value)


def _unpadded(value: Any) -> Any:
    """Return a value without padding; a decimal string as its text, and so to the last digit."""
    if isinstance(value, bytes):
        return value + b"\0" * (len(value) % 2)
    text = getattr(value, "original_string", None)
    if isinstance(text, str):
        return text.strip()
    if isinstance(value, int | float):
        return value
    return str(value).rstrip(" \0")


def _remember(memory: dict[Hashable, Any], key: Hashable, value: Any) -> None:
    if len(memory) >= _MOST:
        memory.clear()
    memory[key] = value
