"""Apply operations to one image. `OPERATIONS` names each one's function: ``(Image, <its type>) -> Image``.

Moving pixels (`spatial`) keeps values and stored integers, and the geometry follows. Everything else makes a
computed image. An operation that would change nothing returns the image that it got.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..imaging.image import Image
from .calibration import calibrate
from .common import refusal
from .fields import divide, subtract
from .filters import rotate, smooth
from .known import Known
from .mask import mask
from .resampling.images import resample
from .spatial import crop, flip_horizontal, flip_vertical, pad, roll, rotate90
from .values import binary, bit_invert, cast, ground, invert, normalize, rescale, threshold

if TYPE_CHECKING:
    from .operations import Operation

OPERATIONS: dict[str, Callable[..., Image]] = {
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
    "pad": pad,
    "subtract": subtract,
    "divide": divide,
    "calibrate": calibrate,
    "resample": resample,
}
KNOWING = frozenset({"pad", "subtract", "divide", "calibrate", "resample", "invert", "ground", "normalize"})
"""Operations that also take what is `Known`: files that they name, limits."""


def of_whole_volumes(operation: Operation) -> bool:
    """Tell whether an operation on a slice needs the whole volume: its range, or its neighbours."""
    if operation.op == "normalize":
        return operation.to == "max"
    return operation.op in ("invert", "ground", "resample")


def apply(image: Image, operations: Iterable[Operation], known: Known | None = None) -> Image:
    """Return the image after every operation, in order. Raises: ProcessError, SourceError."""
    known = known or Known()
    for operation in operations:
        if image.without_pixels and operation.op != "mask":
            raise refusal(image, f"{operation.op}: it is a DICOM object without pixels")
        more: tuple[Any, ...] = (known,) if operation.op in KNOWING else ()
        image = OPERATIONS[operation.op](image, operation, *more)
    return image
