"""Keep attributes that a radiotherapy file has at two levels consistent.

What an item of ExposureSequence says of gantry, collimator, couch and exposure "shall supersede" the outer
value (PS3.3 C.8.8.2); a value that a recipe gives has to reach both. The beams of a plan have angles for each
control point (C.8.8.14 and C.8.8.25): a value of the whole file reaches them where they were all equal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import deepcopy

from pydicom import Dataset
from pydicom.tag import Tag

from ....schemas.language.tags import TagPath
from ...errors import Note
from ...imaging.image import Geometry
from ..encode.elements import elements_of

TWICE = (
    "GantryAngle", "BeamLimitingDeviceAngle", "PatientSupportAngle", "GantryPitchAngle",
    "TableTopVerticalPosition", "TableTopLongitudinalPosition", "TableTopLateralPosition",
    "TableTopPitchAngle", "TableTopRollAngle", "ExposureTime", "ExposureTimeInms", "MetersetExposure",
)  # fmt: skip
"""Attributes of the RT Image module and of the items of its ExposureSequence (PS3.3 table C.8-38)."""

_ALWAYS = frozenset({"ExposureSequence"})
_WHERE_ALIKE = frozenset({"BeamSequence", "IonBeamSequence"})
_NUMBERS = {int(Tag(keyword)): keyword for keyword in TWICE}


def reach_items(dataset: Dataset, keyword: str) -> None:
    """Give items the dataset's own value of one of `TWICE` (or delete it there), in place."""
    for always, holders in _holders(dataset, keyword):
        alike = all(holder[keyword].value == holders[0][keyword].value for holder in holders)
        for holder in holders if always or alike else ():
            if keyword in dataset:
                holder[keyword] = deepcopy(dataset[keyword])
            else:
                del holder[keyword]


def reach_from(geometry: Geometry, name: str, dataset: Dataset, keyword: str) -> None:
    """Apply `reach_items` to a field of the geometry that is not the file's own, or is empty on purpose."""
    origin = geometry.origins.get(name)
    stated = name in geometry.blank or (origin is not None and origin.kind != "file")
    if keyword in TWICE and stated:
        reach_items(dataset, keyword)


def follow_tag(dataset: Dataset, path: TagPath, given: Collection[TagPath]) -> None:
    """Let the other level follow after the recipe set one of `TWICE` at one level, unless it is given too."""
    keyword = _NUMBERS.get(path.last.number)
    if keyword is None or path.last.creator is not None:
        return
    others = [other for other in given if other.last == path.last and len(other.steps) != len(path.steps)]
    if others or keyword not in _last(dataset, path):
        return
    if len(path.steps) == 1:
        reach_items(dataset, keyword)
        return
    values = [holder[keyword] for _, holders in _holders(dataset, keyword) for holder in holders]
    if keyword in dataset and all(element.value == values[0].value for element in values):
        dataset[keyword] = deepcopy(values[0])


def two_truths(dataset: Dataset) -> Iterator[Note]:
    """Yield attributes of ExposureSequence's items that differ from those of the one image around them."""
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        return
    within = [each for name in _ALWAYS for item in dataset.get(name) or () for each in _within(item)]
    for keyword in TWICE:
        value = dataset.get(keyword) if within else None
        if value in (None, ""):
            continue
        if any(holder[keyword].value != value for holder in within if keyword in holder):
            text = f"{keyword} of ExposureSequence is another than that of the image, which it supersedes"
            yield Note("contradicts-geometry", text, contradiction=True)


def _last(dataset: Dataset, path: TagPath) -> Dataset:
    """Return the dataset or item that a path ends in; an empty one where there is none."""
    for step in path.steps[:-1]:
        items = dataset[step.number].value if step.creator is None and step.number in dataset else ()
        if step.index is None or step.index >= len(items or ()):
            return Dataset()
        dataset = items[step.index]
    return dataset


def _holders(dataset: Dataset, keyword: str) -> Iterator[tuple[bool, list[Dataset]]]:
    """Yield for each sequence the items, at any depth, that have the attribute.

    The flag says whether a value always reaches them; else it does only where they all have the same.
    """
    for name in (*_ALWAYS, *_WHERE_ALIKE):
        if name in dataset and dataset[name].value:
            within = (each for item in dataset[name].value for each in _within(item))
            found = [holder for holder in within if keyword in holder]
            if found:
                yield name in _ALWAYS, found


def _within(item: Dataset) -> Iterator[Dataset]:
    """Yield an item and all items in it, at any depth."""
    yield item
    for _, element in elements_of(item):
        if element.VR == "SQ":
            for inner in element.value:
                yield from _within(inner)
