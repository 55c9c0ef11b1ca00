"""Operations that move pixels without changing their values, dtype or stored integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs

from ..errors import Note
from ..imaging.exact import not_exact
from ..imaging.image import Image, Pixels
from ..imaging.move import Move, shift
from .common import computed, number, plural, refusal
from .known import Known
from .placement import moved

if TYPE_CHECKING:
    from .operations import Crop, FlipHorizontal, FlipVertical, Pad, Roll, Rotate90


def _rearranged(
    image: Image, change: Callable[[Pixels], Pixels], move: Move, does: str, phrase: str
) -> Image:
    pixels = np.ascontiguousarray(change(image.pixels))
    stored = image.stored
    if stored is not None:
        same = stored.pixels is image.pixels
        stored = structs.replace(
            stored, pixels=pixels if same else np.ascontiguousarray(change(stored.pixels))
        )
    following = moved(image, move, does)
    return following.replace(pixels=pixels, stored=stored, history=(*image.history, phrase))


def crop(image: Image, options: Crop) -> Image:
    """Remove edges. Raises: ProcessError if nothing would be left."""
    rows, columns = image.rows - options.top - options.bottom, image.columns - options.left - options.right
    if rows < 1 or columns < 1:
        raise refusal(
            image,
            f"crop of {options.top} + {options.bottom} rows and {options.left} + {options.right} columns"
            f" leaves nothing of {image.rows} rows and {image.columns} columns",
        )
    if (rows, columns) == (image.rows, image.columns):
        return image
    edges = ("top", "bottom", "left", "right")
    cut = ", ".join(f"{edge} {getattr(options, edge)}" for edge in edges if getattr(options, edge))
    return _rearranged(
        image,
        lambda pixels: pixels[options.top : options.top + rows, options.left : options.left + columns],
        shift(options.top, options.left),
        "crop",
        f"cropped ({cut})",
    )


def flip_vertical(image: Image, options: FlipVertical) -> Image:
    """Mirror the image so that the first row becomes the last."""
    move = Move(((-1, 0), (0, 1)), (image.rows - 1, 0))
    return _rearranged(image, np.flipud, move, options.op, "flipped top to bottom")


def flip_horizontal(image: Image, options: FlipHorizontal) -> Image:
    """Mirror the image so that the first column becomes the last."""
    move = Move(((1, 0), (0, -1)), (0, image.columns - 1))
    return _rearranged(image, np.fliplr, move, options.op, "flipped left to right")


def rotate90(image: Image, options: Rotate90) -> Image:
    """Turn the image by quarter turns, counter-clockwise as displayed (row 0 on top)."""
    turns = options.turns % 4
    if turns == 0:
        return image
    last_row, last_column = image.rows - 1, image.columns - 1
    move = {
        1: Move(((0, 1), (-1, 0)), (0, last_column)),
        2: Move(((-1, 0), (0, -1)), (last_row, last_column)),
        3: Move(((0, -1), (1, 0)), (last_row, 0)),
    }[turns]
    phrase = f"turned by {90 * turns} degrees counter-clockwise"
    return _rearranged(image, lambda pixels: np.rot90(pixels, turns), move, options.op, phrase)


def roll(image: Image, options: Roll) -> Image:
    """Shift the image cyclically towards higher rows and columns.

    The position follows the pixels that stay in one piece; what wraps around has no true position, and a note
    says so.
    """
    rows, columns = options.rows % image.rows, options.columns % image.columns
    if not rows and not columns:
        return image
    # The larger part stays in one piece: a roll by most of the rows is one backwards by the rest.
    down = rows if 2 * rows <= image.rows else rows - image.rows
    along = columns if 2 * columns <= image.columns else columns - image.columns
    wrapped = " and ".join(
        plural(abs(count), noun) for count, noun in ((down, "row"), (along, "column")) if count
    )
    rolled = _rearranged(
        image,
        lambda pixels: np.roll(pixels, (down, along), (0, 1)),
        shift(-down, -along),
        "roll",
        f"rolled by {down} rows and {along} columns",
    )
    return rolled.noting(Note("roll-wraps", f"roll: {wrapped} wrapped around and lie at no true position"))


def pad(image: Image, options: Pad, known: Known) -> Image:
    """Add edges of one value: the inverse of `crop`; the position follows. The dtype stays.

    Raises: ProcessError for a value that the dtype cannot hold, or a result beyond `limits`.
    """
    edges = ((options.top, options.bottom), (options.left, options.right))
    if not any(map(any, edges)):
        return image
    known.check_size(image, image.rows + sum(edges[0]), image.columns + sum(edges[1]), options.op)
    filling = np.array(options.value)
    if not_exact(filling, image.pixels.dtype).any():
        raise refusal(
            image,
            f"pad: the value {number(options.value)} does not fit {image.pixels.dtype}",
            "cast it first",
        )
    widths = (*edges, (0, 0))[: image.pixels.ndim]
    pixels = np.pad(image.pixels, widths, constant_values=filling.astype(image.pixels.dtype))
    added = ", ".join(
        f"{edge} {getattr(options, edge)}"
        for edge in ("top", "bottom", "left", "right")
        if getattr(options, edge)
    )
    following = moved(image, shift(-options.top, -options.left), options.op)
    return computed(following, pixels, f"padded with {number(options.value)} ({added})")
