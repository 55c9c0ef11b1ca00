"""Make ``profile.json``: the actions of PS3.15 table E.1-1, and the Types of its attributes in each IOD.

Once for each edition, with the module of dicom-anonymizer that has it (``dicomfields_2026c.py``),
``options.json`` beside this file (the columns of the options), and the folder of highdicom's JSON tables of
PS3.3. dicom-anonymizer is Kitware's, BSD licence; highdicom is MIT.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from runpy import run_path
from typing import Any

_ACTIONS = {
    "D_TAGS": "D", "Z_TAGS": "Z", "X_TAGS": "X", "U_TAGS": "U", "Z_D_TAGS": "Z/D", "X_Z_TAGS": "X/Z",
    "X_D_TAGS": "X/D", "X_Z_D_TAGS": "X/Z/D", "X_Z_U_STAR_TAGS": "X/Z/U*",
}  # fmt: skip
_STRICT = ("1", "1C", "2", "2C")
"""Types other than 3, the strictest first."""


def generated(fields: Path, options: Path, standard: Path) -> str:
    """Return the text of ``profile.json``."""
    lists = run_path(str(fields))
    actions = {
        f"{tag[0]:04X}{tag[1]:04X}": action
        for name, action in _ACTIONS.items()
        for tag in lists[name]
        if len(tag) == 2  # repeating groups, written with masks, are in the code
    }
    columns: Mapping[str, str] = json.loads(options.read_text(encoding="utf-8"))["columns"]
    rows = {tag: f"{action} {columns.get(tag, '')}".strip() for tag, action in sorted(actions.items())}
    found = {"edition": fields.stem.partition("_")[2], "rows": rows, **_types(standard, set(rows))}
    return json.dumps(found, indent=0, sort_keys=True) + "\n"


def _types(standard: Path, wanted: set[str]) -> dict[str, Any]:
    """Return the Types of the table's attributes: of each IOD at its top, and inside of which sequence."""
    from pydicom.datadict import tag_for_keyword

    modules_of, attributes_of, classes = (
        json.loads((standard / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("iod_module_map", "module_attribute_map", "sop_class_iod_map")
    )
    keep = {
        f"{tag_for_keyword(row['keyword']) or 0:08X}" for key in attributes_of for row in attributes_of[key]
    }
    keep &= wanted
    inside: dict[str, str] = {}
    top: dict[str, dict[str, str]] = {}
    for kind, parts in sorted(modules_of.items()):
        for keyword, holder, told in _rows(parts, attributes_of):
            tag = f"{tag_for_keyword(keyword) or 0:08X}"
            if tag in keep and told in _STRICT:
                table, key = (
                    (inside, f"{holder}.{keyword}") if holder else (top.setdefault(kind, {}), keyword)
                )
                if key not in table or _STRICT.index(told) < _STRICT.index(table[key]):
                    table[key] = told
    return {"classes": classes, "inside": inside, "top": top}


def _rows(parts: Any, attributes_of: Any) -> Iterator[tuple[str, str, str]]:
    for part in parts:
        for row in attributes_of.get(part["key"], ()):
            yield row["keyword"], row["path"][-1] if row["path"] else "", row["type"]
