"""Private elements of those that PS3.15 table E.3.10-1 lists as safe: numbers of the acquisition.

Each stands in the standard's text or in the copy of the table that GDCM 3.0 has (``gdcmCleaner.cxx``, BSD
licence). What the table lists as text, bytes, dates or UIDs is left out: nobody knows what sites write there.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import DataElement, Dataset

from .representation import read

_SAFE: dict[str, dict[int, tuple[int, ...]]] = {
    "Philips PET Private Group": {0x7053: (0x00, 0x09)},
    "Philips Imaging DD 001": {0x2001: (0x03,)},
    "Philips MR Imaging DD 001": {0x2005: (0x0D, 0x0E)},
    "SIEMENS MR HEADER": {0x0019: (0x0C, 0x0E, 0x27)},
    "GEMS_ACQU_01": {0x0019: (0x23, 0x24, 0x27)},
    "GEMS_PARM_01": {0x0043: (0x39, 0x6F)},
    "GEMS_SERS_01": {0x0025: (0x07,)},
    "GEMS_HELIOS_01": {0x0045: (0x01, 0x02)},
    "NQHeader": {0x0099: (0x04, 0x10, 0x21)},
    "NQLeft": {0x0199: tuple(range(0x01, 0x17))},
    "NQRight": {0x0299: tuple(range(0x01, 0x17))},
    "ELSCINT1": {0x00E1: (0x21, 0x50), 0x01F1: (0x07, 0x26, 0x27)},
}
"""Creator -> group -> elements within the block."""
_NUMBERS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "UL", "US"})


def safe(dataset: Dataset) -> Iterator[DataElement]:
    """Yield the safe private elements of a dataset, each block with its creator."""
    creators: dict[int, DataElement] = {}
    for tag in sorted(dataset.keys()):
        if not tag.is_private or tag.element < 0x10:
            continue
        if tag.element <= 0xFF:
            found = read(dataset, tag)
            if found is not None:
                creators[tag.group << 16 | tag.element] = found
            continue
        block = tag.group << 16 | tag.element >> 8
        creator = creators.get(block)
        listed = _SAFE.get(str(creator.value).strip(), {}) if creator is not None else {}
        if creator is None or tag.element & 0xFF not in listed.get(tag.group, ()):
            continue
        element = read(dataset, tag)
        if element is not None and element.VR in _NUMBERS:
            yield creator
            yield element
