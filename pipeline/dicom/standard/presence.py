"""Check that attributes of Type 1, 2, 1C and 2C are present, for the modules that a file has or must have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from pydicom import Dataset

from .conditions import Where, verdict
from .findings import Finding
from .supply import removed_by, supplied_by
from .tables import Attribute, Module, modules_of, table, title

_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
"""Sequences whose items hold functional groups; each image has some groups in the one, some in the other."""
_PIXELS = {
    "image-pixel": "PixelData",
    "floating-point-image-pixel": "FloatPixelData",
    "double-floating-point-image-pixel": "DoubleFloatPixelData",
}
_MAP_GROUPS = (
    "PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence",
    "PixelValueTransformationSequence", "RealWorldValueMappingSequence", "ParametricMapFrameTypeSequence",
    "FrameContentSequence",
)  # fmt: skip
"""Functional groups that every frame of a Parametric Map has (PS3.3 table A.75-2)."""


def presence(dataset: Dataset, kind: str) -> Iterator[Finding]:
    """Yield what is missing, empty, or present against its condition; each attribute once."""
    told: set[tuple[str, str]] = set()
    for module in modules_of(kind):
        if not _applies(module, dataset, kind):
            continue
        for finding in _module(module, dataset, kind):
            key = (finding.attribute, finding.what)
            if key not in told:
                told.add(key)
                yield finding
    yield from _pixel_element(dataset, kind)
    if kind == "parametric-map":
        yield from _map_groups(dataset)


def _applies(module: Module, dataset: Dataset, kind: str) -> bool:
    """Tell whether the module is mandatory or present: an attribute of no mandatory module shows that."""
    if kind == "parametric-map" and module.key in _PIXELS:
        return _PIXELS[module.key] in dataset
    if module.usage == "M":
        return True
    if module.key == "sc-multi-frame-vector":
        return str(dataset.get("NumberOfFrames") or 1) != "1"
    return any(keyword in dataset for keyword in _own(kind)[module.key])


@cache
def _own(kind: str) -> dict[str, tuple[str, ...]]:
    """Return the attributes of each module, Type 3 apart, that no other module of the kind has."""
    common = Counter(attribute.keyword for module in modules_of(kind) for attribute in module.attributes)
    return {
        module.key: tuple(
            attribute.keyword
            for attribute in module.attributes
            if attribute.type in ("1", "1C", "2", "2C") and common[attribute.keyword] == 1
        )
        for module in modules_of(kind)
    }


def _module(module: Module, dataset: Dataset, kind: str) -> Iterator[Finding]:
    where = Where(dataset, dataset, kind, ())
    yield from _rows(module, module.attributes, where, "")


def _rows(module: Module, rows: Sequence[Attribute], where: Where, prefix: str) -> Iterator[Finding]:
    in_groups = bool(where.path) and where.path[-1] in _GROUPS
    for row in rows:
        name = f"{prefix}{row.keyword}"
        if row.keyword in where.item:
            yield from _there(module, row, where, name)
            if row.inside is not None:
                yield from _items(module, row, where, name)
        elif not in_groups:
            yield from _missing(module, row, where, name)


def _missing(module: Module, row: Attribute, where: Where, name: str) -> Iterator[Finding]:
    needed = row.type in ("1", "2")
    if row.type in ("1C", "2C"):
        needed = verdict(module.key, row.keyword, where) == "required"
    if needed:
        supply = supplied_by(name, empty=row.type.startswith("2"))
        yield Finding(name, "missing", module.name, row.type, supply)


def _there(module: Module, row: Attribute, where: Where, name: str) -> Iterator[Finding]:
    element = where.item[row.keyword]
    if element.is_empty and row.type in ("1", "1C"):
        yield Finding(name, "empty, and needs a value", module.name, row.type, supplied_by(name))
    if row.type not in ("1C", "2C"):
        return
    found = verdict(module.key, row.keyword, where)
    if found == "forbidden":
        yield Finding(
            name, "there, though its condition does not hold", module.name, row.type, removed_by(name)
        )
    elif found == "odd":
        yield Finding(
            name,
            "there, though its condition does not hold; true values all the same",
            module.name,
            row.type,
            severity="warning",
        )


def _items(module: Module, row: Attribute, where: Where, name: str) -> Iterator[Finding]:
    element = where.item[row.keyword]
    if element.VR != "SQ" or row.inside is None:
        return
    path, many = (*where.path, row.keyword), len(element.value) > 1
    for index, item in enumerate(element.value):
        inner = Where(where.root, item, where.kind, path, many)
        yield from _rows(module, table(row.inside), inner, f"{name}[{index}].")


def _pixel_element(dataset: Dataset, kind: str) -> Iterator[Finding]:
    """Check that the pixels are in the one element that the kind has for them."""
    allowed = [name for key, name in _PIXELS.items() if any(part.key == key for part in modules_of(kind))]
    there = [name for name in _PIXELS.values() if name in dataset]
    for name in there:
        if name not in allowed:
            supply = "'to: parametric-map' holds floats; 'pixels: portable' makes integers of them"
            yield Finding(name, f"has no place in this kind of file ({title(kind)})", supply=supply)
    if len(there) > 1:
        yield Finding(there[1], f"there beside {there[0]}", supply=removed_by(there[1]))
    if len(allowed) > 1 and not there:
        yield Finding("PixelData", "missing", "Image Pixel", "1C", supplied_by("PixelData"))


def _map_groups(dataset: Dataset) -> Iterator[Finding]:
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or ())
    frames = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
    count = dataset.get("NumberOfFrames")
    if frames and count is not None and str(count) != str(len(frames)):
        what = f"has {len(frames)} items, and the image {count} frames"
        yield Finding("PerFrameFunctionalGroupsSequence", what, supply="dicombake writes it")
    for keyword in _MAP_GROUPS:
        if any(item.get(keyword) for item in shared):
            continue
        missing = next((index for index, item in enumerate(frames) if not item.get(keyword)), None)
        if missing is not None or not frames:
            where = "of any frame" if missing is None else f"of frame {missing + 1}"
            yield Finding(
                f"PerFrameFunctionalGroupsSequence[{missing or 0}].{keyword}",
                f"missing {where}, and not shared",
                "Multi-frame Functional Groups",
                "1",
                "dicombake writes it",
            )
