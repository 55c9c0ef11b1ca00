"""What differs between two files of one kind, as their readers see it: tags, properties, pixels."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..printable import printable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from pydicom import Dataset

    Pixels = npt.NDArray[np.generic]

Change = Literal["added", "removed", "changed"]
LONGEST = 60
"""Characters of a value that are shown."""
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_WHERE_IT_LIES = frozenset({"StripOffsets", "StripByteCounts", "TileOffsets", "TileByteCounts"})
"""What a TIFF file says of itself, not of its image."""


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


@dataclass(frozen=True)
class _Content:
    tags: Mapping[str, object]
    pixels: Pixels
    colour: bool = False


def difference(before: bytes, after: bytes, to: str) -> Difference:
    """How two outputs of an export target differ."""
    if before == after:
        return Difference()
    read = _READERS.get(to, _dicom)
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


def _pixels(old: _Content, new: _Content) -> PixelChange | None:
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
    """How far values are apart; exact for every integer, infinite where a number meets none."""
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


def _dicom(content: bytes) -> _Content:
    from pydicom import dcmread

    dataset = dcmread(io.BytesIO(content), force=True)
    tags = dict(_elements(dataset.file_meta, "")) | dict(_elements(dataset, ""))
    return _Content(tags, dataset.pixel_array, dataset.get("SamplesPerPixel", 1) != 1)


def _elements(dataset: Dataset, start: str) -> Iterator[tuple[str, object]]:
    """Every element below a dataset but the pixels, by path, with its VR where the value alone is no text."""
    for element in dataset:
        if element.tag in _PIXELS:
            continue
        name = f"{start}{element.keyword or _number(dataset, element)}"
        if element.VR == "SQ":
            yield f"{name}", f"{len(element.value)} items"
            for number, item in enumerate(element.value):
                yield from _elements(item, f"{name}[{number}].")
        else:
            yield name, element.value if isinstance(element.value, bytes) else str(element.value)


def _number(dataset: Dataset, element: Any) -> str:
    """A tag without keyword, as a recipe writes it."""
    group, number = element.tag.group, element.tag.element
    if element.tag.is_private and number > 0xFF:
        creator = element.private_creator or dataset.get((group, number >> 8), "")
        return f"({group:04X},{getattr(creator, 'value', creator)},{number & 0xFF:02X})"
    return f"({group:04X},{number:04X})"


def _png(content: bytes) -> _Content:
    import imagecodecs
    from PIL import Image

    with Image.open(io.BytesIO(content)) as picture:
        tags = {str(key): value for key, value in picture.info.items()}
    pixels = imagecodecs.png_decode(content)
    return _Content(tags, pixels, pixels.ndim == 3)


def _jpg(content: bytes) -> _Content:
    import imagecodecs
    from PIL import Image

    with Image.open(io.BytesIO(content)) as picture:
        tags = {str(key): value for key, value in picture.info.items()}
    pixels = imagecodecs.jpeg8_decode(content)
    return _Content(tags, pixels, pixels.ndim == 3)


def _tiff(content: bytes) -> _Content:
    import numpy as np
    from tifffile import TiffFile

    with TiffFile(io.BytesIO(content)) as file:
        tags = {
            f"page {number}: {tag.name}" if len(file.pages) > 1 else str(tag.name): tag.value
            for number, page in enumerate(file.pages)
            for tag in page.aspage().tags
            if tag.name not in _WHERE_IT_LIES
        }
        pages = [page.asarray() for page in file.pages]
        colour = file.pages.first.samplesperpixel > 1
    return _Content(tags, pages[0] if len(pages) == 1 else np.stack(pages), colour)


def _npy(content: bytes) -> _Content:
    import numpy as np

    return _Content({}, np.load(io.BytesIO(content), allow_pickle=False))


_READERS: dict[str, Callable[[bytes], _Content]] = {"png": _png, "jpg": _jpg, "tiff": _tiff, "npy": _npy}
"""By target; every other one writes DICOM."""
