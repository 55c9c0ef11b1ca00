"""Give a dataset's values by their keywords, for ``{source.X}`` and for the text in pictures."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ....schemas.language.vr import BYTES
from .dataset import broken

if TYPE_CHECKING:
    from pydicom import Dataset

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_NO_VALUES = BYTES | {"SQ"}
"""VRs that a template cannot show."""


class DicomProperties(Mapping[str, Any]):
    """Top level elements by keyword (or by eight hex digits), read when they are first needed.

    Values are text, int, float, or a list of these. Sequences, bytes, empty elements and values that their VR
    does not allow are left out.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    @property
    def dataset(self) -> Dataset:
        """The elements themselves."""
        return self._dataset

    def __getitem__(self, key: str) -> Any:
        value = _plain(self._dataset, int(key, 16) if _TAG.fullmatch(key) else key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        from pydicom.datadict import keyword_for_tag

        for tag in sorted(self._dataset.keys()):
            key = keyword_for_tag(tag)
            if key and key in self:
                yield key

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"DicomProperties({len(self._dataset)} elements)"


def _plain(dataset: Dataset, key: str | int) -> Any:
    """Return the value as Python's own type; None where there is none."""
    from pydicom.tag import Tag

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tag = Tag(key)
            if tag not in dataset:
                return None
            element = dataset[tag]
            if element.VR in _NO_VALUES or element.is_empty:
                return None
            values = [_item(part) for part in (element.value if element.VM > 1 else [element.value])]
            if element.VR in ("DS", "IS") and any(isinstance(value, str) for value in values):
                return None
            return values if element.VM > 1 else values[0]
    except broken():
        # An unknown keyword, or bytes that are no value of their VR.
        return None


def _item(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return str(value)
