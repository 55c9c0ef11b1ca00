"""Apply operations to one image. `OPERATIONS` names each one's function: ``(Image, <its type>) -> Image``.

Moving pixels (`spatial`) keeps values and stored integers, and the geometry follows. Everything else makes a
computed image. An operation that would change nothing returns the image that it got.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..imaging.image import Image
from .common import refusal
from .filters import rotate, smooth
from .mask import mask
from .spatial import crop, flip_horizontal, flip_vertical, roll, rotate90
from .values import binary, bit_invert, cast, ground, invert, normalize, rescale, threshold

if TYPE_CHECKING:
    from .operations import Operation

OPERATIONS: dict[str, Callable[[Image, Any], Image]] = {
    "crop": crop,
    "flip_vertical": flip_vertical,
    "flip_horizontal": flip_horizontal,
    "rotate90": rotate90,
    "rotate": rotate,
    "roll": roll,
    "invert": invert,
    "bit_invert": bit_invert,
    "ground": ground,
    "normalize": normalize,
    "filter": smooth,
    "threshold": threshold,
    "binary": binary,
    "cast": cast,
    "rescale": rescale,
    "mask": mask,
}


def apply(image: Image, operations: Iterable[Operation]) -> Image:
    """Return the image after every operation, in order. Raises: ProcessError."""
    for operation in operations:
        if image.without_pixels and operation.op != "mask":
            raise refusal(image, f"{operation.op}: it is a DICOM object without pixels")
        image = OPERATIONS[operation.op](image, operation)
    return image
