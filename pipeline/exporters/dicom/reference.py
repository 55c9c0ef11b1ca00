"""Take study, patient and frame of reference from the DICOM files that `reference` names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from ...errors import ExportError
from ...imaging.image import Image, Origin
from ...loaders.files import stat_of

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
_ALSO = ("PatientPosition", "SOPClassUID", "SOPInstanceUID")
_KEPT = 1024
"""Files whose elements are remembered: a reference serves every slice of a volume."""


def take_reference(
    dataset: Dataset,
    name: str | None,
    context: Context,
    images: Sequence[Image],
    *,
    also: tuple[str, ...] = (),
) -> None:
    """Put the output into the study and the frame of reference of what `name` names.

    `also`: further attributes that are taken.

    Raises: ExportError for files that are no DICOM, or of several studies or frames of reference; for images
        that lie in another frame of reference.
    """
    if name is None:
        return
    paths = context.named.get(name, ())
    found = [_read(path) for path in paths]
    if not found:
        raise ExportError(f"'reference: {name}' is known only where a recipe is run")
    for keyword in (*_SHARED, *also):
        values = {str(each.get(keyword) or "") for each in found}
        if len(values) > 1:
            raise ExportError(
                f"the files of 'reference: {name}' have {len(values)} different {keyword}",
                hint="name the slices of one series",
            )
    first = found[0]
    if not first.get("FrameOfReferenceUID"):
        raise ExportError(f"'{paths[0].name}', which 'reference' names, has no FrameOfReferenceUID")
    _refuse_other_frame(images, str(first.FrameOfReferenceUID), name)
    for keyword in (*_TAKEN, *also):
        if keyword in first:
            dataset[keyword] = deepcopy(first[keyword])
    context.trace.layer(dataset, Origin("file", f"the reference, {paths[0].name}"))


def _refuse_other_frame(images: Sequence[Image], uid: str, name: str) -> None:
    """Refuse images that say they lie in another frame of reference. Raises: ExportError."""
    planes = (image.geometry.patient for image in images)
    if any(plane is not None and plane.frame_of_reference not in (None, uid) for plane in planes):
        raise ExportError(
            f"the source lies in another frame of reference than 'reference: {name}'",
            hint="register them first, in the program that does it",
        )


RT_PLANS = frozenset({"1.2.840.10008.5.1.4.1.1.481.5", "1.2.840.10008.5.1.4.1.1.481.8"})
"""RT Plan and RT Ion Plan Storage."""


def referenced(name: str, context: Context, classes: Collection[str], kind: str) -> Mapping[str, str]:
    """Return the SOP Class and Instance UID of the file that `name` names, which is of one of some classes.

    Raises: ExportError for what is no such DICOM file, or for several.
    """
    paths: Sequence[Path] = context.named.get(name, ())
    if len(paths) != 1:
        raise ExportError(f"'{name}' names {len(paths)} files, and one is referred to")
    found = _read(paths[0])
    uids = {key: str(found.get(key) or "") for key in ("SOPClassUID", "SOPInstanceUID")}
    if not all(uids.values()):
        raise ExportError(f"'{paths[0].name}' has no {' or no '.join(key for key in uids if not uids[key])}")
    if uids["SOPClassUID"] not in classes:
        raise ExportError(f"'{paths[0].name}' is no {kind} but {UID(uids['SOPClassUID']).name}")
    return uids


def _read(path: Path) -> Dataset:
    """Return the elements that are taken. Raises: ExportError."""
    try:
        return _elements(path, stat_of(path))
    except (InvalidDicomError, OSError, ValueError, LookupError, EOFError) as error:
        raise ExportError(f"'{path.name}', which the export names, cannot be read: {error}") from None


@lru_cache(_KEPT)
def _elements(path: Path, stat: tuple[int, ...]) -> Dataset:
    """Return the elements that are taken; `stat` tells one content from another."""
    del stat
    return dcmread(path, specific_tags=[*_TAKEN, *_ALSO], stop_before_pixels=True)
