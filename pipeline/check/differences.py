"""Find what differs between two files of one kind, as their readers see it: tags, properties, pixels."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..exporters.base import Contents
from ..exporters.registry import exporter
from ..printable import printable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.generic]

Change = Literal["added", "removed", "changed"]
LONGEST = 60
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class TagChange:
    """A tag of a DICOM file, or a property of a picture; values as text, shortened."""

    tag: str
    change: Change
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class PixelChange:
    """How many values of how many differ, by how much at most, and where that is (rows from 0)."""

    count: int
    total: int
    largest: float | int
    place: tuple[tuple[str, int], ...]
    """``(("row", 3), ("column", 7))``, with ``page`` and ``sample`` where there are several."""
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """From the first file to the second; empty where a reader sees none."""

    tags: tuple[TagChange, ...] = ()
    pixels: PixelChange | None = None
    what: str = ""
    """What else is to be said: another shape, a file that cannot be read."""

    def __bool__(self) -> bool:
        return bool(self.tags or self.pixels or self.what)


def difference(before: bytes, after: bytes, to: str) -> Difference:
    """Say how two outputs of an export target differ."""
    if before == after:
        return Difference()
    read = exporter(to).contents
    contents = []
    for content in (before, after):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                contents.append(read(content))
        except Exception as error:  # noqa: BLE001  whatever a library says of a file that somebody altered
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            return Difference(what=f"the file cannot be read as {to}: {reason}")
    old, new = contents
    tags = tuple(_tags(old.tags, new.tags))
    if (old.pixels.shape, old.pixels.dtype) != (new.pixels.shape, new.pixels.dtype):
        return Difference(tags, what=f"pixels: {_shape(old.pixels)} -> {_shape(new.pixels)}")
    pixels = _pixels(old, new)
    same = not tags and pixels is None
    return Difference(tags, pixels, "only its encoding differs" if same else "")


def _tags(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[TagChange]:
    for tag in dict.fromkeys((*before, *after)):
        if tag not in after:
            yield TagChange(tag, "removed", before=_short(before[tag]))
        elif tag not in before:
            yield TagChange(tag, "added", after=_short(after[tag]))
        elif before[tag] != after[tag]:
            yield TagChange(tag, "changed", _short(before[tag]), _short(after[tag]))


def _short(value: object) -> str:
    text = f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _shape(pixels: Pixels) -> str:
    return f"{' x '.join(map(str, pixels.shape))} {pixels.dtype}"


def _pixels(old: Contents, new: Contents) -> PixelChange | None:
    import numpy as np

    a, b = old.pixels, new.pixels
    differ = a != b
    if a.dtype.kind in "fc":
        differ &= ~(np.isnan(a) & np.isnan(b))
    count = int(np.count_nonzero(differ))
    if not count:
        return None
    sizes = np.where(differ, _distance(a, b), 0)
    index = tuple(int(part) for part in np.unravel_index(int(np.argmax(sizes)), sizes.shape))
    if not sizes[index]:
        index = tuple(int(part) for part in np.argwhere(differ)[0])
    return PixelChange(
        count, a.size, sizes[index].item(), _place(index, colour=old.colour), str(a[index]), str(b[index])
    )


def _distance(a: Pixels, b: Pixels) -> Pixels:
    """Say how far values are apart; exact for every integer, infinite where a number meets none."""
    import numpy as np

    if a.dtype.kind in "iub":
        low, high = np.minimum(a, b).astype(np.int64), np.maximum(a, b).astype(np.int64)
        return np.subtract(high.view(np.uint64), low.view(np.uint64))
    with np.errstate(invalid="ignore"):
        apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
    return np.where(np.isnan(apart), np.inf, apart)


def _place(index: tuple[int, ...], *, colour: bool) -> tuple[tuple[str, int], ...]:
    names = ("row", "column", "sample") if colour else ("row", "column")
    names = ("page", *names) if len(index) > len(names) else names
    return tuple(zip(names, index, strict=False))
