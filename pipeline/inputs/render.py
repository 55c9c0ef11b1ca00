"""Fill in templates: ``{stem}``, captures, ``{vars.x}``, ``{env.X}`` and ``{source.X}`` for one image.

A number is written as its format spec says. Without a spec every value is its text: a capture as in the
file's name (``{id:d}`` of ``00123`` is ``00123``, with ``{id:d}`` in the template it is ``123``).
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct, field

from ...schemas.language.numbers import NUMBER
from ...schemas.language.template import ACQUIRED, Place, parse
from ..errors import PlanError, SourceError
from ..places.names import nfc
from .search import STATE_FOLDER

SourceLookup = Callable[[str], Any]
"""Returns a property by its own name, a DICOM keyword or eight hex digits. Raises: KeyError."""

MAX_COMPONENT = 255
"""The most bytes (UTF-8) of a file's or folder's name in common file systems."""

_UNSEEN = frozenset({"source", "csv", "env"})
"""Namespaces of values that no message shows: metadata of files, cells of tables, secrets."""
_NUMERIC_SPEC = re.compile(r".*[bcdoxXeEfFgG%]|(.?=|[+\- ]|[<>^]?[+\- ]|#|0[0-9]|[0-9]*,).*", re.DOTALL)
_UNSAFE = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f-\x9f\ud800-\udfff]')
_SAFE_PATH = re.compile(r"(?:[A-Za-z0-9_+\-][A-Za-z0-9_+\-. ]*/)*[A-Za-z0-9_+\-][A-Za-z0-9_+\-. ]*")
_DOUBTFUL = re.compile(r"[. ](?:/|$)|(?:^|/)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:[./ ]|$)", re.IGNORECASE)
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE)


class Scope(Struct, frozen=True):
    """The values that the templates of one image (of a group, of a page) may name."""

    path: str
    """Of the file, with /; of a group, its first file's."""
    index: int
    group: str | None = None
    page: int | None = None
    """Page, frame or slice, from 1."""
    frame: int | None = None
    """Of a file with several volumes: which one, from 1."""
    captures: tuple[tuple[str, str], ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Kinds of the captures: ``d`` whole number, ``f`` number, else text."""
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    source: SourceLookup | None = None
    table: Mapping[str, str] = field(default_factory=dict)
    """``{csv.column}``: the cells of the file's row, by column."""
    acquired: tuple[str, str] = ("", "")
    """``{date}`` and ``{time}``; empty where nobody says them."""
    own: Callable[[str, int | None], Any] | None = None
    """Looks up an element of the output by keyword, for a page; only under `deidentify`."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """The reason why a name is not known, as the end of a sentence."""


@lru_cache(maxsize=256)
def split_name(path: str) -> tuple[str, str, str]:
    """Return the folder's name, the stem and the suffix (with its dot) of a path with /; in NFC.

    >>> split_name("film/TB1/g10.a.tif")
    ('TB1', 'g10.a', '.tif')
    """
    folders, _, name = nfc(path).rpartition("/")
    dot = name.rfind(".")
    if not 0 < dot < len(name) - 1 or not name[:dot].strip("."):
        dot = len(name)
    return folders.rpartition("/")[2], name[:dot], name[dot:]


def render(template: str, scope: Scope) -> str:
    """Return the template's text.

    Raises:
        PlanError: a name or variable that nobody set, text where a format needs a number.
        SourceError: a property that the file does not have.
    """
    return "".join([piece if type(piece) is str else _text(piece, scope) for piece in parse(template)])


def shows_source(template: str) -> bool:
    """Tell whether a template's value is (partly) of a file or the environment, and goes into no message."""
    return any(isinstance(piece, Place) and piece.namespace in _UNSEEN for piece in parse(template))


def render_number(quantity: float | str, scope: Scope) -> float:
    """Return the number of a quantity of the recipe: a number, or a template that gives one.

    Raises: as `render`.
    """
    if isinstance(quantity, int | float):
        return float(quantity)
    text = render(quantity, scope).strip()
    number = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(number):
        shown = "a value" if shows_source(quantity) else f"'{text}'"
        raise PlanError(f"'{quantity}' gives {shown}, which is no number", subject=scope.path)
    return number


def render_path(template: str, scope: Scope) -> str:
    """Return the template as a path relative to the output folder: with /, in NFC, the same on every system.

    In values ``/ \\ : * ? " < > |`` and control characters become ``_``; so does a component that values
    leave empty or make ``.`` or ``..``, and a dot or blank that a value would put at a component's end
    (Windows drops it). A name that values make one of Windows' devices (``aux.dcm``) gets a ``_`` in front.

    Raises:
        PlanError: as `render`; and where the template's own text leaves the output folder or cannot be a
            file's name on every system.
        SourceError: a property that the file does not have.
    """
    pieces = [piece if type(piece) is str else _value(piece, scope) for piece in parse(template)]
    path = "".join(pieces)
    if len(path) < MAX_COMPONENT and _SAFE_PATH.fullmatch(path) and not _DOUBTFUL.search(path):
        return path
    return "/".join(_component(part, template, scope.path) for part in _parts(template, scope))


def _value(place: Any, scope: Scope) -> str:
    return _UNSAFE.sub("_", _text(place, scope))


def _parts(template: str, scope: Scope) -> Iterable[tuple[str, bool]]:
    """Yield the path's components, and whether a value is part of each.

    Components of no text but ``.`` go.
    """
    parts: list[tuple[str, bool]] = [("", False)]
    for piece in parse(template):
        if isinstance(piece, Place):
            parts[-1] = (parts[-1][0] + _value(piece, scope), True)
            continue
        first, *others = piece.replace("\\", "/").split("/")
        parts[-1] = (parts[-1][0] + first, parts[-1][1])
        parts += [(other, False) for other in others]
    if parts[0] == ("", False) and len(parts) > 1:
        raise PlanError(f"'{template}' is absolute; paths are relative to the output folder")
    if parts[-1] in (("", False), (".", False)):
        raise PlanError(f"'{template}' names a folder, not a file")
    return [part for part in parts if part not in (("", False), (".", False))]


def _component(part: tuple[str, bool], template: str, subject: str) -> str:
    text, valued = nfc(part[0]), part[1]
    if valued and not text:
        return "_"
    if (text == ".." and not valued) or re.match(r"[A-Za-z]:", text):
        raise PlanError(f"'{template}' leaves the output folder; --out moves that folder")
    wrong = _UNSAFE.search(text)
    if wrong:
        raise PlanError(f"'{template}': {wrong[0]!r} cannot stand in a file's name on every system")
    end = len(text.rstrip(". "))
    device = _DEVICE.fullmatch(text) is not None
    if not valued and (end < len(text) or device):
        reason = "is a device on Windows" if device else "ends in a dot or a blank, which Windows drops"
        raise PlanError(f"'{template}': '{text}' {reason}; choose another name")
    text = ("_" if device else "") + text[:end] + "_" * (len(text) - end)
    if text.casefold() == STATE_FOLDER:
        raise PlanError(f"'{template}' lies in {STATE_FOLDER}, where dicombake keeps its state")
    if len(text.encode()) > MAX_COMPONENT:
        shown = "a name" if shows_source(template) else f"the name '{text[:40]}...'"
        raise PlanError(
            f"'{template}' gives {shown} of {len(text.encode())} bytes; file systems hold {MAX_COMPONENT}",
            subject=subject,
        )
    return text


def _text(place: Any, scope: Scope) -> str:
    value = _lookup(place, scope)
    if type(value) is str and not place.spec:
        return value
    kind = scope.kinds.get(place.name, "") if not place.namespace else ""
    try:
        return _formatted(value, place.spec, kind) if place.spec else _plain(value)
    except (ValueError, TypeError, OverflowError):
        shown = "its value" if place.namespace in _UNSEEN else f"'{str(value)[:60]}'"
        what = f"'{{{place}}}': {shown} does not take the format '{place.spec}'"
        kind_of_error = SourceError if place.namespace == "source" else PlanError
        raise kind_of_error(what, subject=scope.path) from None


def _lookup(place: Place, scope: Scope) -> Any:
    if place.namespace:
        return _inner(place, scope)
    if scope.own is not None and place.name not in _COUNTED:
        return _of_output(place, scope)
    value = _built_in(place.name, scope)
    if value is not None:
        return value
    for name, text in scope.captures:
        if name == place.name:
            return text
    if place.name in ACQUIRED and place.name not in scope.unknown:
        return _acquired(place.name, scope)
    reason = scope.unknown.get(place.name) or _UNKNOWN.get(place.name, "nothing has that name")
    raise PlanError(f"'{{{place}}}': {reason}", subject=scope.path)


def _acquired(name: str, scope: Scope) -> str:
    """When the image was acquired: a column of the table of that name, else what the file or sidecar says."""
    found = scope.table.get(name) or scope.acquired[ACQUIRED.index(name)]
    if not found:
        raise SourceError(
            f"neither the file nor a sidecar says its {name} of acquisition, which '{{{name}}}' asks for",
            subject=scope.path,
            hint=f"capture it from the name, as in '{{{name}}}_*.dcm', or give it in a column '{name}' of a "
            "table under 'metadata'",
        )
    return found


_COUNTED = ("index", "slice", "page", "frame")


def _of_output(place: Place, scope: Scope) -> Any:
    assert scope.own is not None
    try:
        return scope.own(place.name, scope.page)
    except KeyError:
        raise PlanError(
            f"'{{{place}}}' differs between files that make one output", subject=scope.path
        ) from None


def _inner(place: Place, scope: Scope) -> Any:
    if place.namespace == "source":
        return _of_source(place, scope)
    if place.namespace == "csv":
        return _of_table(place, scope)
    values = scope.variables if place.namespace == "vars" else scope.environment
    if place.name in values:
        return values[place.name]
    if place.namespace == "vars":
        raise PlanError(f"'{{{place}}}': the recipe has no variable '{place.name}'", hint="add it to 'vars'")
    raise PlanError(f"'{{{place}}}': the environment has no variable '{place.name}'")


def _of_table(place: Place, scope: Scope) -> str:
    if place.name in scope.table:
        return scope.table[place.name]
    reason = scope.unknown.get(str(place)) or "the table has no such column"
    raise PlanError(f"'{{{place}}}': {reason}", subject=scope.path)


def _of_source(place: Place, scope: Scope) -> Any:
    if scope.source is None:
        reason = scope.unknown.get("source", "no file's properties are known here")
        raise PlanError(f"'{{{place}}}': {reason}", subject=scope.path)
    try:
        return scope.source(place.name)
    except KeyError:
        raise SourceError(
            f"has no '{place.name}', which '{{{place}}}' asks for", subject=scope.path
        ) from None


def _built_in(name: str, scope: Scope) -> str | int | None:
    match name:
        case "stem":
            return split_name(scope.path)[1]
        case "name":
            return nfc(scope.path).rpartition("/")[2]
        case "suffix":
            return split_name(scope.path)[2]
        case "parent":
            return split_name(scope.path)[0]
        case "index":
            return scope.index
        case "group":
            return scope.group
        case "frame" if scope.frame is not None:
            return scope.frame
        case "slice" | "page" | "frame":
            return scope.page
    return None


_UNKNOWN = {
    "group": "only 'group_by' gives files a group",
    "slice": "the image stands for no single slice",
    "page": "the image stands for no single page",
    "frame": "the image stands for no single frame",
}


def _formatted(value: Any, spec: str, kind: str) -> str:
    """Return a value in Python's format; text becomes a number where the spec is a number's.

    Raises: ValueError, TypeError.
    """
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and len(value) == 1:
        value = value[0]
    if hasattr(value, "item"):
        value = value.item()
    if spec.endswith("s"):
        return format(_plain(value), spec)
    if spec[-1] in "bcdoxX":
        return format(_whole(value), spec)
    if isinstance(value, str) and (kind in ("d", "f") or _NUMERIC_SPEC.fullmatch(spec)):
        floating = kind == "f" or spec[-1] in "eEfFgG%" or not value.strip().lstrip("+-").isdigit()
        value = _number(value) if floating else _whole(value)
    elif isinstance(value, float) or not isinstance(value, str | int):
        value = float(value)
    return format(value, spec)


def _number(text: str) -> float:
    if not NUMBER.fullmatch(text.strip()):
        raise ValueError(text)
    return float(text)


def _whole(value: Any) -> int:
    if isinstance(value, str) and value.strip().lstrip("+-").isdigit() and NUMBER.fullmatch(value.strip()):
        return int(value)
    number = _number(value) if isinstance(value, str) else value
    if isinstance(number, int):
        return int(number)
    if not float(number).is_integer():
        raise ValueError(value)
    return int(number)


def _plain(value: Any) -> str:
    """Return a value as text: several values joined as DICOM joins them. Raises: TypeError (for bytes)."""
    if value is None:
        return ""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        raise TypeError("bytes are no text")
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\\".join(_plain(item) for item in value)
    return str(value)


def source_lookup(properties: Mapping[str, Any], *datasets: Any) -> SourceLookup:
    """Return a lookup for ``{source.X}``: a property by its own name, else a tag of the datasets.

    Args:
        properties: the format's own names and values; for DICOM, by keyword.
        datasets: pydicom Datasets; the first that has the tag, by keyword or number, gives it. None is
            skipped.
    """

    def find(name: str) -> Any:
        if name in properties:
            return properties[name]
        from ...schemas.language.tags import dictionary, keywords

        number = int(name, 16) if re.fullmatch(r"[0-9A-Fa-f]{8}", name) else keywords().get(name)
        for dataset in datasets:
            if dataset is not None and number is not None and number in dataset:
                return dataset[number].value
        row = dictionary().get(number) if number is not None else None
        return properties[row[4] if row else name]

    return find
