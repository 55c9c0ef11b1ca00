"""Compare the DICOM elements that a test states with those of an output."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...schemas.language.tags import TagPath, TagValue
from ...schemas.testing.models import Expectation
from ..dicom.build.overrides import apply_overrides
from ..imaging.tolerances import EXPECTED
from .found import Found

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset


def wrong_tags(stated: Expectation, found: Found) -> Iterator[tuple[str, str, str]]:
    """Yield elements that are not as stated: the element, the expected value, the value in the file."""
    dataset = found.dataset
    if dataset is None:
        yield "tags", "a DICOM file", found.kind
        return
    for path, value in stated.tags.items():
        element, wanted = _element(dataset, path), _wanted(path, value, dataset)
        if element is None:
            yield str(path), _text(wanted), "nothing of that name"
        elif not _same(wanted, element.value):
            yield str(path), _text(wanted), _text(element.value)
    for path in stated.absent:
        element = _element(dataset, path)
        if element is not None:
            yield str(path), "no such element", _text(element.value)


def _wanted(path: TagPath, value: TagValue, dataset: Dataset) -> Any:
    """Return the stated value as an element of the same VR holds it."""
    from pydicom import Dataset

    alone = Dataset()
    found = _element(dataset, path)
    if value.vr is None and found is not None and path.last.creator is not None:
        value = TagValue(value.items, value.nested, value.data, str(found.VR))
    inner = TagPath(path.text, path.steps[-1:])
    apply_overrides(alone, {inner: value})
    element = _element(alone, inner)
    return None if element is None else element.value


def _element(dataset: Dataset, path: TagPath) -> DataElement | None:
    """Return the element at a path; None where there is none."""
    from pydicom import DataElement

    holder = dataset
    for step in path.steps:
        number = step.number
        if step.creator is not None:
            try:
                block = holder.private_block(number >> 16, step.creator)
            except KeyError:
                return None
            number = int(block.get_tag(number & 0xFF))
        if number not in holder:
            return None
        element = holder[number]
        if step.index is None:
            return element
        if element.VR != "SQ" or step.index >= len(element.value):
            return None
        holder = element.value[step.index]
    return DataElement(path.last.number, "SQ", [holder])


def _same(wanted: Any, seen: Any) -> bool:
    if _empty(wanted) or _empty(seen):
        return _empty(wanted) and _empty(seen)
    left, right = _listed(wanted), _listed(seen)
    return len(left) == len(right) and all(_same_one(*pair) for pair in zip(left, right, strict=True))


def _same_one(one: Any, other: Any) -> bool:
    from pydicom import Dataset

    if isinstance(one, Dataset) and isinstance(other, Dataset):
        return all(
            (found := other.get(element.tag)) is not None and _same(element.value, found.value)
            for element in one
        )
    try:
        return math.isclose(float(one), float(other), rel_tol=EXPECTED)
    except (TypeError, ValueError):
        return str(one).strip() == str(other).strip() if not isinstance(one, bytes) else one == other


def _empty(value: Any) -> bool:
    return value is None or (not isinstance(value, int | float) and len(value) == 0)


def _listed(value: Any) -> list[Any]:
    single = isinstance(value, str | bytes | int | float) or not hasattr(value, "__iter__")
    return [value] if single else list(value)


def _text(value: Any) -> str:
    from pydicom import Dataset

    if _empty(value):
        return "nothing in it"
    listed = _listed(value)
    if isinstance(listed[0], Dataset):
        return ", ".join(_item(item) for item in listed)[:200]
    return "\\".join(str(item) for item in listed)[:200]


def _item(item: Dataset) -> str:
    """Return an item as ``{ExposureTime: 505}``."""
    from ..pydicom_versions.elements import tag_text

    return f"{{{', '.join(f'{each.keyword or tag_text(each.tag)}: {_text(each.value)}' for each in item)}}}"
