"""Find angles in the names of files: ``g090``, ``gantry_90``, ``G180_C0_T10``, ``coll90``, ``couch 350``.

Nothing is read that may be another number. After ``g`` alone only three digits, 0 or a multiple of 5 from 10
on are an angle, so that ``g1 g2 g3`` stay numbers. ``c``, ``t`` and ``table`` are collimator and couch by the
same rule, and only beside a gantry angle. A hyphen before the digits may be a sign or a separator, so such a
name has no angle there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from ..imaging.angles import Axis

_WORDS: dict[Axis, str] = {
    "gantry": "gantry|gan|g",
    "collimator": "collimator|colli|coll|c",
    "couch": "couch|table|t",
}
_ANGLE = re.compile(
    rf"(?<![^\W\d_])(?:{'|'.join(f'(?P<{axis}>{words})' for axis, words in _WORDS.items())})"
    r"[ _=]?(?P<degrees>[0-9]{1,3})(?![0-9])(?!\.[0-9])",
    re.I,
)
_BESIDE_GANTRY = ("c", "t", "table")
_DOUBTFUL = ("g", *_BESIDE_GANTRY)
"""Words that stand before other numbers, too."""
_MOST = 360
_STEP, _LEAST = 5, 10


class Angle(Struct, frozen=True):
    """An angle in a name's stem."""

    axis: Axis
    start: int
    stop: int
    """Its digits are from here to there."""
    degrees: int
    sure: bool
    """Whether it can be nothing but an angle."""


def angles_in(stem: str) -> list[Angle]:
    """Return the angles of a stem, in its order; none of an axis that has several, or above 360."""
    found = [
        (match[axis].lower(), _angle(match, axis))
        for match in _ANGLE.finditer(stem)
        for axis in _WORDS
        if match[axis]
    ]
    axes = [angle.axis for _, angle in found]
    once = [each for each in found if axes.count(each[1].axis) == 1 and each[1].degrees <= _MOST]
    gantry = any(angle.axis == "gantry" and angle.sure for _, angle in once)
    return [angle for word, angle in once if gantry or word not in _BESIDE_GANTRY]


def _angle(match: re.Match[str], axis: Axis) -> Angle:
    digits = match["degrees"]
    sure = match[axis].lower() not in _DOUBTFUL or len(digits) == len(str(_MOST)) or digits == "0"
    sure = sure or (int(digits) >= _LEAST and int(digits) % _STEP == 0)
    return Angle(axis, *match.span("degrees"), int(digits), sure)


def sure_axes(stems: Iterable[str]) -> set[Axis]:
    """Return the axes whose angles the names of one folder give: each of them can be nothing else."""
    found = [angle for stem in stems for angle in angles_in(stem)]
    return {angle.axis for angle in found} - {angle.axis for angle in found if not angle.sure}


def around(stem: str, axes: Sequence[Axis]) -> tuple[list[str], list[int]]:
    """Return the texts around the angles of these axes in a stem, and the angles (degrees), in its order."""
    texts, degrees, start = [], [], 0
    for angle in angles_in(stem):
        if angle.axis in axes:
            texts.append(stem[start : angle.start])
            degrees.append(angle.degrees)
            start = angle.stop
    return [*texts, stem[start:]], degrees
