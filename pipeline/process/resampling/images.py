"""Resample one image in its own plane: a spacing, or the grid of another image in that plane."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ...imaging.exact import not_exact
from ...imaging.image import Geometry, Image, Origin, Pixels
from ...imaging.move import Move, shift
from ...imaging.tolerances import COMBINED_DISTANCE, DIRECTION, POSITION, STATED_DISTANCE
from ...imaging.vectors import dot, normal_of
from ..common import computed, number, refusal, refuse_not_finite
from ..filters import refuse_large, rounded
from ..known import Known
from ..placement import moved
from .interpolate import in_plane, inside, snapped
from .lattice import whole_count

if TYPE_CHECKING:
    from ..operations import Resample

AIR = -1000.0
"""HU of what lies outside of a CT."""


def resample(image: Image, options: Resample, known: Known) -> Image:
    """Give an image a new grid over the same place; its type stays, integers are rounded half to even.

    Raises: ProcessError for an image without a spacing, a grid in another plane, NaN, or a result beyond
        `limits`; SourceError.
    """
    spacing = image.geometry.spacing
    if spacing is None:
        raise refusal(
            image,
            "resample needs a spacing, and nobody gives one",
            "give geometry.dpi or geometry.pixel_spacing",
        )
    if options.like is not None:
        (rows, columns), new, offset = _like(image, spacing, options.like, known)
    else:
        (rows, columns), new, offset = _spaced(image, spacing, options)
    known.check_size(image, rows, columns, options.op)
    move = Move(((new[0] / spacing[0], 0.0), (0.0, new[1] / spacing[1])), offset)
    if move == shift(0, 0) and (rows, columns) == (image.rows, image.columns):
        return image
    check_values(image, options)
    pixels = _resampled(image, move, (rows, columns), options)
    following = moved(image, shift(*offset), options.op)
    geometry = following.geometry.having(Origin("derived", f"{options.op}, {_said(options)}"), spacing=new)
    following = following.replace(geometry=geometry, move=move.after(image.move))
    return computed(following, pixels, phrase(options, (*new,)))


def phrase(options: Resample, spacing: tuple[float, ...]) -> str:
    """Say what was done, for the history."""
    how = "linear" if options.order else "nearest pixel"
    shown = " x ".join(number(round(each, 6)) for each in spacing)
    return f"resampled to {shown} mm ({how})"


def _said(options: Resample) -> str:
    return "spacing" if options.like is None else f"'{options.like}'"


def check_values(image: Image, options: Resample) -> None:
    """Refuse values that cannot be interpolated. Raises: ProcessError."""
    if options.order == 0:
        return
    if image.photometric == "RGBA":
        raise refusal(image, "resample cannot interpolate transparency", "'order: 0' takes the nearest pixel")
    pixels = image.pixels
    if pixels.dtype.kind == "f":
        refuse_not_finite(image, pixels, options.op)
    else:
        refuse_large(image, pixels, options.op)


def outside_value(image: Image, options: Resample) -> np.generic:
    """Return the value of what lies outside, in the image's type. Raises: ProcessError, if it has no room."""
    value = options.outside
    if value is None:
        value = AIR if image.units == "HU" else 0.0
    wanted = np.array(value)
    if not_exact(wanted, image.pixels.dtype).any():
        raise refusal(
            image,
            f"resample: parts of the new grid lie outside of the source, and {number(value)} does not fit "
            f"{image.pixels.dtype}",
            "'outside' says another value",
        )
    found: np.generic = image.pixels.dtype.type(wanted[()])
    return found


def _spaced(
    image: Image, spacing: tuple[float, float], options: Resample
) -> tuple[tuple[int, int], tuple[float, float], tuple[float, float]]:
    """Return rows and columns, the spacing, and where the first new pixel was, in old ones."""
    assert options.spacing is not None
    if len(options.spacing) == 3:
        raise refusal(
            image,
            "resample: an image has no slices, and 'spacing' has a third number",
            "name two: row, column",
        )
    new = (options.spacing[0], options.spacing[-1])
    sizes, offsets = [], []
    for count, old, wanted in zip((image.rows, image.columns), spacing, new, strict=True):
        whole = whole_count(count * old / wanted)
        sizes.append(whole)
        # the middle stays where it is: what whole pixels leave over is shared by both ends
        offsets.append((count - 1) / 2 - (whole - 1) / 2 * (wanted / old))
    return (sizes[0], sizes[1]), new, (offsets[0], offsets[1])


def _like(
    image: Image, spacing: tuple[float, float], name: str, known: Known
) -> tuple[tuple[int, int], tuple[float, float], tuple[float, float]]:
    other = known.operand(image, name)
    new = other.geometry.spacing
    if new is None:
        raise refusal(image, f"resample: '{name}' has no spacing")
    way = _way(image, image.geometry, other.geometry, name)
    return (other.rows, other.columns), new, (way[0] / spacing[0], way[1] / spacing[1])


def _way(image: Image, one: Geometry, other: Geometry, name: str) -> tuple[float, float]:
    """Return mm from the first pixel of one image to that of another, down and along.

    Raises: ProcessError where that is not known, or they lie in two planes.
    """
    if one.patient is not None and other.patient is not None:
        here, there = one.patient, other.patient
        frames = {here.frame_of_reference, there.frame_of_reference} - {None}
        if len(frames) > 1:
            raise refusal(image, f"resample: '{name}' has another frame of reference")
        start, end, orientation, turned = (
            here.position, there.position, here.orientation, there.orientation
        )  # fmt: skip
    elif None not in (one.position, other.position, one.orientation, other.orientation):
        assert one.position and other.position and one.orientation and other.orientation
        _same_receptor(image, one, other, name)
        start, end = (*one.position, 0.0), (*other.position, 0.0)
        orientation, turned = one.orientation, other.orientation
    else:
        raise refusal(
            image,
            f"resample: nobody says where this image and '{name}' lie to each other",
            "geometry.center says it of an image; 'spacing' needs no other one",
        )
    if any(abs(a - b) > DIRECTION for a, b in zip(orientation, turned, strict=True)):
        raise refusal(image, f"resample: '{name}' has another orientation than this image")
    way = [b - a for a, b in zip(start, end, strict=True)]
    if abs(dot(normal_of(orientation), way)) > POSITION:
        raise refusal(image, f"resample: '{name}' lies in another plane than this image")
    return dot(orientation[3:], way), dot(orientation[:3], way)


def _same_receptor(image: Image, one: Geometry, other: Geometry, name: str) -> None:
    """Refuse images of receptors at two places. Raises: ProcessError."""
    apart = None not in (one.sid, other.sid) and abs((one.sid or 0) - (other.sid or 0)) > STATED_DISTANCE
    shifts = (one.translation, other.translation)
    if shifts[0] and shifts[1]:
        apart |= math.dist(shifts[0], shifts[1]) > COMBINED_DISTANCE
    if apart:
        raise refusal(image, f"resample: the receptor of '{name}' was at another place")


def _resampled(image: Image, move: Move, shape: tuple[int, int], options: Resample) -> Pixels:
    rows, columns = (
        snapped(np.arange(count, dtype=np.float64) * move.matrix[axis][axis] + move.offset[axis])
        for axis, count in enumerate(shape)
    )
    within = inside(rows, image.rows)[:, np.newaxis] & inside(columns, image.columns)
    planes = image.pixels[..., np.newaxis] if image.pixels.ndim == 2 else image.pixels
    result = np.empty((*shape, planes.shape[2]), image.pixels.dtype)
    for sample in range(planes.shape[2]):
        found = in_plane(planes[..., sample], rows[:, np.newaxis], columns[np.newaxis], options.order)
        result[..., sample] = rounded(found, result.dtype) if options.order else found
    if not within.all():
        result[~within] = outside_value(image, options)
    return result.reshape(shape if image.pixels.ndim == 2 else result.shape)
