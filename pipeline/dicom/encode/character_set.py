"""Choose the character set that is written: Unicode, or the source's own where that does not fit its text.

Text that does not fit the declared set was read byte for byte. Written in the same way under the same set, it
is what the source had (PS3.5 6.1 has no other place for it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydicom import DataElement, Dataset
from pydicom.charset import convert_encodings
from pydicom.multival import MultiValue

from ...errors import ExportError
from ...imaging.image import Image
from ...loaders.dicom.text import BYTE_FOR_BYTE, TEXT

UNICODE = "ISO_IR 192"
_TAG = 0x00080005


class AsItWas(str):
    """A declared set whose dataset holds text byte for byte."""

    __slots__ = ()


def state_character_set(dataset: Dataset, images: Sequence[Image]) -> None:
    """Set SpecificCharacterSet to Unicode, or keep that of a source whose text it does not fit.

    Of several such sources the first one counts.
    """
    source = next((each for image in images for each in image.sources if each.undecoded), None)
    if source is None or source.dataset is None:
        dataset.SpecificCharacterSet = UNICODE
        return
    declared = source.dataset.get("SpecificCharacterSet")
    if "SpecificCharacterSet" in dataset:
        del dataset.SpecificCharacterSet
    if declared:
        several = isinstance(declared, MultiValue)
        value = MultiValue(AsItWas, list(declared)) if several else AsItWas(declared)
        dataset[_TAG] = DataElement(_TAG, "CS", value, already_converted=True)


def is_as_it_was(dataset: Dataset) -> bool:
    declared = dataset.get("SpecificCharacterSet")
    return isinstance(declared[0] if isinstance(declared, MultiValue) else declared, AsItWas)


def encodings_of(dataset: Dataset) -> list[str]:
    """Return pydicom's names of the encodings that the text of a dataset is written in."""
    if is_as_it_was(dataset):
        return [BYTE_FOR_BYTE]
    declared = dataset.get("SpecificCharacterSet") or ""
    return convert_encodings(list(declared) if isinstance(declared, MultiValue) else declared)


def refuse_other_text(dataset: Dataset) -> None:
    """Refuse text (of the recipe, say) that has no byte in a set that is kept. Raises: ExportError."""
    for name, text in _texts(dataset):
        if not text.isascii() and max(map(ord, text)) > 0xFF:
            raise ExportError(
                f"{name} cannot be written in the character set of the source, which is kept since it does "
                "not explain all of the source's text",
                hint="say which set it is, as in source: {format: dicom, charset: GB18030}",
            )


def _texts(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield each text of a dataset and its items, with the name of its element."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _texts(item)
        elif element.VR in TEXT:
            several = element.VM > 1
            yield from (
                (str(element.name), str(each)) for each in (element.value if several else [element.value])
            )
