"""The parts of a recipe, each with its place, and how the parts of several files become one.

Mappings merge, lists and single values replace, and what comes later wins. ``null`` in a later part removes a
key, except under ``tags``, where it is an empty element.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel

from ...schemas.geometry import Geometry
from ...schemas.language.tags import parse_tag
from ...schemas.recipe import Conversion, Limits
from ...schemas.testing.select import model_of
from .loaded import Layer, Location, Place
from .yaml_nodes import Node

Kind = Literal["recipe", "conversions", "conversion", "geometry", "tags", "short", "plain"]


class Part(Struct, frozen=True, eq=False):
    """A value of a recipe: text, None, a list or a mapping of parts."""

    value: str | list[Part] | dict[str, Part] | None
    place: Place
    path: Location = ()
    """The location in its own file."""
    key: Place | None = None
    """The place of its key, if it is in a mapping."""
    flow: bool = False

    @property
    def entries(self) -> dict[str, Part]:
        """Its parts by key; empty where it is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    def plain(self) -> Any:
        """Return it as text, None, lists and dicts."""
        if isinstance(self.value, dict):
            return {key: part.plain() for key, part in self.value.items()}
        if isinstance(self.value, list):
            return [part.plain() for part in self.value]
        return self.value

    def walk(self, location: Location = ()) -> Iterator[tuple[Location, Part]]:
        """Yield itself and every part within, each with its location."""
        yield location, self
        for key, part in self.entries.items():
            yield from part.walk((*location, key))
        if isinstance(self.value, list):
            for index, part in enumerate(self.value):
                yield from part.walk((*location, index))

    def size(self) -> int:
        """Return the number of values that it is made of."""
        inner = self.value if isinstance(self.value, list) else self.entries.values()
        return 1 + sum(part.size() for part in inner)


def parts_of(node: Node, file: str, *, own: bool = False, profile: bool = False) -> Part:
    """Return the parts of a file; `own` where it is the recipe itself and not one that it extends."""

    def layer(path: Location) -> Layer:
        if profile:
            return "profile"
        first = path[0] if path else ""
        if first == "machines":
            return "machine"
        if not own:
            return "extends"
        return "conversion" if first == "conversions" else "defaults" if first == "defaults" else "recipe"

    def part(node: Node, path: Location, key: Place | None) -> Part:
        place = Place(file, node.line, node.column, layer(path))
        if isinstance(node.value, dict):
            inner: Any = {
                name: part(child, (*path, name), Place(file, *node.keys[name], layer((*path, name))))
                for name, child in node.value.items()
            }
        elif isinstance(node.value, list):
            inner = [part(child, (*path, index), None) for index, child in enumerate(node.value)]
        else:
            inner = node.value
        return Part(inner, place, path, key, node.flow)

    return part(node, (), None)


def with_fills(file: Part) -> Part:
    """Return a file's tree in which keys that `fills` names in a geometry are as weak as those of `defaults`.

    A `fills` that is wrong is left for the models to refuse.
    """
    entries = dict(file.entries)
    for section in ("conversions", "machines"):
        if section in entries and entries[section].entries:
            changed = {name: _filling(part) for name, part in entries[section].entries.items()}
            entries[section] = replace(entries[section], value=changed)
    if "defaults" in entries:
        entries["defaults"] = _filling(entries["defaults"])
    return replace(file, value=entries)


def _filling(conversion: Part) -> Part:
    geometry = conversion.entries.get("geometry")
    fills = geometry.entries.get("fills") if geometry is not None else None
    if geometry is None or fills is None or not isinstance(fills.value, list):
        return conversion
    named = {item.value for item in fills.value if isinstance(item.value, str)}
    if len(named) < len(fills.value) or not named <= set(geometry.entries) - {"fills"}:
        return conversion
    changed = {
        key: _weakened(part) if key in named else part
        for key, part in geometry.entries.items()
        if key != "fills"
    }
    return replace(conversion, value={**conversion.entries, "geometry": replace(geometry, value=changed)})


def _weakened(part: Part) -> Part:
    key = replace(part.key, layer="defaults") if part.key else None
    return replace(part, place=replace(part.place, layer="defaults"), key=key)


def plain(part: Part) -> Any:
    """Return a recipe, or a part of one, as plain data; a known key that is null counts as absent."""
    data = part.plain()
    if isinstance(data, dict):
        _drop_nulls(data, model_of(data))
        _drop_nulls(data.get("limits"), Limits)
        if "destinations" in data or "receive" in data:
            _drop_nulls_of_delivery(data)
        for conversion in _values(data.get("conversions")):
            _drop_nulls(conversion, Conversion)
            _drop_nulls(conversion.get("geometry"), Geometry)
        for machine in _values(data.get("machines")):
            from ...schemas.machines import Machine

            _drop_nulls(machine, Machine)
            _drop_nulls(machine.get("geometry"), Geometry)
    return data


def _drop_nulls_of_delivery(data: dict[str, Any]) -> None:
    from ...schemas.delivery import DESTINATIONS, DicomDestination, Receive

    for destination in _values(data.get("destinations")):
        _drop_nulls(destination, DESTINATIONS.get(str(destination.get("to")), DicomDestination))
    _drop_nulls(data.get("receive"), Receive)


def _values(data: Any) -> list[dict[str, Any]]:
    return [value for value in data.values() if isinstance(value, dict)] if isinstance(data, dict) else []


def _drop_nulls(data: Any, model: type[BaseModel]) -> None:
    if not isinstance(data, dict):
        return
    for key in [key for key, value in data.items() if value is None and key in model.model_fields]:
        del data[key]


SHORT_FOR = {"source": "format", "combine": "method", "inputs": "files", "sidecar": "file", "metadata": "csv"}
"""Key of a conversion -> the key that its value stands for when it is no mapping."""

DISCRIMINATORS = {"source": "format", "exports": "to"}
"""Key of a conversion -> the key that decides what it is: with another value nothing is merged."""


def merge(lower: Part, upper: Part, kind: Kind = "plain") -> Part:
    """Return `upper` merged over `lower`."""
    if not isinstance(lower.value, dict) or not isinstance(upper.value, dict):
        return upper
    if kind == "tags":
        return replace(upper, value=_merged_tags(lower.value, upper.value))
    merged = dict(lower.value)
    if kind == "conversion":
        _settle_removed_tags(merged, upper.value)
    if kind == "geometry":
        _settle_spacing(merged, upper.value)
    for key, part in upper.value.items():
        if key not in merged:
            merged[key] = part
        elif part.value is None:
            del merged[key]
        elif kind == "conversion":
            merged[key] = _merged_setting(key, merged[key], part)
        else:
            merged[key] = merge(merged[key], part, _INNER.get((kind, key), _ANY_INNER.get(kind, "plain")))
    return replace(upper, value=merged)


_INNER: dict[tuple[Kind, str], Kind] = {
    ("recipe", "conversions"): "conversions",
    ("recipe", "defaults"): "conversion",
    ("recipe", "machines"): "conversions",
}
_ANY_INNER: dict[Kind, Kind] = {"conversions": "conversion"}


def _merged_setting(key: str, lower: Part, upper: Part) -> Part:
    """Return one key of a conversion, its short forms written out as far as merging needs it."""
    if key == "tags":
        return merge(lower, upper, "tags")
    if key == "geometry":
        return merge(lower, upper, "geometry")
    lower, upper = _long(key, lower), _long(key, upper)
    decides = DISCRIMINATORS.get(key, "")
    kinds = {str(part.entries[decides].plain()) for part in (lower, upper) if decides in part.entries}
    return upper if len(kinds) > 1 else merge(lower, upper)


def _long(key: str, part: Part) -> Part:
    stands_for = SHORT_FOR.get(key)
    if stands_for is None or part.value is None or isinstance(part.value, dict):
        return part
    return replace(part, value={stands_for: replace(part, key=part.place)})


def _merged_tags(lower: dict[str, Part], upper: dict[str, Part]) -> dict[str, Part]:
    """Return merged tags: one replaces the same tag, however either is written; values are never mixed."""
    given = {_element(key) for key in upper}
    return {key: part for key, part in lower.items() if _element(key) not in given} | upper


def _element(key: str) -> object:
    try:
        return parse_tag(key).steps
    except ValueError:
        return key


def _settle_removed_tags(lower: dict[str, Part], upper: dict[str, Part]) -> None:
    """Remove earlier `tags` that a later `remove_tags` names, and the other way round."""
    removed = _texts(upper.get("remove_tags"))
    given = set(map(_element, upper["tags"].entries)) if "tags" in upper else set()
    if removed and "tags" in lower:
        gone = set(map(_element, removed)) - given
        kept = _without(lower["tags"].entries, lambda key, part: _element(key) in gone)
        lower["tags"] = replace(lower["tags"], value=kept)
    listed = lower.get("remove_tags")
    if listed is not None and isinstance(listed.value, list):
        parts = [part for part in listed.value if _element(str(part.value)) not in given]
        lower["remove_tags"] = replace(listed, value=parts)


def _texts(part: Part | None) -> list[str]:
    listed = part.value if part is not None and isinstance(part.value, list) else []
    return [item.value for item in listed if isinstance(item.value, str)]


def _without(parts: dict[str, Part], gone: Callable[[str, Part], bool]) -> dict[str, Part]:
    return {key: part for key, part in parts.items() if not gone(key, part)}


def _settle_spacing(lower: dict[str, Part], upper: dict[str, Part]) -> None:
    """Let a later `dpi` replace `pixel_spacing`, and the other way round, since both give the spacing."""
    for one, other in (("dpi", "pixel_spacing"), ("pixel_spacing", "dpi")):
        if one in upper and upper[one].value is not None and other not in upper:
            lower.pop(other, None)
