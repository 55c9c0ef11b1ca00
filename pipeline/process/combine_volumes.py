"""Combine volumes of one grid slice by slice, such as the doses of several beams or plans.

Nothing is resampled here: a volume on another grid is refused by name. Of each file one slice is in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from ..errors import ProcessError
from ..imaging.image import Image, PatientPlane
from ..imaging.tolerances import POSITION, SERIES_DIRECTION, SERIES_SPACING
from .combine import combine

if TYPE_CHECKING:
    from .operations import Combine


def combine_volumes(volumes: Sequence[Iterable[Image]], options: Combine) -> Iterator[Image]:
    """Yield the slices of one volume, each combined from the slices of that place.

    Args:
        volumes: the slices of each, in order along the normal.
        options: as of images.

    Raises:
        ProcessError: volumes on different grids, in different frames of reference or units; as `combine`.
    """
    for slices in zip_longest(*volumes):
        found = [image for image in slices if image is not None]
        if len(found) < len(slices):
            raise ProcessError(
                f"has more slices than another of the {len(slices)} volumes that are combined; {_WAY_OUT}",
                subject=str(found[0].source.path),
            )
        for image in found[1:]:
            _check(found[0], image)
        yield combine(found, options)


_WAY_OUT = (
    "'process: [{resample: {like: FILE}}]' in a conversion of its own puts each on one grid, and 'from' "
    "takes what that writes"
)


def _check(first: Image, image: Image) -> None:
    """Refuse a slice that is not at the place of the first volume's. Raises: ProcessError."""
    other = first.source.path.name
    if image.units != first.units:
        said = [each.units or "no unit" for each in (image, first)]
        raise ProcessError(
            f"has values in {said[0]}, and '{other}', with which it is to be combined, in {said[1]}",
            subject=str(image.source.path),
        )
    one, two = first.geometry.patient, image.geometry.patient
    if one is not None and two is not None and _other_space(one, two):
        raise ProcessError(
            f"is in another frame of reference than '{other}': how they lie to each other is not known",
            subject=str(image.source.path),
            hint="register them in the program that can",
        )
    if image.pixels.shape != first.pixels.shape or not _one_grid(first, image):
        raise ProcessError(
            f"lies on another grid than '{other}': {_shown(image)}, and not {_shown(first)}; {_WAY_OUT}",
            subject=str(image.source.path),
        )


def _other_space(one: PatientPlane, two: PatientPlane) -> bool:
    uids = {one.frame_of_reference, two.frame_of_reference} - {None}
    return len(uids) > 1


def _one_grid(first: Image, image: Image) -> bool:
    one, two = first.geometry.patient, image.geometry.patient
    pitch, other = first.geometry.spacing, image.geometry.spacing
    if one is None or two is None or pitch is None or other is None:
        return one is two and pitch == other
    turned = max(abs(a - b) for a, b in zip(one.orientation, two.orientation, strict=True))
    wider = max(abs(a - b) for a, b in zip(pitch, other, strict=True))
    return (
        math.dist(one.position, two.position) <= POSITION
        and turned <= SERIES_DIRECTION
        and wider <= SERIES_SPACING * max(pitch)
    )


def _shown(image: Image) -> str:
    plane, spacing = image.geometry.patient, image.geometry.spacing
    text = f"{image.rows} x {image.columns}"
    if spacing is not None:
        text += f" of {spacing[0]:.6g} x {spacing[1]:.6g} mm"
    if plane is not None:
        text += f", slice {image.source.page} at ({', '.join(f'{part:.6g}' for part in plane.position)}) mm"
    return text
