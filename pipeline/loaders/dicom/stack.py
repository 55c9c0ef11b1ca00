"""Put the slices of one series in order along their normal, or give the reason why they are no volume.

Nothing is resampled here and nothing repaired: what PS3.3 C.7.6.2 says of each slice has to fit that of the
others. The tolerances allow for numbers as files write them, not for what would still look right.

Why files are not sorted by InstanceNumber or SliceLocation: both are free text to many scanners, run
backwards, start anew or repeat. The place of a slice is its position along the normal of its plane, and
nothing else. Two slices at one place are two series in one folder, a missing one is a gap, and a drift
sideways is a tilted gantry. Each would give a volume that looks right and measures wrong, so each is refused
with the names of its files.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from statistics import median

from msgspec import Struct

from ...errors import SourceError
from ...imaging.image import PatientPlane
from ...imaging.tolerances import POSITION, SERIES_DIRECTION, SERIES_SPACING, STEP
from ...imaging.vectors import Vector, dot, normal_of

_RESAMPLE = "'process: [{resample: {spacing: [row, column, slice]}}]'"
TOLD = 3
"""The most places that one message names."""


class Slice(Struct, frozen=True):
    """The place and the kind of values of one file's slice, from its header."""

    path: Path
    shape: tuple[int, int]
    """Rows, columns."""
    spacing: tuple[float, float]
    """Between rows, between columns, in mm."""
    plane: PatientPlane
    dtype: str
    """Of the modality values."""
    units: str | None
    photometric: str
    modality: str = ""

    @property
    def name(self) -> str:
        return self.path.name


class Stack(Struct, frozen=True):
    """Slices in order along the normal of their planes (row x column)."""

    slices: tuple[Slice, ...]
    spacing: float | None
    """Between the centres of neighbours, in mm, by their positions; None for a single slice, and where they
    may lie at any distance."""


def stacked(slices: Sequence[Slice], subject: str, *, any_distance: bool = False) -> Stack:
    """Return the slices in order; `any_distance`: they may lie unevenly, and not above each other.

    Raises:
        SourceError: slices that differ in what they are, a tilted gantry, two slices in one place, slices
            that are missing or unevenly spaced; each with the files it is about.
    """
    _alike(slices, subject)
    first = slices[0].plane
    normal = normal_of(first.orientation)
    ordered = sorted(slices, key=lambda each: (_along(each, normal), each.path.as_posix()))
    places = [_along(each, normal) for each in ordered]
    if not any_distance:
        _check_sideways(ordered, normal, subject)
    steps = [after - before for before, after in itertools.pairwise(places)]
    _check_doubled(ordered, places, steps, subject)
    if any_distance:
        return Stack(tuple(ordered), None)
    _check_steps(ordered, places, steps, subject)
    spacing = (places[-1] - places[0]) / len(steps) if steps else None
    return Stack(tuple(ordered), None if spacing is None else round(spacing, 10))


def _along(each: Slice, normal: Vector) -> float:
    return dot(each.plane.position, normal)


def _alike(slices: Sequence[Slice], subject: str) -> None:
    """Compare the slices. Raises: SourceError, naming the slices that are not as most of them are."""
    _same(slices, lambda each: each.modality, "modality", "{}", subject)
    _same(slices, lambda each: each.shape, "shape", "{0[0]} x {0[1]}", subject)
    _same(slices, lambda each: each.photometric, "photometric interpretation", "{}", subject)
    _same(slices, lambda each: each.plane.frame_of_reference, "frame of reference", "{}", subject)
    _same(slices, lambda each: each.units, "unit of its values", "{}", subject)
    _same(slices, lambda each: each.dtype, "type of its values after the rescale", "{}", subject)
    first = slices[0]
    for other in slices[1:]:
        if not _close(first.plane.orientation, other.plane.orientation, SERIES_DIRECTION):
            raise SourceError(
                f"is no volume: '{other.name}' has another orientation ({_joined(other.plane.orientation)}) "
                f"than '{first.name}' ({_joined(first.plane.orientation)})",
                subject=subject,
                hint="keep localizers and slices of other directions out with 'exclude' or 'group_by'",
            )
        if not _close(first.spacing, other.spacing, SERIES_SPACING * max(first.spacing)):
            raise SourceError(
                f"is no volume: '{other.name}' has another pixel spacing ({_joined(other.spacing)} mm) "
                f"than '{first.name}' ({_joined(first.spacing)} mm)",
                subject=subject,
            )


def _same(
    slices: Sequence[Slice], of: Callable[[Slice], Hashable], what: str, shown: str, subject: str
) -> None:
    counts = Counter(of(each) for each in slices)
    if len(counts) == 1:
        return
    usual = counts.most_common(1)[0][0]
    other = next(each for each in slices if of(each) != usual)
    raise SourceError(
        f"is no volume: '{other.name}' has another {what} ({shown.format(of(other))}) "
        f"than {counts[usual]} of the {len(slices)} slices ({shown.format(usual)})",
        subject=subject,
    )


def _close(one: Sequence[float], other: Sequence[float], tolerance: float) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


def _joined(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:.6g}" for number in numbers)


def _check_sideways(ordered: Sequence[Slice], normal: Vector, subject: str) -> None:
    """Refuse slices that do not lie on one line along the normal: their volume is sheared."""
    first = ordered[0]
    for other in ordered[1:]:
        way = [b - a for a, b in zip(first.plane.position, other.plane.position, strict=True)]
        along = dot(way, normal)
        aside = math.hypot(*(w - along * n for w, n in zip(way, normal, strict=True)))
        if aside <= POSITION + SERIES_DIRECTION * abs(along):
            continue
        if abs(along) <= POSITION:
            what = f"beside each other, {aside:.4g} mm apart in one plane"
            hint = "keep one stack, with 'exclude' or 'group_by'"
        else:
            tilt = math.degrees(math.atan2(aside, abs(along)))
            what = f"in a direction that is tilted by {tilt:.3g} degrees from the normal of their planes"
            hint = f"{_RESAMPLE} makes a straight grid of a tilted one"
        raise SourceError(
            f"is no volume: '{first.name}' and '{other.name}' lie {what} (gantry tilt, or slices of several "
            "stacks)",
            subject=subject,
            hint=hint,
        )


def _check_doubled(
    ordered: Sequence[Slice], places: Sequence[float], steps: Sequence[float], subject: str
) -> None:
    pairs = list(itertools.pairwise(range(len(ordered))))
    doubled = [pair for pair, step in zip(pairs, steps, strict=True) if step <= POSITION]
    if doubled:
        raise SourceError(
            "is no volume: " + _several([_doubled(ordered, places, pair) for pair in doubled]),
            subject=subject,
        )


def _check_steps(
    ordered: Sequence[Slice], places: Sequence[float], steps: Sequence[float], subject: str
) -> None:
    pairs = list(itertools.pairwise(range(len(ordered))))
    usual = median(steps) if steps else 0.0
    uneven = [
        f"{step:.6g} mm from '{ordered[a].name}' (at {places[a]:.6g} mm) to "
        f"'{ordered[b].name}' (at {places[b]:.6g} mm){_missing(step, usual)}"
        for (a, b), step in zip(pairs, steps, strict=True)
        if abs(step - usual) > max(POSITION, STEP * usual)
    ]
    if uneven:
        raise SourceError(
            f"is no volume: its slices are {usual:.6g} mm apart, but {_several(uneven)}",
            subject=subject,
            hint=f"{_RESAMPLE} makes an even grid, and fills gaps",
        )


def _doubled(ordered: Sequence[Slice], places: Sequence[float], pair: tuple[int, int]) -> str:
    one, other = ordered[pair[0]], ordered[pair[1]]
    return f"'{one.name}' and '{other.name}' lie in one place, at {places[pair[0]]:.6g} mm along the normal"


def _missing(step: float, usual: float) -> str:
    """Return how many slices a gap lacks, where it is a whole number of steps."""
    count = round(step / usual)
    if count < 2 or abs(step - count * usual) > max(POSITION, STEP * usual) * count:
        return ""
    return ", where one slice is missing" if count == 2 else f", where {count - 1} slices are missing"


def _several(phrases: Sequence[str]) -> str:
    more = len(phrases) - TOLD
    return "; ".join(phrases[:TOLD]) + (f"; and at {more} more places" if more > 0 else "")
