"""Merge profiles under everything that a recipe says of a conversion, and hand down keys to its exports.

A profile is a YAML file of the same shape as `defaults`. Those of the program are files like any site's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files

from msgspec.structs import replace

from ...schemas.exports import DICOM_TARGETS
from .tree import Part

Profiles = Mapping[str, Part]
"""The tree of each profile, by its name or by its path relative to the recipe."""

HANDED_DOWN = ("pixels", "transfer_syntax")
"""Keys of a conversion for those of its DICOM exports that do not have them."""


def built_in(name: str) -> bytes:
    """Return the text of a profile that comes with the program."""
    return (files("dicombake.recipes") / "profiles" / f"{name}.yaml").read_bytes()


def naming(file: Part, take: Callable[[Part], Part]) -> Part:
    """Return a file's tree with the result of `take` for each part in it that names a profile."""

    def taken(part: Part) -> Part:
        named = part.entries.get("profile")
        if named is None or not isinstance(named.value, str):
            return part
        return replace(part, value={**part.entries, "profile": take(named)})

    file = taken(file)
    entries = dict(file.entries)
    if "defaults" in entries:
        entries["defaults"] = taken(entries["defaults"])
    if "conversions" in entries and entries["conversions"].entries:
        inner = {name: taken(part) for name, part in entries["conversions"].entries.items()}
        entries["conversions"] = replace(entries["conversions"], value=inner)
    return replace(file, value=entries)


def profile_of(*parts: Part | None) -> str:
    """Return the profile that the first of these names; ``null`` in one of them also ends the search."""
    for part in parts:
        if part is not None and "profile" in part.entries:
            value = part.entries["profile"].value
            return value if isinstance(value, str) else ""
    return ""


def handed_down(conversion: Part) -> Part:
    """Return a conversion with its keys for all DICOM exports in each export that does not have them."""
    given = {
        key: part for key in HANDED_DOWN if (part := conversion.entries.get(key)) and part.value is not None
    }
    exports = conversion.entries.get("exports")
    if not given or exports is None:
        return conversion
    if isinstance(exports.value, list):
        exports = replace(exports, value=[_with(item, given) for item in exports.value])
    else:
        exports = _with(exports, given)
    return replace(conversion, value={**conversion.entries, "exports": exports})


def _with(export: Part, given: Mapping[str, Part]) -> Part:
    to = export.entries.get("to")
    if to is None or to.value not in DICOM_TARGETS:
        return export
    return replace(
        export, value={**export.entries, **{k: v for k, v in given.items() if k not in export.entries}}
    )
