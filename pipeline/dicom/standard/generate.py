"""Make ``modules.json`` from the tables of PS3.3 that highdicom ships (MIT)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

KINDS = (
    "computed-radiography-image",
    "digital-x-ray-image",
    "ct-image",
    "mr-image",
    "nuclear-medicine-image",
    "positron-emission-tomography-image",
    "ultrasound-image",
    "ultrasound-multi-frame-image",
    "x-ray-angiographic-image",
    "secondary-capture-image",
    "multi-frame-single-bit-secondary-capture-image",
    "multi-frame-grayscale-byte-secondary-capture-image",
    "multi-frame-grayscale-word-secondary-capture-image",
    "multi-frame-true-color-secondary-capture-image",
    "parametric-map",
    "rt-image",
    "rt-dose",
)
"""The IODs whose tables are kept: those that are written, and those that sources often are."""

ATTRIBUTION = (
    "PS3.3 of the DICOM standard (NEMA), modules and attributes of some image IODs; generated from the "
    "tables in the highdicom package (MIT licence, MGH Computational Pathology). "
    "Do not edit: 'pytest --rewrite' makes it anew."
)

Table = dict[str, Any]


def generated(folder: Path) -> str:
    """Return the text of ``modules.json``, from the folder that has highdicom's JSON tables."""
    modules_of, attributes_of, class_of = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("iod_module_map", "module_attribute_map", "sop_class_iod_map")
    )
    shared = _Shared()
    kinds = {kind: [[part["key"], part["usage"]] for part in modules_of[kind]] for kind in KINDS}
    names = sorted({name for parts in kinds.values() for name, _ in parts if name in attributes_of})
    modules = {name: shared.index(_nested(attributes_of[name])) for name in names}
    classes = {uid: kind for uid, kind in sorted(class_of.items()) if kind in kinds}
    found = {
        "about": ATTRIBUTION,
        "classes": classes,
        "kinds": kinds,
        "modules": modules,
        "tables": shared.tables,
    }
    return _text(found)


def _nested(attributes: Sequence[Mapping[str, Any]]) -> Table:
    """Turn rows with the path to each attribute into nested tables: keyword -> [type, table inside]."""
    root: Table = {}
    for attribute in attributes:
        table = root
        for step in attribute["path"]:
            table = table.setdefault(step, ["3", {}])[1]
        table.setdefault(attribute["keyword"], ["3", {}])[0] = attribute["type"]
    return root


class _Shared:
    """The distinct tables by number: a code sequence occurs some thousand times."""

    def __init__(self) -> None:
        self.tables: list[Table] = []
        self._known: dict[str, int] = {}

    def index(self, table: Table) -> int:
        row = {
            keyword: [kind, self.index(inside)] if inside else kind
            for keyword, (kind, inside) in table.items()
        }
        key = json.dumps(row)
        if key not in self._known:
            self._known[key] = len(self.tables)
            self.tables.append(row)
        return self._known[key]


def _text(found: Mapping[str, Any]) -> str:
    """Return the text with one line for each entry, so that a new edition gives a readable difference."""
    parts = []
    for name, value in found.items():
        if isinstance(value, dict):
            lines = [f"  {json.dumps(key)}: {json.dumps(inner)}" for key, inner in value.items()]
            parts.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
        elif isinstance(value, list):
            lines = [f"  {json.dumps(inner)}" for inner in value]
            parts.append(f" {json.dumps(name)}: [\n" + ",\n".join(lines) + "\n ]")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
