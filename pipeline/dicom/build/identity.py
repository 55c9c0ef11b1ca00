"""Decide which study, series and frame of reference an output belongs to (docs/dicom-output.md).

Why there are so many cases: a UID is a promise. Two images in one study are of one patient and one occasion,
in one series of one kind and one equipment, in one frame of reference of one space. No server gives out new
UIDs, since the same recipe and files give the same bytes; so each derives from what makes the promise true.
Images of DICOM sources stay in their study while its patient is theirs, and go to a derived one where a
recipe gives them another patient (all of them to the same). What was made of several series is a new series
of the same study; images without any study share one only where the recipe has a namespace, by patient and
date. What overrides set is not questioned, and decides the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

from pydicom import Dataset

from ...imaging.image import Image
from ...output import Identity
from ..encode import uids

Frame = Literal["needed", "kept", "none"]


def identify(
    dataset: Dataset,
    identity: Identity,
    images: Sequence[Image],
    *,
    frame: Frame,
    keep_series: bool = False,
) -> None:
    """Set study, series and frame of reference of a dataset, and what goes with the latter."""
    _fill_in(dataset, identity, images, frame=frame, keep_series=keep_series)
    if keep_series:
        return
    if dataset.get("FrameOfReferenceUID"):
        if "PositionReferenceIndicator" not in dataset:
            dataset.PositionReferenceIndicator = None
    elif "PositionReferenceIndicator" in dataset and not dataset.PositionReferenceIndicator:
        del dataset.PositionReferenceIndicator


def _fill_in(
    dataset: Dataset, identity: Identity, images: Sequence[Image], *, frame: Frame, keep_series: bool
) -> None:
    """Set the UIDs of study, series and frame of reference that are not there yet.

    The overrides were applied before: what they set stays, and the patient that they set counts. `frame` says
    whether the kind needs a frame of reference, keeps one that its source has, or has none. `keep_series`:
    the image is its DICOM source's own, so that it stays in its series while the study does.
    """
    identity = _with_content(identity, images)
    patient = str(dataset.get("PatientID") or "")
    date = acquisition_date(dataset)
    modality = str(dataset.get("Modality") or "")
    sources = _dicom_sources(images)
    studies = {str(source.get("StudyInstanceUID") or "") for source in sources}
    kept = studies.pop() if len(studies) == 1 else ""
    series = _series_of(sources, identity)
    if not kept and not _has_series(sources):
        _set(dataset, "StudyInstanceUID", uids.study_uid(identity, patient_id=patient, date=date))
        own = uids.series_uid(identity, patient_id=patient, date=date, modality=modality)
        _set(dataset, "SeriesInstanceUID", own)
        if frame == "needed" or (frame == "kept" and _frame_of(sources)):
            uid = uids.frame_of_reference_uid(identity, patient_id=patient, date=date)
            _set(dataset, "FrameOfReferenceUID", uid)
        return
    study = kept or uids.study_uid(identity, patient_id=patient, date=date)
    if kept and _other_patient(dataset, sources):
        name = str(dataset.get("PatientName") or "")
        study = uids.study_of_other_patient(identity, kept, patient, name)
    _set(dataset, "StudyInstanceUID", study)
    study = str(dataset.StudyInstanceUID)
    if keep_series and study == kept and _has_series(sources[:1]):
        _set(dataset, "SeriesInstanceUID", str(sources[0].SeriesInstanceUID))
    else:
        derived = uids.derived_series(identity, study, series, modality=modality)
        _set(dataset, "SeriesInstanceUID", derived)
    if frame == "none":
        return
    uid = _frame_of(sources)
    if uid and study != kept:
        uid = uids.derived_frame_of_reference(identity, study, uid)
    if not uid and frame == "needed":
        uid = uids.derived_frame_of_reference(identity, study, "\\".join(series))
    if uid:
        _set(dataset, "FrameOfReferenceUID", uid)


def acquisition_date(dataset: Dataset) -> str:
    """Return the date on which the image was acquired, as far as the dataset says it; else empty."""
    for keyword in ("AcquisitionDate", "ContentDate", "StudyDate"):
        if dataset.get(keyword):
            return str(dataset.get(keyword))
    return str(dataset.get("AcquisitionDateTime") or "")[:8]


def _set(dataset: Dataset, keyword: str, uid: str) -> None:
    if not dataset.get(keyword):
        uids.set_uid(dataset, keyword, uid)


def _dicom_sources(images: Sequence[Image]) -> list[Dataset]:
    """Return the datasets of the sources, if every one of them is DICOM."""
    found = [source.dataset for image in images for source in image.sources]
    known = [dataset for dataset in found if dataset is not None]
    return known if len(known) == len(found) else []


def _has_series(sources: Sequence[Dataset]) -> bool:
    return any(source.get("SeriesInstanceUID") for source in sources)


def _series_of(sources: Sequence[Dataset], identity: Identity) -> list[str]:
    """Return what a series made of DICOM sources derives from: their series, so that one of them gives one.

    Where a source does not name its series, the volume that it belongs to counts as one.
    """
    return sorted({str(source.get("SeriesInstanceUID") or identity.volume) for source in sources})


def _frame_of(sources: Sequence[Dataset]) -> str:
    """Return the frame of reference that all the sources share; empty where there is none."""
    found = {str(source.get("FrameOfReferenceUID") or "") for source in sources}
    return found.pop() if len(found) == 1 else ""


def _other_patient(dataset: Dataset, sources: Sequence[Dataset]) -> bool:
    first = sources[0]
    return any(
        str(dataset.get(keyword) or "") != str(first.get(keyword) or "")
        for keyword in ("PatientID", "PatientName")
    )


def _with_content(identity: Identity, images: Sequence[Image]) -> Identity:
    """Derive an image made in memory from its pixels where nobody hashed its inputs."""
    if identity.content or identity.namespace is not None:
        return identity
    digest = hashlib.sha256()
    for image in images:
        digest.update(f"{image.pixels.dtype.str} {image.pixels.shape} ".encode())
        digest.update(image.pixels.tobytes())
    return Identity(
        namespace=None,
        recipe=identity.recipe,
        conversion=identity.conversion,
        group=identity.group,
        study=identity.study,
        content=digest.hexdigest(),
        volume=identity.volume,
    )
