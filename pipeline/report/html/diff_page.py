"""The page of a comparison: two pictures side by side, blinking, and their difference on its own scale."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ...diff.compare import Pair
from ...diff.side import open_side
from ...errors import DicombakeError
from ...imaging.thumbnail import thumbnail
from ...loaders.options import Limits, SourceOptions
from ..commands.diffed import STATUSES, numbers, title
from .model import BUDGET, Picture, Pictures, Row
from .packed import pack
from .page import rendered
from .shown import SIDE, Budget, described_picture

_STATUS = {
    "only-a": "only in the first",
    "only-b": "only in the second",
    "incomparable": "cannot be compared",
}


@dataclass
class Compared:
    """One pair as the page shows it."""

    title: str
    status: str
    pair: Pair
    facts: list[Row] = field(default_factory=list)
    tags: list[Row] = field(default_factory=list)
    a: list[Picture] = field(default_factory=list)
    b: list[Picture] = field(default_factory=list)
    thumbnail: str = ""
    left_out: str = ""
    place: dict[str, int] = field(default_factory=dict)
    """Where the largest difference is: row, column, and number of the image."""


def diff_page(
    names: tuple[str, str],
    pairs: Sequence[Pair],
    *,
    tolerance: float,
    raw: SourceOptions | None,
    pictures: Pictures,
    with_tags: bool,
) -> bytes:
    """Return the page of what `compare` found; the files are read again for their pictures."""
    budget = Budget(BUDGET)
    found = []
    for number, pair in enumerate(pairs):
        wanted = pictures == "all" or (pictures == "first" and not number)
        found.append(_compared(pair, raw, budget if wanted else Budget(0), with_tags=with_tags))
    counts = Counter(each.status for each in found)
    order = [_STATUS.get(status, status) for status in STATUSES]
    return rendered(
        "diff.html",
        ("diff.js",),
        title=f"{names[0]} and {names[1]}",
        names=names,
        pairs=found,
        counts=[(name, counts[name]) for name in order if counts[name]],
        tolerance=tolerance,
        with_tags=with_tags,
        filters=[("status", sorted(counts))],
    )


def _compared(pair: Pair, raw: SourceOptions | None, budget: Budget, *, with_tags: bool) -> Compared:
    found = Compared(title(pair), _STATUS.get(pair.status, pair.status), pair)
    found.facts = list(_facts(pair))
    for tag in (*pair.tags, *pair.beside):
        counts = "" if tag in pair.tags else "does not count: storage or identity"
        values = f"{tag.change}: '{tag.before}' -> '{tag.after}'" if with_tags else tag.change
        found.tags.append(Row(tag.tag, values, counts))
    if pair.pixels:
        place = dict(pair.pixels.place)
        found.place = {"number": place.get("page", 0), "row": place["row"], "column": place["column"]}
    if pair.a is not None and pair.b is not None and pair.shapes and all(each.pages for each in pair.shapes):
        _look(found, pair.a, pair.b, raw, budget)
    return found


def _facts(pair: Pair) -> list[Row]:
    rows = [Row("result", pair.what)] if pair.what else []
    for name, shape in zip("AB", pair.shapes or (), strict=False):
        rows.append(Row(name, f"{shape.format}: {shape}"))
    if pair.pixels:
        change = pair.pixels
        place = ", ".join(f"{name} {number}" for name, number in change.place)
        rows.append(Row("values that differ", f"{change.count} of {change.total}"))
        rows.append(Row("largest difference", f"{change.largest:.10g}"))
        rows.append(Row("where", f"{place} (from 0): {change.before} -> {change.after}"))
    elif pair.shapes and not pair.what:
        rows.append(Row("values that differ", "none"))
    changes = (Row(each.name, f"{numbers(each.a)} -> {numbers(each.b)}") for each in pair.geometry)
    return [*rows, *changes]


def _look(found: Compared, a: Path, b: Path, raw: SourceOptions | None, budget: Budget) -> None:
    """Read both sides again, as far as there is room for their pictures."""
    limits = Limits()
    size = 0
    try:
        images = zip_longest(open_side(a, raw, limits).images, open_side(b, raw, limits).images)
        for number, sides in enumerate(images):
            if number == 0 and sides[0] is not None:
                content = thumbnail(
                    sides[0].pixels, inverted=sides[0].photometric == "MONOCHROME1", side=SIDE
                )
                found.thumbnail = b64encode(content).decode("ascii")
            for image, pictures in zip(sides, (found.a, found.b), strict=True):
                if image is None:
                    continue
                packed = pack(image)
                size += len(packed.data)
                if size > budget.left:
                    found.left_out, found.a, found.b = "full pictures are left out: no room for them", [], []
                    return
                described: dict[str, Any] = described_picture(image, packed.described(), number)
                pictures.append(Picture(described, packed.data))
    except (DicombakeError, OSError):
        found.a, found.b = [], []  # it changed since it was compared
        return
    budget.take(size)
