"""Derive unique identifiers from content: ``2.25.<uuid5>`` (PS3.5 B.2), the same on every machine.

Keys are joined as a JSON list, so that ("ab", "c") and ("a", "bc") give different UIDs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from uuid import UUID, uuid5

from pydicom import DataElement, Dataset
from pydicom.config import IGNORE
from pydicom.datadict import tag_for_keyword
from pydicom.uid import UID

from ...errors import ExportError
from ...output import Identity

ROOT = UUID("8a1d2f5e-3a0b-5c1e-9f53-1d6c0f7a2b94")
"""The namespace of everything for which no recipe's namespace is given. Never change it."""


def derived_uid(namespace: UUID | None, *keys: object) -> str:
    """Return the UID that belongs to these keys in a namespace (None: the program's own)."""
    return _uid(namespace or ROOT, json.dumps(keys, ensure_ascii=True, separators=(",", ":")))


@lru_cache(maxsize=64)
def _uid(namespace: UUID, text: str) -> str:
    # the images of one volume need the same study, series and frame of reference
    return f"2.25.{uuid5(namespace, text).int}"


IMPLEMENTATION_CLASS_UID = derived_uid(None, "implementation")
IMPLEMENTATION_VERSION_NAME = "DICOMBAKE_0_1"


def set_uid(dataset: Dataset, keyword: str, uid: str) -> None:
    """Write a UID unchanged; a source's may be invalid, and is kept all the same."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    dataset.add(DataElement(tag, "UI", UID(uid, IGNORE), validation_mode=IGNORE))


def study_uid(identity: Identity, *, patient_id: str, date: str) -> str:
    """Return the study of an image whose sources have none.

    With a namespace it is the patient's on that date in this recipe and group, or what the `study` key says;
    without one, the study of this content alone.

    Raises:
        ExportError: without a namespace when the content of the inputs is not known.
    """
    return derived_uid(identity.namespace, "study", *_study_key(identity, patient_id, date))


def series_uid(identity: Identity, *, patient_id: str, date: str, modality: str) -> str:
    """Return the series within that study. The modality is part of it, since a series has only one."""
    key = _study_key(identity, patient_id, date)
    return derived_uid(identity.namespace, "series", *key, identity.conversion, identity.volume, modality)


def frame_of_reference_uid(identity: Identity, *, patient_id: str, date: str) -> str:
    """Return the frame of reference that the images of one volume share."""
    key = _study_key(identity, patient_id, date)
    return derived_uid(identity.namespace, "frame of reference", *key, identity.conversion, identity.volume)


def _study_key(identity: Identity, patient_id: str, date: str) -> tuple[str, ...]:
    if identity.namespace is None:
        if not identity.content:
            raise ExportError("the contents of the inputs are not known, from which its study derives")
        return ("content", identity.content, patient_id, identity.study or "")
    if identity.study is not None:
        return ("key", identity.recipe, identity.study)
    return ("patient", identity.recipe, patient_id, date, identity.group)


def study_of_other_patient(identity: Identity, study: str, patient_id: str, patient_name: str) -> str:
    """Return the study that takes a DICOM source's place when its patient is overridden."""
    return derived_uid(identity.namespace, "study of another patient", study, patient_id, patient_name)


def derived_series(identity: Identity, study: str, series: Iterable[str], *, modality: str) -> str:
    """Return the series, in `study`, of images that were made of images of `series`."""
    # the empty key keeps the UIDs of RT Images, whose series once had an empty name of a volume as key
    return derived_uid(
        identity.namespace,
        "derived series",
        study,
        sorted({"", *series}),
        identity.recipe,
        identity.conversion,
        modality,
    )


def derived_frame_of_reference(identity: Identity, study: str, frame: str) -> str:
    """Return the frame of reference that takes a DICOM source's place in another patient's study."""
    return derived_uid(identity.namespace, "frame of reference in", study, frame)


def instance_uid(digests: Sequence[str]) -> str:
    """Return the SOP Instance UID of a finished dataset: of its elements and of its decoded pixels."""
    return derived_uid(None, "instance", *digests)
