"""Write the merged recipe as YAML, with the file and line of each of its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ...schemas.recipe import Conversion, Recipe
from ..printable import printable
from .load import load_with_parts
from .loaded import LoadedRecipe, Place
from .machines import applied, templated
from .problems import where
from .profiles import HANDED_DOWN, Profiles
from .tree import Part

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.0|\.[0-9]{0,10}[1-9])?")
"""Numbers that every program that rewrites YAML keeps unchanged."""
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""Words that some reader of YAML takes for a flag or for null."""
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
HIDDEN = frozenset({"tags", "vars", "metadata", "where"})
"""Keys whose values are, or may be, those of tags."""
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_COLUMN = 64
"""The column where comments begin at the latest, but for longer lines."""


class Config(Struct, frozen=True):
    """A merged recipe. Loading its text gives the same recipe: the same `digest`."""

    loaded: LoadedRecipe
    lines: tuple[tuple[str, str], ...]
    """Each line of YAML, and its origin: ``sites/north.yaml:7``, ``--set``."""
    content: Mapping[str, Any]
    """The same as data: text, None, lists and dicts."""
    origins: Mapping[str, str]
    """By the place in the recipe: ``conversions.film.geometry.sid``."""
    conversions: Mapping[str, tuple[tuple[str, str], ...]]
    """The lines of each conversion, as `lines` has them, values under `HIDDEN` keys as an ellipsis."""

    def text(self) -> str:
        """Return the YAML, each line with its origin as a comment."""
        column = min(max(len(line) for line, _ in self.lines), _COLUMN)
        return "".join(f"{line:{column}}  # {origin}\n" for line, origin in self.lines)


def config(path: Path, variables: Mapping[str, str] | None = None, *, trusted: bool = True) -> Config:
    """Return a recipe with everything that it extends merged into it.

    Profiles, `defaults` and machines that conversions name are merged into the conversions, too. Where a
    template chooses the machine, each file may get another: then all these stay parts of their own.

    Raises:
        RecipeError: with every mistake in the files.
    """
    loaded, read, profiles = load_with_parts(path, variables, trusted=trusted)
    tree = _settled(read, profiles)
    lines = tuple((line, _comment(place)) for line, place in _mapping(tree, ""))
    origins = {
        where(location): _comment(_place(part)) for location, part in tree.walk() if location and _tells(part)
    }
    conversions = {name: _apart(name, part) for name, part in tree.entries["conversions"].entries.items()}
    return Config(loaded, lines, tree.plain(), origins, conversions)


def _apart(name: str, part: Part) -> tuple[tuple[str, str], ...]:
    return tuple((line, _comment(place)) for line, place in _entry(f"{_key(name)}:", _hidden(part), ""))


def _hidden(part: Part, *, within: bool = False) -> Part:
    """Return the part without the values that may say who somebody is."""
    if isinstance(part.value, dict):
        entries = {key: _hidden(inner, within=within or key in HIDDEN) for key, inner in part.entries.items()}
        return replace(part, value=entries)
    if isinstance(part.value, list):
        return replace(part, value=[_hidden(item, within=within) for item in part.value])
    return replace(part, value=_ELLIPSIS) if within and part.value is not None else part


def _tells(part: Part) -> bool:
    return not part.value or not isinstance(part.value, dict)


def _settled(read: Part, profiles: Profiles) -> Part:
    merged = applied(read, profiles)
    dropped: tuple[str, ...] = ()
    if templated(merged):
        entries = {key: part for key, part in read.entries.items() if key != "extends"}
    else:
        entries = {key: part for key, part in merged.entries.items() if key not in ("machines", "profile")}
        dropped = ("machine", "profile", *HANDED_DOWN)
    conversions = entries["conversions"]
    settled = {name: _conversion(part, dropped) for name, part in conversions.entries.items()}
    entries["conversions"] = replace(conversions, value=settled)
    if entries["name"].key is None:
        named = Place("the file's name", 0, 0, "recipe")
        entries["name"] = replace(entries["name"], place=named)
    order = ["version", "name", *Recipe.model_fields, "defaults", "conversions", "tests"]
    last = {key: at for at, key in enumerate(order)}
    found = {key: entries[key] for key in sorted(entries, key=last.__getitem__)}
    return replace(read, value={key: part for key, part in found.items() if part.value is not None})


def _conversion(part: Part, dropped: tuple[str, ...]) -> Part:
    entries = {key: inner for key, inner in part.entries.items() if key not in dropped}
    geometry = entries.get("geometry")
    if geometry is not None and geometry.entries:
        weak = [
            inner for inner in geometry.entries.values()
            if inner.place.layer != "conversion" and inner.value is not None
        ]  # fmt: skip
        names = [key for key, inner in geometry.entries.items() if inner in weak]
        if names:
            item = replace(weak[0], key=None)
            fills = replace(weak[0], value=[replace(item, value=name) for name in names])
            entries["geometry"] = replace(geometry, value={**geometry.entries, "fills": fills})
    return replace(part, value={key: entries[key] for key in Conversion.model_fields if key in entries})


Lines = Iterator[tuple[str, Place]]


def lines_of(tree: Part) -> list[str]:
    """Return the YAML of a recipe's tree, line by line."""
    return [line for line, _ in _mapping(tree, "")]


def _mapping(part: Part, indent: str) -> Lines:
    for key, inner in part.entries.items():
        yield from _entry(f"{indent}{_key(key)}:", inner, indent)


def _entry(start: str, part: Part, indent: str) -> Lines:
    """Return the lines of a key or a dash with its value.

    A value that is, or holds, a mapping gets lines of its own.
    """
    place = _place(part)
    if isinstance(part.value, dict) and part.value:
        yield start, place
        yield from _mapping(part, f"{indent}  ")
    elif isinstance(part.value, list) and any(item.entries for item in part.value):
        yield start, place
        for item in part.value:
            yield from _item(item, f"{indent}  ")
    else:
        yield f"{start} {_short(part)}", place


def _item(part: Part, indent: str) -> Lines:
    if not part.entries:
        yield from _entry(f"{indent}-", part, indent)
        return
    for number, (line, place) in enumerate(_mapping(part, f"{indent}  ")):
        yield (line if number else f"{indent}- {line[len(indent) + 2 :]}"), place


def _short(part: Part) -> str:
    if isinstance(part.value, list):
        return f"[{', '.join(_short(item) for item in part.value)}]"
    if isinstance(part.value, dict):
        return "{}"
    if part.value is None:
        return "null"
    plain = _NUMBER.fullmatch(part.value) or part.value in ("true", "false")
    return part.value if plain else quoted(part.value)


def _key(text: str) -> str:
    return text if _PLAIN_KEY.fullmatch(text) and text.lower() not in _WORDS else quoted(text)


def quoted(text: str) -> str:
    """Return any text as YAML in double quotes, in which a CI service finds no command (`printable`)."""
    escaped = "".join(_ESCAPES.get(char) or _escaped(char) for char in text)
    escaped = escaped.replace("##[", "##\\x5b")
    return f'"{escaped}"'


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _place(part: Part) -> Place:
    return part.place if part.key is None or part.place.layer == "set" else part.key


def _comment(place: Place) -> str:
    if place.layer == "set":
        return "--set"
    return printable(str(place) if place.line else place.file, 400)
