"""What is shown of one output's images: thumbnail, histogram, real values, how they are stored."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from ...explain.explain import ledger
from ...imaging.compared import pixel_change
from ...imaging.image import Image, Pixels
from ...imaging.thumbnail import thumbnail
from .model import Bars, Item, Picture, Row
from .overlays import overlays
from .packed import pack
from .place import described

if TYPE_CHECKING:
    from pydicom import Dataset

SIDE = 144
"""Of a thumbnail, in pixels."""
BINS = 64


@dataclass
class Budget:
    """How many characters of full pictures there still may be."""

    left: int

    def take(self, size: int) -> bool:
        """Take so many, where there are."""
        if size > self.left:
            return False
        self.left -= size
        return True


def add_image(
    item: Item, image: Image, made: Image | None, budget: Budget, *, middle: int, side: int = SIDE
) -> None:
    """Add one of an item's images, as its file holds it.

    Args:
        item: what it is added to.
        image: read from the output.
        made: what the recipe gives now in its place, where that is known.
        budget: of full pictures.
        middle: the image of the item, from 0, that stands for all.
        side: of its thumbnail, in pixels.
    """
    number = item.count
    item.count += 1
    if made is not None and made.pixels.shape[:2] == image.pixels.shape[:2]:
        image = _with_geometry(image, made)
    if number == middle:
        content = thumbnail(image.pixels, inverted=image.photometric == "MONOCHROME1", side=side)
        item.thumbnail = b64encode(content).decode("ascii")
        item.bars = bars(image.pixels, "" if middle == 0 else f"image {number + 1}")
    if item.left_out and number != middle:
        return
    packed = pack(image) if budget.left else None
    if packed and budget.take(len(packed.data)):
        item.pictures.append(Picture(described_picture(image, packed.described(), number), packed.data))
    elif not item.left_out:
        _drop(item, budget, middle)


def add_geometry(item: Item, image: Image, short: Callable[[str], str] = str) -> None:
    """Add an image's geometry with its origins, and what was done with it; `short` shortens texts."""
    geometry = image.geometry
    for row in ledger(geometry):
        value = f"{' '.join(f'{number:.10g}' for number in row.value)} {row.unit}" if row.value else "-"
        item.ledger.append(Row(row.name, value, short(str(row.origin))))
    known = {name: getattr(geometry, name) for name in ("gantry", "collimator", "couch")}
    if geometry.patient is None:
        item.angles = {name: value for name, value in known.items() if value is not None}
    if image.history:
        item.facts.append(Row("what was done", "; ".join(image.history)))


def _drop(item: Item, budget: Budget, middle: int) -> None:
    """Give back what an item took that does not fit as a whole; the one in the middle stays."""
    kept = [picture for picture in item.pictures if picture.described["number"] == middle]
    budget.left += sum(len(picture.data) for picture in item.pictures if picture not in kept)
    item.pictures = kept
    item.left_out = "full pictures are left out: the page would be too large; --only names what is wanted"


def _with_geometry(image: Image, made: Image) -> Image:
    """Join what a file does not say to its image: a picture's geometry, and where each value came from."""
    if image.source.format == "dicom":
        return image.replace(geometry=replace(image.geometry, origins=made.geometry.origins))
    return image.replace(geometry=made.geometry, sources=made.sources)


def described_picture(image: Image, packed: dict[str, Any], number: int) -> dict[str, Any]:
    """Return what the script needs of an image besides its values: place, overlays, window."""
    low, high = window(image.pixels)
    return {
        **packed,
        "number": number,
        "inverted": image.photometric == "MONOCHROME1",
        "window": [low, high],
        "hu": image.units == "HU",
        "units": image.units or "",
        "place": described(image.geometry),
        "overlays": [
            {
                "name": each.name,
                "origin": each.origin,
                "lines": each.lines,
                "labels": each.labels,
                "marks": each.marks,
            }
            for each in overlays(image)
        ],
    }


def window(values: Pixels) -> tuple[float, float]:
    """Return the range that a picture is shown over at first: the 0.5 to the 99.5 percentile."""
    step = max(1, -(-max(values.shape[:2]) // 512))
    some = values[::step, ::step].astype(np.float64)
    some = some[np.isfinite(some)]
    if not some.size:
        return 0.0, 1.0
    low, high = (float(each) for each in np.percentile(some, [0.5, 99.5]))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def bars(values: Pixels, of: str) -> Bars | None:
    """Return the histogram of an image's finite values; None where there is none."""
    finite = values.reshape(-1)
    if finite.dtype.kind == "f":
        finite = finite[np.isfinite(finite)].astype(np.float64)
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    counts, _ = np.histogram(finite.astype(np.float64), BINS, (low, high if high > low else low + 1))
    return Bars(tuple(int(count) for count in counts), low, high, of)


def stored_rows(
    image: Image, made: Sequence[Image], written: Sequence[Image], *, picture: bool
) -> Iterator[Row]:
    """Yield how an output's values are stored, and how far they are from what the recipe made.

    Args:
        image: the first one of the output.
        made, written: all images, as the recipe makes them and as the output has them; empty where unknown.
        picture: whether the output is a window of the values, and never the values themselves.
    """
    size = " x ".join(map(str, image.pixels.shape))
    yield Row("pixels", f"{size} {image.pixels.dtype}{f', {image.units}' if image.units else ''}")
    if image.source.dataset is not None:
        yield Row("stored as", _stored(image.source.dataset, image))
    if picture:
        yield Row("largest error", "not a matter here: a picture shows a window of the values")
        return
    if not made:
        return
    worst = 0.0
    for one, other in zip(made, written, strict=False):
        if one.pixels.shape != other.pixels.shape:
            yield Row("largest error", "not computed: colour became grey, or the shape is another")
            return
        change = pixel_change(one.pixels, other.pixels, colour=one.pixels.ndim == 3)
        worst = max(worst, float(change.largest) if change else 0.0)
    yield Row("largest error", "none: every value is the one that was made" if not worst else _number(worst))


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else "a value became none"


def _stored(dataset: Dataset, image: Image) -> str:
    bits, signed = dataset.get("BitsStored"), dataset.get("PixelRepresentation")
    kind = f"{bits} bits, {'signed' if signed else 'unsigned'}" if bits else "floats"
    rescale = ""
    if image.stored is not None and (image.stored.slope, image.stored.intercept) != (1, 0):
        rescale = f", value = stored x {image.stored.slope:.10g} + {image.stored.intercept:.10g}"
    syntax = getattr(dataset.file_meta.get("TransferSyntaxUID"), "name", "")
    return f"{kind}{rescale}, {image.photometric}, {syntax}"
