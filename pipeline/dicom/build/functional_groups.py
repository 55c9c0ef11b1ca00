"""Write functional groups of a multi-frame image (PS3.3 C.7.6.16): those of all frames, and of each."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import DataElement, Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag

from ...imaging.image import Image, PatientPlane
from ..encode.uids import derived_uid, set_uid
from .places import texts

Groups = dict[str, Dataset]
"""Keyword of a functional group's sequence, and its one item."""

_STACK = "1"


def write_groups(dataset: Dataset, frames: Sequence[Groups]) -> None:
    """Write Shared and Per-frame Functional Groups: a group is a shared one where all frames agree."""
    first = frames[0]
    shared = {
        name: item
        for name, item in first.items()
        if name != "FrameContentSequence" and all(frame.get(name) == item for frame in frames)
    }
    dataset.SharedFunctionalGroupsSequence = Items([_item(shared)])
    dataset.PerFrameFunctionalGroupsSequence = Items(
        [_item({name: item for name, item in frame.items() if name not in shared}) for frame in frames]
    )


def _item(groups: Groups) -> Dataset:
    item = Dataset()
    for name, content in groups.items():
        tag = tag_for_keyword(name)
        assert tag is not None, name
        item.add(DataElement(tag, "SQ", Items([content])))
    return item


def write_dimension(dataset: Dataset, *, placed: bool) -> None:
    """Write Multi-frame Dimension (C.7.6.17): frames by position, or by number where positions are unknown.

    The organization's UID belongs to this one dimension, the same in every file that has it.
    """
    pointer, group, label = (
        ("ImagePositionPatient", "PlanePositionSequence", "Image Position (Patient)")
        if placed
        else ("InStackPositionNumber", "FrameContentSequence", "In-Stack Position Number")
    )
    organization, index = Dataset(), Dataset()
    uid = derived_uid(None, "dimension organization", pointer)
    set_uid(organization, "DimensionOrganizationUID", uid)
    set_uid(index, "DimensionOrganizationUID", uid)
    index.DimensionIndexPointer = Tag(pointer)
    index.FunctionalGroupPointer = Tag(group)
    index.DimensionDescriptionLabel = label
    dataset.DimensionOrganizationSequence = Items([organization])
    dataset.DimensionIndexSequence = Items([index])


def frame_content(number: int, *, placed: bool) -> Dataset:
    """Return Frame Content (C.7.6.16.2.2): the frame's number, from 1."""
    item = Dataset()
    if not placed:
        item.StackID = _STACK
        item.InStackPositionNumber = number
    item.DimensionIndexValues = number
    return item


def pixel_measures(image: Image) -> Dataset:
    """Return Pixel Measures (C.7.6.16.2.1), as far as they are known; mm."""
    item = Dataset()
    geometry, plane = image.geometry, image.geometry.patient
    if geometry.spacing is not None:
        item.PixelSpacing = texts(geometry.spacing)
    if plane is not None and plane.thickness is not None:
        item.SliceThickness = texts((plane.thickness,))
    if plane is not None and plane.spacing is not None:
        item.SpacingBetweenSlices = texts((plane.spacing,))
    return item


def plane_groups(plane: PatientPlane | None) -> Groups:
    """Return Plane Position and Plane Orientation (C.7.6.16.2.3 and .4).

    Both macros are mandatory; their contents are not where the frame is derived, so that an image without a
    place in a patient has empty ones.
    """
    position, orientation = Dataset(), Dataset()
    if plane is not None:
        position.ImagePositionPatient = texts(plane.position)
        orientation.ImageOrientationPatient = texts(plane.orientation)
    return {"PlanePositionSequence": position, "PlaneOrientationSequence": orientation}


def identity_transformation() -> Dataset:
    """Return the Identity Pixel Value Transformation (C.7.6.16.2.9b)."""
    item = Dataset()
    item.RescaleIntercept, item.RescaleSlope, item.RescaleType = "0", "1", "US"
    return item
