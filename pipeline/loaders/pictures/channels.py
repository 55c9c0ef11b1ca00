"""Choose the samples of a picture that become pixels: the recipe's `channel`, or all that have a meaning."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import Note, SourceError
from ...imaging.image import Photometric, Pixels
from .page import Page

if TYPE_CHECKING:
    from ....schemas.sources import Channel

_COLOURS = {"red": 0, "green": 1, "blue": 2}
_OPAQUE = Note("alpha-dropped", "every pixel is opaque, so the grey picture's alpha was dropped")
_LUMINANCE = (299, 587, 114)
"""ITU-R BT.601, per mille."""


def choose(
    pixels: Pixels, page: Page, channel: Channel | None, path: Path
) -> tuple[Pixels, Photometric, tuple[Note, ...]]:
    """Return the chosen pixels, their photometric interpretation, and notes.

    Raises:
        SourceError: a channel that the picture does not have; a grey picture with transparent pixels and no
            channel chosen, since no target holds it.
    """
    if channel == "alpha":
        if not page.alpha:
            raise SourceError("has no alpha channel", subject=str(path))
        return pixels[..., -1], "MONOCHROME2", ()
    if page.unnamed and channel not in (*_COLOURS, "luminance"):
        raise SourceError(
            f"holds {3 + page.unnamed} samples per pixel, of which {page.unnamed} are neither grey, "
            "colour nor opacity",
            subject=str(path),
            hint="choose one with 'channel: red', 'green', 'blue' or 'luminance'",
        )
    if page.photometric == "RGB":
        return _colour(pixels, page, channel)
    if channel in _COLOURS:
        raise SourceError(f"is grey and has no {channel} channel", subject=str(path))
    if not page.alpha:
        return pixels, page.photometric, ()
    if channel == "luminance":
        return pixels[..., 0], page.photometric, ()
    if not _opaque(pixels[..., 1]):
        raise SourceError(
            "is grey with transparent pixels, which no output holds",
            subject=str(path),
            hint="choose 'channel: luminance' for the grey values or 'channel: alpha'",
        )
    return pixels[..., 0], page.photometric, (_OPAQUE,)


def _colour(
    pixels: Pixels, page: Page, channel: Channel | None
) -> tuple[Pixels, Photometric, tuple[Note, ...]]:
    if channel in _COLOURS:
        return pixels[..., _COLOURS[channel]], "MONOCHROME2", ()
    if channel == "luminance":
        return luminance(pixels), "MONOCHROME2", ()
    return pixels, "RGBA" if page.alpha else "RGB", ()


def _opaque(alpha: Pixels) -> bool:
    full = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "iu" else 1
    return bool((alpha == full).all())


def luminance(pixels: Pixels) -> Pixels:
    """Return ITU-R BT.601 grey of (rows, columns, samples) in the same dtype, rounded half up."""
    red, green, blue = (pixels[..., sample] for sample in range(3))
    if pixels.dtype.kind == "f":
        weighted = 0.299 * red + 0.587 * green + 0.114 * blue
        return weighted.astype(pixels.dtype)
    wide = sum(
        weight * part.astype(np.int64) for weight, part in zip(_LUMINANCE, (red, green, blue), strict=True)
    )
    return np.asarray((wide + 500) // 1000).astype(pixels.dtype)
