"""Handle padding of a DICOM source (PS3.3 C.7.5.1.1.2): pixels that are no image, such as around a circle."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import Note
from ..imaging.image import Image, Pixels

if TYPE_CHECKING:
    from pydicom import Dataset


@contextmanager
def quiet() -> Iterator[None]:
    """Silence pydicom's warnings of values that their VR does not allow.

    Loading the file has reported them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def padding_of(image: Image) -> Pixels | None:
    """Return where the source says there is no image, (rows, columns); None where it declares no padding."""
    stored, dataset = image.stored, image.source.dataset
    if stored is None or dataset is None or image.computed or stored.pixels.ndim != 2:
        return None
    value, limit = _integer(dataset, "PixelPaddingValue"), _integer(dataset, "PixelPaddingRangeLimit")
    if value is None or stored.pixels.dtype.kind not in "iu":
        return None
    ends = sorted(_as_stored(end, stored.pixels.dtype) for end in (value, value if limit is None else limit))
    mask = (stored.pixels >= ends[0]) & (stored.pixels <= ends[1])
    return mask if mask.any() else None


def keep_padding(dataset: Dataset, images: Sequence[Image], stored: Sequence[Pixels]) -> tuple[Note, ...]:
    """Write the source's padding where its integers are those of the output; else note that it is lost."""
    source = images[0].source.dataset
    if source is None or _integer(source, "PixelPaddingValue") is None:
        return ()
    if not images[0].computed and all(padding_of(image) is None for image in images):
        return ()
    for image, pixels in zip(images, stored, strict=True):
        if image.stored is None or not _same(image.stored.pixels, pixels):
            text = (
                "PixelPaddingValue of the source no longer holds: its padding is written as ordinary values"
            )
            return (Note("padding-lost", text),)
    from pydicom import DataElement
    from pydicom.datadict import tag_for_keyword

    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        value, tag = _integer(source, keyword), tag_for_keyword(keyword)
        if value is not None and tag is not None:
            vr = "SS" if stored[0].dtype.kind == "i" else "US"
            dataset[tag] = DataElement(tag, vr, _as_stored(value, stored[0].dtype))
    return ()


def _same(before: Pixels, after: Pixels) -> bool:
    return before is after or (before.dtype == after.dtype and bool(np.array_equal(before, after)))


def _integer(dataset: Dataset, keyword: str) -> int | None:
    try:
        with quiet():
            return int(str(dataset.get(keyword)))
    except (ValueError, TypeError, LookupError, NotImplementedError, OverflowError):
        return None


def _as_stored(value: int, dtype: np.dtype[Any]) -> int:
    """Return a padding value in the type of the pixels: files write -2000 as US 63536, and 63536 as -2000."""
    kind = np.iinfo(dtype)
    if kind.min <= value <= kind.max:
        return value
    wrapped = value % (1 << kind.bits)
    return wrapped - (1 << kind.bits) if wrapped > kind.max else wrapped
