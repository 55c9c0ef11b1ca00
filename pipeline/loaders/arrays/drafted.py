"""Say in a draft of a recipe what a numpy file is: an image, a volume, or an archive that needs a key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ....schemas.language.words import FILL_IN
from ...errors import SourceError
from ...imaging.probe import Probe
from ..base import Drafted, Unsaid
from .npy import find

if TYPE_CHECKING:
    from ..options import Limits

_OF_A_VOLUME = (
    Unsaid("slice_axis", FILL_IN, "which axis (0, 1 or 2) counts the slices"),
    Unsaid("spacing", f"[{', '.join([FILL_IN] * 3)}]", "mm between rows, columns and slices"),
    Unsaid("units", "none", ""),
)


def drafted(path: Path, limits: Limits) -> Drafted:
    """Return what the dimensions of the array show.

    Raises: SourceError for those of no image and no volume.
    """
    try:
        header = find(path, None, limits).header
    except SourceError as error:
        if path.suffix.lower() == ".npz" and "key" in f"{error.what} {error.hint}":
            return Drafted("array", None, (Unsaid("key", FILL_IN, f"which array? The file {error.what}"),))
        raise
    if len(header.shape) not in (2, 3):
        raise SourceError(f"holds an array of shape {header.shape}", subject=str(path))
    probe = Probe("array", header.shape, header.dtype_name, 1)
    return Drafted("volume", probe, _OF_A_VOLUME) if len(header.shape) == 3 else Drafted("array", probe)
