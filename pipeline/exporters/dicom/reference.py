"""Take study, patient and frame of reference from the DICOM files that `reference` names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from ...errors import ExportError
from ...imaging.image import Origin

if TYPE_CHECKING:
    from ...output import Context

_SHARED = ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID")
"""What all files of a reference must have alike."""
_TAKEN = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
    "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "StudyDescription",
    "FrameOfReferenceUID", "PositionReferenceIndicator",
)  # fmt: skip
"""Attributes of the patient, the study and the frame of reference (PS3.3 C.7.1.1, C.7.2.1, C.7.4.1)."""


def take_reference(dataset: Dataset, name: str | None, context: Context) -> None:
    """Put the output into the study and the frame of reference of what `name` names.

    Raises: ExportError for files that are no DICOM, or of several studies or frames of reference.
    """
    if name is None:
        return
    paths = context.named.get(name, ())
    found = [_read(path) for path in paths]
    if not found:
        raise ExportError(f"'reference: {name}' is known only where a recipe is run")
    for keyword in _SHARED:
        values = {str(each.get(keyword) or "") for each in found}
        if len(values) > 1:
            raise ExportError(
                f"the files of 'reference: {name}' have {len(values)} different {keyword}",
                hint="name the slices of one series",
            )
    first = found[0]
    if not first.get("FrameOfReferenceUID"):
        raise ExportError(f"'{paths[0].name}', which 'reference' names, has no FrameOfReferenceUID")
    for keyword in _TAKEN:
        if keyword in first:
            dataset[keyword] = deepcopy(first[keyword])
    context.trace.layer(dataset, Origin("file", f"the reference, {paths[0].name}"))


def referenced(name: str, context: Context) -> Mapping[str, str]:
    """Return the SOP Class and Instance UID of the file that `name` names.

    Raises: ExportError for what is no DICOM file, or for several.
    """
    paths: Sequence[Path] = context.named.get(name, ())
    if len(paths) != 1:
        raise ExportError(f"'{name}' names {len(paths)} files, and one is referred to")
    found = _read(paths[0])
    uids = {key: str(found.get(key) or "") for key in ("SOPClassUID", "SOPInstanceUID")}
    if not all(uids.values()):
        raise ExportError(f"'{paths[0].name}' has no {' or no '.join(key for key in uids if not uids[key])}")
    return uids


def _read(path: Path) -> Dataset:
    try:
        return dcmread(
            path, specific_tags=[*_TAKEN, "SOPClassUID", "SOPInstanceUID"], stop_before_pixels=True
        )
    except (InvalidDicomError, OSError, ValueError, LookupError, EOFError) as error:
        raise ExportError(f"'{path.name}', which the export names, cannot be read: {error}") from None
