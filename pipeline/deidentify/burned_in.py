"""Images that usually have text burned in: refused until they are masked or somebody has looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

_KINDS = (
    "1.2.840.10008.5.1.4.1.1.7",  # secondary captures, of every kind
    "1.2.840.10008.5.1.4.1.1.6",  # ultrasound, also retired
    "1.2.840.10008.5.1.4.1.1.3",  # ultrasound of several frames
)
_SCREENS = ("SCREEN", "CAPTURE", "DOSE_INFO", "PATIENT INFO")


def reason(dataset: Dataset) -> str:
    """Say why an image has to be looked at; nothing where nothing speaks for text in it."""
    if str(dataset.get("BurnedInAnnotation") or "").upper() == "YES":
        return "BurnedInAnnotation is YES"
    kind = str(dataset.get("SOPClassUID") or "")
    if any(kind == root or kind.startswith(f"{root}.") for root in _KINDS):
        return "ultrasound and secondary captures usually have text burned in"
    if str(dataset.get("Modality") or "") in ("US", "IVUS", "SC", "OT", "DOC"):
        return "images of this Modality usually have text burned in"
    kinds = dataset.get("ImageType") or ()
    words = [kinds] if isinstance(kinds, str) else list(kinds)
    if any(screen in str(word).upper() for word in words for screen in _SCREENS):
        return "ImageType says that it is a screen"
    return ""
