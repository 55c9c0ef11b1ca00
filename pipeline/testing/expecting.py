"""What a test states of outputs, against the outputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...schemas.recipe import Limits
from ...schemas.sources import AutoSource
from ...schemas.tags import TagPath, TagValue, parse_tag
from ...schemas.testing import Expectation, Mean, Near
from ..dicom.overrides import apply_overrides
from ..errors import DicombakeError
from ..image import Image
from ..loaders.registry import load

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

SOP_CLASSES: Mapping[str, tuple[str, ...]] = {
    "rt-image": ("1.2.840.10008.5.1.4.1.1.481.1",),
    "ct-image": ("1.2.840.10008.5.1.4.1.1.2",),
    "mr-image": ("1.2.840.10008.5.1.4.1.1.4",),
    "secondary-capture": tuple(
        f"1.2.840.10008.5.1.4.1.1.7{number}" for number in ("", ".1", ".2", ".3", ".4")
    ),
    "parametric-map": ("1.2.840.10008.5.1.4.1.1.30",),
}
"""PS3.4 B.5, by the kinds that a test names."""
_STARTS = {"png": (b"\x89PNG",), "jpg": (b"\xff\xd8",), "tiff": (b"II", b"MM"), "npy": (b"\x93NUMPY",)}
_DIGITS = 1e-6
"""Part of a number that a statement about it may leave out."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Something that is not as it was stated; `file` is empty where it is about all of the outputs."""

    file: str
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        start = f"{self.file}: " if self.file else ""
        return f"{start}{self.what}: expected {self.expected}, found {self.found}"


class _Found:
    """An output, read when something is asked of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def kind(self) -> str:
        head = self.path.read_bytes()[:132]
        if head[128:132] == b"DICM":
            return "dicom"
        return next((kind for kind, starts in _STARTS.items() if head.startswith(starts)), "unknown")

    @cached_property
    def dataset(self) -> Dataset | None:
        from pydicom import dcmread

        return dcmread(self.path, stop_before_pixels=True) if self.kind == "dicom" else None

    @cached_property
    def images(self) -> list[Image]:
        return list(load(self.path, AutoSource(), Limits()))

    @cached_property
    def stored(self) -> npt.NDArray[Any]:
        """Pixels as they are stored."""
        if self.kind == "npy":
            return np.asarray(np.load(self.path, allow_pickle=False))
        images = [image.pixels if image.stored is None else image.stored.pixels for image in self.images]
        return images[0] if len(images) == 1 else np.stack(images)

    @cached_property
    def values(self) -> npt.NDArray[Any]:
        """Modality values, (rows, columns), frames before and samples after them."""
        if self.kind == "npy":
            return self.stored
        images = [image.pixels for image in self.images]
        return images[0] if len(images) == 1 else np.stack(images)

    @property
    def planes(self) -> npt.NDArray[Any]:
        """(frames, rows, columns, ...)"""
        framed = self.values.ndim == 2 or self.values.shape[-1] in (3, 4)
        alone = framed and (self.kind == "npy" or len(self.images) == 1)
        return self.values[np.newaxis] if alone else self.values


def mismatches(stated: Expectation, name: str, path: Path) -> Iterator[Mismatch]:
    """What of an output is not as stated; its count is the caller's matter."""
    found = _Found(path)
    try:
        for what, expected, seen in _all(stated, found):
            yield Mismatch(name, what, expected, seen)
    except DicombakeError as error:
        yield Mismatch(name, "reading it", "an image", str(error).replace(str(path), name))


Told = Iterator[tuple[str, str, str]]


def _all(stated: Expectation, found: _Found) -> Told:
    if stated.kind is not None:
        yield from _kind(stated.kind, found)
    if stated.tags or stated.absent:
        yield from _tags(stated, found)
    if stated.shape is not None and found.values.shape != stated.shape:
        yield "shape", _shown_shape(stated.shape), _shown_shape(found.values.shape)
    if stated.dtype is not None and found.stored.dtype != np.dtype(stated.dtype):
        yield "dtype", stated.dtype, str(found.stored.dtype)
    for what, near in (("min", stated.min), ("max", stated.max)):
        if near is not None:
            value = float(found.values.min() if what == "min" else found.values.max())
            if not _near(value, near):
                yield what, _shown(near), f"{value:.10g}"
    for mean in stated.mean:
        yield from _mean(mean, found)
    if stated.spacing is not None:
        yield from _spacing(stated.spacing, found)


def _kind(kind: str, found: _Found) -> Told:
    seen = found.kind
    if found.dataset is not None and kind in SOP_CLASSES:
        uid = found.dataset.get("SOPClassUID")
        if str(uid) not in SOP_CLASSES[kind]:
            yield "kind", kind, f"{uid.name}" if uid is not None else "no SOP class"
    elif seen != kind:
        yield "kind", kind, seen


def _tags(stated: Expectation, found: _Found) -> Told:
    dataset = found.dataset
    if dataset is None:
        yield "tags", "a DICOM file", found.kind
        return
    for key, value in stated.tags.items():
        element, wanted = _element(dataset, parse_tag(key)), _wanted(key, value, dataset)
        if element is None:
            yield key, _text(wanted), "nothing of that name"
        elif not _same(wanted, element.value):
            yield key, _text(wanted), _text(element.value)
    for key in stated.absent:
        element = _element(dataset, parse_tag(key))
        if element is not None:
            yield key, "no such element", _text(element.value)


def _wanted(key: str, value: TagValue, dataset: Dataset) -> Any:
    """The stated value as an element of the same VR holds it."""
    from pydicom import Dataset

    alone = Dataset()
    last = parse_tag(key).last
    found = _element(dataset, parse_tag(key))
    if value.vr is None and found is not None and last.creator is not None:
        value = TagValue(value.items, value.nested, value.data, str(found.VR))
    name = key if len(parse_tag(key).steps) == 1 else key.rpartition(".")[2]
    apply_overrides(alone, {name: value})
    element = _element(alone, parse_tag(name))
    return None if element is None else element.value


def _element(dataset: Dataset, path: TagPath) -> DataElement | None:
    """The element at a path, or None."""
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
        return math.isclose(float(one), float(other), rel_tol=_DIGITS)
    except (TypeError, ValueError):
        return str(one).strip() == str(other).strip() if not isinstance(one, bytes) else one == other


def _empty(value: Any) -> bool:
    return value is None or (not isinstance(value, int | float) and len(value) == 0)


def _listed(value: Any) -> list[Any]:
    single = isinstance(value, str | bytes | int | float) or not hasattr(value, "__iter__")
    return [value] if single else list(value)


def _text(value: Any) -> str:
    if _empty(value):
        return "nothing in it"
    listed = _listed(value)
    if not isinstance(listed[0], str | bytes | int | float) and hasattr(listed[0], "to_json"):
        return f"{len(listed)} items"
    return "\\".join(str(item) for item in listed)[:200]


def _mean(stated: Mean, found: _Found) -> Told:
    planes = found.planes
    rows, columns = planes.shape[1:3]
    top, left, bottom, right = stated.region or (0, 0, rows, columns)
    what = f"mean of {list(stated.region)}" if stated.region else "mean"
    if not (top < bottom <= rows and left < right <= columns):
        yield what, "a region of the image", f"an image of {rows} x {columns}"
        return
    value = float(planes[:, top:bottom, left:right].astype(np.float64).mean())
    near = Near(value=stated.value, tolerance=stated.tolerance)
    if not _near(value, near):
        yield what, _shown(near), f"{value:.10g}"


def _spacing(stated: tuple[float, float], found: _Found) -> Told:
    seen = found.images[0].geometry.spacing
    if seen is None:
        yield "spacing", _pair(stated), "none"
    elif not all(math.isclose(*pair, rel_tol=_DIGITS) for pair in zip(stated, seen, strict=True)):
        yield "spacing", _pair(stated), _pair(seen)


def _near(value: float, near: Near) -> bool:
    return abs(value - near.value) <= near.tolerance or math.isclose(value, near.value, rel_tol=1e-12)


def _shown(near: Near) -> str:
    return f"{near.value:.10g}" + (f" within {near.tolerance:.10g}" if near.tolerance else "")


def _pair(pair: tuple[float, float]) -> str:
    return f"{pair[0]:.10g} x {pair[1]:.10g} mm"


def _shown_shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
