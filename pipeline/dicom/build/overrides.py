"""Apply the recipe's tags, which are written last and override everything else.

An element's VR is the recipe's, else the standard's, else (private) that of the element in the file or of
pydicom's table of private elements, else LO for text that fits 64 characters and UT for longer text.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np
from pydicom import DataElement, Dataset
from pydicom.datadict import private_dictionary_VR
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

from ....schemas.language.tags import TagPath, TagStep, TagValue, path_of, vr_of
from ....schemas.language.values import ValueFormError, normal_value
from ....schemas.language.vr import BYTES, INTEGERS, NUMBERS
from ...errors import ExportError
from ...printable import without_values
from ...pydicom_versions.elements import element_from_bytes


def apply_overrides(
    dataset: Dataset, tags: Mapping[TagPath, TagValue], remove: Iterable[TagPath] = ()
) -> None:
    """Write and delete elements as the recipe says, in place; keys in the order of the recipe.

    Raises:
        ExportError: a value that its VR cannot hold (a template may have given it), an item of a sequence
            that leaves a gap.
    """
    for path in remove:
        _remove(dataset, path)
    for path, value in tags.items():
        _put(dataset, path, value)


def is_given(tags: Mapping[TagPath, TagValue], keyword: str) -> bool:
    """Tell whether the recipe gives this element of the top level a value, under whichever of its names."""
    wanted = path_of(keyword).steps
    return any(path.steps == wanted and not value.empty for path, value in tags.items())


def _put(dataset: Dataset, path: TagPath, value: TagValue) -> None:
    holder = dataset
    for step in path.steps[:-1]:
        holder = _item(holder, step, path)
    last = path.last
    if last.index is not None:
        _put_item(holder, last, value, path)
        return
    tag = _tag(holder, last, create=True)
    assert tag is not None
    vr = _vr(dataset, holder, last, tag, value)
    holder[tag] = _element(tag, vr, value, path)


def _put_item(holder: Dataset, step: TagStep, value: TagValue, path: TagPath) -> None:
    """Replace, or empty, the item that ``Sequence[1]`` itself names."""
    if not value.empty and (value.nested is None or len(value.nested) != 1):
        raise ExportError("an item of a sequence is a list of one mapping, or null", subject=str(path))
    item = _item(holder, step, path)
    item.clear()
    for nested in value.nested or ():
        apply_overrides(item, nested)


def _item(holder: Dataset, step: TagStep, path: TagPath) -> Dataset:
    """Return the item of a sequence that a path goes through; make it where it is the next one."""
    tag = _tag(holder, step, create=True)
    assert tag is not None
    if tag not in holder or holder[tag].value is None:
        holder[tag] = DataElement(tag, "SQ", Sequence())
    if holder[tag].VR != "SQ":
        raise ExportError("only a sequence has items", subject=str(path))
    items = holder[tag].value
    index = step.index or 0
    if index > len(items):
        raise ExportError(f"item {index} cannot be made: there are {len(items)} before it", subject=str(path))
    if index == len(items):
        items.append(Dataset())
    return cast(Dataset, items[index])


def _tag(holder: Dataset, step: TagStep, *, create: bool) -> BaseTag | None:
    """Return the tag of a step in this dataset; a private one in its creator's block.

    `create`: reserve the block where there is none.
    """
    if step.creator is None:
        return Tag(step.number)
    try:
        block = holder.private_block(step.number >> 16, step.creator, create=create)
    except KeyError:
        return None
    return block.get_tag(step.number & 0xFF)


def _vr(root: Dataset, holder: Dataset, step: TagStep, tag: BaseTag, value: TagValue) -> str:
    vr = value.vr or vr_of(step)
    if vr is None and step.creator is not None:
        vr = _private_vr(holder, tag, step.creator)
    if vr in (None, "UN") and value.vr is None:
        vr = _fallback_vr(step, value)
    if vr == "US or SS":
        return "SS" if root.get("PixelRepresentation") == 1 else "US"
    if vr == "OB or OW":
        return "OB" if tag == 0x7FE00010 and int(root.get("BitsAllocated") or 16) <= 8 else "OW"
    if vr in ("US or OW", "US or SS or OW"):
        return "OW" if value.data is not None else "US"
    assert vr is not None
    return vr


def _private_vr(holder: Dataset, tag: BaseTag, creator: str) -> str | None:
    if tag in holder and holder[tag].VR != "UN":
        return str(holder[tag].VR)
    try:
        return private_dictionary_VR(tag, creator)
    except KeyError:
        return None


def _fallback_vr(step: TagStep, value: TagValue) -> str:
    if value.nested is not None:
        return "SQ"
    if value.data is not None:
        return "UN"
    if step.creator is None and (step.number >> 16) % 2 == 1 and 0x10 <= step.number & 0xFFFF <= 0xFF:
        return "LO"
    return "LO" if all(len(item) <= 64 for item in value.items or ()) else "UT"


def _element(tag: BaseTag, vr: str, value: TagValue, path: TagPath) -> DataElement:
    if vr == "SQ":
        if value.items or value.data is not None:
            raise ExportError("a sequence takes a list of mappings", subject=str(path))
        return DataElement(tag, vr, Sequence([_dataset(nested) for nested in value.nested or ()]))
    if value.data is not None:
        return _from_bytes(tag, vr, value.data, path)
    items = [_typed(vr, item, path) for item in value.items or ()]
    if vr in BYTES:
        return DataElement(tag, vr, b"" if not any(items) else items[0])
    if not items or items == [""]:
        return DataElement(tag, vr, None if vr in NUMBERS else "")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return DataElement(tag, vr, items[0] if len(items) == 1 else items)
        except (ValueError, TypeError, OverflowError, UserWarning) as error:
            raise ExportError(f"is no {vr} value: {without_values(str(error))}", subject=str(path)) from error


def _dataset(nested: Mapping[TagPath, TagValue]) -> Dataset:
    item = Dataset()
    apply_overrides(item, nested)
    return item


def _typed(vr: str, text: str, path: TagPath) -> Any:
    """Return one value of an element as pydicom holds it: numbers as numbers, DS and IS as their text."""
    try:
        normal = normal_value(vr, text)
    except ValueFormError as error:
        raise ExportError(error.unseen, subject=str(path)) from None
    if normal == "":
        return normal
    if vr in INTEGERS:
        return int(normal)
    if vr == "FD":
        return float(normal)
    if vr == "FL":
        single = np.float64(normal).astype(np.float32) if abs(float(normal)) < 3.5e38 else np.inf
        if not np.isfinite(single):
            raise ExportError(f"{normal} does not fit FL, a 32-bit float", subject=str(path))
        return float(single)
    if vr == "AT":
        return Tag(int("".join(char for char in normal if char.isalnum()), 16))
    return normal


def _from_bytes(tag: BaseTag, vr: str, data: bytes, path: TagPath) -> DataElement:
    """Return an element of bytes as given, or of the value that the bytes encode (little endian, UTF-8)."""
    padded = data + b"\0" * (len(data) % 2)
    if vr in BYTES:
        return DataElement(tag, vr, padded)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return element_from_bytes(tag, vr, data)
        except (ValueError, TypeError, NotImplementedError, UserWarning, OverflowError) as error:
            raise ExportError(
                f"the bytes are no {vr} value: {without_values(str(error))}", subject=str(path)
            ) from error


def _remove(dataset: Dataset, path: TagPath) -> None:
    holder = dataset
    for step in path.steps[:-1]:
        tag = _tag(holder, step, create=False)
        index = step.index or 0
        if tag is None or tag not in holder or holder[tag].VR != "SQ" or index >= len(holder[tag].value):
            return
        holder = holder[tag].value[index]
    last = path.last
    tag = _tag(holder, last, create=False)
    if tag is None or tag not in holder:
        return
    if last.index is not None:
        if holder[tag].VR == "SQ" and last.index < len(holder[tag].value):
            del holder[tag].value[last.index]
        return
    del holder[tag]
    if last.creator is not None:
        _free_block(holder, tag)


def _free_block(holder: Dataset, tag: BaseTag) -> None:
    """Delete a private block's creator where the block has no elements any more."""
    block = tag.elem >> 8
    if not any(other.group == tag.group and other.elem >> 8 == block for other in holder.keys()):  # noqa: SIM118
        creator = Tag(tag.group, block)
        if creator in holder:
            del holder[creator]
