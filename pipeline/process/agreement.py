"""Find the geometry and attributes that several images have in common, before they become one image.

A value in which they differ is not a value of the combined image. It is left empty, and a note names the key
and the files, never the value of a patient's attribute.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import structs

from ..errors import Note
from ..imaging.angles import apart
from ..imaging.image import Geometry, Image, PatientPlane, SourceFile
from ..imaging.tolerances import ANGLE, COMBINED_DISTANCE, DIRECTION
from ..loaders.dicom.dataset import broken

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

PATIENT = frozenset(
    {"PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "OtherPatientIDs"}
)
STUDY = frozenset(
    {
        "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber",
        "ReferringPhysicianName",
    }
)  # fmt: skip
EMPTIED = (PATIENT | STUDY | {"KVP", "MetersetExposure"}) - {"StudyInstanceUID"}
"""Attributes that stay without a value, since an image must have them (Type 2)."""
PARTED = frozenset({"ExposureSequence"})
"""Sequences whose items describe several things of an image, some of which may be common. An item of another
sequence describes one thing, and half of it is wrong: leaves without positions, a reference to nothing.
"""
PLANS = "ReferencedRTPlanSequence"
"""Of doses that are combined: the plans of all of them (PS3.3 C.8.8.3)."""
IDENTITY = frozenset({"SOPClassUID", "SOPInstanceUID"})
"""Kept, since they say which file the first one was."""


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= COMBINED_DISTANCE


def _vectors(within: float) -> Callable[[Any, Any], bool]:
    return lambda one, other: all(abs(a - b) <= within for a, b in zip(one, other, strict=True))


def _planes(one: PatientPlane, other: PatientPlane) -> bool:
    return (
        math.dist(one.position, other.position) <= COMBINED_DISTANCE
        and _vectors(DIRECTION)(one.orientation, other.orientation)
        and one.frame_of_reference == other.frame_of_reference
        and (one.thickness, one.spacing) == (other.thickness, other.spacing)
    )


_SAME: dict[str, Callable[[Any, Any], bool]] = {
    "sid": _near,
    "sad": _near,
    "gantry": lambda one, other: apart(one, other) <= ANGLE,
    "collimator": lambda one, other: apart(one, other) <= ANGLE,
    "couch": lambda one, other: apart(one, other) <= ANGLE,
    "receptor_angle": lambda one, other: apart(one, other) <= ANGLE,
    "position": _vectors(COMBINED_DISTANCE),
    "orientation": _vectors(DIRECTION),
    "translation": _vectors(COMBINED_DISTANCE),
    "patient": _planes,
}


def agreed_geometry(images: Sequence[Image]) -> tuple[Geometry, tuple[Note, ...]]:
    """Return the first image's geometry without values that another one contradicts or does not have.

    SID and other lengths may differ by 0.1 mm, angles by 0.1 degree the short way round; the first value
    stands for all. The spacing is checked by the caller.
    """
    geometry = images[0].geometry
    notes = []
    for field, same in _SAME.items():
        value = getattr(geometry, field)
        other = next((image for image in images[1:] if not _agrees(value, image, field, same)), None)
        if other is None:
            continue
        origins = {name: found for name, found in geometry.origins.items() if name != field}
        reason = f"{field} differs between {images[0].source.path.name} and {other.source.path.name}"
        blank = {**geometry.blank, field: reason}
        emptied: dict[str, Any] = {field: None}
        geometry = structs.replace(geometry, origins=origins, blank=blank, **emptied)
        said = f"{_shown(value)} and {_shown(getattr(other.geometry, field))}"
        notes.append(Note(f"{field}-differs", f"{reason} ({said}); left empty", contradiction=True))
    return geometry, tuple(notes)


def _agrees(value: Any, image: Image, field: str, same: Callable[[Any, Any], bool]) -> bool:
    other = getattr(image.geometry, field)
    if value is None or other is None:
        return value is other
    return same(value, other)


def _shown(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, PatientPlane):
        return f"the plane at {_shown(value.position)}"
    if isinstance(value, tuple):
        return "\\".join(f"{part:.6g}" for part in value)
    return f"{value:.6g}"


def units_note(images: Sequence[Image]) -> tuple[Note, ...]:
    """Return a note where values are in different units."""
    units = sorted({image.units or "none" for image in images})
    if len(units) == 1:
        return ()
    text = f"the images to combine have values of different types ({', '.join(units)}); left empty"
    return (Note("units-differ", text),)


def agreed_source(images: Sequence[Image]) -> tuple[SourceFile, tuple[Note, ...]]:
    """Return the first image's file, its datasets reduced to what all files have alike, and notes.

    Patient and study attributes that differ become empty, and a Study Instance UID is deleted. Others are
    deleted: an acquisition time of one file is not that of the result.
    """
    first = images[0].source
    differing: set[str] = set()
    changes: dict[str, Any] = {}
    for name in ("dataset", "attributes"):
        every = [getattr(image.source, name) for image in images]
        if every[0] is not None and len(every) > 1:
            others = [dataset for dataset in every[1:] if dataset is not None]
            lacking = len(others) < len(every) - 1
            changes[name] = _common(every[0], others, differing, lacking=lacking)
    source = structs.replace(first, **changes)
    return source, tuple(_notes(differing, images))


def _common(
    first: Dataset, others: Sequence[Dataset], differing: set[str], *, lacking: bool = False
) -> Dataset:
    """Copy `first` with the elements that all have alike; add the keywords of the others to `differing`."""
    common = copy.copy(first)
    common._dict = dict(first._dict)
    for tag in list(common._dict):
        if lacking or not all(_alike(first, other, tag) for other in others):
            _reduce(common, first, others, tag, differing, lacking=lacking)
    return common


def _reduce(
    common: Dataset,
    first: Dataset,
    others: Sequence[Dataset],
    tag: Any,
    differing: set[str],
    *,
    lacking: bool,
) -> None:
    """Empty or remove an element that is not common.

    Of `PARTED`, with as many items in all, its items' elements.
    """
    from pydicom.datadict import keyword_for_tag

    keyword = keyword_for_tag(tag)
    if keyword in IDENTITY:
        return
    if keyword == PLANS and first.get("Modality") == "RTDOSE":
        _gather_plans(common, (first, *others))
        return
    items = _parted(first, others, tag, differing) if keyword in PARTED and not lacking else None
    if items is not None:
        from pydicom import Sequence as Items

        del common[tag]
        common.add_new(tag, "SQ", Items(items))
        return
    differing.add(keyword)
    del common[tag]
    if keyword in EMPTIED:
        setattr(common, keyword, "")


def _gather_plans(common: Dataset, doses: Sequence[Dataset]) -> None:
    """Refer to each plan of some doses once, without the beams that single doses are of."""
    from pydicom import Dataset
    from pydicom import Sequence as Items

    plans: dict[str, Dataset] = {}
    for item in (item for dose in doses for item in dose.get(PLANS) or ()):
        plan = Dataset()
        for keyword in ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID"):
            if keyword in item:
                plan[keyword] = item[keyword]
        plans.setdefault(str(plan.get("ReferencedSOPInstanceUID")), plan)
    common.ReferencedRTPlanSequence = Items(list(plans.values()))


def _parted(
    first: Dataset, others: Sequence[Dataset], tag: Any, differing: set[str]
) -> Sequence[Dataset] | None:
    """Return what the items of a sequence have in common; None where that leaves no sound item."""
    items = _items(first, tag)
    rest = [_items(other, tag) for other in others]
    if not items or not all(part is not None and len(part) == len(items) for part in rest):
        return None
    found: set[str] = set()
    inner = [
        _common(item, [part[place] for part in rest if part is not None], found)
        for place, item in enumerate(items)
    ]
    if "NumberOfBlocks" in found:
        return None
    differing |= found
    return inner


def _items(dataset: Dataset, tag: Any) -> Sequence[Dataset] | None:
    element = _element(dataset, tag)
    return list(element.value) if element is not None and element.VR == "SQ" else None


def _element(dataset: Dataset, tag: Any) -> DataElement | None:
    """Return the element; None where there is none, or it cannot be read."""
    try:
        element: DataElement | None = dataset.get(tag)
        return element
    except broken():
        return None


def _alike(one: Dataset, other: Dataset, tag: Any) -> bool:
    from pydicom.dataelem import RawDataElement

    raw = [dataset._dict.get(tag) for dataset in (one, other)]
    values = [(part.value, part.is_little_endian) for part in raw if isinstance(part, RawDataElement)]
    if len(values) == 2 and values[0] == values[1]:
        return True
    elements = [_element(dataset, tag) for dataset in (one, other)]
    return None not in elements and bool(elements[0] == elements[1])


def _notes(differing: Iterable[str], images: Sequence[Image]) -> Iterable[Note]:
    files = f"the {len(images)} files from {images[0].source.path.name} on"
    found = set(differing)
    for code, keywords in (("patient-differs", PATIENT), ("study-differs", STUDY - {"StudyInstanceUID"})):
        names = ", ".join(sorted(found & keywords))
        if names:
            yield Note(code, f"{names}: not the same in {files}; left empty", contradiction=True)
    if "StudyInstanceUID" in found:
        text = f"StudyInstanceUID: not the same in {files}; the result is a new study"
        yield Note("study-differs", text, contradiction=True)
    if "MetersetExposure" in found:
        yield Note("meterset-differs", f"MetersetExposure: not the same in {files}; left empty")
    names = ", ".join(sorted(name for name in found if name.endswith("Sequence")))
    if names:
        yield Note("sequence-differs", f"{names}: not the same in {files}; left out")
