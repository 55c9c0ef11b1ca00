"""Find the differences between two files of one kind, as their readers see them: tags, properties, pixels."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from ..exporters.registry import exporter
from ..imaging.compared import PixelChange, pixel_change
from ..printable import printable, without_values

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.generic]

Change = Literal["added", "removed", "changed"]
LONGEST = 60
"""The most characters of a value that are shown."""


class TagChange(Struct, frozen=True):
    """A tag of a DICOM file, or a property of a picture; values as text, shortened."""

    tag: str
    change: Change
    before: str = ""
    after: str = ""


class Difference(Struct, frozen=True):
    """The differences from the first file to the second; false where a reader sees none."""

    tags: tuple[TagChange, ...] = ()
    pixels: PixelChange | None = None
    what: str = ""
    """Another difference: the shape, a file that cannot be read."""

    def __bool__(self) -> bool:
        return bool(self.tags or self.pixels or self.what)


def difference(before: bytes, after: bytes, to: str) -> Difference:
    """Return the differences between two outputs of an export target."""
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
            reason = without_values((str(error).splitlines() or [""])[0]) or type(error).__name__
            return Difference(what=f"the file cannot be read as {to}: {reason}")
    old, new = contents
    tags = tuple(tag_changes(old.tags, new.tags))
    if (old.pixels.shape, old.pixels.dtype) != (new.pixels.shape, new.pixels.dtype):
        return Difference(tags, what=f"pixels: {_shape(old.pixels)} -> {_shape(new.pixels)}")
    pixels = pixel_change(old.pixels, new.pixels, colour=old.colour)
    same = not tags and pixels is None
    return Difference(tags, pixels, "only its encoding differs" if same else "")


def tag_changes(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[TagChange]:
    """Yield every tag, or property, that two files do not say alike."""
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
