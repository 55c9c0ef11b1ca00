"""Character sets of text (PS3.5 6.1): check the declared one against the bytes, and read text in another one.

`BYTE_FOR_BYTE` reads each byte as the character of its number, so that writing gives the same bytes again.
"""

from __future__ import annotations

import codecs
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset

BYTE_FOR_BYTE = "iso8859"
"""The encoding that pydicom reads undeclared text in."""

TEXT = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""VRs whose text SpecificCharacterSet applies to (PS3.5 6.1.2.2)."""
_ESCAPE = b"\x1b"


def is_charset(name: str) -> bool:
    """Tell whether this is a Defined Term of SpecificCharacterSet or a name of one of Python's encodings."""
    from pydicom.charset import python_encoding

    return name in python_encoding or _is_python(name)


def _is_python(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        return False


def explained(element: Any, encodings: str | Sequence[str] | None) -> bool:
    """Tell whether a text element's bytes are text in `encodings`, pydicom's names of the declared set."""
    value = element.value
    if element.VR not in TEXT or not isinstance(value, bytes) or value.isascii():
        return True
    names = [encodings] if isinstance(encodings, str) else list(encodings or [BYTE_FOR_BYTE])
    if names[0] == BYTE_FOR_BYTE and _ESCAPE not in value:
        return False
    if len(names) == 1:
        try:
            value.decode(names[0])
        except (UnicodeError, LookupError):
            return False
        return True
    return _decodes_with_extensions(value, names)


def _decodes_with_extensions(value: bytes, names: list[str]) -> bool:
    from pydicom.charset import decode_bytes
    from pydicom.valuerep import TEXT_VR_DELIMS

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            decode_bytes(value, names, TEXT_VR_DELIMS)
        except (UnicodeError, LookupError, ValueError):
            return False
    return not said


def read_as(dataset: Dataset, charset: str | None) -> None:
    """Read the text of a dataset and its items, none of it read yet, in `charset`; None: byte for byte."""
    from pydicom.charset import convert_encodings

    _set_encodings(dataset, convert_encodings(charset) if charset else BYTE_FOR_BYTE)


def _set_encodings(dataset: Dataset, encodings: str | list[str]) -> None:
    from ...pydicom_versions.elements import set_original_encoding

    set_original_encoding(dataset, dataset, encodings)
    for element in dataset._dict.values():
        if element.VR == "SQ" and not isinstance(element.value, bytes | None):
            for item in element.value:
                _set_encodings(item, encodings)
