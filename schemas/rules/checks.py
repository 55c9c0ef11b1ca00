"""Check what single models cannot see: names between the parts of a recipe, and sources against targets."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from ..language.patterns import captures_of
from ..language.suggest import suggestion
from ..language.tags import TagPath
from ..language.template import ACQUIRED, BUILT_IN, Place, parse, places
from ..recipe import Conversion, Recipe
from .deidentified import is_own, problems_of_deidentified, wrong_place
from .rows import FormatRow, Rows
from .templates import Location, templates

Found = Iterator[tuple[Location, str]]
Conversions = Mapping[str, Conversion | None]
"""By name; None for one that is wrong in itself, so that others may still name it."""

GROUP_NAMES = ("parent", "stem", "name", "suffix")
_NUMBERS = ("index", "slice", "page", "frame")
_WHOLE = "bcdoxX"
_SECRET = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|(?:API|ACCESS|PRIVATE|ENCRYPTION)KEY|BEARER|COOKIE"
    r"|(?:^|_)(?:PWD|PASS|KEY|AUTH|JWT|PAT)(?:$|_)",
    re.IGNORECASE,
)


def problems(recipe: Recipe, rows: Rows) -> Found:
    """Yield each mistake with its location in the merged recipe."""
    return problems_of(recipe.conversions, recipe.vars, rows)


def problems_of(conversions: Conversions, variables: Mapping[str, str] | None, rows: Rows) -> Found:
    """Yield the same for conversions, some of which may be wrong; `variables` None: not known."""
    for name, conversion in conversions.items():
        if conversion is None:
            continue
        at: Location = ("conversions", name)
        yield from _chain(at, name, conversion, conversions)
        captures = _captures(name, conversions, frozenset())
        if captures is not None:
            yield from _groups(at, conversion, captures)
            yield from _match(at, conversion, captures)
            for location, text in templates(conversion):
                if conversion.deidentify is not None and location[0] in ("exports", "tags", "study"):
                    shown = [place for place in places(text) if wrong_place(place, path=True) is None]
                    text = "".join(f"{{{place}:{place.spec}}}" for place in shown if not is_own(place))
                for what in _wrong_places(text, conversion, captures, variables, rows):
                    yield (*at, *location), what
                if location[0] == "exports":
                    yield from (((*at, *location), what) for what in _secrets(text))
        yield from _sidecar(at, conversion)
        yield from _targets(at, conversion, rows)
        yield from _elements(at, conversion)
        for location, what in problems_of_deidentified(conversion, rows):
            yield (*at, *location), what


def _chain(at: Location, name: str, conversion: Conversion, conversions: Conversions) -> Found:
    for index, other in enumerate(conversion.inputs.from_):
        place = (*at, "inputs", "from", index)
        if other not in conversions:
            yield place, f"there is no conversion '{other}'{suggestion(other, conversions)}"
        elif cycle := _cycle(name, other, conversions):
            yield place, f"a conversion cannot take what it makes itself: {' <- '.join(cycle)}"


def _cycle(start: str, first: str, conversions: Conversions) -> tuple[str, ...]:
    """Return the shortest way from `first` along `from` back to `start`, both ends named; or nothing."""
    ways: list[tuple[str, ...]] = [(start, first)]
    seen = {first}
    for way in ways:
        if way[-1] == start:
            return way
        conversion = conversions.get(way[-1])
        for other in conversion.inputs.from_ if conversion else ():
            if other not in seen:
                seen.add(other)
                ways.append((*way, other))
    return ()


def _captures(name: str, conversions: Conversions, seen: frozenset[str]) -> dict[str, str] | None:
    """Return the captures of a conversion and of those that it takes from; None where one is unknown."""
    conversion = conversions.get(name)
    if conversion is None:
        return None
    found: dict[str, str] = {}
    for other in conversion.inputs.from_:
        if other in seen or other == name:
            continue
        inherited = _captures(other, conversions, seen | {name})
        if inherited is None:
            return None
        found |= inherited
    return found | captures_of(conversion.inputs.files)


def _groups(at: Location, conversion: Conversion, captures: Mapping[str, str]) -> Found:
    known = (*captures, *GROUP_NAMES)
    for index, name in enumerate(conversion.inputs.group_by):
        if name not in known:
            hint = suggestion(name, known) or f"; known are {', '.join(known)}"
            yield (*at, "inputs", "group_by", index), f"'{name}' is no capture of the inputs{hint}"


def _match(at: Location, conversion: Conversion, captures: Mapping[str, str]) -> Found:
    if conversion.metadata is None:
        return
    from ..companions import FILE_NAMES

    name, known = conversion.metadata.match, (*FILE_NAMES, *captures)
    if name not in known:
        hint = suggestion(name, known) or f"; known are {', '.join(known)}"
        yield (*at, "metadata", "match"), f"'{name}' is no part of a file's name and no capture{hint}"


def _sidecar(at: Location, conversion: Conversion) -> Found:
    """Find a sidecar that is given to files which are made, not found."""
    if conversion.sidecar is not None and conversion.inputs.from_:
        yield (
            (*at, "sidecar"),
            f"a sidecar lies beside files of the data folder; give it to '{conversion.inputs.from_[0]}'",
        )


def _wrong_places(
    text: str,
    conversion: Conversion,
    captures: Mapping[str, str],
    variables: Mapping[str, str] | None,
    rows: Rows,
) -> Iterator[str]:
    for place in places(text):
        what = _wrong_name(place, conversion, captures, variables, rows) or _wrong_format(
            place, captures, variables or {}
        )
        if what:
            yield f"'{{{place}}}': {what}"


def _secrets(path: str) -> Iterator[str]:
    """Yield variables of the environment that hold secrets: a path stands in the lock and in logs."""
    for place in places(path):
        if place.namespace == "env" and _SECRET.search(place.name):
            yield f"'{{{place}}}': a path stands in the lock and in logs; no secret belongs into one"


def _wrong_name(
    place: Place,
    conversion: Conversion,
    captures: Mapping[str, str],
    variables: Mapping[str, str] | None,
    rows: Rows,
) -> str | None:
    if place.namespace == "vars":
        if variables is None or place.name in variables:
            return None
        return f"'vars' has no '{place.name}'{suggestion(place.name, variables)}"
    if place.namespace == "csv" and conversion.metadata is None:
        return "no table gives it; name one with 'metadata: {csv: FILE}'"
    if place.namespace:
        return None
    if place.name in BUILT_IN:
        source = conversion.source.format
        return _wrong_built_in(place.name, source, rows.formats[source])
    if place.name in captures or place.name in ACQUIRED:
        return None
    if variables is not None and place.name in variables:
        return f"a variable is written {{vars.{place.name}}}"
    known = (*BUILT_IN, *ACQUIRED, *captures)
    hint = suggestion(place.name, known) or f"; known are {', '.join(known)}, and vars., env., source."
    return f"no such name{hint}"


def _wrong_built_in(name: str, source: str, row: FormatRow) -> str | None:
    if name == "slice" and row.holds != "slices":
        return f"only a volume has slices, and the source is '{source}'"
    if name in ("page", "frame") and row.holds == "image":
        return f"a file of the source '{source}' holds one image"
    return None


def _wrong_format(place: Place, captures: Mapping[str, str], variables: Mapping[str, str]) -> str | None:
    """Return what Python could not format, or would format wrongly: ``format('7', '04')`` is ``7000``."""
    spec = place.spec
    if not spec or place.namespace in ("env", "source", "csv"):
        return None
    if place.namespace == "vars":
        return _wrong_variable_format(place, variables)
    kind = "d" if place.name in _NUMBERS else captures.get(place.name, "")
    if kind:
        sound = spec.endswith("s") or _formats(1, spec) or (kind == "f" and _formats(1.5, spec))
        return None if sound else f"a number cannot be written as '{spec}'"
    if not _numeric(spec):
        return None
    if place.name in captures:
        return f"is text; capture a number, {{{place.name}:d}}, in the inputs to write it as '{spec}'"
    return f"is text, which cannot be written as '{spec}'"


def _wrong_variable_format(place: Place, variables: Mapping[str, str]) -> str | None:
    """Return what is wrong with the format of a variable: it is text, which a numeric format converts."""
    text = variables.get(place.name)
    if text is None or not _numeric(place.spec):
        return None
    value = _number(text)
    if value is None:
        return f"is '{text}', which is no number"
    if place.spec[-1] in _WHOLE and not float(value).is_integer():
        return f"is '{text}', which is no whole number"
    sound = _formats(int(value) if place.spec[-1] in _WHOLE else value, place.spec)
    return None if sound else f"a number cannot be written as '{place.spec}'"


def _number(text: str) -> int | float | None:
    try:
        number = float(text)
        return (
            None
            if not math.isfinite(number)
            else number
            if not text.strip().lstrip("+-").isdigit()
            else int(text)
        )
    except ValueError:
        return None


def _numeric(spec: str) -> bool:
    """Tell whether a format needs a number; ``04`` does, though Python would pad text with it to ``7000``."""
    return not _formats("x", spec) or spec.startswith("0")


def _formats(value: object, spec: str) -> bool:
    try:
        format(value, spec)
    except (ValueError, OverflowError):
        return False
    return True


def _targets(at: Location, conversion: Conversion, rows: Rows) -> Found:
    source = conversion.source.format
    row = rows.formats[source]
    if row.series and conversion.combine is not None:
        yield (
            (*at, "combine"),
            "the slices of a series are not combined; the source 'dicom' or 'image' makes one image of files",
        )
    if row.holds == "object":
        yield from _of_objects(at, conversion, rows)
    if row.series:
        yield from _of_one_file(at, conversion)
    first: dict[str, int] = {}
    for index, export in enumerate(conversion.exports):
        place = (*at, "exports", index)
        made_of = rows.targets[export.to].made_of
        if made_of == "slices":
            if row.holds != "slices":
                yield (*place, "to"), f"'{export.to}' is made of a volume, and the source is '{source}'"
            elif not {place.name for place in places(export.path)} & {"slice", "page", "frame"}:
                yield (*place, "path"), "every slice needs a path of its own; put {slice:04d} into it"
        if made_of == "dicom" and row.dicom == "never":
            yield (
                (*place, "to"),
                f"the source '{source}' has no kind of DICOM to keep; name one, as in rt-image",
            )
        if export.path in first:
            yield (*place, "path"), f"export {first[export.path] + 1} of this conversion writes the same path"
        first.setdefault(export.path, index)
        if what := _wrong_path(export.path):
            yield (*place, "path"), what


def _of_objects(at: Location, conversion: Conversion, rows: Rows) -> Found:
    """Find what is done to pixels, where there are none."""
    for key, said in (("combine", conversion.combine), ("process", conversion.process)):
        if said:
            yield (
                (*at, key),
                f"'{conversion.source.format}' reads objects without pixels, and '{key}' works on them",
            )
    for index, export in enumerate(conversion.exports):
        if rows.targets[export.to].made_of != "dicom":
            here = (*at, "exports", index, "to")
            yield here, f"'{export.to}' is made of pixels; objects without any are written by 'to: dicom'"


def _of_one_file(at: Location, conversion: Conversion) -> Found:
    """Yield names of single files where a series of files is meant."""
    for location, text in templates(conversion):
        for place in places(text) if location[0] in ("exports", "study") else ():
            shared = place.name in conversion.inputs.group_by
            if not place.namespace and place.name in ("stem", "name", "suffix") and not shared:
                what = f"'{{{place}}}': a series is several files; name its folder, {{parent}}"
                yield (*at, *location), what


def _wrong_path(path: str) -> str | None:
    """Return what is wrong with a path's literal text.

    The values put into it are checked when they are known.
    """
    text = "".join(piece if isinstance(piece, str) else "x" for piece in parse(path)).replace("\\", "/")
    if text.startswith(("/", "~/")) or text[1:2] == ":":
        return "must be relative to the output folder; --out moves that folder"
    if ".." in text.split("/"):
        return "must not leave the output folder with '..'; --out moves that folder"
    return "names a folder, not a file" if text.endswith("/") else None


def _elements(at: Location, conversion: Conversion) -> Found:
    """Yield elements that are given under two names, or both given and removed."""
    seen: dict[object, TagPath] = {}
    for path in conversion.tags:
        if path.steps in seen:
            yield (*at, "tags", path.text), f"is the same element as '{seen[path.steps]}'"
        seen.setdefault(path.steps, path)
    for index, path in enumerate(conversion.remove_tags):
        if path.steps in seen:
            yield (*at, "remove_tags", index), f"'{path}' is also given a value in 'tags'"
