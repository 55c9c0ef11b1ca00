"""Find gantry angles in the names of files: ``g090``, ``gantry_90``, ``G180``.

Nothing but a gantry angle is read, and nothing that may be another number: after a bare ``g`` only three
digits, 0 or a multiple of 5 from 10 on are an angle, so that ``g1 g2 g3`` stay numbers. A hyphen before the
digits may be a sign or a separator, so such a name has no angle.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

_ANGLE = re.compile(
    r"(?<![^\W\d_])(?P<word>gantry|gan|g)(?P<gap>[ _=]?)(?P<degrees>[0-9]{1,3})(?![0-9])(?!\.[0-9])", re.I
)
_MOST = 360
_STEP, _LEAST = 5, 10


class Angle(Struct, frozen=True):
    """The parts of a name's stem around the angle in it."""

    before: str
    degrees: int
    after: str
    sure: bool
    """Whether it can be nothing but an angle."""


def angle_in(stem: str) -> Angle | None:
    """Return the one gantry angle that a stem holds; None for none, several, or one beyond 360 degrees."""
    found = list(_ANGLE.finditer(stem))
    if len(found) != 1 or int(found[0]["degrees"]) > _MOST:
        return None
    digits = found[0]["degrees"]
    sure = len(found[0]["word"]) > 1 or len(digits) == len(str(_MOST)) or digits == "0"
    sure = sure or (int(digits) >= _LEAST and int(digits) % _STEP == 0)
    return Angle(stem[: found[0].start("degrees")], int(digits), stem[found[0].end("degrees") :], sure)


def have_angles(stems: Iterable[str]) -> bool:
    """Tell whether names of one folder give gantry angles: each angle in them can be nothing else."""
    found = [angle for angle in map(angle_in, stems) if angle is not None]
    return bool(found) and all(angle.sure for angle in found)
