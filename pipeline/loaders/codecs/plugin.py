"""Decode one compressed frame by one of pydicom's plugins.

Imports little of the project, so that it can run in a process of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

    from ...imaging.image import Pixels

DESCRIBING = (
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
)  # fmt: skip
"""The elements that a decoder reads."""


def description_of(dataset: Dataset) -> dict[str, int | str]:
    """Return the elements of a dataset that decoders need, as plain values."""
    found = ((name, dataset.get(name)) for name in DESCRIBING)
    return {
        name: str(value) if name == "PhotometricInterpretation" else int(value)
        for name, value in found
        if value is not None
    }


def decode_frame(
    syntax: str, plugin: str, described: Mapping[str, int | str], data: bytes
) -> tuple[Pixels, str]:
    """Return the pixels as the codec gives them, and their photometric interpretation now.

    Raises: whatever the plugin raises on damaged data.
    """
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID

    from ...pydicom_versions.frames import decode_frame as decode_one

    single = Dataset()
    single.file_meta = FileMetaDataset()
    single.file_meta.TransferSyntaxUID = UID(syntax)
    for name, value in described.items():
        setattr(single, name, value)
    single.add_new(0x7FE00010, "OB", encapsulate([data]))
    single["PixelData"].is_undefined_length = True
    return decode_one(single, syntax, 0, plugin)
