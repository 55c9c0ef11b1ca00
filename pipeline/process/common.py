"""Common parts of operations: refusals, ranges, and the record of a result."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ProcessError
from ..imaging.deterministic import settled
from ..imaging.image import Image, Pixels


def refusal(image: Image, what: str, hint: str = "") -> ProcessError:
    """Return the error for an operation that this image does not allow, naming its file."""
    return ProcessError(what, subject=str(image.source.path) if image.sources else "", hint=hint)


def grey(image: Image, does: str) -> Pixels:
    """Return the pixels of a grey image. Raises: ProcessError for colour."""
    if image.photometric in ("RGB", "RGBA"):
        raise refusal(
            image,
            f"{does} works on one value per pixel and this image is {image.photometric}",
            "choose a channel of the source",
        )
    return image.pixels


def finite(image: Image, does: str) -> Pixels:
    """Return the finite pixels of a grey image. Raises: ProcessError with the count of those that are not."""
    pixels = grey(image, does)
    if pixels.dtype.kind == "f":
        refuse_not_finite(image, pixels, does)
    return pixels


def refuse_not_finite(image: Image, pixels: Pixels, does: str) -> None:
    """Check the values. Raises: ProcessError if there is NaN or infinity."""
    wrong = int(pixels.size - np.count_nonzero(np.isfinite(pixels)))
    if wrong:
        raise refusal(image, f"{does} needs numbers and {wrong} of {pixels.size} values are NaN or infinite")


def computed(image: Image, pixels: Pixels, phrase: str, **changes: Any) -> Image:
    """Return the image with computed values, which are no longer those that its file stores.

    `units` None: the values have no unit any more.
    """
    if "units" in changes and changes["units"] is None:
        changes["calibrated"] = False
    return image.replace(
        pixels=settled(np.ascontiguousarray(pixels)),
        stored=None,
        computed=True,
        history=(*image.history, phrase),
        **changes,
    )


def number(value: float) -> str:
    """Write a number as a person writes it: ``20`` and not ``20.0``."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
