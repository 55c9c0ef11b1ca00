"""What `diff` found, for people and for programs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...check.differences import TagChange
from ...diff.compare import GeometryChange, Pair, Shape, Status
from ...errors import ExitStatus
from ...exporters.pictures.text import plain
from ...imaging.compared import PixelChange

STATUSES: tuple[Status, ...] = ("same", "different", "only-a", "only-b", "incomparable")
TAGS = 20
"""Tags that differ and are told one by one."""


def exit_status(pairs: Sequence[Pair]) -> ExitStatus:
    """Return 0 where all is the same, 1 where something differs, 2 where something cannot be compared."""
    found = {pair.status for pair in pairs}
    if "incomparable" in found:
        return ExitStatus.WRONG
    return ExitStatus.DONE if found <= {"same"} else ExitStatus.FAILED


def title(pair: Pair) -> str:
    """Return what a pair is called."""
    return pair.name or f"{pair.a} and {pair.b}"


def diff_lines(pairs: Sequence[Pair], *, tolerance: float, with_tags: bool) -> Iterator[str]:
    """Yield what differs, pair by pair; of several pairs those that are the same are only counted."""
    for pair in pairs:
        if pair.status != "same" or len(pairs) == 1:
            yield from _pair_lines(pair, tolerance, with_tags=with_tags)
    if len(pairs) != 1:
        counts = Counter(pair.status for pair in pairs)
        told = [f"{counts[status]} {_STATUS[status]}" for status in STATUSES if counts[status]]
        yield ", ".join(told) or "no files to compare"


_STATUS = {
    "same": "the same", "different": "different", "only-a": "only in the first folder",
    "only-b": "only in the second folder", "incomparable": "cannot be compared",
}  # fmt: skip


def _pair_lines(pair: Pair, tolerance: float, *, with_tags: bool) -> Iterator[str]:
    names_it = pair.what.startswith((f"{pair.a}: ", f"{pair.b}: "))  # the one file that cannot be read
    told = [*([] if names_it else [title(pair)]), _STATUS[pair.status], *([pair.what] if pair.what else [])]
    yield ": ".join(told)
    if pair.shapes:
        one, other = pair.shapes
        yield f"  {one.format}: {one}" if one == other else f"  {one.format}: {one}; {other.format}: {other}"
    if pair.pixels:
        yield from pixel_lines(pair.pixels, tolerance)
    yield from (f"  {change.name}: {numbers(change.a)} -> {numbers(change.b)}" for change in pair.geometry)
    yield from tag_lines(pair.tags, "tags that differ", with_tags=with_tags)
    yield from tag_lines(
        pair.beside, "tags of storage and identity that differ, and do not count", with_tags=with_tags
    )


def pixel_lines(change: PixelChange, tolerance: float) -> Iterator[str]:
    """Yield how many values differ, by how much, and where."""
    beyond = f" by more than {tolerance:g}" if tolerance else ""
    yield f"  {change.count} of {change.total} values differ{beyond}, by {change.largest:.10g} at most"
    place = ", ".join(f"{name} {number}" for name, number in change.place)
    yield f"  at {place} (from 0): {change.before} -> {change.after}"


def tag_lines(tags: Sequence[TagChange], heading: str, *, with_tags: bool) -> Iterator[str]:
    """Yield tags by name; with their values where that was asked for."""
    if not tags:
        return
    if not with_tags:
        names = ", ".join(tag.tag for tag in tags[:TAGS])
        yield f"  {heading}: {names}{f', and {len(tags) - TAGS} more' if len(tags) > TAGS else ''}"
        return
    yield f"  {heading}:"
    for tag in tags:
        values = {"added": tag.after, "removed": tag.before, "changed": f"{tag.before}' -> '{tag.after}"}
        yield f"    {tag.change} {tag.tag}: '{values[tag.change]}'"


def numbers(value: Any) -> str:
    """Return a number, or several, as text."""
    several = value if isinstance(value, tuple) else (value,)
    return " ".join(f"{number:.10g}" for number in several)


def diff_as_json(
    a: Path, b: Path, pairs: Sequence[Pair], *, tolerance: float, with_tags: bool
) -> dict[str, Any]:
    """Return the same as an object with stable keys; values of tags stand in it only with `with_tags`."""
    counts = Counter(pair.status for pair in pairs)
    return {
        "schema_version": 1,
        "exit_status": int(exit_status(pairs)),
        "a": str(a),
        "b": str(b),
        "tolerance": tolerance,
        "counts": {status: counts[status] for status in STATUSES},
        "pairs": [_pair(pair, with_tags=with_tags) for pair in pairs],
    }


def _pair(pair: Pair, *, with_tags: bool) -> dict[str, Any]:
    return {
        "status": pair.status,
        "a": None if pair.a is None else str(pair.a),
        "b": None if pair.b is None else str(pair.b),
        "shapes": [_shape(shape) for shape in pair.shapes] if pair.shapes else None,
        "pixels": _pixels(pair.pixels) if pair.pixels else None,
        "geometry": [_geometry(change) for change in pair.geometry],
        "tags": [_tag(tag, counts=True, with_tags=with_tags) for tag in pair.tags]
        + [_tag(tag, counts=False, with_tags=with_tags) for tag in pair.beside],
        "what": pair.what or None,
    }


def _shape(shape: Shape) -> dict[str, Any]:
    return {
        "format": shape.format,
        "shape": list(shape.shape) or None,
        "dtype": shape.dtype or None,
        "pages": shape.pages,
    }


def _pixels(change: PixelChange) -> dict[str, Any]:
    return {
        "count": change.count,
        "total": change.total,
        "largest": change.largest if math.isfinite(change.largest) else None,
        "place": dict(change.place),
        "a": change.before,
        "b": change.after,
    }


def _geometry(change: GeometryChange) -> dict[str, Any]:
    return {"name": change.name, "a": plain(change.a), "b": plain(change.b)}


def _tag(tag: TagChange, *, counts: bool, with_tags: bool) -> dict[str, Any]:
    values = {"a": tag.before, "b": tag.after} if with_tags else {}
    return {"tag": tag.tag, "change": tag.change, "counts": counts, **values}
