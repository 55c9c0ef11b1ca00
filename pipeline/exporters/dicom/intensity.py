"""How computed values of X-ray images follow the beam, and the window to show them with.

Digital X-ray and mammography (PS3.3 C.8.11.3) must say both, angiography and fluoroscopy (C.8.7.1) the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from pydicom import Dataset

from ...decimal_string import ds
from ...dicom.encode.encoding import Encoded
from ...errors import ExportError, Note
from ...imaging.image import Image
from .kinds import is_angiography, is_digital_xray


class Intensity(Struct, frozen=True):
    """What a source says of its values before they changed."""

    relationship: str
    sign: int | None
    windowed: bool


def said_intensity(dataset: Dataset) -> Intensity:
    """Return what a dataset says of how its values follow the beam, and whether it has a window."""
    return Intensity(
        str(dataset.get("PixelIntensityRelationship") or ""),
        dataset.get("PixelIntensityRelationshipSign") or None,
        bool(dataset.get("WindowCenter") not in (None, "") or dataset.get("VOILUTSequence")),
    )


def write_intensity(
    dataset: Dataset, images: Sequence[Image], frames: Sequence[Encoded], before: Intensity
) -> tuple[Note, ...]:
    """Write, in place, what X-ray kinds must say of computed values.

    Raises:
        ExportError: digital X-ray values that follow the beam in no way that the kind has a word for.
    """
    image = images[0]
    if not image.computed or image.pixels.ndim == 3 or not before.relationship:
        return ()
    if is_angiography(dataset):
        dataset.PixelIntensityRelationship = before.relationship if image.rising == 1 else "DISP"
        return ()
    if not is_digital_xray(dataset):
        return ()
    if image.rising == 0 or before.sign is None:
        raise ExportError(
            "a digital X-ray image says how its values follow the beam, and these do so no longer "
            f"({'; '.join(image.history)})",
            hint="'to: secondary-capture' need not say it",
        )
    dataset.PixelIntensityRelationship = before.relationship
    dataset.PixelIntensityRelationshipSign = int(before.sign) * image.rising
    if not before.windowed:
        return ()
    low = min(float(frame.stored.min()) for frame in frames)
    high = max(float(frame.stored.max()) for frame in frames)
    # LINEAR, PS3.3 C.11.2.1.2.1: the lowest value is black, the highest white
    dataset.WindowCenter, dataset.WindowWidth = ds((low + high + 1) / 2), ds(high - low + 1)
    text = "the window is that of all values, since the kind must have one and the source's holds no longer"
    return (Note("window-of-all", text),)
