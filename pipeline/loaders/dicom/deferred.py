"""A dataset whose elements are made when the first of them is asked for.

A volume of hundreds of slices is mostly made of pixels and places: of most slices nobody asks for an element,
and to make sixty of each would take longer than to read its pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset

from ...pydicom_versions.elements import set_original_encoding

Elements = dict[Any, Any]


class DeferredDataset(Dataset):
    """From the first question on a plain `Dataset`."""

    def __init__(self, make: Callable[[], tuple[Elements, FileMetaDataset]], like: Dataset) -> None:
        """`make` gives elements and file meta; `like` was read in the same encoding."""
        super().__init__()
        set_original_encoding(self, like)
        del self.__dict__["_dict"]
        self.__dict__["_make"] = make

    def _be_made(self) -> None:
        make = self.__dict__.pop("_make", None)
        if make is not None:  # a copy shares what was made of the other one
            self.__dict__["_dict"], meta = make()
            self.__dict__.setdefault("file_meta", meta)
        self.__class__ = Dataset  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        if name in ("_dict", "file_meta") and "_make" in self.__dict__:
            self._be_made()
            return self.__dict__[name]
        return super().__getattr__(name)

    def __eq__(self, other: object) -> bool:
        self._be_made()
        return bool(self == other)

    __hash__ = None  # type: ignore[assignment]
