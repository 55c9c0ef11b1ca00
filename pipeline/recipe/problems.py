"""Turn Pydantic's errors into sentences with a file, a line and a hint.

They depend on the type of an error and on the models, never on Pydantic's English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from ...schemas.describe.keys import DISCRIMINATORS, Keys, keys_at, sections_with
from ...schemas.language.suggest import suggestion
from ...schemas.language.tags import keywords
from ...schemas.language.words import FILL_IN
from ...schemas.recipe import Recipe
from ..errors import Problem
from ..printable import printable
from .loaded import Location, Place
from .tree import Part
from .value_slips import EQUALS, blank_after_colon, comma_meant, list_meant, number_meant

_QUOTED = re.compile(r"'([^']*)'")
_FILE_KEYS = ("extends", "defaults")
"""Keys that the top of a file may have besides a recipe's own."""
_EXAMPLES = {
    "version": "write version: 1",
    "conversions": "name at least one, with its inputs, source and exports",
    "inputs": 'say which files go in, as in inputs: "raw/*.xim"',
    "exports": 'say what comes out, as in exports: {to: rt-image, path: "dicom/{stem}.dcm"}',
    "path": 'say where it is written, as in path: "dicom/{stem}.dcm"',
    "spacing": "mm between rows, columns and slices, as in spacing: [0.5, 0.5, 1.25]",
    "slice_axis": "0, 1 or 2: the axis of the array that counts the slices",
    "shape": "rows and columns, as in shape: [600, 960]",
    "dtype": "the type of the pixels, as in dtype: uint16",
    "size": "pixels, or text such as 1.5 mm",
    "field.size": "mm from edge to edge, rows then columns, as in size: [100, 100]",
    "host": "the name or address of the machine",
    "ae_title": "the AE title, as in ae_title: PACS",
    "url": "the address of the service, as in url: https://pacs.example/dicom-web",
    "into": 'the folder that instances go into, as in into: "incoming/{StudyDate}"',
    "allow": "say who may send: AE titles, as in allow: [{ae_title: LINAC1, address: 10.1.2.7}]",
    "expect": "say what must come out, as in expect: {outputs: 1, kind: rt-image}",
    "input": "say which files are made, as in input: {phantom: field, ...}",
}
_MEANT_KEYS = {"output": "exports", "outputs": "exports", "file": "inputs", "files": "inputs"}
"""Keys that people write for others, which are not like them."""
_SECTION_OF = {"format": "source", "to": "exports"}
"""Keys that say which kind is meant, and the sections that they belong to."""
_MEANT = {
    **dict.fromkeys(("tiff", "tif"), ("tiff", "image")),
    **dict.fromkeys(("jpeg", "jpg"), ("jpg", "image")),
    **dict.fromkeys(("png", "bmp", "picture"), ("image",)),
    **dict.fromkeys(("npy", "npz", "numpy"), ("npy", "array")),
    **dict.fromkeys(("nii", "nii.gz"), ("nifti",)),
    **dict.fromkeys(("mha", "mhd"), ("metaimage",)),
    "dcm": ("dicom",), "average": ("mean",), "avg": ("mean",), "minimum": ("min",), "maximum": ("max",),
}  # fmt: skip
"""Values that people write for others, which are not like them; of several the first that is known there."""
PARTIAL = frozenset({"missing", "union_tag_not_found", "inputs"})
"""Types of errors that only say that a part of a recipe is incomplete."""


def problems_in(
    error: ValidationError, part: Part, model: type[BaseModel] = Recipe, *, partial: bool = False
) -> Iterator[Problem]:
    """Yield the problems of a part that `model` refuses; a `partial` part may leave things out."""
    details = [each for each in error.errors(include_url=False) if not (partial and each["type"] in PARTIAL)]
    found = [(detail, _problem(detail, part, model)) for detail in details]
    misspelt: dict[tuple[str | int, ...], list[str]] = {}
    for one, told in found:
        if one["type"] == "extra_forbidden":
            misspelt.setdefault(one["loc"][:-1], []).append(told.what)
    for detail, problem in found:
        *where, last = detail["loc"] or ("",)
        meant = f"did you mean '{last}'?"
        if detail["type"] != "missing" or not any(meant in what for what in misspelt.get(tuple(where), ())):
            yield problem


def problem_at(part: Part, location: Location, what: str) -> Problem:
    """Return a problem with the value at a location, or with the nearest part that holds it."""
    found, _ = _find(part, location)
    return make_problem(found.place, found.path, what)


def make_problem(place: Place, path: Iterable[str | int], what: str) -> Problem:
    """Return a problem at a place; text of the file that could upset a terminal is escaped and cut."""
    return Problem(place.file, place.line, place.column, where(path), printable(what, 600))


def where(path: Iterable[str | int]) -> str:
    """Return a path as ``conversions.film.exports[1].path``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{printable(step, 80)}"
    return text.removeprefix(".")


def _find(part: Part, location: Location) -> tuple[Part, Location]:
    """Return the part at a location, and the steps that have no part; names of union members are skipped."""
    skipped: list[str | int] = []
    for step in location:
        inner = _step(part, step)
        if inner is None:
            skipped.append(step)
        else:
            part, skipped = inner, []
    return part, tuple(skipped)


def _step(part: Part, step: str | int) -> Part | None:
    if isinstance(part.value, list):
        return part.value[step] if isinstance(step, int) and step < len(part.value) else None
    if any(key in part.entries and part.entries[key].value == step for key in DISCRIMINATORS):
        return None
    return part.entries.get(step) if isinstance(step, str) else None


def _problem(detail: Any, root: Part, model: type[BaseModel]) -> Problem:
    kind, location = detail["type"], detail["loc"]
    on_key = bool(location) and location[-1] == "[key]"
    part, rest = _find(root, location[:-1] if on_key else location)
    place, path = part.place, part.path
    if part.value == FILL_IN:
        return make_problem(place, path, f"{FILL_IN} is still to be filled in")
    if kind == "extra_forbidden":
        parent, _ = _find(root, location[:-1])
        name = str(location[-1])
        what = "unknown key" + (
            blank_after_colon(name, _names(keys_at(model, location[:-1])))
            or comma_meant(part, parent)
            or _known(name, parent, location, model)
        )
        return make_problem(part.key or place, path, what)
    if on_key:
        comma = comma_meant(part, _find(root, location[:-2])[0])
        return make_problem(part.key or place, path, _sentence(detail, part) + comma)
    if kind == "missing":
        return make_problem(place, (*path, *rest[-1:]), _missing(location, model))
    if kind == "union_tag_not_found":
        key = _QUOTED.findall(detail["ctx"]["discriminator"])[0]
        meant = next(filter(None, (blank_after_colon(name, {key}) for name in part.entries)), "")
        what = "missing" + (meant or "; one of " + ", ".join(keys_at(model, location).union_names))
        return make_problem(place, (*path, key), what)
    if kind == "union_tag_invalid":
        key = _QUOTED.findall(detail["ctx"]["discriminator"])[0]
        inner = part.entries.get(key, part)
        names = keys_at(model, location).union_names
        name = str(detail["ctx"]["tag"])
        if key == "op":
            hint = suggestion(name, names) or f"; known are {', '.join(names)}"
            return make_problem(inner.place, inner.path, f"unknown operation '{name}'{hint}")
        return make_problem(inner.place, inner.path, _none_of(name, names))
    if quoted := _meant_as_template(part):
        return make_problem(place, path, f"must be text; to mean the template, write it in quotes: {quoted}")
    if kind == "tag" and (blank := blank_after_colon(str(path[-1]), keywords())):
        return make_problem(place, path, f"is no tag{blank}")
    comma = comma_meant(part, _find(root, location[:-1])[0]) if kind == "tag" else ""
    return make_problem(place, path, _sentence(detail, part) + comma)


def _names(keys: Keys) -> set[str]:
    """Return the keys that are known at a place, with those that only a file's top has."""
    top = keys.model is not None and issubclass(keys.model, Recipe)
    return {*keys.names, *(_FILE_KEYS if top else ())}


def _known(name: str, parent: Part, location: Location, model: type[BaseModel]) -> str:
    """Return what to write in place of an unknown key."""
    names = _names(keys_at(model, location[:-1]))
    elsewhere = [section for section in sections_with(name) if section.strip("'") not in location]
    free = {known for known in names if known not in parent.entries}
    meant = _MEANT_KEYS.get(name.lower())
    hint = f"; did you mean '{meant}'?" if meant in free else suggestion(name, free)
    if not hint and name in _SECTION_OF and _SECTION_OF[name] in names:
        hint = f"; it belongs to '{_SECTION_OF[name]}'"
    own = parent.entries.get(name)
    if not hint and "conversions" in names and own and own.entries.keys() & {"inputs", "exports"}:
        hint = "; a conversion is indented below 'conversions:'"
    if not hint and elsewhere:
        hint = f"; it belongs to {' or '.join(elsewhere)}"
    options = sorted(names - set(DISCRIMINATORS))
    known = f"; known here: {', '.join(options)}" if options else "; this takes no options"
    return hint or suggestion(name, names) or known


def _missing(location: Location, model: type[BaseModel]) -> str:
    names = keys_at(model, location).union_names
    example = f"one of {', '.join(names)}" if names else _example(location)
    return f"missing; {example}" if example else "missing; it has no default"


def _example(location: Location) -> str | None:
    last = [str(step) for step in location[-2:]]
    return _EXAMPLES.get(".".join(last)) or _EXAMPLES.get(last[-1])


def _none_of(value: str, names: Iterable[str]) -> str:
    names = list(names)
    meant = next((name for name in _MEANT.get(value.lower(), ()) if name in names), "")
    hint = f"; did you mean '{meant}'?" if meant else suggestion(value, names)
    return f"'{value}' is none of {', '.join(names)}{hint}"


def _meant_as_template(part: Part) -> str | None:
    """Return the quoted text that was meant where ``{stem}`` without quotes is a YAML mapping."""
    if not part.flow or len(part.entries) != 1:
        return None
    ((name, inner),) = part.entries.items()
    if inner.value is None:
        return f'"{{{name}}}"'
    return None


def sentence(detail: Any) -> str:
    """Return the meaning of one of Pydantic's errors as a sentence; our own sentences unchanged."""
    tell = _SENTENCES.get(detail["type"])
    return str(detail["msg"]) if tell is None else tell(detail)


def _sentence(detail: Any, part: Part) -> str:
    kind, text = detail["type"], sentence(detail)
    if kind in _SENTENCES and part.value is None and not part.entries:
        return f"{text}; nothing stands here"
    if kind in ("number", "whole_number"):
        values = [item.value for item in part.value] if isinstance(part.value, list) else [part.value]
        lengths = kind == "number" and "center" not in part.path
        hints = [number_meant(value, lengths=lengths) for value in values if isinstance(value, str)]
        return text + next(filter(None, hints), "")
    if kind in ("list_type", "tuple_type", "length") and part.path[:1] == ("conversions",):
        return text + list_meant(str(part.path[-1]), part.value, detail.get("ctx", {}).get("count"))
    return text


def _literal(detail: Any) -> str:
    names = _QUOTED.findall(detail["ctx"]["expected"])
    if not names:
        return f"must be {detail['ctx']['expected']}"
    value = detail["input"]
    return _none_of(value, names) if isinstance(value, str) else f"must be one of {', '.join(names)}"


def _bound(words: str, key: str) -> Callable[[Any], str]:
    def tell(detail: Any) -> str:
        limit = detail["ctx"][key]
        return f"must be {words} {limit:g}" if isinstance(limit, float) else f"must be {words} {limit}"

    return tell


def _fixed(text: str) -> Callable[[Any], str]:
    return lambda detail: text


def _too_short(detail: Any) -> str:
    least = detail["ctx"]["min_length"]
    return "must not be empty" if least == 1 else f"must have at least {least} items"


def _mapping(detail: Any) -> str:
    what, given = "must be a mapping (key: value)", detail["input"]
    if detail["loc"] == ("conversions",) and isinstance(given, list):
        return f"{what}; each conversion has a name, as in film:"
    if isinstance(given, str) and (found := re.fullmatch(r"(\w+) *= *(.+)", given)):
        return f"{what}{EQUALS}{found[1]}: {found[2]}"
    if isinstance(given, str) and "exports" in detail["loc"][-2:]:
        return f'{what}, as in {{to: rt-image, path: "dicom/{{stem}}.dcm"}}'
    return what


_MAPPING = _mapping
_LIST = _fixed("must be a list")
_TEXT = _fixed("must be text")
_SENTENCES: Mapping[str, Callable[[Any], str]] = {
    "literal_error": _literal,
    "greater_than": _bound("greater than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than": _bound("less than", "lt"),
    "less_than_equal": _bound("at most", "le"),
    "too_short": _too_short,
    "string_too_short": _fixed("must not be empty"),
    "string_type": _TEXT,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dict_type": _MAPPING,
    "mapping": _MAPPING,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "int_type": _fixed("must be a whole number"),
    "float_type": _fixed("must be a number"),
    "bool_type": _fixed("must be true or false"),
}
