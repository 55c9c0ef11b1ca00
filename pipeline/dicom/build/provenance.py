"""Name the program that made a DICOM output: Contributing Equipment Sequence (PS3.3 C.12.1.1.5).

The purpose is "Processing Equipment" (PS3.16 CID 7005): what processed composite instances to create new
ones. An instance that stays its source's own has no new item, since nothing was created.
"""

from __future__ import annotations

from pydicom import Dataset
from pydicom.sequence import Sequence

from ...version import PROGRAM, program_version
from ..encode.elements import shallow

_KEYWORD = "ContributingEquipmentSequence"
_PURPOSE = ("109102", "DCM", "Processing Equipment")


def signature() -> Dataset:
    """Return the item that says which program made a file, in which version.

    It does not name the recipe: an image without a namespace is the same instance whatever its recipe is
    called, and the lock names both.
    """
    item, purpose = Dataset(), Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = _PURPOSE
    item.Manufacturer = PROGRAM
    item.ManufacturerModelName = PROGRAM
    item.SoftwareVersions = program_version()
    item.PurposeOfReferenceCodeSequence = Sequence([purpose])
    return item


def sign(dataset: Dataset, item: Dataset) -> None:
    """Add the item after those that the source brought, in place."""
    brought = dataset.get(_KEYWORD)
    setattr(dataset, _KEYWORD, Sequence([*(brought or ()), item]))


def unsigned(dataset: Dataset, item: Dataset) -> Dataset:
    """Return the dataset without that item; the others share their elements with it."""
    plain = shallow(dataset)
    others = [each for each in dataset.get(_KEYWORD) or () if each is not item]
    if len(others) < len(dataset.get(_KEYWORD) or ()):
        del plain[_KEYWORD]
        if others:
            setattr(plain, _KEYWORD, Sequence(others))
    return plain
