"""The UIDs of an output: those of its source under the key, and what was done to the pixels.

The SOP Instance UID is HMAC(original UID): masking is part of de-identification and makes no other image.
What else changes pixels does, and goes into the UIDs of instance and series.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from .settings import Settings

if TYPE_CHECKING:
    from pydicom import Dataset


def operations_of(process: Sequence[Any], combine: Any, source: Any) -> str:
    """Return what is done to the values of an image, as text of one form; empty where nothing is."""
    done: list[Any] = [each for each in process if each.op != "mask"]
    if combine is not None:
        done.append(combine)
    if getattr(source, "raw_values", False):
        done.append("raw_values")
    return json.dumps(to_builtins(done, enc_hook=str), sort_keys=True) if done else ""


def instance_uids(
    settings: Settings,
    datasets: Sequence[Dataset],
    originals: Sequence[str],
    operations: str,
    frame: int | None,
) -> Mapping[str, str]:
    """Return the UIDs that place an output, by keyword.

    Args:
        settings: with the key.
        datasets: de-identified, of each source.
        originals: the SOP Instance UID that each had.
        operations: from `operations_of`.
        frame: where the output is one frame of several, which.
    """
    key = settings.key
    done = operations + (f" frame {frame}" if frame is not None else "")
    many = "\\".join(dict.fromkeys(originals))
    if settings.retains("retain_uids") and not done and "\\" not in many:
        instance = many
    else:
        instance = key.uid(many, done)
    first = datasets[0]
    found = {"SOPInstanceUID": instance, "StudyInstanceUID": str(first.StudyInstanceUID)}
    series = str(first.SeriesInstanceUID)
    found["SeriesInstanceUID"] = key.uid(series, operations) if operations else series
    if first.get("FrameOfReferenceUID"):
        found["FrameOfReferenceUID"] = str(first.FrameOfReferenceUID)
    return found
